//! Agent context: shared by all arbiters of an agent.

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

/// Shared by all arbiters of an agent; clones belong to the same agent.
#[derive(Clone, Debug)]
pub(crate) struct AgentContext {
    /// Those that it has started with: the totals of the agent stay so.
    pub(crate) start_limits: Limits,
    /// Those that hold now.
    pub(crate) current_limits: CurrentLimits,
    /// The names of the limits in log lines and errors.
    pub(crate) limit_names: LimitNames,
    /// Whether an ACK without actions gets one without effect.
    pub(crate) fill_empty_acks: bool,
    /// Whether an ACK can leave on another connection than its own.
    pub(crate) asynchronous: bool,
    /// How NOTIFYs become spans, if they do, until a reload says otherwise.
    pub(crate) traces: Option<Arc<Traces>>,
    /// The permits of open connections.
    pub(crate) places: ConnectionPermits,
    /// The number of arbiters.
    #[cfg_attr(
        not(feature = "tls"),
        expect(dead_code, reason = "they share TLS handshakes alone")
    )]
    pub(crate) arbiters: NonZero<usize>,
    /// The connections that are being recycled: one at a time.
    pub(crate) recycling: SharedBudget,
    /// The messages that wait for answers.
    pub(crate) in_flight: SharedBudget,
    /// The bytes that connections buffer between their wake-ups.
    pub(crate) memory: SharedBudget,
    /// The part of it that connections take regardless of their peers.
    pub(crate) costs: SharedBudget,
    /// The engines with their own counts.
    pub(crate) engines: EngineNames,
    /// Whether any client has sent a message.
    pub(crate) demand: Demand,
    /// Whether the agent is stopping.
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

    /// The same with NOTIFYs that become spans, if set.
    pub(crate) fn traced(self, traces: Option<Traces>) -> Self {
        Self { traces: traces.map(Arc::new), ..self }
    }

    /// Refuses settings that cannot work.
    pub(crate) fn check(&self) -> Result<(), AgentError> {
        self.start_limits.check(self.limit_names)?;
        self.traces.as_ref().map_or(Ok(()), |traces| traces.check())
    }

    /// The operator's name of this limit.
    pub(crate) fn name(&self, limit: Limit) -> &'static str {
        self.limit_names.of(limit)
    }

    /// From now on the agent is stopping.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Relaxed);
        self.stopping.cancel();
    }

    /// Whether the agent is stopping.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Relaxed)
    }
}
