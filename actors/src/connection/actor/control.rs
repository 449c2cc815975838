//! Control: messages of the supervisor to a connection.

use std::sync::Arc;

use actix::Handler;
use tokio::sync::mpsc;

use super::{Connection, Phase};
use crate::{
    connection::{drain_clock::DrainClock, transport::Transport},
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
