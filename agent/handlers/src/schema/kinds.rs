//! The sections whose kind says which settings they have.

use serde_json::{Map, Value as Json, json};

use crate::{
    chain::{CommonSettings, Kind},
    file::Group,
    kind::{Description, Setting, Settings, SettingsTable, object},
    resource::{DATA_KINDS, DATA_SETTINGS},
};

/// The kinds that the sections of a group can have.
#[derive(Clone, Debug)]
pub struct Kinds {
    /// The group.
    pub group: Group,
    /// What the kinds are.
    pub descriptions: Vec<&'static Description>,
    /// The settings that all of them have.
    pub common: &'static [Setting],
    /// The heading of these settings.
    common_title: &'static str,
}

impl Kinds {
    /// All of them, if these are the kinds of handlers.
    #[must_use]
    pub fn all(handlers: &[&'static dyn Kind]) -> [Self; 2] {
        let handlers = Self {
            group: Group::Handler,
            descriptions: handlers.iter().map(|kind| kind.description()).collect(),
            common: CommonSettings::SETTINGS,
            common_title: "Settings of every handler",
        };
        let data = Self {
            group: Group::Data,
            descriptions: DATA_KINDS.to_vec(),
            common: DATA_SETTINGS,
            common_title: "Settings of all data",
        };
        [handlers, data]
    }

    /// The page of a kind, in Markdown: what `spoa-agent kinds KIND` prints, and what the book has.
    #[must_use]
    pub fn page(&self, description: &Description) -> String {
        format!("{description}{}", SettingsTable(self.common_title, self.common))
    }

    /// The schemas of the kinds, by the names under which others refer to them.
    pub(super) fn definitions(&self) -> Map<String, Json> {
        let definition = |description: &&Description| {
            let settings: Vec<Setting> =
                description.settings.iter().chain(self.common).copied().collect();
            let mut schema = object(&settings);
            schema["description"] = description.summary.into();
            schema["properties"]["kind"] = json!({ "const": description.name });
            (self.name_of(description), schema)
        };
        self.descriptions.iter().map(definition).collect()
    }

    /// The schema of a section.
    pub(super) fn section(&self) -> Json {
        let names: Vec<_> = self.descriptions.iter().map(|description| description.name).collect();
        let reference = |description: &&Description| json!({ "$ref": format!("#/$defs/{}", self.name_of(description)) });
        json!({
            "type": "object",
            "properties": { "kind": { "enum": names, "description": "What it is." } },
            "required": ["kind"],
            "oneOf": self.descriptions.iter().map(reference).collect::<Vec<_>>(),
        })
    }

    fn name_of(&self, description: &Description) -> String {
        format!("{}.{}", self.group.name(), description.name)
    }
}
