//! A field of a JSON text.

use serde_json::Value;

/// The field at a path such as `user.mail` or `items.0.name`; a list or an object as JSON.
pub(super) fn field(bytes: &[u8], path: &[String]) -> Option<String> {
    let whole: Value = serde_json::from_slice(bytes).ok()?;
    let found = path.iter().try_fold(&whole, |value, step| match value {
        Value::Object(fields) => fields.get(step),
        Value::Array(values) => values.get(step.parse::<usize>().ok()?),
        _ => None,
    })?;
    match found {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}
