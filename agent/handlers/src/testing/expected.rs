//! What is expected of a case, and whether it came.

use spoa_actors::{Action, Actions, Scope, TypedData};

use crate::{
    chain::{Explained, VERDICT_VARIABLES},
    expression::Value,
    file::{FromNode, Key, Node, Reading, Value as FileValue},
    finding::{Finding, Place},
};

/// What is expected of a case: variables, with their values.
#[derive(Clone, Debug, Default)]
pub(super) struct Expectations(pub(super) Vec<Expected>);

/// A variable that is expected to have a value, or to be unset.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    pub(super) variable: Key,
    pub(super) place: Place,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Unset,
    Bool(bool),
    Int(i64),
    Text(String),
}

impl FromNode for Expectations {
    const NAME: &'static str = "a table of variables";

    fn from_node(node: &Node, reading: &mut Reading<'_>) -> Option<Self> {
        let form = "`{ action = \"deny\", \"geo.country\" = \"AT\", status = \"unset\" }`";
        let table = match &node.value {
            FileValue::Table(table) if !table.entries.is_empty() => table,
            FileValue::Broken => return None,
            _ => {
                reading.unexpected(node, Self::NAME, form);
                return None;
            }
        };
        let read: Vec<_> = table
            .entries
            .iter()
            .map(|entry| {
                let what = match &entry.node.value {
                    FileValue::Boolean(value) => What::Bool(*value),
                    FileValue::Integer(value) => What::Int(*value),
                    FileValue::Text(text) if text.as_str() == "unset" => What::Unset,
                    FileValue::Text(text) => What::Text(text.as_str().to_owned()),
                    FileValue::Broken => return None,
                    _ => {
                        reading.unexpected(&entry.node, "the value of a variable", form);
                        return None;
                    }
                };
                Some(Expected { variable: entry.key.clone(), place: entry.node.place, what })
            })
            .collect();
        read.into_iter().collect::<Option<Vec<_>>>().map(Self)
    }

    fn write(&self) -> String {
        String::new()
    }

    fn schema() -> serde_json::Value {
        serde_json::json!({ "type": "object", "minProperties": 1 })
    }
}

impl Expected {
    /// Whether it is a variable of the verdict, or one of HAProxy's with its scope.
    pub(super) fn is_for_haproxy(&self) -> bool {
        scoped(&self.variable.name).is_some() || VERDICT_VARIABLES.contains(&&*self.variable.name)
    }

    /// What came instead, as a finding; nothing if it came.
    pub(super) fn check(&self, explained: &Explained, title: &str) -> Option<Finding> {
        let came = self.came(explained);
        if self.is(came.as_ref()) {
            return None;
        }
        let name = &self.variable.name;
        let came =
            came.as_ref().map_or_else(|| "is unset".to_owned(), |own| format!("is {}", shown(own)));
        let finding = Finding::error(format!("{title}: `{name}` {came}"));
        Some(finding.at(self.place, format!("expected {}", self.what.shown())))
    }

    /// The value that came.
    fn came(&self, explained: &Explained) -> Option<Value<'static>> {
        let name = &*self.variable.name;
        if let Some((scope, name)) = scoped(name) {
            return sent(&explained.actions, scope, name);
        }
        if VERDICT_VARIABLES.contains(&name) {
            return sent(&explained.actions, Scope::Transaction, name);
        }
        let found = explained.steps.iter().find_map(|step| {
            let own = name.strip_prefix(&step.handler)?.strip_prefix('.')?;
            step.found.iter().find(|(name, _)| name == own)
        });
        found.map(|(_, value)| value.clone())
    }

    fn is(&self, came: Option<&Value<'_>>) -> bool {
        match (&self.what, came) {
            (What::Unset, None) => true,
            (What::Bool(expected), Some(Value::Bool(came))) => expected == came,
            (What::Int(expected), Some(Value::Int(came))) => expected == came,
            (What::Text(expected), Some(Value::Text(came))) => expected == came,
            (What::Text(expected), Some(Value::Bytes(came))) => expected.as_bytes() == &came[..],
            (What::Text(expected), Some(Value::Ip(came))) => {
                expected.parse().is_ok_and(|expected: std::net::IpAddr| expected == *came)
            }
            (
                What::Text(expected),
                Some(came @ (Value::List(_) | Value::Double(_) | Value::Cidr(_))),
            ) => *expected == came.as_text(),
            _ => false,
        }
    }
}

impl What {
    fn shown(&self) -> String {
        match self {
            Self::Unset => "no value".to_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Int(value) => value.to_string(),
            Self::Text(text) => text.write(),
        }
    }
}

/// A name with HAProxy's scope in front of it.
fn scoped(name: &str) -> Option<(Scope, &str)> {
    let (scope, name) = name.split_once('.')?;
    Scope::ALL.into_iter().find(|known| known.as_str() == scope).map(|scope| (scope, name))
}

/// The last value that HAProxy gets for a variable.
fn sent(actions: &Actions, scope: Scope, name: &str) -> Option<Value<'static>> {
    let mut sent = None;
    for action in actions.iter() {
        match action {
            Action::SetVar { scope: own, name: of, value }
                if own == scope && of == name.as_bytes() =>
            {
                sent = of_data(&value);
            }
            Action::UnsetVar { scope: own, name: of } if own == scope && of == name.as_bytes() => {
                sent = None;
            }
            _ => {}
        }
    }
    sent
}

fn of_data(data: &TypedData<'_>) -> Option<Value<'static>> {
    Some(match data {
        TypedData::Null => return None,
        TypedData::Bool(value) => Value::Bool(*value),
        TypedData::String(bytes) => Value::Text(String::from_utf8_lossy(bytes).into_owned().into()),
        TypedData::Binary(bytes) => Value::Bytes(bytes.to_vec().into()),
        TypedData::Ipv4(ip) => Value::Ip((*ip).into()),
        TypedData::Ipv6(ip) => Value::Ip((*ip).into()),
        other => Value::Int(i64::try_from(other.as_integer()?).ok()?),
    })
}

fn shown(value: &Value<'_>) -> String {
    match value {
        Value::Text(text) => text.to_string().write(),
        Value::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned().write(),
        other => other.as_text().into_owned(),
    }
}
