//! The configuration file that is written out of what came: no values, as these may be secret.

use std::fmt::Write;

use spoa_actors::ForeignText;
use spoa_handlers::{
    file::{FromNode, Group},
    kind::{Type, WELL_KNOWN},
};

use super::{
    seen::{Seen, SeenMessage},
    set_variable::SetVariable,
};
use crate::ask::value::Value;

/// The handler that all messages run at first.
const HANDLER: &str = "answer";

/// What the file begins with.
const HEAD: &str = "\
# Written by `spoa-agent listen` out of the messages that came, without their values.
# `spoa-agent kinds` lists the handlers that a message can run, `spoa-agent check` checks this file.
";

/// What stands below the handler.
const RULES: &str = "
# Conditions over the arguments: name this handler in `run`, and choose `unanswered`.
#
# [handler.rules]
# kind = \"rules\"
# rules = [
#     { if = \"ip.isLoopback()\", then = \"allow\" },
#     { if = \"path.startsWith('/admin')\", then = \"deny\", status = 404, reason = \"hidden\" },
# ]
";

/// The text of the file.
pub(super) fn starter(seen: &Seen, set: &[SetVariable]) -> String {
    let mut text = HEAD.to_owned();
    for message in &seen.messages {
        text.push('\n');
        section(message, &mut text);
    }
    text.push_str(&handler(set));
    text.push_str(RULES);
    text
}

fn section(message: &SeenMessage, text: &mut String) {
    let Some(name) = message_name(&message.name) else {
        let name = ForeignText::new(&message.name);
        let _ =
            writeln!(text, "# The message {name} came, whose name cannot be that of a section.");
        return;
    };
    let mut lines = String::new();
    let mut taken = Vec::new();
    let mut known = Vec::new();
    for argument in arguments(message) {
        if argument.is_well_known() {
            known.push(argument.from);
        } else if let Some(line) = argument.line(&mut taken) {
            lines.push_str(&line);
        } else {
            let name = ForeignText::new(&argument.from).to_string();
            let _ = writeln!(lines, "    # {name}: this name cannot stand here");
        }
    }
    let _ = writeln!(text, "[message.{name}]");
    if !known.is_empty() {
        let _ = writeln!(text, "# Arguments with names that need no line: {}", known.join(", "));
    }
    if !lines.is_empty() {
        let _ = writeln!(text, "args = {{\n{lines}}}");
    }
    let _ = writeln!(text, "run = [{HANDLER:?}]");
    text.push_str("# unanswered = \"allow\"  # or \"deny\": needed once a handler can deny\n");
}

/// The name in the header of a section.
fn message_name(name: &[u8]) -> Option<String> {
    let name = str::from_utf8(name).ok()?;
    Group::Message.check_name(name).ok()?;
    let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    Some(if name.bytes().all(is_bare) { name.to_owned() } else { name.to_owned().write() })
}

/// An argument as it came.
#[derive(Debug, Eq, PartialEq)]
struct Came {
    /// Its name, or `$1` for the first without a name.
    from: String,
    is_named: bool,
    value_type: Option<Type>,
}

/// All arguments of a message, those of all its forms.
fn arguments(message: &SeenMessage) -> Vec<Came> {
    let mut all: Vec<Came> = Vec::new();
    for shape in &message.shapes {
        let mut place = 0;
        for (name, type_name) in &shape.0 {
            let is_named = !name.is_empty();
            let from = if is_named {
                String::from_utf8_lossy(name).into_owned()
            } else {
                place += 1;
                format!("${place}")
            };
            let value_type = type_of(type_name);
            match all.iter_mut().find(|own| own.from == from && own.is_named == is_named) {
                Some(own) => own.value_type = own.value_type.or(value_type),
                None => all.push(Came { from, is_named, value_type }),
            }
        }
    }
    all
}

fn type_of(type_name: &str) -> Option<Type> {
    match type_name {
        "null" => None,
        "bool" => Some(Type::Bool),
        "string" => Some(Type::Text),
        "ipv4" | "ipv6" => Some(Type::Ip),
        "binary" => Some(Type::Binary),
        _ => Some(Type::Int),
    }
}

impl Came {
    /// Whether expressions know it under its name without a line of its own.
    fn is_well_known(&self) -> bool {
        self.is_named && WELL_KNOWN.iter().any(|known| known.name == self.from)
    }

    /// Its line in `args`; nothing if its name cannot stand there. `taken` has the names before it.
    fn line(&self, taken: &mut Vec<String>) -> Option<String> {
        let is_plain = self.from.chars().all(|own| ForeignText::is_plain(own) && own != '\u{fffd}');
        if !is_plain || self.is_named && self.from.starts_with('$') {
            return None;
        }
        let name = self.identifier(taken);
        let value_type = self.value_type.unwrap_or(Type::Text).word();
        let line =
            format!("    {name} = {{ from = {}, type = {value_type:?} }},\n", self.from.write());
        taken.push(name);
        Some(line)
    }

    /// Its name in expressions.
    fn identifier(&self, taken: &[String]) -> String {
        let is_part = |own: char| own.is_ascii_alphanumeric() || own == '_';
        let own: String =
            self.from.chars().map(|own| if is_part(own) { own } else { '_' }).collect();
        let own = match self.from.strip_prefix('$') {
            Some(place) => format!("unnamed_{place}"),
            None if own.starts_with(|first: char| first.is_ascii_digit()) => format!("_{own}"),
            None => own,
        };
        let is_free = |name: &String| {
            !taken.contains(name) && WELL_KNOWN.iter().all(|known| known.name != name)
        };
        let numbered = (2..).map(|number| format!("{own}_{number}"));
        [own.clone()].into_iter().chain(numbered).find(is_free).unwrap_or(own)
    }
}

/// The handler that sets what `listen` has set.
fn handler(set: &[SetVariable]) -> String {
    let mut text = format!("\n[handler.{HANDLER}]\nkind = \"set\"\n");
    let constants: Vec<_> =
        set.iter().filter_map(|own| Some((own, constant(&own.value)?))).collect();
    if constants.is_empty() {
        text.push_str("values = { seen = true }  # HAProxy gets txn.PREFIX.answer.seen\n");
        return text;
    }
    let numbered = || constants.iter().enumerate();
    let values = numbered().map(|(at, (_, constant))| format!("value_{at} = {constant}"));
    let names = numbered().map(|(at, (own, _))| {
        format!("{} = \"value_{at}\"", format!("{}.{}", own.scope.as_str(), own.name).write())
    });
    let (values, names) = (values.collect::<Vec<_>>(), names.collect::<Vec<_>>());
    let _ = writeln!(text, "values = {{ {} }}", values.join(", "));
    let _ = writeln!(text, "set = {{ {} }}", names.join(", "));
    text
}

/// A constant in the file; nothing if it cannot be one.
fn constant(value: &Value) -> Option<String> {
    let text = |text: &str| text.replace('{', "{{").replace('}', "}}").write();
    Some(match value {
        Value::Bool(value) => value.to_string(),
        Value::Int32(value) => value.to_string(),
        Value::Uint32(value) => value.to_string(),
        Value::Int64(value) => value.to_string(),
        Value::Uint64(value) => i64::try_from(*value).ok()?.to_string(),
        Value::Ipv4(ip) => text(&ip.to_string()),
        Value::Ipv6(ip) => text(&ip.to_string()),
        Value::String(own) => text(own),
        Value::Null | Value::Binary(_) => return None,
    })
}
