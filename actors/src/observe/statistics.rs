//! Statistics: what the agent has seen and done, counted per arbiter and added up on request.

use super::{
    engine_statistics::{self, EngineStatistics},
    frame_counts::FrameCounts,
    histogram::Histogram,
    listener_statistics::{self, ListenerStatistics},
    outcome::Outcomes,
    protocol_mismatches::ProtocolMismatches,
    reasons::Reasons,
    route_statistics::{self, RouteStatistics},
    status_counts::StatusCounts,
    unrouted::{self, UnroutedMessage},
};

/// What an agent, or one of its arbiters, has seen and done since it started.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Statistics {
    /// Connections accepted, health checks included; those over the limit are not.
    pub connections_accepted: u64,
    /// Connections that could not be accepted, as no file could be opened.
    pub accepts_failed: u64,
    /// How often accepting paused, as all connections were in use, those over the limit included.
    pub accepts_paused_for_connections: u64,
    /// How often accepting paused, as no worker thread took further connections.
    pub accepts_paused_for_workers: u64,
    /// How often a worker thread was skipped, as it had not taken its last connections.
    pub workers_skipped: u64,
    /// Accepted connections that are queued for their worker thread.
    pub queued_connections: u64,
    /// Connections refused, as the connection limit was reached.
    pub connections_refused: u64,
    /// Open connections; those over the limit are not counted.
    pub connections_open: u64,
    /// Open connections over the limit: health checks, and connections to refuse.
    pub excess_connections: u64,
    /// Connections closed because of their age.
    pub connections_expired: u64,
    /// Bytes that connections buffer between their wake-ups, as [`Limits::memory`](crate::Limits::memory)
    /// counts them: ACKs on their way to another connection included. It is known of the whole agent only.
    pub buffered_bytes: u64,
    /// Connections closed at the memory limit, as they buffered more than their share.
    pub memory_exceeded: u64,
    /// How often reading from a connection paused, as three quarters of the memory limit were in
    /// use.
    pub reads_paused: u64,
    /// Connections closed because a frame was not complete in time.
    pub read_timeouts: u64,
    /// Connections closed because the peer did not read its ACKs.
    pub write_timeouts: u64,
    /// Connections whose own code panicked: each is a bug of this library.
    pub connections_panicked: u64,
    /// HELLOs accepted.
    pub hellos: u64,
    /// HELLOs refused, or missing.
    pub hellos_refused: u64,
    /// Why they were.
    pub hello_refusals: Reasons,
    /// Connections that began with an unexpected protocol, by protocol.
    pub protocol_mismatches: ProtocolMismatches,
    /// PROXY headers that were invalid, or did not arrive in time.
    pub proxy_headers_refused: u64,
    /// TLS handshakes that failed, or were not complete in time.
    pub tls_handshakes_failed: u64,
    /// TLS handshakes in progress.
    pub tls_handshakes: u64,
    /// TLS handshakes refused or closed, as there were too many (`limit`) or too little `memory`.
    pub tls_handshakes_refused: Reasons,
    /// How often changed certificates of a listener were loaded.
    pub certificates_reloaded: u64,
    /// How often they were refused, and the old ones stayed in use.
    pub certificates_refused: u64,
    /// Health checks answered.
    pub healthchecks: u64,
    /// Health checks refused, as the agent stops.
    pub healthchecks_refused: u64,
    /// Complete NOTIFYs received.
    pub notifies: u64,
    /// ACKs sent.
    pub acks: u64,
    /// ACKs sent on another connection, as their own was lost.
    pub acks_rerouted: u64,
    /// ACKs of a connection that had gone and that no other took; each is also one of [`notifies_cancelled`](Self::notifies_cancelled).
    pub acks_dropped: u64,
    /// NOTIFYs that wait for their ACK.
    pub notifies_in_flight: u64,
    /// NOTIFYs whose connection ended before their ACK.
    pub notifies_cancelled: u64,
    /// Bytes received.
    pub bytes_in: u64,
    /// Bytes sent.
    pub bytes_out: u64,
    /// Frames received whole, by their type. A fragment is a frame, too.
    pub frames_received: FrameCounts,
    /// Frames sent, by their type.
    pub frames_sent: FrameCounts,
    /// Fragments received.
    pub fragments: u64,
    /// NOTIFYs in fragments that HAProxy aborted.
    pub notifies_aborted: u64,
    /// NOTIFYs in fragments over the size limit: answered with fallbacks, not read.
    pub notifies_too_large: u64,
    /// Connections that ended within a frame, or within a NOTIFY in fragments.
    pub frames_truncated: u64,
    /// Frames of a type that the specification does not know: skipped.
    pub unknown_frames: u64,
    /// Messages without a route: they contribute nothing to their ACK.
    pub messages_without_route: u64,
    /// Messages after the first 17,408 of their NOTIFY: no handler was called, and no fallback was
    /// sent.
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
    /// What happened to the messages that have a route.
    pub messages: Outcomes,
    /// Connections closed after HELLO because the peer violated the protocol, by reason.
    pub violations: Reasons,
    /// AGENT-DISCONNECTs sent, by status-code.
    pub disconnects_sent: StatusCounts,
    /// HAPROXY-DISCONNECTs received, by status-code.
    pub disconnects_received: StatusCounts,
    /// From the arrival of a NOTIFY to its ACK.
    pub latency: Histogram,
    /// Every route, in the order of their names.
    pub routes: Vec<RouteStatistics>,
    /// The connections of each listener.
    pub listeners: Vec<ListenerStatistics>,
    /// The connections of each engine, of the first 64 of them; all others are one, `other`.
    pub engines: Vec<EngineStatistics>,
    /// Messages without a route by their names: up to 32 of them, and none that was not seen for long if there
    /// are more.
    pub unrouted: Vec<UnroutedMessage>,
    /// Worker threads that did not answer: their counts are missing here.
    pub workers_unresponsive: u64,
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
