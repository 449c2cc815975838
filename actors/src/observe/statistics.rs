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
    /// Tries to accept a connection that failed, as no file could be opened.
    pub accepts_failed: u64,
    /// How often accepting paused, as as many connections were open as may be, those over the limit
    /// included.
    pub accepts_paused_for_places: u64,
    /// How often accepting paused, as no arbiter took what was accepted before.
    pub accepts_paused_for_arbiters: u64,
    /// How often an arbiter was passed over, as it had not taken its last connections.
    pub arbiters_passed_over: u64,
    /// Connections that are accepted, and that their arbiter has not taken yet.
    pub connections_untaken: u64,
    /// Connections refused because as many were open as may be.
    pub connections_refused: u64,
    /// Connections that are open now; those over the limit are not.
    pub connections_open: u64,
    /// Connections over the limit that are open now: health checks, and what is refused.
    pub connections_surplus: u64,
    /// Connections that ended because of their age.
    pub connections_recycled: u64,
    /// Bytes that connections keep now, between their wake-ups, as [`Limits::memory`](crate::Limits::memory)
    /// judges them: ACKs on their way to another connection included. It is known of the whole agent alone.
    pub bytes_kept: u64,
    /// Connections ended because they kept much while all together kept more than they may.
    pub memory_exceeded: u64,
    /// How often a connection was not read until answers had come, while all together kept more than
    /// three quarters of what they may.
    pub memory_waits: u64,
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
    pub protocol_mismatches: ProtocolMismatches,
    /// PROXY headers that could not be read, or did not come in time.
    pub proxy_headers_refused: u64,
    /// TLS handshakes that failed, or were not complete in time.
    pub tls_handshakes_failed: u64,
    /// TLS handshakes in progress now.
    pub tls_handshakes: u64,
    /// TLS handshakes refused or ended, as there were too many (`limit`) or too little `memory`.
    pub tls_handshakes_refused: Reasons,
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
    /// ACKs of a connection that had gone and that no other took; each is also one of `cancelled`.
    pub acks_dropped: u64,
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
    /// Frames, or NOTIFYs in fragments, whose connection ended before the end of them had come.
    pub frames_cut: u64,
    /// Frames of a type that the specification does not know: skipped.
    pub unknown_frames: u64,
    /// Messages without a route: they contribute nothing to their ACK.
    pub messages_without_route: u64,
    /// Messages beyond the 17,408th of their NOTIFY: no handler was asked, and no fallback was sent.
    pub messages_unread: u64,
    /// Actions that did not fit into their ACK.
    pub actions_left_out: u64,
    /// Handlers that were renewed after a failure.
    pub handlers_renewed: u64,
    /// Starts of handlers that failed, renewals included.
    pub handler_starts_failed: u64,
    /// How often a handler had failed too often and never answered, or took too long to start.
    pub handlers_given_up: u64,
    /// Background panics of handlers: in a task, in their stop, or in a call that was late already.
    pub panics_aside: u64,
    /// What happened to the messages that have a route.
    pub messages: Outcomes,
    /// Connections ended after HELLO because the peer broke the protocol, by the reason.
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
    /// Arbiters whose counts are missing here, as they did not answer.
    pub arbiters_silent: u64,
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
                accepts_paused_for_places,
                accepts_paused_for_arbiters,
                arbiters_passed_over,
                connections_untaken,
                connections_refused,
                connections_open,
                connections_surplus,
                connections_recycled,
                bytes_kept,
                memory_exceeded,
                memory_waits,
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
                in_flight,
                cancelled,
                bytes_in,
                bytes_out,
                fragments,
                aborted,
                oversize,
                frames_cut,
                unknown_frames,
                messages_without_route,
                messages_unread,
                actions_left_out,
                handlers_renewed,
                handler_starts_failed,
                handlers_given_up,
                panics_aside,
                arbiters_silent,
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
