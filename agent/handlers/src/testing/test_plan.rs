//! A test that can run.

use std::collections::BTreeMap;

use spoa_actors::Message;

use super::test_settings::{Case, TestSettings};
use crate::{
    chain::{Chain, Explained, Kind, chains},
    configuration::MessageSettings,
    file::{Group, Reading, TableReader},
    finding::{Finding, Findings, Place, suggestion},
    kind::Settings,
    resource::Resources,
};

/// A test with the chain that it runs.
pub struct TestPlan {
    name: String,
    /// The section of its message, and the name of the message.
    section: String,
    message: String,
    cases: Vec<Case>,
    chain: Chain,
    place: Place,
}

/// The tests of a file, each with a chain of its own; what is wrong with them joins the findings.
pub fn tests(
    messages: &BTreeMap<String, MessageSettings>,
    kinds: &[&'static dyn Kind],
    resources: &Resources,
    reading: &mut Reading<'_>,
) -> Vec<TestPlan> {
    let document = reading.document;
    let mut plans = Vec::new();
    for section in document.sections(Group::Test) {
        let place = section.name.place;
        let mut table = TableReader::new(&section.table, TestSettings::OWNER, place);
        let settings = TestSettings::read(&mut table, reading);
        if let (true, Some(settings)) = (table.finish(reading), settings) {
            plans.extend(TestPlan::read(settings, place, (messages, kinds, resources), reading));
        }
    }
    plans
}

/// What a test is made of beside its section.
type Parts<'p> = (&'p BTreeMap<String, MessageSettings>, &'p [&'static dyn Kind], &'p Resources);

impl TestPlan {
    fn read(
        settings: TestSettings,
        place: Place,
        (messages, kinds, resources): Parts<'_>,
        reading: &mut Reading<'_>,
    ) -> Option<Self> {
        let TestSettings { name, message, data, cases } = settings;
        if cases.0.is_empty() {
            let finding = Finding::error("a test without a case").at(place, "shows nothing");
            reading.findings.add(finding.help(
                "add `cases = [{ args = { path = \"/\" }, expect = { action = \"allow\" } }]`",
            ));
            return None;
        }
        let (section, message) = find(&message, messages, reading)?;
        let resources = data.resources(resources, reading)?;
        // What is wrong with the chain of the file itself was reported when it was read.
        let mut own = Findings::default();
        let Reading { document, sources, findings } = reading;
        let mut own_reading = Reading { document, sources, findings: &mut own };
        let chain = chains(messages, kinds, &resources, &mut own_reading).remove(&section);
        if chain.is_none() && findings.errors() == 0 {
            own.sorted().into_iter().cloned().for_each(|finding| findings.add(finding));
        }
        let chain = chain?;
        let mut is_right = true;
        for expected in cases.0.iter().flat_map(|case| &case.expect.0) {
            let known = || chain.variables().iter().map(String::as_str);
            let name = &expected.variable.name;
            if expected.is_for_haproxy() || known().any(|known| known == name) {
                continue;
            }
            is_right = false;
            let title = format!("no handler of `[message.{section}]` finds `{name}`");
            let finding = Finding::error(title).at(expected.variable.place, "not a variable");
            let help = suggestion(name, known()).unwrap_or_else(|| {
                "write a variable of the verdict such as `action`, or `handler.variable`".to_owned()
            });
            reading.findings.add(finding.help(help));
        }
        is_right.then_some(Self { name, section, message, cases: cases.0, chain, place })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The section of its message.
    #[must_use]
    pub fn section(&self) -> &str {
        &self.section
    }

    /// Where it stands.
    #[must_use]
    pub fn place(&self) -> Place {
        self.place
    }

    /// The chain that its cases run.
    #[must_use]
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// The messages of its cases, in order.
    #[must_use]
    pub fn messages(&self) -> Vec<Message> {
        self.cases.iter().map(|case| case.args.message(&self.message)).collect()
    }

    /// What did not come as a case expects it.
    #[must_use]
    pub fn check(&self, case: usize, explained: &Explained) -> Vec<Finding> {
        let title = format!("`{}`, case {}", self.name, case + 1);
        let expected = self.cases.get(case).into_iter().flat_map(|case| &case.expect.0);
        expected.filter_map(|expected| expected.check(explained, &title)).collect()
    }

    /// What is said of a case that had no answer.
    #[must_use]
    pub fn unanswered(&self, case: usize, why: &str) -> Finding {
        let place = self.cases.get(case).and_then(|case| case.expect.0.first());
        let place = place.map_or(self.place, |expected| expected.place);
        let title = format!("`{}`, case {}: {why}", self.name, case + 1);
        Finding::error(title).at(place, "expected an answer")
    }
}

/// The section that answers the messages of a name, and the name.
fn find(
    written: &crate::file::Text,
    messages: &BTreeMap<String, MessageSettings>,
    reading: &mut Reading<'_>,
) -> Option<(String, String)> {
    let name = written.as_str();
    let has = |settings: &MessageSettings, name: &str| {
        settings.names.as_ref().is_some_and(|names| names.0.iter().any(|own| own == name))
    };
    let by_name = messages.iter().find(|(_, settings)| has(settings, name)).map(|(own, _)| own);
    let section = messages.get_key_value(name).map(|(own, _)| own).or(by_name);
    if section.is_none() {
        reading.is_section(Group::Message, name, written.place());
    }
    let section = section?.clone();
    Some((section, name.to_owned()))
}
