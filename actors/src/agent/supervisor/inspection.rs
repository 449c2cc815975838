//! Inspection: the state of one arbiter, and of its connections.

use std::{
    rc::{Rc, Weak},
    sync::Arc,
};

use actix::{Context, Handler, Recipient, ResponseFuture};
use tokio::{sync::mpsc, time::Instant};

use super::Supervisor;
use crate::{
    arbiter::ExcessConnection,
    connection::Control,
    observe::Statistics,
    origin::PeerAddress,
    status::{ConnectionPhase, ConnectionStatus, PastViolation},
};

/// Requests the state of this arbiter, and of up to this many of its connections.
pub(crate) struct StatusRequest {
    pub(crate) most: usize,
}

impl actix::Message for StatusRequest {
    type Result = ArbiterStatus;
}

/// The state of one arbiter.
pub(crate) struct ArbiterStatus {
    pub(crate) statistics: Statistics,
    /// Its oldest connections, in any order.
    pub(crate) connections: Vec<ConnectionStatus>,
    pub(crate) violations: Vec<PastViolation>,
    /// A required route whose handler is down.
    pub(crate) down: Option<String>,
}

/// Requests, as a health check, a required route whose handler is down on this arbiter.
pub(crate) struct ReadinessRequest;

impl actix::Message for ReadinessRequest {
    type Result = Option<String>;
}

/// The supervisor's end of a connection.
pub(super) struct Link {
    pub(super) control: Recipient<Control>,
    /// The connection's state before SPOP, while it has no actor.
    pub(super) arriving: Weak<Arriving>,
    /// Set for a connection over the limit.
    pub(super) excess: Option<Arc<ExcessConnection>>,
}

/// A connection before SPOP.
pub(super) struct Arriving {
    pub(super) peer: PeerAddress,
    pub(super) listener: Arc<str>,
    pub(super) since: Instant,
}

impl Handler<StatusRequest> for Supervisor {
    type Result = ResponseFuture<ArbiterStatus>;

    fn handle(
        &mut self,
        StatusRequest { most }: StatusRequest,
        _: &mut Context<Self>,
    ) -> Self::Result {
        let (teller, mut told) = mpsc::unbounded_channel();
        for link in self.connections.values().take(most) {
            link.tell(&teller);
        }
        let shared = Rc::clone(&self.shared);
        Box::pin(async move {
            drop(teller);
            let mut connections = Vec::new();
            // One that has ended meanwhile drops the request.
            while let Some(status) = told.recv().await {
                connections.push(status);
            }
            ArbiterStatus {
                statistics: shared.statistics(),
                connections,
                violations: shared.past_violations.newest_first(),
                down: shared.generation().routes.down(),
            }
        })
    }
}

impl Handler<ReadinessRequest> for Supervisor {
    type Result = Option<String>;

    fn handle(&mut self, _: ReadinessRequest, _: &mut Context<Self>) -> Self::Result {
        self.shared.health.ask();
        self.shared.generation().routes.down()
    }
}

impl Link {
    /// Requests the connection's state, or sends what is known.
    fn tell(&self, listener: &mpsc::UnboundedSender<ConnectionStatus>) {
        match self.arriving.upgrade() {
            None => self.control.do_send(Control::Tell(listener.clone())),
            // The requester may have stopped waiting.
            Some(arriving) => drop(listener.send(arriving.status())),
        }
    }
}

impl Arriving {
    fn status(&self) -> ConnectionStatus {
        ConnectionStatus {
            peer: self.peer,
            listener: Arc::clone(&self.listener),
            engine_id: None,
            agreed: None,
            phase: ConnectionPhase::Greeting,
            messages_in_flight: 0,
            buffered_bytes: 0,
            age: self.since.elapsed(),
        }
    }
}
