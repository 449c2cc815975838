//! The keys of a table one by one: those that nobody asks for are findings.

use super::{from_node::FromNode, node::Table, reading::Reading};
use crate::finding::{Finding, Place, suggestion};

/// Reads the keys of a table, and remembers which there could be.
pub struct TableReader<'t> {
    table: &'t Table,
    /// Whose keys they are, for findings: `` `rate-limit` ``.
    owner: String,
    /// Where a key that is missing is reported.
    place: Place,
    asked: Vec<&'static str>,
    is_whole: bool,
}

impl<'t> TableReader<'t> {
    /// Reads a table, which belongs to `owner` and begins at `place`.
    #[must_use]
    pub fn new(table: &'t Table, owner: impl Into<String>, place: Place) -> Self {
        Self { table, owner: owner.into(), place, asked: Vec::new(), is_whole: true }
    }

    /// Reads a key that has to be there, unless its type says what it means to be absent.
    pub fn take<T: FromNode>(&mut self, key: &'static str, reading: &mut Reading<'_>) -> Option<T> {
        self.read(key, reading).unwrap_or_else(|| {
            T::absent().or_else(|| {
                self.is_whole = false;
                let title = format!("{} needs `{key}`", self.owner);
                let finding = Finding::error(title).at(self.place, format!("has no `{key}`"));
                reading.findings.add(finding.help(format!("add `{key}`: {}", T::NAME)));
                None
            })
        })
    }

    /// Reads a key that may be missing.
    pub fn take_or<T: FromNode>(
        &mut self,
        key: &'static str,
        default: impl FnOnce() -> T,
        reading: &mut Reading<'_>,
    ) -> Option<T> {
        self.read(key, reading).unwrap_or_else(|| Some(default()))
    }

    /// The value of a key that is there: nothing in it if it was reported.
    fn read<T: FromNode>(
        &mut self,
        key: &'static str,
        reading: &mut Reading<'_>,
    ) -> Option<Option<T>> {
        self.asked.push(key);
        let entry = self.table.get(key)?;
        let read = T::from_node(&entry.node, reading);
        self.is_whole &= read.is_some();
        Some(read)
    }

    /// Where the value of a key stands, or the table if the key is not there.
    #[must_use]
    pub fn place_of(&self, key: &str) -> Place {
        self.table.get(key).map_or(self.place, |entry| entry.node.place)
    }

    /// Names whose keys they are, once it is known.
    pub fn rename(&mut self, owner: impl Into<String>) {
        self.owner = owner.into();
    }

    /// Takes these keys for known: somebody else reads them.
    pub fn leave(&mut self, keys: impl IntoIterator<Item = &'static str>) {
        self.asked.extend(keys);
    }

    /// Reports the keys that nobody has asked for. Whether all keys were read, and none was unknown.
    pub fn finish(mut self, reading: &mut Reading<'_>) -> bool {
        for entry in &self.table.entries {
            let name = entry.key.name.as_str();
            if self.asked.contains(&name) {
                continue;
            }
            self.is_whole = false;
            let title = format!("{} has no setting `{name}`", self.owner);
            let finding = Finding::error(title).at(entry.key.place, "unknown setting");
            reading.findings.add(match suggestion(name, self.asked.iter().copied()) {
                Some(help) => finding.help(help),
                None => finding,
            });
        }
        self.is_whole
    }
}
