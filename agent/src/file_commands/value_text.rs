//! A value of a handler as a line for people.

use spoa_actors::{ForeignText, TypedData};
use spoa_handlers::expression::Value;

/// The value: texts in quotes, escaped, and not all of a long one.
pub(super) fn value_text(value: &Value<'_>) -> String {
    match value {
        Value::Text(text) => TypedData::String(text.as_bytes()).to_string(),
        Value::Bytes(bytes) => TypedData::Binary(bytes).to_string(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Double(value) => value.to_string(),
        Value::Ip(ip) => ip.to_string(),
        Value::Cidr(cidr) => cidr.to_string(),
        Value::List(values) => {
            let values = values.iter().map(value_text).collect::<Vec<_>>().join(", ");
            format!("[{}]", ForeignText::of(&values))
        }
    }
}
