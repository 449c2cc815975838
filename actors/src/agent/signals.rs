//! Signals: SIGTERM and SIGINT, which end an agent that serves.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::error::AgentError;

/// The signals that end an agent; from the first on they do not end the process any more.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Listens to them from now on: none is missed that comes before it is asked for.
    pub(crate) fn listen() -> Result<Self, AgentError> {
        let listen = |kind| signal(kind).map_err(|cause| AgentError::Signals { cause });
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next one; says its name.
    pub(crate) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
