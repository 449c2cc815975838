//! Which settings the sections have, for the schema of the file.

use super::{
    agent::AgentSettings,
    limits::LimitSettings,
    listen::ListenSettings,
    message::MessageSettings,
    secrets::SECRET,
    telemetry::{AdminSettings, LogSettings, TraceSettings},
};
use crate::{
    file::Group,
    kind::{Setting, Settings},
};

/// The settings of each section of a group that has no kinds; those of `[secrets]` are the settings of each secret.
#[must_use]
pub fn settings_of(group: Group) -> Option<&'static [Setting]> {
    match group {
        Group::Agent => Some(AgentSettings::SETTINGS),
        Group::Listen => Some(ListenSettings::SETTINGS),
        Group::Limits => Some(LimitSettings::SETTINGS),
        Group::Log => Some(LogSettings::SETTINGS),
        Group::Trace => Some(TraceSettings::SETTINGS),
        Group::Admin => Some(AdminSettings::SETTINGS),
        Group::Secrets => Some(SECRET),
        Group::Message => Some(MessageSettings::SETTINGS),
        Group::Args | Group::Data | Group::Service | Group::Handler | Group::Test => None,
    }
}
