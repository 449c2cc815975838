//! Set variable: a variable that every answer sets, as it is written on the command line.

use std::str::FromStr;

use spoa_actors::{Actions, Scope};

use crate::ask::{argument::Argument, value::Value};

/// A variable with its value.
#[derive(Clone, Debug)]
pub(crate) struct SetVariable {
    pub(super) scope: Scope,
    pub(super) name: String,
    pub(super) value: Value,
}

impl FromStr for SetVariable {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let form = "write SCOPE.NAME=VALUE, such as txn.allowed=true; SCOPE is proc, sess, txn, req or res";
        let (scope, rest) = word.split_once('.').ok_or(form)?;
        let scope = Scope::ALL.into_iter().find(|known| known.as_str() == scope).ok_or(form)?;
        let Argument { name, value } = rest.parse().map_err(|_| argument_form(rest, form))?;
        Actions::new()
            .set_var(scope, &name, value.as_typed_data())
            .map_err(|error| error.to_string())?;
        Ok(Self { scope, name, value })
    }
}

/// Why the part behind the scope is no variable with a value.
fn argument_form(rest: &str, form: &str) -> String {
    match rest.parse::<Argument>() {
        Err(error) if rest.contains('=') => error.to_string(),
        _ => form.to_owned(),
    }
}

impl SetVariable {
    /// All of them as the actions of an answer.
    pub(super) fn actions(all: &[Self]) -> Actions {
        all.iter().fold(Actions::new(), |actions, own| {
            actions.set_var_unchecked(own.scope, own.name.as_bytes(), own.value.as_typed_data())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_has_a_scope_a_name_perhaps_a_type_and_a_value() {
        for (word, scope, name, value) in [
            ("txn.x=true", Scope::Transaction, "x", Value::Bool(true)),
            ("sess.a.b:uint64=7", Scope::Session, "a.b", Value::Uint64(7)),
            ("req.q==", Scope::Request, "q", Value::String("=".to_owned())),
        ] {
            let set: SetVariable = word.parse().unwrap();
            assert_eq!((set.scope, &*set.name, set.value), (scope, name, value), "{word}");
        }
        let fault = |word: &str| word.parse::<SetVariable>().unwrap_err();
        for word in ["x=1", "tx.x=1", "txn.x", "txn", ""] {
            assert!(fault(word).starts_with("write SCOPE.NAME=VALUE"), "{word}");
        }
        assert!(fault("txn.x:int=a").contains("is not of type int"));
        assert!(!fault("txn.a b=1").is_empty() && !fault("txn.=1").is_empty());
    }
}
