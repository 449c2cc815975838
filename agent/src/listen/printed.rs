//! A message as it is printed: a line for its name, and one for each argument.

use std::fmt::Write;

use spoa_actors::{ForeignText, MessageRef, TypedData, spop::Arg};

/// The message with all arguments; those without a name are `$1`, `$2` and so on.
pub(super) fn message(message: &MessageRef<'_>) -> String {
    let mut place = 0;
    let named = message.args().map(|Arg { name, value }| {
        let name = if name.is_empty() {
            place += 1;
            format!("${place}")
        } else {
            ForeignText::new(name).to_string()
        };
        (name, value)
    });
    let named: Vec<_> = named.collect();
    let width =
        named.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default().min(24);
    let mut text = format!("{}\n", ForeignText::new(message.name()));
    for (name, value) in named {
        let _ = writeln!(text, "  {name:width$}  {:11}  {value}", described(&value));
    }
    text
}

/// How many messages of a name have come.
pub(super) fn count(name: &[u8], count: u64) -> String {
    let noun = if count == 1 { "message" } else { "messages" };
    format!("{}: {count} {noun}\n", ForeignText::new(name))
}

/// The type of a value, and how long it is.
fn described(value: &TypedData<'_>) -> String {
    match value.as_bytes() {
        Some(bytes) => format!("{} ({})", value.type_name(), bytes.len()),
        None => value.type_name().to_owned(),
    }
}
