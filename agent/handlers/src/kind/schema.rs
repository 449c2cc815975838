//! The JSON schema of a table with these settings, for editors.

use serde_json::{Value as Json, json};

use super::setting::Setting;

/// The schema of a table with these keys and no others.
#[must_use]
pub fn object(settings: &[Setting]) -> Json {
    let needed: Vec<_> =
        settings.iter().filter(|setting| setting.is_needed).map(|setting| setting.name).collect();
    let properties = settings.iter().map(|setting| (setting.name.to_owned(), setting.schema()));
    json!({
        "type": "object",
        "properties": properties.collect::<serde_json::Map<_, _>>(),
        "required": needed,
        "additionalProperties": false,
    })
}
