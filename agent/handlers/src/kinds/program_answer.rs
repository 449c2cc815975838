//! What a program may answer, and what comes of its answer.

use serde_json::{Map, Value as Json};
use spoa_actors::ForeignText;

use crate::{
    chain::{Decision, Detail, Late},
    configuration::Action,
    expression::Value,
    kind::Type,
};

/// What a program may answer: anything else is no answer.
pub(super) struct Contract {
    pub(super) actions: Vec<Action>,
    pub(super) reasons: Vec<String>,
    pub(super) statuses: Vec<u16>,
    pub(super) texts: Vec<Detail>,
    pub(super) variables: Vec<(String, Type)>,
}

/// What is wrong with an answer.
#[derive(Debug)]
pub(super) struct Wrong(pub(super) String);

/// The reason of a decision without one.
pub(super) const NO_REASON: &str = "program";

fn wrong<T>(field: &str, fix: &str) -> Result<T, Wrong> {
    Err(Wrong(format!("`{}`: {fix}", ForeignText::new(field))))
}

impl Contract {
    /// What an answer comes to. A field that is null is not there.
    pub(super) fn read(&self, answer: Map<String, Json>) -> Result<Late, Wrong> {
        let mut late = Late::default();
        let mut action = None;
        let mut decision = Decision::new(Action::Allow, NO_REASON);
        for (field, value) in answer.into_iter().filter(|(_, value)| !value.is_null()) {
            match field.as_str() {
                "action" => action = Some(self.action(&value)?),
                "reason" => decision.reason = self.reason(&value)?.into(),
                "status" => decision.status = Some(self.status(&value)?),
                "level" => match value.as_u64().and_then(|level| u16::try_from(level).ok()) {
                    Some(level) => decision.level = Some(level),
                    None => return wrong("level", "expected a small whole number"),
                },
                "set" => self.set(value, &mut late)?,
                _ => {
                    let (detail, text) = self.text(&field, value)?;
                    decision = decision.with(detail, Value::Text(text.into()));
                }
            }
        }
        if let Some(action) = action {
            decision.action = action;
            late.decision = Some(decision);
        }
        Ok(late)
    }

    fn action(&self, value: &Json) -> Result<Action, Wrong> {
        let found = self.actions.iter().find(|action| value.as_str() == Some(action.word()));
        found.copied().map_or_else(|| wrong("action", "name it in `actions`"), Ok)
    }

    fn reason(&self, value: &Json) -> Result<String, Wrong> {
        match value.as_str() {
            Some(word) if self.reasons.iter().any(|own| own == word) => Ok(word.to_owned()),
            Some(NO_REASON) => Ok(NO_REASON.to_owned()),
            _ => wrong("reason", "name it in `reasons`"),
        }
    }

    fn status(&self, value: &Json) -> Result<u16, Wrong> {
        let found = value.as_u64().and_then(|status| u16::try_from(status).ok());
        match found.filter(|status| self.statuses.contains(status)) {
            Some(status) => Ok(status),
            None => wrong("status", "name it in `statuses`"),
        }
    }

    /// A text of the verdict: all but the body become a part of a header, which is one line.
    fn text(&self, field: &str, value: Json) -> Result<(Detail, String), Wrong> {
        let Some(detail) = self.texts.iter().find(|own| own.word() == field) else {
            return wrong(field, "no such field, or name it in `texts`");
        };
        let text = match value {
            Json::String(text) => text,
            Json::Number(number) => number.to_string(),
            _ => return wrong(field, "expected a text"),
        };
        if *detail != Detail::Body && text.chars().any(char::is_control) {
            return wrong(field, "a header has no control characters");
        }
        Ok((*detail, text))
    }

    fn set(&self, value: Json, late: &mut Late) -> Result<(), Wrong> {
        let Json::Object(values) = value else { return wrong("set", "expected an object") };
        for (name, value) in values.into_iter().filter(|(_, value)| !value.is_null()) {
            let own = self.variables.iter().position(|(own, _)| *own == name);
            let Some(at) = own else {
                return wrong(&name, "name it in `variables`");
            };
            let value_type = self.variables[at].1;
            let Some(value) = typed(value, value_type) else {
                return wrong(&name, &format!("expected the type {value_type}"));
            };
            late.found.push((at, value));
        }
        Ok(())
    }
}

fn typed(value: Json, value_type: Type) -> Option<Value<'static>> {
    match (value_type, value) {
        (Type::Bool, Json::Bool(value)) => Some(Value::Bool(value)),
        (Type::Int, Json::Number(number)) => number.as_i64().map(Value::Int),
        (Type::Text, Json::String(text)) => Some(Value::Text(text.into())),
        (Type::Ip, Json::String(text)) => text.parse().ok().map(Value::Ip),
        _ => None,
    }
}
