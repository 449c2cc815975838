//! All of the file.

use serde_json::{Map, Value as Json, json};

use super::kinds::Kinds;
use crate::{
    chain::Kind,
    configuration::settings_of,
    file::{Form, Group},
    kind::object,
    testing::TEST_SETTINGS,
};

/// The JSON schema of a file whose handlers are of these kinds.
#[must_use]
pub fn schema(kinds: &[&'static dyn Kind]) -> Json {
    let with_kinds = Kinds::all(kinds);
    let sections = Group::ALL.iter().map(|group| {
        let kinds = with_kinds.iter().find(|kinds| kinds.group == *group);
        (group.name().to_owned(), sections(*group, kinds))
    });
    let mut properties: Map<_, _> = sections.collect();
    properties.insert(
        "include".to_owned(),
        json!({
            "description": "Files with further sections: paths, or patterns such as `conf.d/*.toml`.",
            "type": "array",
            "items": { "type": "string" },
        }),
    );
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "spoa-agent",
        "description": "The configuration file of spoa-agent.",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
        "$defs": with_kinds.iter().flat_map(Kinds::definitions).collect::<Map<_, _>>(),
    })
}

/// The schema of all sections of a group together.
fn sections(group: Group, kinds: Option<&Kinds>) -> Json {
    let section = section(group, kinds);
    let mut schema = match group.form() {
        Form::Single if group == Group::Secrets => {
            json!({ "type": "object", "additionalProperties": section })
        }
        Form::Single => section,
        Form::Named => json!({
            "type": "object",
            "propertyNames": { "pattern": group.name_pattern() },
            "additionalProperties": section,
        }),
        Form::Repeated => json!({ "type": "array", "items": section }),
    };
    schema["description"] = group.doc().into();
    schema
}

fn section(group: Group, kinds: Option<&Kinds>) -> Json {
    if let Some(kinds) = kinds {
        return kinds.section();
    }
    let settings = if group == Group::Test { Some(TEST_SETTINGS) } else { settings_of(group) };
    let own = settings.map_or_else(|| json!({ "type": "object" }), object);
    match group {
        Group::Message => {
            let mut chain = own;
            chain["required"] = json!(["run"]);
            // A handler that is written in place.
            json!({ "anyOf": [chain, { "type": "object", "required": ["kind"] }] })
        }
        _ => own,
    }
}
