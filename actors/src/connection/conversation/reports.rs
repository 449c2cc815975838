//! Reports of a conversation: counts problems, and logs them with cause and fix.

use std::io;

use bytes::BytesMut;

use super::Conversation;
use crate::{
    arbiter::{PeerFault, ProtocolMismatch, of_foreign},
    limit::Limit,
    log,
    observe::Cause,
    spop::{Disconnect, ForeignText, FrameId, FrameType, Notify, StatusCode, StreamId, Violation},
};

impl Conversation {
    /// Counts and logs a fault of the peer.
    pub(crate) fn report(&self, fault: &PeerFault) {
        if let PeerFault::Violation(Violation::ForeignProtocol(protocol)) = *fault {
            let (found, advice) = (Some(protocol), of_foreign(protocol));
            let mismatch = ProtocolMismatch { found, expected: "SPOP", advice };
            return self.shared.report_mismatch(self.peer().address, mismatch);
        }
        self.shared.report_fault(self.peer(), self.is_greeted(), fault);
    }

    /// Logs why HAProxy closes the connection.
    pub(crate) fn report_disconnect(&self, theirs: &Disconnect) {
        let Disconnect { status_code, message } = theirs;
        let peer = self.peer();
        if !is_complaint(*status_code) {
            tracing::debug!(
                peer = %peer.address,
                %status_code,
                text = ?ForeignText::new(&**message),
                waiting = self.waiting(),
                "HAProxy disconnects"
            );
        } else if let Some(suppressed) = self.shared.limited(Cause::Complaint) {
            log::warn!(
                peer = %peer.address,
                engine_id = peer.engine_id.as_ref().map(tracing::field::display),
                %status_code,
                text = ?ForeignText::new(&**message),
                suppressed,
                "DISCONNECT received: HAProxy refuses a frame of this agent; report it with both \
                 versions"
            );
        }
    }

    /// Logs that HAProxy has only sent health checks for long.
    pub(super) fn report_missing_demand(&self) {
        if let Some(healthchecks) = self.shared.common.demand.checked() {
            log::warn!(
                peer = %self.peer().address,
                healthchecks,
                "no message since the start, only health checks; if requests arrive, look for a missing \
                 `filter spoe` line, event or `send-spoe-group` rule in HAProxy's file"
            );
        }
    }

    /// Logs that the connection is lost; counts and drops incomplete frames.
    pub(crate) fn report_loss(&mut self, error: Option<&io::Error>, input: &mut BytesMut) {
        let is_cut = !input.is_empty() || self.session.is_reassembling();
        self.shared.counters.count(|statistics| statistics.frames_truncated += u64::from(is_cut));
        // HAProxy from 3.1 on closes idle connections with a reset: a normal end.
        tracing::debug!(
            peer = %self.peer().address,
            error = error.map(|error| tracing::field::display(ForeignText::of(error))),
            waiting = self.waiting(),
            unread = input.len(),
            "{}",
            match is_cut {
                false => "the connection has ended",
                true => {
                    "the connection has ended within a frame, or a NOTIFY in fragments; if that \
                     happens again and again, find out what ends HAProxy, or cuts its connections"
                }
            }
        );
        input.clear();
        self.forget();
    }

    pub(super) fn report_aborted(&self) {
        self.shared.counters.count(|statistics| statistics.notifies_aborted += 1);
        tracing::debug!(
            peer = %self.peer().address,
            "HAProxy has given up a NOTIFY in fragments: its stream has ended, or \
             `timeout processing` has passed"
        );
    }

    pub(super) fn report_skipped(&self, frame_type: FrameType) {
        self.shared.counters.count(|statistics| statistics.unknown_frames += 1);
        if let Some(suppressed) = self.shared.limited(Cause::UnknownFrame) {
            let peer = self.peer();
            log::warn!(
                peer = %peer.address,
                engine_id = peer.engine_id.as_ref().map(tracing::field::display),
                frame_type = frame_type.0,
                suppressed,
                "unknown frame type: skipped the frame; if HAProxy sent it, report it with both \
                 versions"
            );
        }
    }

    /// Counts and logs a NOTIFY that was too large to be read.
    pub(super) fn report_oversize(&self, notify: &Notify) {
        self.shared.counters.count(|statistics| statistics.notifies_too_large += 1);
        if let Some(suppressed) = self.shared.limited(Cause::Oversize) {
            let max_reassembled_size = self.shared.common.name(Limit::MaxReassembledSize);
            let peer = self.peer();
            log::warn!(
                peer = %peer.address,
                engine_id = peer.engine_id.as_ref().map(tracing::field::display),
                stream_id = notify.stream_id.0,
                frame_id = notify.frame_id.0,
                limit = self.shared.limits().max_reassembled_size,
                suppressed,
                "NOTIFY size limit reached: sent the fallbacks of its messages without reading \
                 it; pass less data, or raise {max_reassembled_size}"
            );
        }
    }

    #[cold]
    pub(super) fn report_dropped(
        &self,
        (stream_id, frame_id): (StreamId, FrameId),
        dropped: usize,
    ) {
        self.shared.counters.count(|statistics| statistics.actions_dropped += dropped as u64);
        if let Some(suppressed) = self.shared.limited(Cause::LeftOut) {
            let peer = self.peer();
            log::warn!(
                peer = %peer.address,
                engine_id = peer.engine_id.as_ref().map(tracing::field::display),
                stream_id = stream_id.0,
                frame_id = frame_id.0,
                dropped,
                max_frame_size = self.ack_encoder.max_frame_size,
                suppressed,
                "ACK size limit reached: dropped the last actions; raise HAProxy's tune.bufsize, \
                 or set shorter variables"
            );
        }
    }
}

/// Whether this status-code blames the agent: HAProxy also closes idle and expired connections with
/// DISCONNECT.
fn is_complaint(status_code: StatusCode) -> bool {
    ![StatusCode::NORMAL, StatusCode::IO_ERROR, StatusCode::TIMEOUT].contains(&status_code)
}
