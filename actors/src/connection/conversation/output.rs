//! Output of a conversation: ACKs and other frames to HAProxy.

use std::task::Context;

use bytes::BytesMut;

use super::Conversation;
use crate::{
    connection::timer::Timer,
    notify::CompletedAck,
    observe::Statistics,
    spop::{Ack, Actions, Disconnect, Frame, FrameId, StreamId},
    trace::NotifyTrace,
    turn::give_way,
};

/// How many pending ACKs are sent before other connections of the arbiter have their turn.
const TURN: usize = 256;

impl Conversation {
    /// Appends complete ACKs to `output`, and arms `timer` for the next fallback or the end of a
    /// frame. Returns how many.
    pub(crate) fn poll_acks(
        &mut self,
        task: &mut Context<'_>,
        output: &mut BytesMut,
        timer: &mut Timer,
    ) -> usize {
        let mut sent = 0;
        // Answers are taken only while they can be sent: others stay in the in-flight set, which
        // has a limit, while the output would grow with each slow read of the peer.
        while sent < TURN && !self.is_clogged(output) {
            let Some(finished) = self.in_flight.poll_next(task) else { break };
            self.acknowledge(finished, output);
            sent += 1;
        }
        if self.ack_queue.is_some() {
            sent = self.poll_ack_queue(sent, task, output);
        }
        if sent >= TURN {
            // There can be more, which will not wake the task again.
            give_way(task);
        }
        if self.is_clogged(output) {
            // Reading is paused: missing bytes are not the peer's fault.
            self.begun = None;
        }
        let deadlines = [self.in_flight.deadline(), self.read_deadline()];
        if let Some(deadline) = deadlines.into_iter().flatten().min() {
            timer.arm(deadline);
        }
        sent
    }

    /// Appends ACKs of lost connections to `output`, after `sent` others; returns how many there
    /// are then.
    #[cold]
    fn poll_ack_queue(
        &mut self,
        mut sent: usize,
        task: &mut Context<'_>,
        output: &mut BytesMut,
    ) -> usize {
        while sent < TURN
            && !self.is_clogged(output)
            && let Some(ack) =
                self.ack_queue.as_ref().and_then(|ack_queue| ack_queue.poll_next(task))
        {
            self.put_ack((ack.stream_id, ack.frame_id), &ack.actions, 0, output);
            self.shared.counters.count(|statistics| statistics.acks_rerouted += 1);
            sent += 1;
        }
        sent
    }

    /// Appends our DISCONNECT to `output`: the last frame, after which no ACK is added.
    pub(crate) fn disconnect(&mut self, disconnect: Disconnect, output: &mut BytesMut) {
        self.ack_queue = None;
        let status_code = disconnect.status_code;
        self.shared.counters.count(|statistics| statistics.disconnects_sent.count(status_code));
        if let Some(trace) = &self.trace {
            trace.tell("status_code", i64::from(status_code.0));
        }
        self.put(&Frame::AgentDisconnect(disconnect), output);
    }

    /// Appends a frame that is not an ACK to `output`.
    pub(super) fn put(&self, frame: &Frame, output: &mut BytesMut) {
        let before = output.len();
        frame.encode(output);
        let size = output.len() - before;
        let count = |statistics: &mut Statistics| {
            statistics.frames_sent.count(frame.frame_type(), size);
        };
        self.shared.counters.count(count);
    }

    /// Appends the ACK of a traced NOTIFY that was answered at once to `output`. Its trace context
    /// is the first to be dropped.
    #[inline(never)]
    pub(super) fn put_ack_in(
        &self,
        trace: NotifyTrace,
        ids: (StreamId, FrameId),
        mut actions: Actions,
        output: &mut BytesMut,
    ) {
        let room = self.ack_encoder.max_size.saturating_sub(actions.encoded_len());
        trace.hand_back(&mut actions, room);
        let left_out = self.put_ack(ids, &actions, 0, output);
        trace.end(left_out);
    }

    pub(super) fn acknowledge(&self, finished: CompletedAck, output: &mut BytesMut) {
        let CompletedAck { ack: Ack { stream_id, frame_id, actions }, left_out, trace, .. } =
            finished;
        let left_out = self.put_ack((stream_id, frame_id), &actions, left_out, output);
        if let Some(trace) = trace {
            trace.end(left_out);
        }
    }

    /// Returns how many actions were dropped in all.
    #[inline(always)]
    pub(super) fn put_ack(
        &self,
        ids: (StreamId, FrameId),
        actions: &Actions,
        left_out: usize,
        output: &mut BytesMut,
    ) -> usize {
        let (counters, before) = (&self.shared.counters, output.len());
        let left_out = left_out + self.ack_encoder.encode(ids, actions, output, counters);
        counters.ack(output.len() - before);
        if left_out > 0 {
            self.report_dropped(ids, left_out);
        }
        left_out
    }
}
