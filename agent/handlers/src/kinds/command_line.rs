//! How a program is run: its file, and its arguments.

use std::path::PathBuf;

use crate::{
    file::{FilePath, FromNode, List, Node, Reading, Text, Value},
    finding::Finding,
};

/// A file that is run, and its arguments. Relative files are below the folder of the file that names them, and so does
/// the program run there.
#[derive(Clone, Debug)]
pub(super) struct CommandLine {
    pub(super) file: PathBuf,
    pub(super) arguments: Vec<String>,
    pub(super) directory: PathBuf,
}

impl FromNode for CommandLine {
    const NAME: &'static str = "a list: a file, and its arguments";

    fn from_node(node: &Node, reading: &mut Reading<'_>) -> Option<Self> {
        let words: List<Text> = List::from_node(node, reading)?;
        let own = match &node.value {
            Value::Array(nodes) => nodes.first(),
            _ => Some(node),
        };
        let Some(own) = own else {
            reading.unexpected(node, Self::NAME, "`[\"/usr/bin/python3\", \"programs/check.py\"]`");
            return None;
        };
        let (file, arguments) = words.0.split_first()?;
        if !file.as_str().contains('/') {
            let finding = Finding::error("a program is named without its folder")
                .at(own.place, "no path")
                .help("write its whole path: there is no search for it in `PATH`");
            reading.findings.add(finding);
            return None;
        }
        let FilePath(file) = FilePath::from_node(own, reading)?;
        // From the root on: the process is started in its folder, and finds no path that begins elsewhere.
        let absolute = |path: PathBuf| std::path::absolute(&path).unwrap_or(path);
        let file = absolute(file);
        let directory = absolute(reading.sources.resolve(own.place.source(), "."));
        let zero = arguments.iter().find(|argument| argument.as_str().contains('\0'));
        if let Some(argument) = zero {
            let finding = Finding::error("an argument of a program has a zero byte");
            reading.findings.add(finding.at(argument.place(), "not an argument"));
            return None;
        }
        let arguments = arguments.iter().map(|argument| argument.as_str().to_owned()).collect();
        Some(Self { file, arguments, directory })
    }

    fn write(&self) -> String {
        let file = self.file.to_string_lossy().into_owned();
        let words: Vec<_> = [&file].into_iter().chain(&self.arguments).map(String::write).collect();
        format!("[{}]", words.join(", "))
    }
}
