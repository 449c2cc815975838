//! Statistics: what the agent has seen and done, counted per arbiter and added up on request.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::{
    engine_statistics::{self, EngineStatistics, Engines},
    frame_counts::FrameCounts,
    listener_statistics::{self, ListenerStatistics, Listeners},
    reasons::Reasons,
    spop::{Foreign, StatusCode},
};

/// What an agent, or one of its arbiters, has seen and done since it started.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Statistics {
    /// Connections accepted, health checks included; refused ones are not.
    pub connections_accepted: u64,
    /// Tries to accept a connection that failed, as no file could be opened.
    pub accepts_failed: u64,
    /// Connections refused because as many were open as may be.
    pub connections_refused: u64,
    /// Connections that are open now.
    pub connections_open: u64,
    /// Connections that ended because of their age.
    pub connections_recycled: u64,
    /// Bytes that connections keep now, between their wake-ups: see
    /// [`Limits::memory`](crate::Limits::memory).
    pub bytes_kept: u64,
    /// Connections ended because they kept much while all together kept more than they may.
    pub memory_exceeded: u64,
    /// Connections ended because a frame was not finished in time.
    pub read_timeouts: u64,
    /// Connections closed because the peer read nothing for too long.
    pub write_timeouts: u64,
    /// Connections whose own code panicked: each is a bug of this library.
    pub connections_panicked: u64,
    /// HELLOs agreed.
    pub hellos: u64,
    /// HELLOs refused, or missing.
    pub hellos_refused: u64,
    /// Why they were.
    pub hello_refusals: Reasons,
    /// Connections that began with another protocol than is due, by what it was.
    pub wrong_traffic: WrongTraffic,
    /// PROXY headers that could not be read, or did not come in time.
    pub proxy_headers_refused: u64,
    /// TLS handshakes that failed, or were not complete in time.
    pub tls_handshakes_failed: u64,
    /// How often the changed certificates of a listener were read and taken.
    pub certificates_reloaded: u64,
    /// How often they could not be taken, and the old ones stayed in use.
    pub certificates_refused: u64,
    /// Health checks answered.
    pub healthchecks: u64,
    /// Health checks refused, as the agent stops.
    pub healthchecks_refused: u64,
    /// Complete NOTIFYs received.
    pub notifies: u64,
    /// ACKs sent.
    pub acks: u64,
    /// ACKs sent on another connection than their own, which had gone.
    pub acks_rerouted: u64,
    /// NOTIFYs that wait for an answer now.
    pub in_flight: u64,
    /// NOTIFYs whose connection ended before their answers had come.
    pub cancelled: u64,
    /// Bytes received.
    pub bytes_in: u64,
    /// Bytes sent.
    pub bytes_out: u64,
    /// Frames received whole, by their type. A fragment is a frame, too.
    pub frames_received: FrameCounts,
    /// Frames sent, by their type.
    pub frames_sent: FrameCounts,
    /// Fragments received, each counted.
    pub fragments: u64,
    /// Fragmented NOTIFYs on which HAProxy gave up.
    pub aborted: u64,
    /// Fragmented NOTIFYs over the limit: answered without being read.
    pub oversize: u64,
    /// Frames of a type that the specification does not know: skipped.
    pub unknown_frames: u64,
    /// Messages without a route: they contribute nothing to their ACK.
    pub messages_without_route: u64,
    /// Actions that did not fit into their ACK.
    pub actions_left_out: u64,
    /// Handlers that were renewed after a failure.
    pub handlers_renewed: u64,
    /// Starts of handlers that failed, renewals included.
    pub handler_starts_failed: u64,
    /// How often a handler had failed too often, or was renewed for too long, so that it was not asked
    /// for a while.
    pub handlers_given_up: u64,
    /// Panics of handlers beside their messages: in a task, or in a call that was late already.
    pub panics_aside: u64,
    /// What became of the messages that have a route.
    pub messages: Outcomes,
    /// Connections ended after HELLO because the peer broke the protocol, by the reason.
    pub violations: Reasons,
    /// AGENT-DISCONNECTs sent, by status-code.
    pub disconnects_sent: StatusCounts,
    /// HAPROXY-DISCONNECTs received, by status-code.
    pub disconnects_received: StatusCounts,
    /// From the arrival of a NOTIFY to its ACK.
    pub latency: Histogram,
    /// The connections of each listener.
    pub listeners: Vec<ListenerStatistics>,
    /// The connections of each engine, of 64 of them at the most; all others are one, `other`.
    pub engines: Vec<EngineStatistics>,
    /// Arbiters whose counts are missing here, as they did not answer.
    pub arbiters_silent: u64,
}

/// What connections began with where another protocol is due.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct WrongTraffic {
    /// HTTP.
    pub http: u64,
    /// TLS where none is configured, or where a PROXY header is due.
    pub tls: u64,
    /// A PROXY header where none is configured.
    pub proxy_header: u64,
    /// Something else, most likely plain SPOP, where a PROXY header or TLS is due.
    pub other: u64,
}

/// What became of messages.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Outcomes {
    /// The handler answered.
    pub answered: u64,
    /// The arguments were not those that the handler asks for.
    pub bad_arguments: u64,
    /// The handler returned an error.
    pub failed: u64,
    /// The handler panicked.
    pub panicked: u64,
    /// There was no answer by the deadline; a later one was dropped.
    pub late: u64,
    /// Too many messages of the connection, or of the agent, waited for their answers.
    pub overloaded: u64,
    /// The route had as many calls in flight as it may.
    pub full: u64,
    /// The handler had failed too often, and was not asked.
    pub down: u64,
    /// The NOTIFY was larger than the limit, and not read.
    pub oversize: u64,
    /// The actor behind the route had stopped.
    pub gone: u64,
}

/// DISCONNECTs by status-code; codes without a name are counted as [`StatusCode::UNKNOWN`].
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct StatusCounts(BTreeMap<u32, u64>);

/// Durations in buckets whose bounds double from one to the next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Histogram {
    counts: [u64; Self::BUCKETS],
    sum: Duration,
}

/// Adds up numbers, and what adds up by itself. A field that is forgotten does not compile.
macro_rules! add_counts {
    (
        $sum:ident,
        $other:ident,
        [$($number:ident),* $(,)?],
        [$($nested:ident),* $(,)?],
        [$($list:ident of $module:ident),* $(,)?]
    ) => {
        let Self { $($number,)* $($nested,)* $($list),* } = $other;
        $($sum.$number += $number;)*
        $($sum.$nested.add($nested);)*
        $($module::add_all(&mut $sum.$list, $list);)*
    };
}

impl Statistics {
    /// Adds the counts of `other`.
    pub fn add(&mut self, other: &Self) {
        add_counts!(
            self,
            other,
            [
                connections_accepted,
                accepts_failed,
                connections_refused,
                connections_open,
                connections_recycled,
                bytes_kept,
                memory_exceeded,
                read_timeouts,
                write_timeouts,
                connections_panicked,
                hellos,
                hellos_refused,
                proxy_headers_refused,
                tls_handshakes_failed,
                certificates_reloaded,
                certificates_refused,
                healthchecks,
                healthchecks_refused,
                notifies,
                acks,
                acks_rerouted,
                in_flight,
                cancelled,
                bytes_in,
                bytes_out,
                fragments,
                aborted,
                oversize,
                unknown_frames,
                messages_without_route,
                actions_left_out,
                handlers_renewed,
                handler_starts_failed,
                handlers_given_up,
                panics_aside,
                arbiters_silent,
            ],
            [
                wrong_traffic,
                hello_refusals,
                frames_received,
                frames_sent,
                messages,
                violations,
                disconnects_sent,
                disconnects_received,
                latency,
            ],
            [listeners of listener_statistics, engines of engine_statistics]
        );
    }
}

impl WrongTraffic {
    pub(crate) fn count(&mut self, found: Option<Foreign>) {
        *match found {
            Some(Foreign::Http) => &mut self.http,
            Some(Foreign::Tls) => &mut self.tls,
            Some(Foreign::ProxyHeader) => &mut self.proxy_header,
            None => &mut self.other,
        } += 1;
    }

    fn add(&mut self, other: &Self) {
        let Self { http, tls, proxy_header, other } = other;
        self.http += http;
        self.tls += tls;
        self.proxy_header += proxy_header;
        self.other += other;
    }
}

impl Outcomes {
    fn add(&mut self, other: &Self) {
        let Self {
            answered,
            bad_arguments,
            failed,
            panicked,
            late,
            overloaded,
            full,
            down,
            oversize,
            gone,
        } = other;
        self.answered += answered;
        self.bad_arguments += bad_arguments;
        self.failed += failed;
        self.panicked += panicked;
        self.late += late;
        self.overloaded += overloaded;
        self.full += full;
        self.down += down;
        self.oversize += oversize;
        self.gone += gone;
    }
}

impl StatusCounts {
    /// How many had this status-code.
    #[must_use]
    pub fn of(&self, status_code: StatusCode) -> u64 {
        self.0.get(&status_code.0).copied().unwrap_or_default()
    }

    /// Every status-code that occurred, and how often.
    pub fn iter(&self) -> impl Iterator<Item = (StatusCode, u64)> {
        self.0.iter().map(|(&code, &count)| (StatusCode(code), count))
    }

    pub(crate) fn count(&mut self, status_code: StatusCode) {
        // A peer may send any number: what has no name shares one entry.
        let known = if status_code.is_registered() { status_code } else { StatusCode::UNKNOWN };
        *self.0.entry(known.0).or_default() += 1;
    }

    fn add(&mut self, other: &Self) {
        for (status_code, count) in other.iter() {
            *self.0.entry(status_code.0).or_default() += count;
        }
    }
}

impl Histogram {
    /// How many buckets there are.
    pub const BUCKETS: usize = 32;

    /// The buckets from the smallest: the upper bound of each, and how many durations lie in it.
    ///
    /// The first holds all below 1 µs; the last has no bound.
    pub fn buckets(&self) -> impl Iterator<Item = (Duration, u64)> {
        self.counts.iter().enumerate().map(|(index, &count)| {
            let bound = match index {
                last if last + 1 == Self::BUCKETS => Duration::MAX,
                index => Duration::from_micros(1 << index),
            };
            (bound, count)
        })
    }

    /// How many durations there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// All durations together.
    #[must_use]
    pub fn sum(&self) -> Duration {
        self.sum
    }

    pub(crate) fn record(&mut self, duration: Duration, times: u64) {
        let microseconds = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let index = (u64::BITS - microseconds.leading_zeros()) as usize;
        self.counts[index.min(Self::BUCKETS - 1)] += times;
        self.sum += match times {
            1 => duration,
            times => duration.saturating_mul(u32::try_from(times).unwrap_or(u32::MAX)),
        };
    }

    fn add(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            *count += more;
        }
        self.sum += other.sum;
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: [0; Self::BUCKETS], sum: Duration::ZERO }
    }
}

/// The statistics of one arbiter, shared by everything on it.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// What is counted for every NOTIFY.
    notifies: Cell<u64>,
    acks: Cell<u64>,
    answered: Cell<u64>,
    pub(crate) listeners: Listeners,
    pub(crate) engines: Engines,
    /// Everything else.
    rest: RefCell<Statistics>,
}

impl Counters {
    /// A NOTIFY has come.
    #[inline]
    pub(crate) fn notify(&self) {
        self.notifies.set(self.notifies.get() + 1);
    }

    /// An ACK leaves.
    #[inline]
    pub(crate) fn ack(&self) {
        self.acks.set(self.acks.get() + 1);
    }

    /// A handler has answered a message.
    #[inline]
    pub(crate) fn message_answered(&self) {
        self.answered.set(self.answered.get() + 1);
    }

    /// So many NOTIFYs were answered so soon.
    pub(crate) fn answered_at_once(&self, notifies: u64, latency: Duration) {
        self.count(|statistics| statistics.latency.record(latency, notifies));
    }

    /// Counts anything else.
    #[inline]
    pub(crate) fn count(&self, count: impl FnOnce(&mut Statistics)) {
        count(&mut self.rest.borrow_mut());
    }

    pub(crate) fn snapshot(&self) -> Statistics {
        let mut statistics = self.rest.borrow().clone();
        statistics.notifies += self.notifies.get();
        statistics.acks += self.acks.get();
        statistics.messages.answered += self.answered.get();
        statistics.listeners = self.listeners.snapshot();
        statistics.engines = self.engines.snapshot();
        statistics
    }
}

/// What is counted beside the arbiters, where connections are accepted.
#[derive(Debug, Default)]
pub(crate) struct ListenerCounters {
    names: Vec<Arc<str>>,
    accepts_failed: AtomicU64,
    certificates_reloaded: AtomicU64,
    certificates_refused: AtomicU64,
}

impl ListenerCounters {
    pub(crate) fn new(names: Vec<Arc<str>>) -> Self {
        Self { names, ..Self::default() }
    }

    pub(crate) fn accept_failed(&self) {
        self.accepts_failed.fetch_add(1, Ordering::Relaxed);
    }

    #[cfg(feature = "tls")]
    pub(crate) fn certificates_reloaded(&self) {
        self.certificates_reloaded.fetch_add(1, Ordering::Relaxed);
    }

    #[cfg(feature = "tls")]
    pub(crate) fn certificates_refused(&self) {
        self.certificates_refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn snapshot(&self) -> Statistics {
        Statistics {
            accepts_failed: self.accepts_failed.load(Ordering::Relaxed),
            certificates_reloaded: self.certificates_reloaded.load(Ordering::Relaxed),
            certificates_refused: self.certificates_refused.load(Ordering::Relaxed),
            listeners: self.names.iter().map(|name| ListenerStatistics::new(name)).collect(),
            ..Statistics::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_land_in_the_bucket_below_whose_bound_they_are() {
        let mut histogram = Histogram::default();
        for micros in [0, 1, 2, 3, 4, 1000, u64::MAX] {
            histogram.record(Duration::from_micros(micros), 1);
        }
        let filled: Vec<_> = histogram
            .buckets()
            .filter(|&(_, count)| count > 0)
            .map(|(b, n)| (b.as_micros(), n))
            .collect();
        let last = Duration::MAX.as_micros();
        assert_eq!(filled, [(1, 1), (2, 1), (4, 2), (8, 1), (1024, 1), (last, 1)]);
        assert_eq!(histogram.count(), 7);
    }

    #[test]
    fn unregistered_status_codes_share_one_entry() {
        let mut counts = StatusCounts::default();
        for code in [0, 4, 42, 77, 1 << 31] {
            counts.count(StatusCode(code));
        }
        assert_eq!(counts.of(StatusCode::NORMAL), 1);
        assert_eq!(counts.of(StatusCode::UNKNOWN), 3);
        assert_eq!(counts.iter().count(), 3);
    }
}
