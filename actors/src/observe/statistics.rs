//! Statistics: counted per arbiter, and summed on request.

use super::{
    engine_statistics::{self, EngineStatistics},
    frame_counts::FrameCounts,
    histogram::Histogram,
    listener_statistics::{self, ListenerStatistics},
    outcome::Outcomes,
    protocol_mismatches::ProtocolMismatches,
    reasons::Reasons,
    reload_statistics::ReloadStatistics,
    route_statistics::{self, RouteStatistics},
    status_counts::StatusCounts,
    unrouted::{self, UnroutedMessage},
};

/// Counters and gauges of an agent, or of one of its arbiters, since the start.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Statistics {
    /// Connections accepted, health checks included; those over the limit are not.
    pub connections_accepted: u64,
    /// Connections that could not be accepted, because no file descriptor was free.
    pub accepts_failed: u64,
    /// Pauses of accepting because all connections were in use, those over the limit included.
    pub accepts_paused_for_connections: u64,
    /// Pauses of accepting because no worker thread took further connections.
    pub accepts_paused_for_workers: u64,
    /// Connections given to another worker thread, because one had not taken its last ones.
    pub workers_skipped: u64,
    /// Accepted connections that are queued for their worker thread.
    pub queued_connections: u64,
    /// Connections refused at the connection limit.
    pub connections_refused: u64,
    /// Open connections, without those over the limit.
    pub connections_open: u64,
    /// Open connections over the limit: health checks, and connections to refuse.
    pub excess_connections: u64,
    /// Connections closed because of their age.
    pub connections_expired: u64,
    /// Bytes that connections buffer between their wake-ups, as counted for
    /// [`Limits::memory`](crate::Limits::memory), with ACKs on their way to another connection. Set for the
    /// whole agent only, not for one arbiter.
    pub buffered_bytes: u64,
    /// Connections closed at the memory limit, because they buffered more than their share.
    pub memory_exceeded: u64,
    /// Pauses of reading from a connection, because three quarters of the memory limit were in use.
    pub reads_paused: u64,
    /// Connections closed because a frame was not complete in time.
    pub read_timeouts: u64,
    /// Connections closed because the peer did not read its ACKs.
    pub write_timeouts: u64,
    /// Connections whose own code panicked. Each is a bug of this library: report it.
    pub connections_panicked: u64,
    /// HELLOs accepted.
    pub hellos: u64,
    /// HELLOs that were refused or missing.
    pub hellos_refused: u64,
    /// Why HELLOs were refused or missing.
    pub hello_refusals: Reasons,
    /// Connections that began with an unexpected protocol, by protocol.
    pub protocol_mismatches: ProtocolMismatches,
    /// PROXY headers that were invalid or too late.
    pub proxy_headers_refused: u64,
    /// TLS handshakes that failed or were too late.
    pub tls_handshakes_failed: u64,
    /// TLS handshakes in progress.
    pub tls_handshakes: u64,
    /// TLS handshakes refused or closed, by reason: `limit` or `memory`.
    pub tls_handshakes_refused: Reasons,
    /// Changed certificates that were loaded.
    pub certificates_reloaded: u64,
    /// Changed certificates that were refused; the old ones stayed in use.
    pub certificates_refused: u64,
    /// Health checks answered.
    pub healthchecks: u64,
    /// Health checks refused during a stop.
    pub healthchecks_refused: u64,
    /// Complete NOTIFYs received.
    pub notifies: u64,
    /// ACKs sent.
    pub acks: u64,
    /// ACKs sent on another connection, because their own was lost.
    pub acks_rerouted: u64,
    /// ACKs whose connection was lost and that no other connection took. Each is also one of
    /// [`notifies_cancelled`](Self::notifies_cancelled).
    pub acks_dropped: u64,
    /// NOTIFYs that wait for their ACK.
    pub notifies_in_flight: u64,
    /// NOTIFYs whose connection ended before their ACK.
    pub notifies_cancelled: u64,
    /// Bytes received.
    pub bytes_in: u64,
    /// Bytes sent.
    pub bytes_out: u64,
    /// Complete frames received, by type. A fragment is a frame, too.
    pub frames_received: FrameCounts,
    /// Frames sent, by type.
    pub frames_sent: FrameCounts,
    /// Fragments received.
    pub fragments: u64,
    /// NOTIFYs in fragments that HAProxy aborted.
    pub notifies_aborted: u64,
    /// NOTIFYs in fragments over the size limit. They got fallbacks and were not read.
    pub notifies_too_large: u64,
    /// Connections that ended within a frame, or within a NOTIFY in fragments.
    pub frames_truncated: u64,
    /// Skipped frames of a type that the specification does not have.
    pub unknown_frames: u64,
    /// Messages without a route. They add nothing to their ACK.
    pub messages_without_route: u64,
    /// Messages after the first 17,408 of their NOTIFY. They got neither a handler nor a fallback.
    pub messages_unread: u64,
    /// Actions that did not fit into their ACK.
    pub actions_dropped: u64,
    /// Restarts of handlers after a failure.
    pub handler_restarts: u64,
    /// Failed starts of handlers, restarts included.
    pub handler_starts_failed: u64,
    /// How often a handler went down: it failed too often and never answered, or took too long to
    /// start.
    pub handlers_down: u64,
    /// Background panics of handlers: in a task, at the stop, or in a call after its deadline.
    pub background_panics: u64,
    /// The messages that have a route, by outcome.
    pub messages: Outcomes,
    /// Connections closed after HELLO because the peer violated the protocol, by reason.
    pub violations: Reasons,
    /// AGENT-DISCONNECTs sent, by status-code.
    pub disconnects_sent: StatusCounts,
    /// HAPROXY-DISCONNECTs received, by status-code.
    pub disconnects_received: StatusCounts,
    /// The time from the arrival of a NOTIFY to its ACK.
    pub latency: Histogram,
    /// The reloads, counted for the whole agent.
    pub reloads: ReloadStatistics,
    /// All routes, by name; then the routes that reloads have removed, up to the last 64.
    pub routes: Vec<RouteStatistics>,
    /// The connections of each listener.
    pub listeners: Vec<ListenerStatistics>,
    /// The connections of the first 64 engines; all others are one entry, `other`.
    pub engines: Vec<EngineStatistics>,
    /// Messages without a route, by name: up to 32 names. A full list drops names that were not
    /// seen for a minute.
    pub unrouted: Vec<UnroutedMessage>,
    /// Worker threads that did not answer. Their counts are missing here.
    pub workers_unresponsive: u64,
}

/// Sums numbers, and fields with their own `add`. A forgotten field does not compile.
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
    #[expect(clippy::too_many_lines, reason = "it is a list")]
    pub fn add(&mut self, other: &Self) {
        add_counts!(
            self,
            other,
            [
                connections_accepted,
                accepts_failed,
                accepts_paused_for_connections,
                accepts_paused_for_workers,
                workers_skipped,
                queued_connections,
                connections_refused,
                connections_open,
                excess_connections,
                connections_expired,
                buffered_bytes,
                memory_exceeded,
                reads_paused,
                read_timeouts,
                write_timeouts,
                connections_panicked,
                hellos,
                hellos_refused,
                proxy_headers_refused,
                tls_handshakes,
                tls_handshakes_failed,
                certificates_reloaded,
                certificates_refused,
                healthchecks,
                healthchecks_refused,
                notifies,
                acks,
                acks_rerouted,
                acks_dropped,
                notifies_in_flight,
                notifies_cancelled,
                bytes_in,
                bytes_out,
                fragments,
                notifies_aborted,
                notifies_too_large,
                frames_truncated,
                unknown_frames,
                messages_without_route,
                messages_unread,
                actions_dropped,
                handler_restarts,
                handler_starts_failed,
                handlers_down,
                background_panics,
                workers_unresponsive,
            ],
            [
                protocol_mismatches,
                hello_refusals,
                tls_handshakes_refused,
                frames_received,
                frames_sent,
                messages,
                violations,
                disconnects_sent,
                disconnects_received,
                latency,
                reloads,
            ],
            [
                routes of route_statistics,
                listeners of listener_statistics,
                engines of engine_statistics,
                unrouted of unrouted,
            ]
        );
    }
}
