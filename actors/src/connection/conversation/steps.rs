//! Steps of a conversation for frames other than a complete NOTIFY: HELLO, fragments, DISCONNECT.

use std::{rc::Rc, sync::Arc};

use bytes::{Bytes, BytesMut};

use super::{Conversation, End, Greeting};
use crate::{
    arbiter::{AckGroup, Generation},
    notify::refuse,
    origin::{Origin, Peer},
    spop::{
        AgentHello, Disconnect, Frame, HaproxyHello, LENGTH_SIZE, Notify, NotifyRef, StatusCode,
        Step,
    },
    status::Agreed,
    trace::{ConnectionTrace, NotifyTrace},
};

impl Conversation {
    /// Takes a frame that is not a complete NOTIFY.
    pub(super) fn take_any(&mut self, frame: Bytes, output: &mut BytesMut) -> Result<(), End> {
        let size = LENGTH_SIZE + frame.len();
        let frame = Frame::decode(frame)?;
        self.count_frame(&frame, size);
        let step = self.session.receive(frame)?;
        if !self.session.is_reassembling() {
            self.begun = None;
        }
        match self.follow(step, output) {
            None => Ok(()),
            Some(end) => Err(end),
        }
    }

    /// Takes the step that a frame requires.
    fn follow(&mut self, step: Step, output: &mut BytesMut) -> Option<End> {
        let counters = Rc::clone(&self.shared.counters);
        if matches!(step, Step::Greet { .. }) {
            self.shared.common.demand.asked();
        }
        match step {
            Step::Continue => {}
            Step::Dispatch(notify) => self.dispatch_owned(&notify, output),
            Step::Skip(frame_type) => self.report_skipped(frame_type),
            Step::Aborted => self.report_aborted(),
            Step::Overflowed(notify) => self.refuse(&notify, output),
            // Over the limit only a health check is answered, and only HELLO shows that.
            Step::Greet { .. } if self.is_excess => return Some(End::Excess),
            Step::Greet { theirs, ours } => {
                counters.count(|statistics| statistics.hellos += 1);
                self.greet(theirs, ours, output);
            }
            Step::Healthcheck(hello) => {
                self.answer_check(hello, output);
                return Some(End::Healthcheck);
            }
            Step::Disconnected(disconnect) => {
                let code = disconnect.status_code;
                counters.count(|statistics| statistics.disconnects_received.count(code));
                return Some(End::Disconnected(disconnect));
            }
        }
        None
    }

    /// Dispatches a NOTIFY that was reassembled, or that has reserved flags.
    #[inline(never)]
    fn dispatch_owned(&mut self, notify: &Notify, output: &mut BytesMut) {
        self.shared.counters.count(|statistics| statistics.notifies += 1);
        let generation = self.shared.generation();
        self.dispatch(notify.as_ref(), &generation, output);
    }

    /// Answers a health check: with HELLO, or with DISCONNECT while the agent stops.
    fn answer_check(&mut self, hello: AgentHello, output: &mut BytesMut) {
        let counters = Rc::clone(&self.shared.counters);
        if self.shared.health.ask() {
            counters.count(|statistics| statistics.healthchecks += 1);
            self.report_missing_demand();
            self.put(&Frame::AgentHello(hello), output);
        } else {
            counters.count(|statistics| statistics.healthchecks_refused += 1);
            let status_code = StatusCode::NORMAL;
            self.disconnect(Disconnect { status_code, message: "the agent stops".into() }, output);
        }
    }

    /// Answers a NOTIFY that was too large to be read.
    fn refuse(&mut self, notify: &Notify, output: &mut BytesMut) {
        let generation = self.shared.generation();
        self.notifies += 1;
        self.shared.counters.count(|statistics| statistics.notifies += 1);
        self.report_oversize(notify);
        let NotifyRef { stream_id, frame_id, messages } = notify.as_ref();
        self.origin.set_ids(stream_id, frame_id);
        let room = self.ack_encoder.max_size;
        let trace = self.trace.as_ref();
        let trace = trace.map(|trace| NotifyTrace::new(trace, &self.origin, &messages));
        let finished = refuse(messages, &self.origin, &generation.routes, room, trace);
        self.acknowledge(finished, output);
    }

    fn count_frame(&self, frame: &Frame, size: usize) {
        self.shared.counters.count(|statistics| {
            statistics.frames_received.count(frame.frame_type(), size);
            statistics.fragments += u64::from(matches!(frame, Frame::Fragment(_)));
        });
    }

    fn greet(&mut self, theirs: HaproxyHello, ours: AgentHello, output: &mut BytesMut) {
        // Before anything else is read: the next frame can have the size that was just agreed.
        self.codec.set_max_frame_size(ours.max_frame_size);
        self.ack_encoder.agree(ours.max_frame_size, theirs.capabilities, &self.shared.limits());
        let address = self.peer().address;
        tracing::debug!(
            peer = %address,
            engine_id = theirs.engine_id.as_ref().map(tracing::field::display),
            max_frame_size = ours.max_frame_size,
            capabilities = %ours.capabilities,
            "HELLO agreed"
        );
        let engine = self.shared.counters.engines.join(theirs.engine_id.as_ref());
        self.greeting = Some(Greeting { capabilities: ours.capabilities, _engine: engine });
        if let (true, Some(ack_router)) = (ours.capabilities.asynchronous, &self.shared.ack_router)
        {
            let listener = Arc::clone(&self.listener);
            let group = |engine_id| AckGroup::new(engine_id, listener, address);
            self.ack_queue =
                theirs.engine_id.clone().map(|engine_id| ack_router.open(group(engine_id)));
        }
        let peer = Peer { address, engine_id: theirs.engine_id };
        self.origin = Origin::new(peer);
        let generation = self.shared.generation();
        self.trace_by(&generation);
        self.put(&Frame::AgentHello(ours), output);
    }
    /// Has the connection traced as this generation has it: also one that was there before.
    #[cold]
    pub(super) fn trace_by(&mut self, generation: &Generation) {
        self.generation = generation.number;
        let Some(Agreed { max_frame_size, capabilities, .. }) = self.agreed() else { return };
        let is_same = match (&self.trace, &generation.traces) {
            (Some(trace), Some(traces)) => Arc::ptr_eq(&trace.traces, traces),
            (one, other) => one.is_none() && other.is_none(),
        };
        if is_same {
            return;
        }
        let (peer, agreed) = (self.peer().clone(), (max_frame_size, capabilities));
        self.trace = generation.traces.as_ref().map(|traces| {
            Rc::new(ConnectionTrace::new(Arc::clone(traces), peer, agreed, self.since))
        });
    }
}
