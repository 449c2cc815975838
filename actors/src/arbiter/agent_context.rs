//! Agent context: what all arbiters of an agent have in common.

use std::{
    num::NonZero,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::{
    connection_permits::ConnectionPermits, current_limits::CurrentLimits, demand::Demand,
    shared_budget::SharedBudget,
};
use crate::{
    error::AgentError,
    limit::{Limit, LimitNames},
    limits::Limits,
    observe::{EngineNames, ReloadCounters},
    trace::Traces,
};

/// What all arbiters of an agent have in common; clones are of the same agent.
#[derive(Clone, Debug)]
pub(crate) struct AgentContext {
    /// Those that it has started with: the totals of the agent stay so.
    pub(crate) start_limits: Limits,
    /// Those that hold now.
    pub(crate) current_limits: CurrentLimits,
    /// What they are called in lines of the log and in errors.
    pub(crate) limit_names: LimitNames,
    /// Whether an ACK without actions gets one that does nothing.
    pub(crate) fill_empty_acks: bool,
    /// Whether an ACK may leave on another connection than its own.
    pub(crate) asynchronous: bool,
    /// How NOTIFYs become spans, if they do, until a reload says otherwise.
    pub(crate) traces: Option<Arc<Traces>>,
    /// The places of the connections that are open.
    pub(crate) places: ConnectionPermits,
    /// How many arbiters there are.
    #[cfg_attr(
        not(feature = "tls"),
        expect(dead_code, reason = "they share TLS handshakes alone")
    )]
    pub(crate) arbiters: NonZero<usize>,
    /// The connections that are being recycled: one at a time.
    pub(crate) recycling: SharedBudget,
    /// The messages that wait for their answers.
    pub(crate) in_flight: SharedBudget,
    /// The bytes that connections keep between their wake-ups.
    pub(crate) memory: SharedBudget,
    /// The part of it that connections cost whatever their peers do.
    pub(crate) costs: SharedBudget,
    /// The engines that are counted each by itself.
    pub(crate) engines: EngineNames,
    /// Whether anybody has asked it.
    pub(crate) demand: Demand,
    /// Whether the agent comes to its end.
    pub(crate) draining: Arc<AtomicBool>,
    /// Cancelled as it comes to its end: a reload is given up then.
    pub(crate) stopping: CancellationToken,
    /// The reloads, one after the other.
    pub(crate) reloads: Arc<ReloadCounters>,
    pub(crate) reload_turn: Arc<Semaphore>,
    /// Ends the start of the agent: what has started stops.
    pub(crate) start_given_up: CancellationToken,
}

impl AgentContext {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            places: ConnectionPermits::new(&limits),
            arbiters: NonZero::<usize>::MIN,
            recycling: SharedBudget::new(1),
            in_flight: SharedBudget::new(limits.messages),
            memory: SharedBudget::new(limits.memory),
            costs: SharedBudget::new(limits.memory),
            current_limits: CurrentLimits::new(limits),
            start_limits: limits,
            limit_names: LimitNames::default(),
            engines: EngineNames::default(),
            demand: Demand::default(),
            fill_empty_acks: false,
            asynchronous: false,
            traces: None,
            draining: Arc::default(),
            stopping: CancellationToken::new(),
            reloads: Arc::new(ReloadCounters::new()),
            reload_turn: Arc::new(Semaphore::new(1)),
            start_given_up: CancellationToken::new(),
        }
    }

    /// The same with NOTIFYs that become spans, if they do.
    pub(crate) fn traced(self, traces: Option<Traces>) -> Self {
        Self { traces: traces.map(Arc::new), ..self }
    }

    /// Refuses settings that cannot work.
    pub(crate) fn check(&self) -> Result<(), AgentError> {
        self.start_limits.check(self.limit_names)?;
        self.traces.as_ref().map_or(Ok(()), |traces| traces.check())
    }

    /// What an operator calls this limit.
    pub(crate) fn name(&self, limit: Limit) -> &'static str {
        self.limit_names.of(limit)
    }

    /// From now on the agent comes to its end.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Relaxed);
        self.stopping.cancel();
    }

    /// Whether the agent comes to its end.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Relaxed)
    }
}
