//! `[secrets]`: where each secret is, by its name.

use std::collections::BTreeMap;

use crate::{
    file::{FilePath, FromNode, Node, Reading, Section, Value},
    finding::Finding,
    kind::{Setting, Settings},
    value::SecretSource,
};

settings! {
    /// Where a secret is: one of the three.
    struct Place, "a secret" {
        /// An environment variable.
        env: Option<String>,
        /// A file.
        file: Option<FilePath>,
        /// A name of systemd's `LoadCredential=`.
        credential: Option<String>,
    }
}

/// Where the secrets are, by their names.
pub type Secrets = BTreeMap<String, SecretSource>;

/// The settings of a secret.
pub(super) const SECRET: &[Setting] = Place::SETTINGS;

/// Reads `[secrets]`; each key is a secret.
pub(super) fn secrets(section: &Section, reading: &mut Reading<'_>) -> Secrets {
    let sources = section.table.entries.iter().filter_map(|entry| {
        let source = source(&entry.key.name, &entry.node, reading)?;
        Some((entry.key.name.clone(), source))
    });
    sources.collect()
}

fn source(name: &str, node: &Node, reading: &mut Reading<'_>) -> Option<SecretSource> {
    let form = "write `{ env = \"NAME\" }`, `{ file = \"PATH\" }` or `{ credential = \"NAME\" }`";
    if !matches!(node.value, Value::Table(_) | Value::Broken) {
        // What stands there may be the secret itself.
        let finding = Finding::error(format!("the secret `{name}` stands in the file itself"))
            .at_secret(node.place, "not where it is")
            .help(form);
        reading.findings.add(finding);
        return None;
    }
    let place = Place::from_node(node, reading)?;
    let mut wrong = |label: &str, help: &str| {
        let title = format!("it is not clear where the secret `{name}` is");
        reading.findings.add(Finding::error(title).at(node.place, label).help(help));
        None
    };
    match (place.env, place.file, place.credential) {
        (Some(name), None, None) => Some(SecretSource::Env(name)),
        (None, Some(path), None) => Some(SecretSource::File(path.0)),
        (None, None, Some(name)) if name.is_empty() || name.contains('/') => {
            wrong("not a name", "write the name behind `LoadCredential=`, which has no `/`")
        }
        (None, None, Some(name)) => Some(SecretSource::Credential(name)),
        (None, None, None) => wrong("nowhere", form),
        _ => wrong("more than one place", "keep one of `env`, `file` and `credential`"),
    }
}
