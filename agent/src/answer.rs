//! Answer: the actions of an ACK, printed for people or for machines.

use std::io;

use crate::{hex, json};
use serde::Serialize;
use serde_json::Value;
use spoa_actors::{Action, Actions, ForeignText, TypedData};

#[derive(Serialize)]
struct Answer {
    actions: Vec<JsonAction>,
}

#[derive(Serialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
enum JsonAction {
    SetVar {
        scope: &'static str,
        name: String,
        r#type: &'static str,
        value: Value,
        #[serde(skip_serializing_if = "Option::is_none")]
        encoding: Option<&'static str>,
    },
    UnsetVar {
        scope: &'static str,
        name: String,
    },
}

/// One line for every action, `no actions` if there is none. Long values are shown in part.
pub(crate) fn write_text(actions: &Actions, out: &mut impl io::Write) -> io::Result<()> {
    if actions.is_empty() {
        return writeln!(out, "no actions");
    }
    for action in actions.iter() {
        match action {
            Action::SetVar { scope, name, value } => {
                let (name, type_name) = (ForeignText::new(name), value.type_name());
                writeln!(out, "set-var {scope}.{name} = {value} ({type_name})")?;
            }
            Action::UnsetVar { scope, name } => {
                writeln!(out, "unset-var {scope}.{}", ForeignText::new(name))?;
            }
        }
    }
    Ok(())
}

/// One line of JSON; bytes that JSON cannot hold are `0x…`, and `encoding` says so.
pub(crate) fn write_json(actions: &Actions, out: &mut impl io::Write) -> io::Result<()> {
    let actions = actions.iter().map(JsonAction::from).collect();
    json::write(&mut *out, &Answer { actions })?;
    writeln!(out)
}

impl From<Action<'_>> for JsonAction {
    fn from(action: Action<'_>) -> Self {
        match action {
            Action::SetVar { scope, name, value } => {
                let r#type = value.type_name();
                let (value, encoding) = json_value(value);
                Self::SetVar {
                    scope: scope.as_str(),
                    name: ForeignText::new(name).to_string(),
                    r#type,
                    value,
                    encoding,
                }
            }
            Action::UnsetVar { scope, name } => {
                Self::UnsetVar { scope: scope.as_str(), name: ForeignText::new(name).to_string() }
            }
        }
    }
}

/// The value, and how it is encoded if it is not as it is.
fn json_value(value: TypedData<'_>) -> (Value, Option<&'static str>) {
    let plain = match value {
        TypedData::Null => Value::Null,
        TypedData::Bool(value) => value.into(),
        TypedData::Int32(value) => value.into(),
        TypedData::Uint32(value) => value.into(),
        TypedData::Int64(value) => value.into(),
        TypedData::Uint64(value) => value.into(),
        TypedData::Ipv4(ip) => ip.to_string().into(),
        TypedData::Ipv6(ip) => ip.to_string().into(),
        TypedData::String(bytes) => match str::from_utf8(bytes) {
            Ok(text) => text.into(),
            Err(_) => return (hex::encode(bytes).into(), Some("hex")),
        },
        TypedData::Binary(bytes) => return (hex::encode(bytes).into(), Some("hex")),
    };
    (plain, None)
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use spoa_actors::{ActionError, Scope};

    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> String {
        let mut bytes = Vec::new();
        write(&mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    fn every_type() -> Result<Actions, ActionError> {
        Actions::new()
            .set_var(Scope::Process, "n", TypedData::Null)?
            .set_var(Scope::Session, "b", true)?
            .set_var(Scope::Session, "i", TypedData::Int32(-1))?
            .set_var(Scope::Session, "u", u64::MAX)?
            .set_var(Scope::Transaction, "v4", Ipv4Addr::LOCALHOST)?
            .set_var(Scope::Transaction, "v6", Ipv6Addr::LOCALHOST)?
            .set_var(Scope::Request, "s", "a\n\"é\"")?
            .set_var(Scope::Request, "raw", TypedData::String(b"caf\xe9"))?
            .set_var(Scope::Response, "bin", TypedData::Binary(&[0, 255]))?
            .unset_var(Scope::Response, "x")
    }

    #[test]
    fn people_read_a_line_for_every_action() {
        let actions = every_type().unwrap();
        let expected = r#"set-var proc.n = null (null)
set-var sess.b = true (bool)
set-var sess.i = -1 (int32)
set-var sess.u = 18446744073709551615 (uint64)
set-var txn.v4 = 127.0.0.1 (ipv4)
set-var txn.v6 = ::1 (ipv6)
set-var req.s = "a\n\"é\"" (string)
set-var req.raw = "caf\xe9" (string)
set-var res.bin = 0x00ff (binary)
unset-var res.x
"#;
        assert_eq!(written(|out| write_text(&actions, out)), expected);
        let hostile = format!("\u{202e}\u{9b}2J{}", "x".repeat(1_000_000));
        let hostile = Actions::new().set_var(Scope::Request, "s", hostile.as_str()).unwrap();
        let text = written(|out| write_text(&hostile, out));
        assert!(text.starts_with(r#"set-var req.s = "\u{202e}\u{9b}2Jxxx"#), "{text}");
        assert!(text.ends_with("x\"… (1000007 bytes) (string)\n") && text.len() < 400, "{text}");
        let none = written(|out| write_text(&Actions::new(), out));
        assert_eq!(none, "no actions\n");
    }

    #[test]
    fn machines_read_one_line_of_json() {
        let actions = every_type().unwrap();
        let expected = [
            r#"{"action":"set-var","scope":"proc","name":"n","type":"null","value":null}"#,
            r#"{"action":"set-var","scope":"sess","name":"b","type":"bool","value":true}"#,
            r#"{"action":"set-var","scope":"sess","name":"i","type":"int32","value":-1}"#,
            r#"{"action":"set-var","scope":"sess","name":"u","type":"uint64","value":18446744073709551615}"#,
            r#"{"action":"set-var","scope":"txn","name":"v4","type":"ipv4","value":"127.0.0.1"}"#,
            r#"{"action":"set-var","scope":"txn","name":"v6","type":"ipv6","value":"::1"}"#,
            r#"{"action":"set-var","scope":"req","name":"s","type":"string","value":"a\n\"é\""}"#,
            r#"{"action":"set-var","scope":"req","name":"raw","type":"string","value":"0x636166e9","encoding":"hex"}"#,
            r#"{"action":"set-var","scope":"res","name":"bin","type":"binary","value":"0x00ff","encoding":"hex"}"#,
            r#"{"action":"unset-var","scope":"res","name":"x"}"#,
        ];
        let expected = format!("{{\"actions\":[{}]}}\n", expected.join(","));
        assert_eq!(written(|out| write_json(&actions, out)), expected);
        let hostile = "\u{202e}\u{9b}2J\u{7f}\u{e0041}";
        let hostile = Actions::new().set_var(Scope::Request, "s", hostile).unwrap();
        let json = written(|out| write_json(&hostile, out));
        assert!(json.contains(r#""value":"\u202e\u009b2J\u007f\udb40\udc41""#), "{json}");
        let none = written(|out| write_json(&Actions::new(), out));
        assert_eq!(none, "{\"actions\":[]}\n");
    }
}
