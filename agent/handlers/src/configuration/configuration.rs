//! The configuration: all sections that are not handlers, data or services.

use std::{collections::BTreeMap, time::Duration};

use super::{
    agent::{AgentSettings, DEADLINE, NOTICE_PERIOD},
    limits::LimitSettings,
    listen::{Address, ListenSettings},
    message::MessageSettings,
    secrets::{Secrets, secrets},
    telemetry::{AdminSettings, LogSettings, TraceSettings},
};
use crate::{
    file::{Document, Group, Loaded, Reading, Section, TableReader},
    finding::{Finding, Place},
    input::Sources,
    kind::Settings,
};

/// What the file says of the agent itself, and of its messages. A section that is not there is none: its options
/// and their defaults hold.
#[derive(Debug, Default)]
pub struct Configuration {
    /// `[agent]`.
    pub agent: Option<AgentSettings>,
    /// `[listen.NAME]`, by name.
    pub listeners: BTreeMap<String, (Address, ListenSettings)>,
    /// `[limits]`.
    pub limits: Option<LimitSettings>,
    /// `[log]`.
    pub log: Option<LogSettings>,
    /// `[trace]`.
    pub trace: Option<TraceSettings>,
    /// `[admin]`.
    pub admin: Option<AdminSettings>,
    /// `[secrets]`.
    pub secrets: Secrets,
    /// `[args]`; each message has its own beside them.
    pub args: Sources,
    /// `[message.NAME]`, by name.
    pub messages: BTreeMap<String, MessageSettings>,
}

impl Configuration {
    /// Reads the sections; what is wrong with them joins the findings.
    #[must_use]
    pub fn read(loaded: &mut Loaded) -> Self {
        let Loaded { document, sources, findings } = loaded;
        let document = &*document;
        let mut reading = Reading { document, sources, findings };
        let mut configuration = Self {
            agent: one(Group::Agent, &mut reading),
            limits: one(Group::Limits, &mut reading),
            log: one(Group::Log, &mut reading),
            trace: one(Group::Trace, &mut reading),
            admin: admin(&mut reading),
            ..Self::default()
        };
        if let Some(section) = document.section(Group::Secrets) {
            configuration.secrets = secrets(section, &mut reading);
        }
        for section in document.sections(Group::Listen) {
            if let Some(listener) = ListenSettings::of(section, &mut reading) {
                configuration.listeners.insert(section.name.name.clone(), listener);
            }
        }
        if let Some(section) = document.section(Group::Args) {
            configuration.args = Sources::of(&section.table, &mut reading).unwrap_or_default();
        }
        for section in document.sections(Group::Message) {
            if let Some(mut message) = message(section, &mut reading) {
                message.args.add_missing(&configuration.args);
                configuration.messages.insert(section.name.name.clone(), message);
            }
        }
        each_name_once(document, &configuration.messages, &mut reading);
        configuration
    }

    /// How long a message waits for its answer: its own deadline if it has one, or that of the agent.
    #[must_use]
    pub fn deadline(&self, own: Option<Duration>) -> Duration {
        let agent = self.agent.as_ref().map(|agent| agent.deadline);
        own.or(agent).unwrap_or(DEADLINE)
    }

    /// How long health checks report the end before connections close.
    #[must_use]
    pub fn notice_period(&self) -> Duration {
        self.agent.as_ref().map_or(NOTICE_PERIOD, |agent| agent.notice_period)
    }
}

/// Reports a message that two sections answer.
fn each_name_once(
    document: &Document,
    messages: &BTreeMap<String, MessageSettings>,
    reading: &mut Reading<'_>,
) {
    let mut known: BTreeMap<String, Place> = BTreeMap::new();
    for section in document.sections(Group::Message) {
        let Some(message) = messages.get(&section.name.name) else { continue };
        let own = || vec![section.name.name.clone()];
        for name in message.names.as_ref().map_or_else(own, |names| names.0.clone()) {
            let Some(first) = known.insert(name.clone(), section.name.place) else { continue };
            let title = format!("two sections answer the message `{name}`");
            let finding = Finding::error(title).at(section.name.place, "again");
            reading.findings.add(finding.also(first, "first here").help(
                "name it in one of them; `names` of a section replaces the section's own name",
            ));
        }
    }
}

fn one<S: Settings>(group: Group, reading: &mut Reading<'_>) -> Option<S> {
    let section = reading.document.section(group)?;
    settings(section, reading)
}

/// The admin endpoint has one address.
fn admin(reading: &mut Reading<'_>) -> Option<AdminSettings> {
    let admin: AdminSettings = one(Group::Admin, reading)?;
    let what = match (&admin.tcp, &admin.unix) {
        (Some(_), Some(_)) => "has two addresses",
        _ => return Some(admin),
    };
    let place = reading.document.section(Group::Admin)?.name.place;
    let finding = Finding::error(format!("`[admin]` {what}")).at(place, what);
    reading.findings.add(finding.help("keep one of `tcp` and `unix`"));
    None
}

/// A message; one with a `kind` is a handler as well, which is read with its chain.
fn message(section: &Section, reading: &mut Reading<'_>) -> Option<MessageSettings> {
    let is_handler = section.table.get("kind").is_some();
    if !is_handler {
        let message: MessageSettings = settings(section, reading)?;
        if message.run.is_none() {
            let title = format!("`[message.{}]` runs nothing", section.name.name);
            let finding = Finding::error(title).at(section.name.place, "has no `run`");
            reading.findings.add(finding.help(
                "add `run = [\"handler\"]`, or the `kind` of a handler that is written in place",
            ));
            return None;
        }
        return Some(message);
    }
    let mut table = TableReader::new(&section.table, MessageSettings::OWNER, section.name.place);
    let message = MessageSettings::read(&mut table, reading)?;
    if message.run.is_some() {
        let title = format!("`[message.{}]` has a `kind` and `run`", section.name.name);
        let finding = Finding::error(title).at(section.name.place, "both");
        reading.findings.add(finding.help("keep one of them"));
        return None;
    }
    Some(message)
}

fn settings<S: Settings>(section: &Section, reading: &mut Reading<'_>) -> Option<S> {
    let mut table = TableReader::new(&section.table, S::OWNER, section.name.place);
    let settings = S::read(&mut table, reading);
    table.finish(reading).then_some(settings).flatten()
}
