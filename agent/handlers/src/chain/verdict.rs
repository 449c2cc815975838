//! The verdict: what HAProxy gets, the same for every chain.

use spoa_actors::{Actions, Scope, TypedData};

use super::{ack_budget::AckBudget, decision::Decision, detail::Detail};
use crate::{configuration::Action, expression::Value};

/// The names of the verdict's variables: no handler has one of them.
pub const NAMES: &[&str] = &[
    "action",
    "reason",
    "by",
    "status",
    "level",
    "location",
    "cookie",
    "cookie2",
    "body",
    "retry_after",
    "authenticate",
];

/// Writes what was decided, and by whom; without a decision, the request is allowed. Nothing of an earlier verdict
/// of the transaction stays: `details` are those that any chain of the file may set.
pub(super) fn write(
    decision: Option<(&Decision<'_>, &str)>,
    details: &[Detail],
    actions: &mut Actions,
    budget: &mut AckBudget,
) {
    let scope = Scope::Transaction;
    let action = decision.map_or(Action::Allow, |(decision, _)| decision.action).word();
    budget.set(actions, scope, "action", action, action.len());
    let texts =
        [("reason", decision.map(|(own, _)| &*own.reason)), ("by", decision.map(|(_, by)| by))];
    for (name, text) in texts {
        match text {
            Some(text) => budget.set(actions, scope, name, text, text.len()),
            None => budget.unset(actions, scope, name),
        }
    }
    let status = decision.and_then(|(own, _)| own.status);
    let level = decision.and_then(|(own, _)| own.level);
    for (name, number) in [("status", status), ("level", level)] {
        match number {
            Some(number) => budget.set(actions, scope, name, i64::from(number), 8),
            None => budget.unset(actions, scope, name),
        }
    }
    for detail in details {
        let own = decision.and_then(|(own, _)| own.details.iter().find(|(name, _)| name == detail));
        match own {
            Some((_, value)) => write_value(value, scope, detail.word(), actions, budget),
            None => budget.unset(actions, scope, detail.word()),
        }
    }
}

/// Writes a variable that was found.
pub(super) fn write_value(
    value: &Value<'_>,
    scope: Scope,
    name: &str,
    actions: &mut Actions,
    budget: &mut AckBudget,
) {
    let text;
    let data = match value {
        Value::Bool(value) => TypedData::Bool(*value),
        Value::Int(value) => TypedData::Int64(*value),
        Value::Ip(ip) => TypedData::from(*ip),
        Value::Bytes(bytes) => TypedData::Binary(bytes),
        other => {
            text = other.as_text();
            TypedData::String(text.as_bytes())
        }
    };
    let length = match data {
        TypedData::String(bytes) | TypedData::Binary(bytes) => bytes.len(),
        _ => 16,
    };
    budget.set(actions, scope, name, data, length);
}
