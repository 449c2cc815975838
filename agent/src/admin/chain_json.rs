//! Chain JSON: what `/status.json` says of the handlers and data sets of the configuration file.

use std::time::UNIX_EPOCH;

use serde::Serialize;
use spoa_handlers::{
    chain::{DecisionCount, StepCounts},
    data::DataState,
};

use crate::served::{self, ChainCounts};

/// The handlers of a message, in their order.
#[derive(Debug, Serialize)]
pub(super) struct ChainJson {
    /// The name of its section.
    message: &'static str,
    handlers: Vec<HandlerJson>,
    /// Those that did not fit into an ACK.
    variables_dropped: u64,
}

#[derive(Debug, Serialize)]
struct HandlerJson {
    handler: String,
    /// `enforce`, `observe` or `off`.
    mode: &'static str,
    run: u64,
    skipped: u64,
    failed: u64,
    /// Those that ended the chain.
    decided: u64,
    /// All of them, also those that were only counted.
    decisions: Vec<DecisionJson>,
}

#[derive(Debug, Serialize)]
struct DecisionJson {
    action: &'static str,
    reason: String,
    count: u64,
}

/// A data set.
#[derive(Debug, Serialize)]
pub(super) struct DataJson {
    data: String,
    is_up: bool,
    is_stale: bool,
    entries: usize,
    memory_bytes: usize,
    bad_lines: u64,
    modified_unix_seconds: Option<f64>,
    loads: u64,
    failures: u64,
    last_error: Option<String>,
}

pub(super) fn chains() -> Vec<ChainJson> {
    served::chains().into_iter().map(ChainJson::from).collect()
}

pub(super) fn data() -> Vec<DataJson> {
    served::data().into_iter().map(DataJson::from).collect()
}

impl From<ChainCounts> for ChainJson {
    fn from(chain: ChainCounts) -> Self {
        let ChainCounts { message, steps, dropped } = chain;
        let handlers = steps.into_iter().map(HandlerJson::from).collect();
        Self { message, handlers, variables_dropped: dropped }
    }
}

impl From<StepCounts> for HandlerJson {
    fn from(step: StepCounts) -> Self {
        let decision =
            |DecisionCount { action, reason, count }| DecisionJson { action, reason, count };
        Self {
            handler: step.name,
            mode: step.mode.word(),
            run: step.run,
            skipped: step.skipped,
            failed: step.failed,
            decided: step.decided,
            decisions: step.decisions.into_iter().map(decision).collect(),
        }
    }
}

impl From<DataState> for DataJson {
    fn from(state: DataState) -> Self {
        let time = state.modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        Self {
            data: state.name,
            is_up: state.is_up,
            is_stale: state.is_stale,
            entries: state.entries,
            memory_bytes: state.bytes,
            bad_lines: state.bad_lines,
            modified_unix_seconds: time.map(|time| time.as_secs_f64()),
            loads: state.loads,
            failures: state.failures,
            last_error: state.last_error,
        }
    }
}
