//! Kinds for the tests of the reader, with the settings that the design's example has.

use std::time::Duration;

use spoa_handlers::{
    file::{DataName, Group, List, Loaded, Reading, SecretName, ServiceName, TableReader},
    kind::{self, Settings},
    value::{Percentage, Rate, Size},
};

spoa_handlers::settings! {
    /// What `geoip` is set to.
    pub(crate) struct GeoIp, "`geoip`" {
        /// The databases.
        data: List<DataName>,
        /// What is set.
        set: Option<List<String>>,
    }
}

spoa_handlers::words! {
    /// What is done without the store.
    pub(crate) enum OnError, "what is done without the store" {
        /// Each agent counts by itself.
        Local = "local",
        /// The request goes on.
        Allow = "allow",
        /// It is refused.
        Deny = "deny",
    }
}

spoa_handlers::settings! {
    /// What `rate-limit` is set to.
    pub(crate) struct RateLimit, "`rate-limit`" {
        /// What is counted.
        key: List<String>,
        /// How many may come in a time.
        rate: Rate,
        /// How many may come at once.
        burst: u32 = 1,
        /// Where all agents count together.
        store: Option<ServiceName>,
        /// What is done without the store.
        on_error: OnError = OnError::Local,
        /// Which part each agent takes without the store.
        share: Option<Percentage>,
        /// How much memory the keys take.
        memory: Size = Size(16 << 20),
        /// How long a key is remembered.
        remember: Duration = Duration::from_secs(60),
        /// What the keys are hashed with.
        hash: Option<SecretName>,
    }
}

const KINDS: &[&str] = &[
    "audit",
    "forward-auth",
    "geoip",
    "ip-reputation",
    "jwt",
    "lookup",
    "lua",
    "program",
    "rate-limit",
    "rules",
];

/// Reads the handlers, as far as their kinds are known here.
pub(crate) fn read(loaded: &mut Loaded) {
    let Loaded { document, sources, findings } = loaded;
    let document = &*document;
    let mut reading = Reading { document, sources, findings };
    for section in document.sections(Group::Handler) {
        let mut table = TableReader::new(&section.table, "a handler", section.name.place);
        let kind = kind::choose(section.group.name(), &mut table, KINDS, &mut reading);
        match kind.map(|index| KINDS[index]) {
            Some("geoip") => settings::<GeoIp>(section, &mut reading),
            Some("rate-limit") => settings::<RateLimit>(section, &mut reading),
            _ => {}
        }
    }
}

fn settings<S: Settings>(section: &spoa_handlers::file::Section, reading: &mut Reading<'_>) {
    let mut table = TableReader::new(&section.table, S::OWNER, section.name.place);
    table.leave(["kind", "when"]);
    S::read(&mut table, reading);
    table.finish(reading);
}
