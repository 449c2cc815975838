//! Values that name files: relative to the file that says them.

use std::path::PathBuf;

use super::{
    from_node::{FromNode, quoted},
    json,
    node::Node,
    reading::Reading,
    text::Text,
};
use crate::finding::Finding;

/// A file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FilePath(pub PathBuf);

impl FromNode for FilePath {
    const NAME: &'static str = "the path of a file";

    fn from_node(node: &Node, reading: &mut Reading<'_>) -> Option<Self> {
        path(node, reading).map(Self)
    }

    fn write(&self) -> String {
        quoted(&self.0.to_string_lossy())
    }

    fn schema() -> serde_json::Value {
        json::text()
    }
}

/// Files by a pattern, such as `lists/*.netset`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FilePattern(pub glob::Pattern);

impl FromNode for FilePattern {
    const NAME: &'static str = "the path of a file, or a pattern for several";

    fn from_node(node: &Node, reading: &mut Reading<'_>) -> Option<Self> {
        let text = Text::from_node(node, reading)?;
        if let Err(error) = glob::Pattern::new(text.as_str()) {
            let finding = Finding::error(format!("`{}` is not a pattern", text.as_str()))
                .at(node.place, error.msg)
                .help("write `*` for any part of a name, and `[*]` for the character itself");
            reading.findings.add(finding);
            return None;
        }
        let folder = reading.sources.resolve(node.place.source(), "");
        let folder = PathBuf::from(glob::Pattern::escape(&folder.to_string_lossy()));
        let whole = folder.join(text.as_str());
        glob::Pattern::new(&whole.to_string_lossy()).ok().map(Self)
    }

    fn write(&self) -> String {
        quoted(self.0.as_str())
    }

    fn schema() -> serde_json::Value {
        json::text()
    }
}

fn path(node: &Node, reading: &mut Reading<'_>) -> Option<PathBuf> {
    let text = Text::from_node(node, reading)?;
    if text.as_str().is_empty() || text.as_str().contains('\0') {
        let finding = Finding::error("a path is empty or has a zero byte")
            .at(node.place, "not a path")
            .help("write the path of a file, relative to this one");
        reading.findings.add(finding);
        return None;
    }
    Some(reading.sources.resolve(node.place.source(), text.as_str()))
}
