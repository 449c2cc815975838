//! Totals JSON: what has been counted since the start, and how long NOTIFYs took.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;
use spoa_actors::{
    observe::{FrameCounts, Histogram, Outcomes, Reasons, ReloadOutcome, Statistics, StatusCounts},
    spop::StatusCode,
};

#[derive(Debug, Default, Serialize)]
pub(super) struct TotalsJson {
    #[serde(flatten)]
    counts: CountsJson,
    /// Messages that have a route, by what happened to them.
    messages: OutcomesJson,
    /// By the name of the frame's type.
    frames_received: BTreeMap<&'static str, FramesJson>,
    frames_sent: BTreeMap<&'static str, FramesJson>,
    hello_refusals: BTreeMap<&'static str, u64>,
    tls_handshakes_refused: BTreeMap<&'static str, u64>,
    violations: BTreeMap<&'static str, u64>,
    disconnects_sent: Vec<StatusCountJson>,
    disconnects_received: Vec<StatusCountJson>,
    protocol_mismatches: BTreeMap<&'static str, u64>,
    reloads: BTreeMap<&'static str, u64>,
}

/// Messages by what happened to them; each but `answered` got the fallback.
#[derive(Debug, Default, Serialize)]
pub(super) struct OutcomesJson {
    answered: u64,
    bad_arguments: u64,
    failed: u64,
    panicked: u64,
    deadline_exceeded: u64,
    agent_overloaded: u64,
    route_full: u64,
    circuit_open: u64,
    too_large: u64,
    too_many_messages: u64,
    actor_stopped: u64,
}

#[derive(Debug, Serialize)]
struct FramesJson {
    frames: u64,
    bytes: u64,
}

/// DISCONNECTs with one status-code.
#[derive(Debug, Serialize)]
struct StatusCountJson {
    status_code: u32,
    /// What the specification says of it.
    status: &'static str,
    count: u64,
}

/// How long NOTIFYs took.
#[derive(Debug, Default, Serialize)]
pub(super) struct LatencyJson {
    count: u64,
    sum_seconds: f64,
    /// Those between their bound and the bound before it; where there are none, there is no bucket.
    buckets: Vec<BucketJson>,
}

#[derive(Debug, Serialize)]
struct BucketJson {
    /// The last bucket has no bound.
    up_to_seconds: Option<f64>,
    count: u64,
}

/// The counts whose names are those of [`Statistics`].
macro_rules! counts {
    ($($name:ident),* $(,)?) => {
        #[derive(Debug, Default, Serialize)]
        struct CountsJson {
            $($name: u64,)*
        }

        impl From<&Statistics> for CountsJson {
            fn from(statistics: &Statistics) -> Self {
                Self { $($name: statistics.$name,)* }
            }
        }
    };
}

counts! {
    connections_accepted,
    connections_refused,
    connections_expired,
    connections_panicked,
    accepts_failed,
    accepts_paused_for_connections,
    accepts_paused_for_workers,
    workers_skipped,
    hellos,
    hellos_refused,
    healthchecks,
    healthchecks_refused,
    proxy_headers_refused,
    tls_handshakes_failed,
    certificates_reloaded,
    certificates_refused,
    notifies,
    acks,
    acks_rerouted,
    acks_dropped,
    notifies_cancelled,
    fragments,
    notifies_aborted,
    notifies_too_large,
    unknown_frames,
    bytes_in,
    bytes_out,
    memory_exceeded,
    reads_paused,
    read_timeouts,
    write_timeouts,
    actions_dropped,
    messages_without_route,
    messages_unread,
    handler_restarts,
    handler_starts_failed,
    handlers_down,
    background_panics,
}

impl TotalsJson {
    pub(super) fn new(statistics: &Statistics) -> Self {
        let wrong = &statistics.protocol_mismatches;
        Self {
            counts: statistics.into(),
            messages: statistics.messages.into(),
            frames_received: frames(&statistics.frames_received),
            frames_sent: frames(&statistics.frames_sent),
            hello_refusals: reasons(&statistics.hello_refusals),
            tls_handshakes_refused: reasons(&statistics.tls_handshakes_refused),
            violations: reasons(&statistics.violations),
            disconnects_sent: status_codes(&statistics.disconnects_sent),
            disconnects_received: status_codes(&statistics.disconnects_received),
            protocol_mismatches: [
                ("http", wrong.http),
                ("tls", wrong.tls),
                ("proxy_header", wrong.proxy_header),
                ("other", wrong.other),
            ]
            .into(),
            reloads: ReloadOutcome::ALL
                .map(|outcome| (outcome.label(), statistics.reloads.count(outcome)))
                .into(),
        }
    }
}

impl From<Outcomes> for OutcomesJson {
    fn from(outcomes: Outcomes) -> Self {
        let Outcomes { answered, bad_arguments, failed, panicked, deadline_exceeded, .. } =
            outcomes;
        let Outcomes { agent_overloaded, route_full, circuit_open, .. } = outcomes;
        let Outcomes { too_large, too_many_messages, actor_stopped, .. } = outcomes;
        Self {
            answered,
            bad_arguments,
            failed,
            panicked,
            deadline_exceeded,
            agent_overloaded,
            route_full,
            circuit_open,
            too_large,
            too_many_messages,
            actor_stopped,
        }
    }
}

impl LatencyJson {
    pub(super) fn new(latency: &Histogram) -> Self {
        let filled = latency.buckets().filter(|&(_, count)| count > 0);
        let bucket = |(bound, count): (Duration, u64)| {
            let up_to_seconds = (bound < Duration::MAX).then_some(bound.as_secs_f64());
            BucketJson { up_to_seconds, count }
        };
        let (count, sum_seconds) = (latency.count(), latency.sum().as_secs_f64());
        Self { count, sum_seconds, buckets: filled.map(bucket).collect() }
    }
}

/// The types of which there were any.
fn frames(counts: &FrameCounts) -> BTreeMap<&'static str, FramesJson> {
    let seen = counts.iter().filter(|(_, count)| count.frames > 0);
    seen.map(|(name, count)| (name, FramesJson { frames: count.frames, bytes: count.bytes }))
        .collect()
}

fn reasons(reasons: &Reasons) -> BTreeMap<&'static str, u64> {
    reasons.iter().collect()
}

fn status_codes(counts: &StatusCounts) -> Vec<StatusCountJson> {
    let count = |(code, count): (StatusCode, u64)| StatusCountJson {
        status_code: code.0,
        status: code.text(),
        count,
    };
    counts.iter().map(count).collect()
}
