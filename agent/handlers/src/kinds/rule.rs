//! A rule: a condition, what it sets, and what it decides.

use super::{
    template::Template,
    values::{ReadyValue, Values},
};
use crate::{
    chain::{Decides, Decision, Detail, Found, Making, OwnVariable, View},
    configuration::{Action, Status},
    expression::{Program, Value},
    file::{FromNode, Node, Reading, Text},
    finding::Finding,
};

settings! {
    /// A rule.
    pub(super) struct Rule, "a rule" {
        /// The condition.
        r#if: Text,
        /// What HAProxy does if it holds; without it, the rule only sets variables, and the next ones follow.
        then: Option<Action>,
        /// Variables that are set if it holds: the first value of each counts.
        set: Option<Values>,
        /// Why, in one word.
        reason: Option<Word>,
        /// The status of the answer.
        status: Option<Status>,
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
pub(super) struct Word(String);

impl Word {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

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

/// A rule that is ready.
pub(super) struct Compiled {
    pub(super) condition: Program,
    action: Option<Action>,
    reason: String,
    status: Option<u16>,
    level: Option<u16>,
    details: Vec<(Detail, Template)>,
    /// What it sets, with its place among the variables of the handler.
    sets: Vec<(usize, ReadyValue)>,
}

impl Compiled {
    /// The rule, ready; its variables join those of the handler.
    pub(super) fn of(
        rule: &Rule,
        variables: &mut Vec<OwnVariable>,
        making: &mut Making<'_, '_>,
    ) -> Option<Self> {
        let condition = making.condition(&rule.r#if);
        let details = rule.details(making);
        let sets = rule.sets(variables, making);
        let status = rule.status(making);
        let reason = rule.reason.as_ref().map_or("rule", |Word(reason)| reason).to_owned();
        let (action, level) = (rule.then, rule.level);
        Some(Self {
            condition: condition?,
            action,
            reason,
            status: status?,
            level,
            details: details?,
            sets: sets?,
        })
    }

    /// What it may decide.
    pub(super) fn add_to(&self, decides: &mut Decides) {
        if let Some(action) = self.action {
            decides.add(action, self.status);
        }
        self.details.iter().for_each(|(detail, _)| decides.add_text(*detail));
    }

    /// Sets its variables, and decides. What has no value is not set; the decision stands without it.
    pub(super) fn run<'c>(
        &'c self,
        view: &View<'_, 'c>,
        found: &mut Found<'c>,
    ) -> Option<Decision<'c>> {
        for (at, value) in &self.sets {
            if let (false, Ok(value)) = (found.is_set(*at), value.value(view)) {
                found.set(*at, value);
            }
        }
        let mut decision = Decision::new(self.action?, &*self.reason).status(self.status);
        decision.level = self.level;
        for (detail, template) in &self.details {
            if let Some(text) = template.constant() {
                decision = decision.with(*detail, Value::text(text));
            } else if let Ok(text) = template.write(view) {
                decision = decision.with(*detail, Value::Text(text.into()));
            }
        }
        Some(decision)
    }
}

impl Rule {
    /// The status of the answer; one that HAProxy cannot redirect with is a finding.
    fn status(&self, making: &mut Making<'_, '_>) -> Option<Option<u16>> {
        const REDIRECTS: &[u16] = &[301, 302, 303, 307, 308];
        let status = self.status.map(u16::from);
        let redirects = self.then == Some(Action::Redirect);
        let Some(wrong) = status.filter(|status| redirects && !REDIRECTS.contains(status)) else {
            return Some(status);
        };
        let finding = Finding::error(format!("HAProxy cannot redirect with the status {wrong}"))
            .at(self.r#if.place(), format!("its rule has `status = {wrong}`"))
            .help("write 301, 302, 303, 307 or 308; without a status, it is 302");
        making.add(finding);
        None
    }

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
        let needed = self.then.and_then(Action::needs);
        let is_missing =
            |needed: &&str| all.iter().any(|(own, text)| own.word() == *needed && text.is_none());
        if let (Some(action), Some(needed)) = (self.then, needed.filter(is_missing)) {
            let action = action.word();
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

    /// What it sets; a variable that another rule sets to a value of another type is a finding.
    fn sets(
        &self,
        variables: &mut Vec<OwnVariable>,
        making: &mut Making<'_, '_>,
    ) -> Option<Vec<(usize, ReadyValue)>> {
        let Some(values) = &self.set else {
            if self.then.is_some() {
                return Some(Vec::new());
            }
            let finding = Finding::error("a rule does nothing")
                .at(self.r#if.place(), "its rule has neither `then` nor `set`")
                .help("add `then = \"deny\"`, or `set = { name = \"value\" }`");
            making.add(finding);
            return None;
        };
        let mut sets = Vec::new();
        for value in values.ready(making)? {
            let own = value.variable();
            match variables.iter().position(|known| known.name == own.name) {
                None => {
                    sets.push((variables.len(), value));
                    variables.push(own);
                }
                Some(at) if variables[at].value_type == own.value_type => sets.push((at, value)),
                Some(at) => {
                    let title = format!("`{}` has two types", own.name);
                    let finding = Finding::error(title)
                        .at(
                            value.place,
                            format!("{} here, {} before", own.value_type, variables[at].value_type),
                        )
                        .help("set it to values of one type, or use another name");
                    making.add(finding);
                    return None;
                }
            }
        }
        Some(sets)
    }
}
