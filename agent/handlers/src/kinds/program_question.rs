//! What a program is asked: the arguments and findings that it gets, in JSON.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value as Json, json};

use crate::{
    chain::{Making, View},
    expression::{Slot, Value, Variables},
    program::Question,
};

/// The arguments and findings that a program gets, by their names.
pub(super) struct Sent(Vec<(Option<String>, String, Slot)>);

impl Sent {
    /// The one of this name, as an argument or as `handler.variable`; nothing if there is none.
    pub(super) fn add(&mut self, name: &str, making: &mut Making<'_, '_>) -> bool {
        let Some((slot, _)) = making.variable(name) else { return false };
        let (handler, own) = match name.split_once('.') {
            Some(("arg", own)) => (None, own),
            Some((handler, own)) => (Some(handler.to_owned()), own),
            None => (None, name),
        };
        self.0.push((handler, own.to_owned(), slot));
        true
    }

    pub(super) fn none() -> Self {
        Self(Vec::new())
    }

    /// The question about a message. What is not there has no key in it.
    pub(super) fn question(&self, view: &View<'_, '_>) -> Question {
        let message = String::from_utf8_lossy(view.message().name()).into_owned();
        let (mut args, mut found) = (Map::new(), Map::new());
        for (handler, name, slot) in &self.0 {
            let Some(value) = view.get(*slot) else { continue };
            let into = match handler {
                None => &mut args,
                Some(handler) => {
                    let own = found.entry(handler.as_str()).or_insert_with(|| json!({}));
                    let Json::Object(own) = own else { continue };
                    own
                }
            };
            into.insert(name.clone(), in_json(&value));
        }
        Question { message, args, found }
    }
}

/// A value in JSON: bytes, which JSON does not have, as `{ "base64": "…" }`.
fn in_json(value: &Value<'_>) -> Json {
    match value {
        Value::Bool(value) => json!(value),
        Value::Int(value) => json!(value),
        Value::Double(value) => json!(value),
        Value::Text(text) => json!(text),
        Value::Bytes(bytes) => json!({ "base64": STANDARD.encode(bytes) }),
        Value::Ip(ip) => json!(ip.to_string()),
        Value::Cidr(cidr) => json!(cidr.to_string()),
        Value::List(values) => Json::Array(values.iter().map(in_json).collect()),
    }
}
