//! `rules`: conditions in order, of which the first that holds decides.

use super::template::Template;
use crate::{
    chain::{Decides, Decision, Detail, Found, Kind, Made, Making, Step, View},
    configuration::Action,
    expression::{Fault, Program, Value},
    file::{FromNode, Node, Reading, Text},
    finding::Finding,
    kind::{Description, Reason, Settings},
};

settings! {
    /// What `rules` is set to.
    struct RulesSettings, "`rules`" {
        /// The rules, in order: the first that holds decides.
        rules: crate::file::List<Rule>,
    }
}

settings! {
    /// A rule.
    struct Rule, "a rule" {
        /// The condition.
        r#if: Text,
        /// What HAProxy does if it holds.
        then: Action,
        /// Why, in one word.
        reason: Option<Word>,
        /// The status of the answer.
        status: Option<u16>,
        /// How hard a challenge is.
        level: Option<u16>,
        /// Where a redirect leads, as a text with variables in braces.
        location: Option<Text>,
        /// A line `Set-Cookie`, as such a text.
        cookie: Option<Text>,
        /// Another one.
        cookie2: Option<Text>,
        /// The body of the answer, as such a text.
        body: Option<Text>,
        /// How many seconds the client waits before it comes again, as such a text.
        retry_after: Option<Text>,
        /// The header `WWW-Authenticate`, as such a text.
        authenticate: Option<Text>,
    }
}

/// A reason: one word, as it becomes a label of metrics.
#[derive(Clone, Debug)]
struct Word(String);

impl FromNode for Word {
    const NAME: &'static str = "one word";

    fn from_node(node: &Node, reading: &mut Reading<'_>) -> Option<Self> {
        let text = Text::from_node(node, reading)?;
        let word = text.as_str();
        let is_part = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if !word.is_empty() && word.len() <= 32 && word.bytes().all(is_part) {
            return Some(Self(word.to_owned()));
        }
        let finding = Finding::error(format!("`{word}` is not one word"))
            .at(node.place, "not a reason")
            .help(
                "use lower-case letters, digits and `_`, up to 32: a reason is a label of metrics",
            );
        reading.findings.add(finding);
        None
    }

    fn write(&self) -> String {
        self.0.write()
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
]
"#,
};

impl Kind for Rules {
    fn description(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn make(&self, making: &mut Making<'_, '_>) -> Option<Made> {
        let settings: RulesSettings = making.settings()?;
        let made: Vec<_> = settings.rules.0.iter().map(|rule| Compiled::of(rule, making)).collect();
        let rules = made.into_iter().collect::<Option<Vec<_>>>()?;
        let mut decides = Decides::nothing();
        for rule in &rules {
            decides.add(rule.action, rule.status);
            rule.details.iter().for_each(|(detail, _)| decides.add_text(*detail));
        }
        Some(Made { step: Box::new(All(rules)), variables: Vec::new(), decides })
    }
}

/// A rule that is ready.
struct Compiled {
    condition: Program,
    action: Action,
    reason: String,
    status: Option<u16>,
    level: Option<u16>,
    details: Vec<(Detail, Template)>,
}

struct All(Vec<Compiled>);

impl Compiled {
    fn of(rule: &Rule, making: &mut Making<'_, '_>) -> Option<Self> {
        let condition = making.condition(&rule.r#if);
        let details = rule.details(making);
        let reason = rule.reason.as_ref().map_or("rule", |Word(reason)| reason).to_owned();
        let (action, status, level) = (rule.then, rule.status, rule.level);
        Some(Self { condition: condition?, action, reason, status, level, details: details? })
    }

    fn decision<'c>(&'c self, view: &View<'_, 'c>) -> Result<Decision<'c>, Fault> {
        let mut decision = Decision::new(self.action, &*self.reason).status(self.status);
        decision.level = self.level;
        for (detail, template) in &self.details {
            let value = match template.constant() {
                Some(text) => Value::text(text),
                None => Value::Text(template.write(view)?.into()),
            };
            decision = decision.with(*detail, value);
        }
        Ok(decision)
    }
}

impl Rule {
    /// The texts of the verdict that it sets; one that its action needs and that it lacks is a finding.
    fn details(&self, making: &mut Making<'_, '_>) -> Option<Vec<(Detail, Template)>> {
        let all = [
            (Detail::Location, &self.location),
            (Detail::Cookie, &self.cookie),
            (Detail::Cookie2, &self.cookie2),
            (Detail::Body, &self.body),
            (Detail::RetryAfter, &self.retry_after),
            (Detail::Authenticate, &self.authenticate),
        ];
        let needed = match self.then {
            Action::Redirect => Some(Detail::Location),
            Action::Respond => Some(Detail::Body),
            _ => None,
        };
        let is_missing =
            |needed: &Detail| all.iter().any(|(own, text)| own == needed && text.is_none());
        if let Some(needed) = needed.filter(is_missing) {
            let (action, needed) = (self.then.word(), needed.word());
            let finding = Finding::error(format!("a rule that says `{action}` needs `{needed}`"))
                .at(self.r#if.place(), format!("its rule has no `{needed}`"))
                .help(format!("add `{needed} = \"…\"` to the rule"));
            making.add(finding);
            return None;
        }
        let read: Vec<_> = all
            .into_iter()
            .filter_map(|(detail, text)| {
                let text = text.as_ref()?;
                Some(Template::read(text, making).map(|template| (detail, template)))
            })
            .collect();
        read.into_iter().collect()
    }
}

impl Step for All {
    fn run<'c>(
        &'c self,
        view: &View<'_, 'c>,
        _: &mut Found<'c>,
    ) -> Result<Option<Decision<'c>>, Fault> {
        let mut fault = None;
        for rule in &self.0 {
            match rule.condition.test(view) {
                Ok(false) => {}
                Ok(true) => return rule.decision(view).map(Some),
                // It does not hold; the handler could not say only if no other rule holds.
                Err(other) => fault = fault.or(Some(other)),
            }
        }
        fault.map_or(Ok(None), Err)
    }
}
