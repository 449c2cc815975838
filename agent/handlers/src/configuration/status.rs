//! A status of an answer, as HAProxy can give it.

use crate::{
    file::{FromNode, Node, Reading},
    finding::Finding,
};

/// The status of an answer: from 200 to 599, or HAProxy's file does not load.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Status(pub u16);

impl From<Status> for u16 {
    fn from(status: Status) -> Self {
        status.0
    }
}

impl FromNode for Status {
    const NAME: &'static str = <u16 as FromNode>::NAME;

    fn from_node(node: &Node, reading: &mut Reading<'_>) -> Option<Self> {
        let status = u16::from_node(node, reading)?;
        if (200..=599).contains(&status) {
            return Some(Self(status));
        }
        let finding = Finding::error(format!("HAProxy cannot answer with the status {status}"))
            .at(node.place, "not from 200 to 599")
            .help("write a status such as `403` or `429`");
        reading.findings.add(finding);
        None
    }

    fn write(&self) -> String {
        self.0.to_string()
    }
}
