//! Config file: the configuration file, read and checked, for `run` and for all commands about it.

use std::{collections::BTreeMap, env, io, path::Path, sync::Arc, time::Duration};

use anstream::{AutoStream, ColorChoice};
use spoa_actors::{BoxError, Registry, Route};
use spoa_handlers::{
    chain::{Chain, ChainHandler, StartError, chains},
    configuration::{Configuration, MessageSettings},
    file::{Loaded, Reading, load},
    finding::Report,
    kinds::KINDS,
    resource::{ResourcePlan, Resources},
    testing::{TestPlan, tests},
};

use crate::{failure::Failure, precedence, spoe_file, telemetry::line_queue::LineQueue};

/// How long stderr can delay the start.
const LAST_LINE: Duration = Duration::from_secs(1);
/// The name that stands for all messages without a handler.
const ALL_OTHERS: &str = "*";

/// A configuration file, and what it describes: as far as it could be read.
pub(crate) struct ConfigFile {
    pub(crate) loaded: Loaded,
    pub(crate) configuration: Configuration,
    /// Its data sets and secrets, which are followed as long as this is there.
    pub(crate) resources: Resources,
    /// The chains of its messages.
    pub(crate) chains: BTreeMap<String, Arc<Chain>>,
}

/// Chains whose handlers have started, until this is dropped.
pub(crate) struct StartedChains(Vec<Arc<Chain>>);

impl Drop for StartedChains {
    fn drop(&mut self) {
        self.0.iter().for_each(|chain| chain.stop());
    }
}

impl ConfigFile {
    /// Reads it, and prints its findings on stderr.
    ///
    /// # Errors
    ///
    /// If a finding keeps the file from being used. The failure has all of them.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let file = Self::read(path);
        if file.has_errors() {
            return Err(Failure::Findings(file.report()));
        }
        if !file.loaded.findings.is_empty() {
            warn(&file.report());
        }
        Ok(file)
    }

    /// Reads it, whatever there is to find.
    pub(crate) fn read(path: &Path) -> Self {
        let mut loaded = load(path, &|name: &str| env::var(name).ok());
        let configuration = Configuration::read(&mut loaded);
        precedence::check(&mut loaded);
        spoe_file::check(&mut loaded, &configuration);
        let Loaded { document, sources, findings } = &mut loaded;
        let mut reading = Reading { document, sources, findings };
        let plan = ResourcePlan::read(&configuration.secrets, &mut reading);
        let resources = Resources::open(plan, None, &mut reading);
        let chains = chains(&configuration.messages, KINDS, &resources, &mut reading);
        let chains = chains.into_iter().map(|(name, chain)| (name, Arc::new(chain))).collect();
        Self { loaded, configuration, resources, chains }
    }

    /// Starts what its handlers need to answer messages, such as programs; they end when the guard is dropped.
    ///
    /// # Errors
    ///
    /// If one of them does not start; then none is left.
    pub(crate) fn start(&self) -> Result<StartedChains, StartError> {
        let mut started = StartedChains(Vec::new());
        for chain in self.chains.values() {
            chain.start()?;
            started.0.push(Arc::clone(chain));
        }
        Ok(started)
    }

    /// The tests of the file; what is wrong with them joins the findings.
    pub(crate) fn tests(&mut self) -> Vec<TestPlan> {
        let Loaded { document, sources, findings } = &mut self.loaded;
        let mut reading = Reading { document, sources, findings };
        tests(&self.configuration.messages, KINDS, &self.resources, &mut reading)
    }

    /// Whether a finding keeps it from being used.
    pub(crate) fn has_errors(&self) -> bool {
        self.loaded.findings.errors() > 0
    }

    /// All findings, drawn for stderr; empty if there are none.
    pub(crate) fn report(&self) -> String {
        let report = Report::new(&self.loaded.findings, &self.loaded.sources);
        match AutoStream::choice(&io::stderr()) {
            ColorChoice::Never => report.to_string(),
            _ => report.coloured().to_string(),
        }
    }

    /// These handlers, and those of the messages in the file.
    ///
    /// # Errors
    ///
    /// If a message has both.
    pub(crate) fn register(&self, mut registry: Registry) -> Result<Registry, BoxError> {
        for (section, settings) in &self.configuration.messages {
            let Some(chain) = self.chains.get(section) else { continue };
            let route = route(chain, settings);
            for name in settings.names.as_ref().map_or(&[section.clone()][..], |names| &names.0) {
                if name == ALL_OTHERS {
                    registry = registry.catch_all(route.clone());
                } else if registry.names().any(|known| known == name) {
                    return Err(self.twice(name, section).into());
                } else {
                    registry = registry.on(name, route.clone());
                }
            }
        }
        Ok(registry)
    }

    /// What is said of a message with two handlers.
    fn twice(&self, name: &str, section: &str) -> String {
        let file = self.loaded.sources.first_path().display();
        format!(
            "the message {name} has two handlers: one of the program, and [message.{section}] of {file}; \
             remove one of them"
        )
    }
}

/// Prints warnings, but does not wait for a reader of stderr.
fn warn(report: &str) {
    if let Ok(stderr) = LineQueue::start(io::stderr()) {
        stderr.push(report.as_bytes());
        stderr.flush_within(LAST_LINE);
    }
}

fn route(chain: &Arc<Chain>, settings: &MessageSettings) -> Route {
    let handler = ChainHandler(Arc::clone(chain));
    let mut route = Route::handler(move || handler.clone());
    if let Some(fallback) = chain.fallback() {
        route = route.fallback(fallback);
    }
    if let Some(deadline) = settings.deadline {
        route = route.deadline(deadline);
    }
    if let Some(calls) = settings.in_flight {
        route = route.concurrency(calls as usize);
    }
    route
}
