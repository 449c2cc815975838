//! `run = [...]`: the handlers of a message, in order; those in an inner list side by side.

use serde_json::json;

use crate::{
    file::{FromNode, Group, Node, Reading, Text, Value},
    finding::{Finding, Place},
};

/// A handler that is run, and where it is named.
#[derive(Clone, Debug)]
pub struct StepName {
    /// The name of the `[handler.NAME]`.
    pub name: String,
    /// Where it stands.
    pub place: Place,
}

/// The handlers of a message: in order, and those of an inner list side by side.
#[derive(Clone, Debug)]
pub struct Run(pub Vec<Vec<StepName>>);

impl FromNode for Run {
    const NAME: &'static str = "a list of handlers";

    fn from_node(node: &Node, reading: &mut Reading<'_>) -> Option<Self> {
        let Value::Array(nodes) = &node.value else {
            if !matches!(node.value, Value::Broken) {
                reading.unexpected(node, Self::NAME, "`run = [\"first\", \"second\"]`");
            }
            return None;
        };
        let groups: Vec<_> = nodes
            .iter()
            .map(|node| match &node.value {
                Value::Array(inner) => {
                    let read: Vec<_> = inner.iter().map(|node| step(node, reading)).collect();
                    read.into_iter().collect::<Option<Vec<_>>>()
                }
                _ => step(node, reading).map(|step| vec![step]),
            })
            .collect();
        let run = Self(groups.into_iter().collect::<Option<Vec<_>>>()?);
        let is_right = run.is_not_empty(node, reading) & run.names_each_once(reading);
        is_right.then_some(run)
    }

    fn write(&self) -> String {
        let groups = self.0.iter().map(|group| match &group[..] {
            [only] => only.name.write(),
            several => {
                let names: Vec<_> = several.iter().map(|step| step.name.write()).collect();
                format!("[{}]", names.join(", "))
            }
        });
        format!("[{}]", groups.collect::<Vec<_>>().join(", "))
    }

    fn schema() -> serde_json::Value {
        let name = String::schema();
        let group = json!({ "type": "array", "items": name, "minItems": 1 });
        json!({ "type": "array", "items": { "anyOf": [name, group] }, "minItems": 1 })
    }
}

impl Run {
    /// All handlers, in the order of the file.
    pub fn steps(&self) -> impl Iterator<Item = &StepName> {
        self.0.iter().flatten()
    }

    fn is_not_empty(&self, node: &Node, reading: &mut Reading<'_>) -> bool {
        let is_empty = self.0.is_empty() || self.0.iter().any(Vec::is_empty);
        if is_empty {
            let finding = Finding::error("`run` names no handler").at(node.place, "an empty list");
            reading
                .findings
                .add(finding.help("name at least one handler, and leave no inner list empty"));
        }
        !is_empty
    }

    fn names_each_once(&self, reading: &mut Reading<'_>) -> bool {
        let steps: Vec<_> = self.steps().collect();
        let mut is_right = true;
        for (at, step) in steps.iter().enumerate() {
            if let Some(first) = steps[..at].iter().find(|first| first.name == step.name) {
                is_right = false;
                let title = format!("`run` names the handler `{}` twice", step.name);
                let finding = Finding::error(title).at(step.place, "again");
                reading.findings.add(finding.also(first.place, "first here").help("remove one of them; for another check with the same kind, write another `[handler.NAME]`"));
            }
        }
        is_right
    }
}

fn step(node: &Node, reading: &mut Reading<'_>) -> Option<StepName> {
    let text = Text::from_node(node, reading)?;
    let step = StepName { name: text.as_str().to_owned(), place: text.place() };
    reading.is_section(Group::Handler, &step.name, step.place).then_some(step)
}
