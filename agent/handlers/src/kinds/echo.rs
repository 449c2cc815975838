//! `echo`: what came, for first steps.

use crate::{
    chain::{Decides, Decision, Found, Kind, Made, Making, OwnVariable, Step, View},
    expression::{Fault, Value},
    kind::{Description, Type, Variable},
};

/// The longest text that is shown, in bytes.
const LONGEST: usize = 4 << 10;

/// The kind `echo`.
pub(super) struct Echo;

const VARIABLES: &[Variable] = &[
    Variable::new("message", Type::Text, "the message with its arguments and their values"),
    Variable::new("arguments", Type::Int, "how many arguments it has"),
];

const DESCRIPTION: Description = Description {
    name: "echo",
    summary: "Shows the message that came, with all of its arguments.",
    arguments: &[],
    variables: VARIABLES,
    reasons: &[],
    settings: &[],
    example: r#"
[handler.came]
kind = "echo"
"#,
};

impl Kind for Echo {
    fn description(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn make(&self, _: &mut Making<'_, '_>) -> Option<Made> {
        let variables = VARIABLES.iter().map(OwnVariable::of).collect();
        Some(Made { step: Box::new(Showing), variables, decides: Decides::nothing() })
    }
}

struct Showing;

impl Step for Showing {
    fn run<'c>(
        &'c self,
        view: &View<'_, 'c>,
        found: &mut Found<'c>,
    ) -> Result<Option<Decision<'c>>, Fault> {
        let message = view.message();
        let mut text = message.to_string();
        text.truncate(text.floor_char_boundary(LONGEST));
        found.set(0, Value::Text(text.into()));
        let count = i64::try_from(message.args().count()).unwrap_or(i64::MAX);
        found.set(1, Value::Int(count));
        Ok(None)
    }
}
