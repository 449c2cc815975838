//! The line of an audit: JSON, in which nothing that a client sends can end the line or begin another key.

use std::time::SystemTime;

use ring::{hmac, rand::SystemRandom};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::shown_value::{self, ShownValue};
use crate::{
    chain::{Making, View},
    expression::Value,
    file::Text,
    value::Secret,
};

/// How many bytes of a hash are shown.
const SHOWN: usize = 16;

/// What a line has.
pub(super) struct AuditLine {
    fields: Vec<Field>,
    /// None if the system has no random numbers: then what is hashed is not shown at all.
    key: Option<hmac::Key>,
}

/// A value under its name.
pub(super) struct Field {
    /// As JSON, with its colon.
    name: Vec<u8>,
    value: ShownValue,
    is_hashed: bool,
}

impl Field {
    /// Reads the expression of a value; its text is its name.
    pub(super) fn read(text: &Text, is_hashed: bool, making: &mut Making<'_, '_>) -> Option<Self> {
        let value = ShownValue::read(text, making)?;
        let mut name = Vec::new();
        put_text(&mut name, text.as_str());
        name.push(b':');
        Some(Self { name, value, is_hashed })
    }
}

impl AuditLine {
    /// A line with these fields; without a key, hashes have one of this process.
    pub(super) fn new(fields: Vec<Field>, key: Option<&Secret>) -> Self {
        let key = match key {
            Some(secret) => Some(hmac::Key::new(hmac::HMAC_SHA256, secret.expose())),
            None => hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new()).ok(),
        };
        Self { fields, key }
    }

    /// The line of a message, with its line feed.
    pub(super) fn write(&self, view: &View<'_, '_>) -> Vec<u8> {
        let mut line = Vec::with_capacity(256);
        let now = OffsetDateTime::from(SystemTime::now());
        line.extend(b"{\"time\":");
        put_text(&mut line, &now.format(&Rfc3339).unwrap_or_default());
        line.extend(b",\"message\":");
        put_text(&mut line, &String::from_utf8_lossy(view.message().name()));
        for field in &self.fields {
            line.push(b',');
            line.extend(&field.name);
            match field.value.of(view) {
                None => line.extend(b"null"),
                Some(value) if field.is_hashed => self.put_hash(&mut line, &value),
                Some(value) => put(&mut line, &value),
            }
        }
        line.extend(b"}\n");
        line
    }

    fn put_hash(&self, line: &mut Vec<u8>, value: &Value<'_>) {
        let Some(key) = &self.key else {
            line.extend(b"null");
            return;
        };
        let tag = hmac::sign(key, shown_value::text(value).as_bytes());
        let digits: String =
            tag.as_ref()[..SHOWN].iter().map(|byte| format!("{byte:02x}")).collect();
        put_text(line, &digits);
    }
}

fn put(line: &mut Vec<u8>, value: &Value<'_>) {
    match value {
        Value::Bool(value) => line.extend(if *value { &b"true"[..] } else { b"false" }),
        Value::Int(value) => line.extend(value.to_string().as_bytes()),
        Value::Double(value) if value.is_finite() => line.extend(value.to_string().as_bytes()),
        Value::List(values) => {
            line.push(b'[');
            for (at, value) in values.iter().enumerate() {
                if at > 0 {
                    line.push(b',');
                }
                put(line, value);
            }
            line.push(b']');
        }
        other => put_text(line, &shown_value::text(other)),
    }
}

fn put_text(line: &mut Vec<u8>, text: &str) {
    // A Vec takes everything, and a text is JSON in any case.
    let _ = serde_json::to_writer(line, text);
}
