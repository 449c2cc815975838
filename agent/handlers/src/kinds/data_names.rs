//! The data sets that a handler looks at.

use crate::{
    chain::Making,
    data::{Followed, RowsFile},
    file::{DataName, FromNode, List, Node, Reading},
    finding::Finding,
    resource::DataSet,
    table::{Geo, IpSet, Rows},
};
use std::sync::Arc;

/// The names of one or more `[data.NAME]`.
#[derive(Clone, Debug)]
pub(super) struct DataNames(Vec<DataName>);

impl FromNode for DataNames {
    const NAME: &'static str = "the name of a `[data.NAME]`, or a list of them";

    fn from_node(node: &Node, reading: &mut Reading<'_>) -> Option<Self> {
        let List(names) = List::<DataName>::from_node(node, reading)?;
        if names.is_empty() {
            let finding = Finding::error("a handler without data").at(node.place, "an empty list");
            reading.findings.add(finding.help("name at least one `[data.NAME]`"));
            return None;
        }
        Some(Self(names))
    }

    fn write(&self) -> String {
        List(self.0.clone()).write()
    }
}

impl DataNames {
    /// The sets, all of which are lists of addresses.
    pub(super) fn ip_lists(&self, making: &mut Making<'_, '_>) -> Option<Vec<Followed<IpSet>>> {
        all(&self.0, "ip-list", making, |set| match set {
            DataSet::IpList(list) => Some(list.clone()),
            _ => None,
        })
    }

    /// The sets, all of which are databases.
    pub(super) fn databases(&self, making: &mut Making<'_, '_>) -> Option<Vec<Followed<Geo>>> {
        all(&self.0, "mmdb", making, |set| match set {
            DataSet::Mmdb(databases) => Some(databases.clone()),
            _ => None,
        })
    }
}

/// A table, and how it is read.
pub(super) fn table(
    name: &DataName,
    making: &mut Making<'_, '_>,
) -> Option<(Followed<Rows>, Arc<RowsFile>)> {
    one(name, "table", making, &|set| match set {
        DataSet::Table(rows, file) => Some((rows.clone(), Arc::clone(file))),
        _ => None,
    })
}

fn all<T>(
    names: &[DataName],
    kind: &str,
    making: &mut Making<'_, '_>,
    pick: impl Fn(&DataSet) -> Option<T>,
) -> Option<Vec<T>> {
    let sets: Vec<_> = names.iter().map(|name| one(name, kind, making, &pick)).collect();
    sets.into_iter().collect()
}

/// A set of this kind; another kind is a finding. One whose section has a mistake was reported there.
fn one<T>(
    name: &DataName,
    kind: &str,
    making: &mut Making<'_, '_>,
    pick: &dyn Fn(&DataSet) -> Option<T>,
) -> Option<T> {
    let set = making.resources().data(&name.name)?;
    if let Some(picked) = pick(set) {
        return Some(picked);
    }
    let title = format!("`{}` is data of the kind `{}`", name.name, set.kind());
    let finding = Finding::error(title)
        .at(name.place, format!("not of the kind `{kind}`"))
        .help(format!("name a `[data.NAME]` with `kind = \"{kind}\"`"));
    making.add(finding);
    None
}
