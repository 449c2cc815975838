//! Status JSON: what `/status.json` says, which is also all that the page knows.
//!
//! Its names stay: one may be added, none is renamed. Times are in seconds, sizes in bytes.

use std::time::UNIX_EPOCH;

use serde::Serialize;
use spoa_actors::{
    Limits,
    observe::{EngineStatistics, ListenerStatistics, Statistics},
    status::{Agreed, ConnectionStatus, PastViolation, Status},
};

use crate::{
    admin::{
        chain_json::{self, ChainJson, DataJson},
        route_json::{self, RouteJson, UnroutedJson},
        stage::Stage,
        totals_json::{LatencyJson, TotalsJson},
    },
    program,
};

#[derive(Debug, Default, Serialize)]
pub(super) struct StatusJson {
    program: &'static str,
    version: &'static str,
    uptime_seconds: f64,
    /// Which routes are in use: one more with each reload; 0 before the start.
    generation: u64,
    readiness: ReadinessJson,
    workers: WorkersJson,
    limits: LimitsJson,
    in_use: InUseJson,
    listeners: Vec<ListenerJson>,
    /// At most 64, and `other` for those beyond.
    engines: Vec<EngineJson>,
    connections: ConnectionsJson,
    routes: Vec<RouteJson>,
    /// Of the configuration file, by their messages.
    chains: Vec<ChainJson>,
    /// The data sets of the configuration file.
    data: Vec<DataJson>,
    /// By their names, the most frequent first; at most 32.
    messages_without_route: Vec<UnroutedJson>,
    /// The newest first.
    violations: Vec<ViolationJson>,
    /// From the arrival of a NOTIFY to its ACK.
    latency: LatencyJson,
    /// Counts since the start.
    totals: TotalsJson,
}

#[derive(Debug, Default, Serialize)]
struct ReadinessJson {
    is_ready: bool,
    /// `starting`, `ready`, `draining`, `handler_down` or `unresponsive`.
    state: &'static str,
    text: String,
}

#[derive(Debug, Default, Serialize)]
struct WorkersJson {
    total: usize,
    /// Those that did not answer within a second: what they know is not in here.
    unresponsive: u64,
}

#[derive(Debug, Default, Serialize)]
struct LimitsJson {
    connections: usize,
    tls_handshakes: usize,
    messages: usize,
    messages_per_connection: usize,
    memory_bytes: usize,
    max_frame_size_bytes: u32,
    max_reassembled_size_bytes: usize,
    deadline_seconds: f64,
    read_timeout_seconds: f64,
    max_connection_age_seconds: Option<f64>,
}

/// What is taken of the limits of the same names.
#[derive(Debug, Default, Serialize)]
struct InUseJson {
    connections: u64,
    tls_handshakes: u64,
    messages: u64,
    memory_bytes: u64,
}

#[derive(Debug, Serialize)]
struct ListenerJson {
    listener: String,
    open: u64,
    accepted: u64,
}

#[derive(Debug, Serialize)]
struct EngineJson {
    engine_id: String,
    open: u64,
    accepted: u64,
}

#[derive(Debug, Default, Serialize)]
struct ConnectionsJson {
    /// How many are open.
    total: u64,
    /// The oldest of them, at most 500.
    shown: Vec<ConnectionJson>,
}

#[derive(Debug, Serialize)]
struct ConnectionJson {
    peer: String,
    listener: String,
    engine_id: Option<String>,
    /// This and the two below are what HELLO has agreed.
    version: Option<&'static str>,
    max_frame_size_bytes: Option<u32>,
    capabilities: Vec<&'static str>,
    /// `greeting`, `open`, `draining` or `closing`.
    phase: &'static str,
    messages_in_flight: usize,
    memory_bytes: usize,
    age_seconds: f64,
}

#[derive(Debug, Serialize)]
struct ViolationJson {
    time_unix_seconds: f64,
    peer: String,
    engine_id: Option<String>,
    status_code: u32,
    /// What the specification says of the status-code.
    status: &'static str,
    /// One of a bounded set, as in the metrics.
    reason: &'static str,
    text: String,
    advice: String,
}

impl StatusJson {
    /// What is known before the agent has started.
    pub(super) fn starting(limits: &Limits) -> Self {
        let totals = TotalsJson::new(&Statistics::default());
        let (program, version) = program::running();
        Self {
            program,
            version,
            readiness: Stage::Starting.into(),
            limits: limits.into(),
            totals,
            ..Self::default()
        }
    }

    pub(super) fn new(status: &Status) -> Self {
        let Status { statistics, .. } = status;
        let shown = status.connections.iter().map(ConnectionJson::from).collect();
        let (program, version) = program::running();
        Self {
            program,
            version,
            uptime_seconds: status.uptime.as_secs_f64(),
            generation: statistics.reloads.generation,
            readiness: Stage::Started(status.readiness.clone()).into(),
            workers: WorkersJson {
                total: status.arbiters,
                unresponsive: statistics.workers_unresponsive,
            },
            limits: (&status.limits).into(),
            in_use: InUseJson {
                connections: statistics.connections_open,
                tls_handshakes: statistics.tls_handshakes,
                messages: statistics.routes.iter().map(|route| route.concurrency).sum(),
                memory_bytes: statistics.buffered_bytes,
            },
            listeners: statistics.listeners.iter().map(ListenerJson::from).collect(),
            engines: statistics.engines.iter().map(EngineJson::from).collect(),
            connections: ConnectionsJson { total: statistics.connections_open, shown },
            routes: route_json::routes(statistics),
            chains: chain_json::chains(),
            data: chain_json::data(),
            messages_without_route: route_json::unrouted(statistics),
            violations: status.violations.iter().map(ViolationJson::from).collect(),
            latency: LatencyJson::new(&statistics.latency),
            totals: TotalsJson::new(statistics),
        }
    }
}

impl From<Stage> for ReadinessJson {
    fn from(stage: Stage) -> Self {
        Self { is_ready: stage.is_ready(), state: stage.label(), text: stage.to_string() }
    }
}

impl From<&Limits> for LimitsJson {
    fn from(limits: &Limits) -> Self {
        Self {
            connections: limits.connections,
            tls_handshakes: limits.handshakes,
            messages: limits.messages,
            messages_per_connection: limits.messages_per_connection,
            memory_bytes: limits.memory,
            max_frame_size_bytes: limits.max_frame_size,
            max_reassembled_size_bytes: limits.max_reassembled_size,
            deadline_seconds: limits.deadline.as_secs_f64(),
            read_timeout_seconds: limits.read_timeout.as_secs_f64(),
            max_connection_age_seconds: limits.max_connection_age.map(|age| age.as_secs_f64()),
        }
    }
}

impl From<&ListenerStatistics> for ListenerJson {
    fn from(listener: &ListenerStatistics) -> Self {
        let ListenerStatistics { open, accepted, .. } = *listener;
        Self { listener: listener.listener.clone(), open, accepted }
    }
}

impl From<&EngineStatistics> for EngineJson {
    fn from(engine: &EngineStatistics) -> Self {
        let EngineStatistics { open, accepted, .. } = *engine;
        Self { engine_id: engine.engine_id.clone(), open, accepted }
    }
}

impl From<&ConnectionStatus> for ConnectionJson {
    fn from(connection: &ConnectionStatus) -> Self {
        let agreed = connection.agreed.as_ref();
        Self {
            peer: connection.peer.to_string(),
            listener: connection.listener.to_string(),
            engine_id: connection.engine_id.as_ref().map(ToString::to_string),
            version: agreed.map(|agreed| agreed.version),
            max_frame_size_bytes: agreed.map(|agreed| agreed.max_frame_size),
            capabilities: agreed.map(capabilities).unwrap_or_default(),
            phase: connection.phase.label(),
            messages_in_flight: connection.messages_in_flight,
            memory_bytes: connection.buffered_bytes,
            age_seconds: connection.age.as_secs_f64(),
        }
    }
}

/// Their names on the wire.
fn capabilities(agreed: &Agreed) -> Vec<&'static str> {
    let capabilities = agreed.capabilities;
    let known = [
        (capabilities.pipelining, "pipelining"),
        (capabilities.asynchronous, "async"),
        (capabilities.fragmentation, "fragmentation"),
    ];
    known.into_iter().filter_map(|(has, name)| has.then_some(name)).collect()
}

impl From<&PastViolation> for ViolationJson {
    fn from(violation: &PastViolation) -> Self {
        // A clock before 1970 is wrong anyway.
        let time = violation.time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            time_unix_seconds: time.as_secs_f64(),
            peer: violation.peer.to_string(),
            engine_id: violation.engine_id.as_ref().map(ToString::to_string),
            status_code: violation.status_code.0,
            status: violation.status_code.text(),
            reason: violation.reason,
            text: violation.text.clone(),
            advice: violation.advice.to_owned(),
        }
    }
}
