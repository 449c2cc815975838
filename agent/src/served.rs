//! Served: the chains and data sets of the configuration file that this process serves.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use spoa_handlers::{
    chain::{Chain, StepCounts},
    data::DataState,
    resource::Resources,
};

/// What this process serves.
static SERVED: OnceLock<ServedFile> = OnceLock::new();

/// The chains of the messages, by the names of their sections, and what they use.
pub(crate) struct ServedFile {
    chains: Vec<(String, Arc<Chain>)>,
    /// They are followed as long as they are here.
    resources: Resources,
}

/// A chain, and what its handlers have done.
pub(crate) struct ChainCounts {
    pub(crate) message: &'static str,
    pub(crate) steps: Vec<StepCounts>,
    /// How many variables did not fit into their ACK.
    pub(crate) dropped: u64,
}

impl ServedFile {
    /// Makes these the ones that the process serves.
    pub(crate) fn set(chains: BTreeMap<String, Arc<Chain>>, resources: Resources) {
        // A process serves one file.
        let _ = SERVED.set(Self { chains: chains.into_iter().collect(), resources });
    }
}

/// What the handlers of all chains have done.
pub(crate) fn chains() -> Vec<ChainCounts> {
    let chains = SERVED.get().into_iter().flat_map(|served| &served.chains);
    let counts = chains.map(|(message, chain)| ChainCounts {
        message,
        steps: chain.counts(),
        dropped: chain.dropped(),
    });
    counts.collect()
}

/// How the data sets are. It may wait for the threads that follow their files.
pub(crate) fn data() -> Vec<DataState> {
    SERVED.get().map(|served| served.resources.states()).unwrap_or_default()
}
