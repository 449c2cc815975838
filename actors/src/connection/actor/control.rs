//! Control: messages of the supervisor to a connection.

use std::sync::Arc;

use actix::Handler;
use tokio::{
    sync::mpsc,
    time::{Duration, Instant},
};

use super::{Connection, Phase, normal_disconnect};
use crate::{
    connection::{closing::Closing, drain_clock::DrainClock, transport::Transport},
    status::{ConnectionPhase, ConnectionStatus},
};

/// A message of the supervisor to a connection.
pub(crate) enum Control {
    /// Drain, together with all others of the agent: requests that HAProxy still sends are answered
    /// first.
    Drain(Arc<DrainClock>),
    /// Report the status of the connection.
    Tell(mpsc::UnboundedSender<ConnectionStatus>),
}

/// How long a connection without a HELLO may still bring it once the agent stops, or what comes before
/// it. HAProxy sends both as soon as it is connected.
pub(crate) const HELLO_AT_STOP: Duration = Duration::from_millis(500);

impl actix::Message for Control {
    type Result = ();
}

impl<S: Transport> Handler<Control> for Connection<S> {
    type Result = ();

    fn handle(&mut self, control: Control, _: &mut Self::Context) {
        match control {
            Control::Drain(clock) => self.begin_drain(clock),
            // The requester may have stopped waiting.
            Control::Tell(listener) => drop(listener.send(self.status())),
        }
    }
}

impl<S: Transport> Connection<S> {
    /// Drains a connection that was to, and has its HELLO now. Says whether it was.
    pub(super) fn drain_newcomer(&mut self) -> bool {
        let clock = self.newcomer.take_if(|_| self.conversation.is_greeted());
        clock.is_some_and(|clock| {
            clock.end(Instant::now());
            self.begin_drain(clock);
            true
        })
    }

    fn begin_drain(&mut self, clock: Arc<DrainClock>) {
        let now = Instant::now();
        if matches!(self.phase, Phase::Open) {
            if !self.conversation.is_greeted() {
                // HAProxy has requests that wait for the answer to its HELLO, and has lost them if it is
                // a DISCONNECT.
                self.timer.arm(now + HELLO_AT_STOP);
                self.newcomer = Some(clock);
                return;
            }
            // A window must begin with everything sent: HAProxy counts its NOTIFYs without an ACK from
            // there.
            if !self.stream.has_left() {
                // The peer is behind, and holding gains nothing.
                return self.begin_end(Closing::after_input(normal_disconnect()));
            }
            self.hold_back(self.new_window(now));
        }
        if let Phase::Draining(window) = &mut self.phase {
            // What is held back shall leave well before the process ends.
            window.join(clock, now + self.shared.limits().shutdown_timeout / 2);
            self.timer.arm(window.next());
        }
    }

    fn status(&self) -> ConnectionStatus {
        let peer = self.conversation.peer();
        ConnectionStatus {
            peer: peer.address,
            listener: Arc::clone(self.guard.listener()),
            engine_id: peer.engine_id.clone(),
            agreed: self.conversation.agreed(),
            phase: match self.phase {
                Phase::Open if !self.conversation.is_greeted() => ConnectionPhase::Greeting,
                Phase::Open => ConnectionPhase::Open,
                Phase::Draining(_) => ConnectionPhase::Draining,
                Phase::Closing(_) => ConnectionPhase::Closing,
            },
            messages_in_flight: self.conversation.waiting(),
            buffered_bytes: self.memory_guard.kept(),
            age: self.guard.since().elapsed(),
        }
    }
}
