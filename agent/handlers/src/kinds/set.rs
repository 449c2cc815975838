//! `set`: constants, and texts with variables in them.

use super::values::{ReadyValue, Values};
use crate::{
    chain::{Decides, Decision, Found, Kind, Made, Making, Step, View},
    expression::Fault,
    kind::{Description, Settings, WELL_KNOWN},
};

settings! {
    /// What `set` is set to.
    struct SetSettings, "`set`" {
        /// The variables, by name: a number, a boolean, or a text with variables in braces.
        values: Values,
    }
}

/// The kind `set`.
pub(super) struct Set;

const DESCRIPTION: Description = Description {
    name: "set",
    summary: "Sets constants, and texts with arguments and findings in them.",
    arguments: WELL_KNOWN,
    variables: &[],
    reasons: &[],
    settings: SetSettings::SETTINGS,
    example: r#"
[handler.shown]
kind = "set"
values = { version = 3, is_tested = true, note = "{method} {path} of {ip}" }
"#,
};

impl Kind for Set {
    fn description(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn make(&self, making: &mut Making<'_, '_>) -> Option<Made> {
        let settings: SetSettings = making.settings()?;
        let values = settings.values.ready(making)?;
        let variables = values.iter().map(ReadyValue::variable).collect();
        Some(Made { step: Box::new(Setting(values)), variables, decides: Decides::nothing() })
    }
}

/// The variables of a section, in its order.
struct Setting(Vec<ReadyValue>);

impl Step for Setting {
    fn run<'c>(
        &'c self,
        view: &View<'_, 'c>,
        found: &mut Found<'c>,
    ) -> Result<Option<Decision<'c>>, Fault> {
        let mut fault = None;
        for (at, value) in self.0.iter().enumerate() {
            match value.value(view) {
                Ok(value) => found.set(at, value),
                // The others are set all the same.
                Err(other) => fault = Some(other),
            }
        }
        fault.map_or(Ok(None), Err)
    }
}
