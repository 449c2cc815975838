//! The configuration: all sections that are not handlers, data or services.

use std::collections::BTreeMap;

use super::{
    agent::AgentSettings,
    limits::LimitSettings,
    listen::{Address, ListenSettings},
    message::MessageSettings,
    secrets::{Secrets, secrets},
    telemetry::{AdminSettings, LogSettings, TraceSettings},
};
use crate::{
    file::{Group, Loaded, Reading, Section, TableReader},
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
    /// `[message.NAME]` with `run`, by name; those with a `kind` are handlers.
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
            admin: one(Group::Admin, &mut reading),
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
        let messages = document.sections(Group::Message);
        for section in messages.filter(|section| section.table.get("kind").is_none()) {
            if let Some(message) = settings(section, &mut reading) {
                configuration.messages.insert(section.name.name.clone(), message);
            }
        }
        configuration
    }
}

fn one<S: Settings>(group: Group, reading: &mut Reading<'_>) -> Option<S> {
    let section = reading.document.section(group)?;
    settings(section, reading)
}

fn settings<S: Settings>(section: &Section, reading: &mut Reading<'_>) -> Option<S> {
    let mut table = TableReader::new(&section.table, S::OWNER, section.name.place);
    let settings = S::read(&mut table, reading);
    table.finish(reading).then_some(settings).flatten()
}
