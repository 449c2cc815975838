//! Question and answer, each of them one line of JSON.

use serde::Serialize;
use serde_json::{Map, Value, json};

/// What a program is asked. Nothing in it is more than a value of JSON.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// The name of the message.
    pub message: String,
    /// The arguments.
    pub args: Map<String, Value>,
    /// What handlers in front of it have found, by their names.
    pub found: Map<String, Value>,
}

/// What a program answers: the fields of its line, without the `id`.
pub type Answer = Map<String, Value>;

#[derive(Serialize)]
struct Line<'a> {
    id: u64,
    message: &'a str,
    args: &'a Map<String, Value>,
    found: &'a Map<String, Value>,
}

impl Question {
    pub(super) fn line(&self, id: u64) -> Vec<u8> {
        let Self { message, args, found } = self;
        // Names are texts, so that nothing can fail.
        let mut line = serde_json::to_vec(&Line { id, message, args, found }).unwrap_or_default();
        line.push(b'\n');
        line
    }
}

/// The first line that a process gets.
pub(super) fn hello(handler: &str, settings: &Map<String, Value>) -> Vec<u8> {
    let mut line = json!({"hello": 1, "handler": handler, "settings": settings}).to_string();
    line.push('\n');
    line.into_bytes()
}
