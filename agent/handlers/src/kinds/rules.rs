//! `rules`: conditions in order, of which the first that holds decides.

use super::rule::{Compiled, Rule};
use crate::{
    chain::{Decides, Decision, Found, Kind, Made, Making, Step, View},
    expression::Fault,
    kind::{Description, Reason, Settings},
};

settings! {
    /// What `rules` is set to.
    struct RulesSettings, "`rules`" {
        /// The rules, in order: the first that holds decides.
        rules: crate::file::List<Rule>,
    }
}

/// The kind `rules`.
pub(super) struct Rules;

const DESCRIPTION: Description = Description {
    name: "rules",
    summary: "Decides by conditions over the message and over what handlers in front of it have found.",
    arguments: &[],
    variables: &[],
    reasons: &[Reason::new("rule", "the rule says no reason of its own")],
    settings: RulesSettings::SETTINGS,
    example: r#"
[handler.rules]
kind = "rules"
rules = [
    { if = "path.startsWith('/admin') && ip.isLoopback()", then = "allow" },
    { if = "path.startsWith('/admin')", then = "deny", status = 404, reason = "hidden" },
    { if = "host.endsWith('.example.com')", set = { tenant = "{host}" } },
]
"#,
};

impl Kind for Rules {
    fn description(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn make(&self, making: &mut Making<'_, '_>) -> Option<Made> {
        let settings: RulesSettings = making.settings()?;
        let mut variables = Vec::new();
        let rules = settings.rules.0.iter();
        let made: Vec<_> = rules.map(|rule| Compiled::of(rule, &mut variables, making)).collect();
        let rules = made.into_iter().collect::<Option<Vec<_>>>()?;
        let mut decides = Decides::nothing();
        rules.iter().for_each(|rule| rule.add_to(&mut decides));
        Some(Made { step: Box::new(All(rules)), variables, decides })
    }
}

/// The rules, in order.
struct All(Vec<Compiled>);

impl Step for All {
    fn run<'c>(
        &'c self,
        view: &View<'_, 'c>,
        found: &mut Found<'c>,
    ) -> Result<Option<Decision<'c>>, Fault> {
        let mut fault = None;
        for rule in &self.0 {
            match rule.condition.test(view) {
                Ok(false) => {}
                Ok(true) => match rule.run(view, found) {
                    None => {}
                    decided => return Ok(decided),
                },
                // It does not hold; the handler could not say only if no other rule holds.
                Err(other) => fault = fault.or(Some(other)),
            }
        }
        fault.map_or(Ok(None), Err)
    }
}
