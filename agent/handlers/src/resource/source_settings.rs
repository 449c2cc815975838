//! The settings that every data set has.

use std::time::Duration;

use crate::{
    data::Source,
    file::{FilePattern, FromNode, List, Node, Reading, Section},
    finding::{Finding, Place},
    value::{Percentage, Size},
};

/// The shortest pause between two looks at the files.
const SHORTEST: Duration = Duration::from_millis(100);

settings! {
    /// The settings that every data set has.
    pub(super) struct SourceSettings, "`[data]`" {
        /// The file, relative to this one.
        file: Option<FilePattern>,
        /// Files, or patterns such as `lists/*.netset`. Files of a pattern may come and go.
        files: Option<List<FilePattern>>,
        /// Whether the agent starts without the file. Until the file is there, handlers report `no_data`.
        optional: bool = false,
        /// How often the agent looks whether files have changed. It reads changed files when two looks find the same.
        every: Interval = Interval(Duration::from_secs(2)),
        /// How many of its entries it may lose at once. If it loses more, the last good data stays in use.
        max_shrink: Percentage = Percentage::per_cent(50),
        /// How many entries it has at least. With fewer, the last good data stays in use.
        min_entries: u32 = 0,
        /// How large all its files together may be. Larger files are not read.
        max_size: Size = Size(512 << 20),
        /// How old its newest file may be. Older data is stale.
        max_age: Option<Duration>,
    }
}

/// The pause between two looks at the files.
#[derive(Clone, Copy, Debug)]
pub(super) struct Interval(Duration);

impl FromNode for Interval {
    const NAME: &'static str = Duration::NAME;

    fn from_node(node: &Node, reading: &mut Reading<'_>) -> Option<Self> {
        let pause = Duration::from_node(node, reading)?;
        if pause < SHORTEST {
            let finding = Finding::error("files are looked at too often")
                .at(node.place, "too short")
                .help("write `\"100ms\"` or more");
            reading.findings.add(finding);
            return None;
        }
        Some(Self(pause))
    }

    fn write(&self) -> String {
        self.0.write()
    }
}

impl SourceSettings {
    /// The files, what is believed of them, and where the section names them.
    pub(super) fn source(
        self,
        section: &Section,
        reading: &mut Reading<'_>,
    ) -> Option<(Source, Place)> {
        let name = &section.name;
        let place = |key| section.table.get(key).map_or(name.place, |entry| entry.node.place);
        let (files, place) = match (self.file, self.files) {
            (Some(file), None) => (vec![file], place("file")),
            (None, Some(List(files))) if !files.is_empty() => (files, place("files")),
            (None, files) => {
                let title = format!("`[data.{}]` names no file", name.name);
                let at = if files.is_some() { place("files") } else { name.place };
                let finding = Finding::error(title).at(at, "no file");
                reading.findings.add(
                    finding.help("add `file = \"PATH\"` or `files = [\"PATH\", \"lists/*.txt\"]`"),
                );
                return None;
            }
            (Some(_), Some(_)) => {
                let title = format!("`[data.{}]` has both `file` and `files`", name.name);
                let finding = Finding::error(title).at(place("file"), "one file");
                let finding = finding.also(place("files"), "several files");
                reading.findings.add(finding.help("name all of them in `files`"));
                return None;
            }
        };
        let mut source = Source::new(&name.name, files.iter().map(|file| file.0.as_str()));
        source.optional = self.optional;
        source.every = self.every.0;
        source.max_shrink = self.max_shrink.rounded_up();
        source.min_entries = self.min_entries as usize;
        source.max_size = self.max_size.0;
        source.max_age = self.max_age;
        Some((source, place))
    }
}
