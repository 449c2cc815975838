//! All sections of all files, each once.

use std::collections::HashMap;

use super::{
    group::{Form, Group},
    node::{Entry, Key, Node, Table, Value},
};
use crate::finding::{Finding, Findings, Place, suggestion};

/// A section: its header and what stands below it.
#[derive(Clone, Debug)]
pub struct Section {
    /// What it is about.
    pub group: Group,
    /// Its name, or that of its group if it has none.
    pub name: Key,
    /// Its keys.
    pub table: Table,
}

/// The sections of a file and of those that it includes.
#[derive(Debug, Default)]
pub struct Document {
    sections: Vec<Section>,
    /// Which there are, by group and name, and where.
    known: HashMap<(Group, String), Place>,
}

impl Document {
    /// The sections of a group, in the order of the files.
    pub fn sections(&self, group: Group) -> impl Iterator<Item = &Section> {
        self.sections.iter().filter(move |section| section.group == group)
    }

    /// The one section of a group that has no names.
    #[must_use]
    pub fn section(&self, group: Group) -> Option<&Section> {
        self.sections(group).next()
    }

    /// Whether there is a section of this name; a section that could not be read counts.
    #[must_use]
    pub fn has(&self, group: Group, name: &str) -> bool {
        self.known.contains_key(&(group, name.to_owned()))
    }

    /// The names of a group's sections.
    pub fn names(&self, group: Group) -> impl Iterator<Item = &str> {
        let known = self.known.keys().filter(move |(own, _)| *own == group);
        known.map(|(_, name)| name.as_str())
    }

    /// Adds the sections of one file.
    pub(super) fn add(&mut self, table: Table, findings: &mut Findings) {
        for entry in table.entries {
            let known = Group::ALL.iter().find(|group| group.name() == entry.key.name);
            match known {
                None => findings.add(unknown(&entry)),
                Some(group) => match group.form() {
                    Form::Single => self.add_section(*group, entry.key, entry.node, findings),
                    Form::Named => self.add_named(*group, entry, findings),
                    Form::Repeated => self.add_repeated(*group, entry, findings),
                },
            }
        }
    }

    fn add_named(&mut self, group: Group, entry: Entry, findings: &mut Findings) {
        let Value::Table(table) = entry.node.value else {
            return self.add_section(group, entry.key, entry.node, findings);
        };
        for entry in table.entries {
            if !matches!(entry.node.value, Value::Table(_) | Value::Broken) {
                let name = group.name();
                findings.add(
                    Finding::error(format!("`[{name}]` needs a name"))
                        .at(entry.key.place, "which one is this for?")
                        .help(format!("write `[{name}.NAME]` above this line")),
                );
                continue;
            }
            if let Err(help) = group.check_name(&entry.key.name) {
                let title = format!("`{}` is not a name for a {}", entry.key.name, group.name());
                findings.add(Finding::error(title).at(entry.key.place, "not a name").help(help));
            }
            self.add_section(group, entry.key, entry.node, findings);
        }
    }

    fn add_repeated(&mut self, group: Group, entry: Entry, findings: &mut Findings) {
        let Value::Array(nodes) = entry.node.value else {
            let name = group.name();
            let finding = Finding::error(format!("`{name}` is a list of sections"))
                .at(entry.key.place, "one section")
                .help(format!("write `[[{name}]]`"));
            return findings.add(finding);
        };
        for node in nodes {
            match node.value {
                Value::Table(table) => {
                    let name = Key { name: entry.key.name.clone(), place: node.place };
                    self.sections.push(Section { group, name, table });
                }
                Value::Broken => {}
                _ => findings.add(no_section(group, &entry.key, node.place)),
            }
        }
    }

    fn add_section(&mut self, group: Group, name: Key, node: Node, findings: &mut Findings) {
        let first = *self.known.entry((group, name.name.clone())).or_insert(name.place);
        if first != name.place {
            let title = match group.form() {
                Form::Named => format!("`[{}.{}]` stands in two files", group.name(), name.name),
                _ => format!("`[{}]` stands in two files", name.name),
            };
            let help = match group.form() {
                Form::Named => "keep one of them, or give the other one another name",
                _ => "keep one of them, and put all keys below it",
            };
            let finding =
                Finding::error(title).at(name.place, "again").also(first, "first here").help(help);
            return findings.add(finding);
        }
        match node.value {
            Value::Table(table) => self.sections.push(Section { group, name, table }),
            Value::Broken => {}
            _ => findings.add(no_section(group, &name, name.place)),
        }
    }
}

fn no_section(group: Group, key: &Key, place: Place) -> Finding {
    let header = match group.form() {
        Form::Single => format!("[{}]", group.name()),
        Form::Named => format!("[{}.NAME]", group.name()),
        Form::Repeated => format!("[[{}]]", group.name()),
    };
    Finding::error(format!("`{}` is a section, and not a key", key.name))
        .at(place, "a key")
        .help(format!("write `{header}`, and its keys below it"))
}

fn unknown(entry: &Entry) -> Finding {
    let name = &entry.key.name;
    let known = Group::ALL.iter().map(|group| group.name());
    let is_section = matches!(entry.node.value, Value::Table(_) | Value::Array(_));
    let finding = if is_section {
        Finding::error(format!("unknown section `{name}`")).at(entry.key.place, "not known")
    } else {
        Finding::error(format!("the key `{name}` belongs to no section"))
            .at(entry.key.place, "not below a section")
    };
    let near = suggestion(name, known.chain(["include"]));
    match near.filter(|help| is_section || !help.starts_with("known")) {
        Some(help) => finding.help(help),
        None => finding.help("write it below a section, such as `[agent]`"),
    }
}
