//! Signals: those that end an agent that serves, and those that would end it without a word.

use std::fmt;

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::{Duration, Instant},
};

use crate::{error::AgentError, log};

/// A signal that follows the first one so soon is taken for the same: GNU `timeout` sends its own
/// twice, to the process and to its group.
const SAME: Duration = Duration::from_secs(1);

/// The signals that a process takes from now on, for [`Agent::serve_until`](crate::Agent::serve_until).
///
/// | signal | effect |
/// |---|---|
/// | SIGTERM, SIGINT | the agent stops in good order; a second one, 1 s or more after the first, stops it at once |
/// | SIGHUP | logged: there is nothing to reload |
/// | SIGUSR1, SIGUSR2 | logged, and ignored |
///
/// None of them ends the process any more, even after this value is dropped.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    user: [Signal; 2],
    /// When the agent was asked to stop.
    asked: Option<Instant>,
    /// Whether it was asked again.
    is_urgent: bool,
}

impl Signals {
    /// Takes them from now on: one that comes before it is waited for is not missed.
    ///
    /// # Errors
    ///
    /// If the system does not allow it, or there is no tokio runtime with I/O on this thread.
    pub fn listen() -> Result<Self, AgentError> {
        let [hangup, user1, user2] = meaningless()?;
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            hangup,
            user: [user1, user2],
            asked: None,
            is_urgent: false,
        })
    }

    /// Takes SIGHUP, SIGUSR1 and SIGUSR2 alone, which would end the process: for a program whose start may take
    /// long, and which SIGTERM shall end until it serves.
    ///
    /// # Errors
    ///
    /// As [`listen`](Self::listen).
    pub fn shield() -> Result<(), AgentError> {
        // Once taken, a signal stays so.
        meaningless().map(drop)
    }

    /// Waits until the agent is asked to stop; returns the name of the signal.
    pub(crate) async fn stop(&mut self) -> &'static str {
        let signal = self.next().await;
        self.asked = Some(Instant::now());
        signal
    }

    /// Waits until the agent is asked to stop at once, by a second signal; returns immediately if it
    /// was. Await it beside whatever has to end before the process does.
    pub async fn again(&mut self) {
        while !self.is_urgent {
            let signal = self.next().await;
            match self.asked {
                Some(asked) if asked.elapsed() >= SAME => {
                    log::warn!("immediate stop: received {signal} again");
                    self.is_urgent = true;
                }
                Some(_) => tracing::info!(
                    "{signal} ignored: it came within {SAME:?} of the first; send it again to stop \
                     at once"
                ),
                None => self.asked = Some(Instant::now()),
            }
        }
    }

    /// Waits for the next one that ends the agent; returns its name.
    async fn next(&mut self) -> &'static str {
        let [user1, user2] = &mut self.user;
        loop {
            let other = tokio::select! {
                _ = self.terminate.recv() => return "SIGTERM",
                _ = self.interrupt.recv() => return "SIGINT",
                _ = self.hangup.recv() => {
                    tracing::info!(
                        "SIGHUP ignored: changed certificates are loaded without a signal; \
                         restart the agent to change its options"
                    );
                    continue;
                }
                _ = user1.recv() => "SIGUSR1",
                _ = user2.recv() => "SIGUSR2",
            };
            tracing::info!(
                "{other} ignored: it has no meaning here; send SIGTERM to stop the agent"
            );
        }
    }
}

/// Those that mean nothing to an agent.
fn meaningless() -> Result<[Signal; 3], AgentError> {
    Ok([
        listen(SignalKind::hangup())?,
        listen(SignalKind::user_defined1())?,
        listen(SignalKind::user_defined2())?,
    ])
}

fn listen(kind: SignalKind) -> Result<Signal, AgentError> {
    signal(kind).map_err(|cause| AgentError::Signals { cause })
}

impl fmt::Debug for Signals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signals")
            .field("asked", &self.asked)
            .field("is_urgent", &self.is_urgent)
            .finish_non_exhaustive()
    }
}
