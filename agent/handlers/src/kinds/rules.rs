//! `rules`: conditions in order, of which the first that holds decides.

use crate::{
    chain::{ChainNames, Decision, Found, Kind, Made, Step, View},
    configuration::Action,
    expression::{Fault, Program},
    file::{FromNode, Node, Reading, TableReader, Text},
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
    fn description(&self) -> &Description {
        &DESCRIPTION
    }

    fn make(
        &self,
        table: &mut TableReader<'_>,
        names: &ChainNames,
        reading: &mut Reading<'_>,
    ) -> Option<Made> {
        let settings = RulesSettings::read(table, reading)?;
        let made: Vec<_> =
            settings.rules.0.into_iter().map(|rule| Compiled::of(rule, names, reading)).collect();
        let rules = made.into_iter().collect::<Option<Vec<_>>>()?;
        let actions = rules.iter().map(|rule| rule.action).collect();
        Some(Made { step: Box::new(Compiled::all(rules)), variables: Vec::new(), actions })
    }
}

/// A rule that is ready.
struct Compiled {
    condition: Program,
    action: Action,
    reason: String,
    status: Option<u16>,
    level: Option<u16>,
}

struct All(Vec<Compiled>);

impl Compiled {
    fn all(rules: Vec<Self>) -> All {
        All(rules)
    }

    fn of(rule: Rule, names: &ChainNames, reading: &mut Reading<'_>) -> Option<Self> {
        let condition = Program::condition_of(&rule.r#if, names, reading.findings);
        let Rule { then: action, status, level, reason, .. } = rule;
        let reason = reason.map_or_else(|| "rule".to_owned(), |Word(reason)| reason);
        Some(Self { condition: condition?, action, reason, status, level })
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
                Ok(true) => {
                    let own = Decision::new(rule.action, &rule.reason);
                    return Ok(Some(Decision { status: rule.status, level: rule.level, ..own }));
                }
                // It does not hold; the handler could not say only if no other rule holds.
                Err(other) => fault = fault.or(Some(other)),
            }
        }
        fault.map_or(Ok(None), Err)
    }
}
