//! Signals: stop an agent that serves; other signals, which would end the process, are logged.

use std::fmt;

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::{Duration, Instant},
};

use crate::{error::AgentError, log};

/// A signal that follows the first one this soon counts as the same: GNU `timeout` sends its signal
/// twice, to the process and to its group.
const SAME: Duration = Duration::from_secs(1);

/// Takes signals for [`Agent::serve_until`](crate::Agent::serve_until).
///
/// | signal | effect |
/// |---|---|
/// | SIGTERM, SIGINT | the agent stops gracefully; a second one, 1 s or more after the first, stops it at once |
/// | SIGHUP | logged: changed certificates are loaded without a signal |
/// | SIGUSR1, SIGUSR2 | logged |
///
/// From now on, none of them ends the process by itself, even after this value is dropped. A program
/// that reloads on SIGHUP listens to it itself; see [`without_hangup`](Self::without_hangup).
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    /// `None` if the program handles it.
    hangup: Option<Signal>,
    user: [Signal; 2],
    /// When the first stop signal arrived.
    asked: Option<Instant>,
    /// Whether a second one arrived.
    is_urgent: bool,
}

impl Signals {
    /// Takes all signals from now on. One that arrives before you wait for it is not lost.
    ///
    /// # Errors
    ///
    /// If the system does not allow it, or this thread has no tokio runtime with I/O.
    pub fn listen() -> Result<Self, AgentError> {
        let [hangup, user1, user2] = meaningless()?;
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            hangup: Some(hangup),
            user: [user1, user2],
            asked: None,
            is_urgent: false,
        })
    }

    /// Takes SIGHUP, SIGUSR1 and SIGUSR2 only, which would end the process. Use it if your program
    /// takes long to start, and SIGTERM should end it until it serves.
    ///
    /// # Errors
    ///
    /// Those of [`listen`](Self::listen).
    pub fn shield() -> Result<(), AgentError> {
        // Once taken, a signal stays taken.
        meaningless().map(drop)
    }

    /// Leaves SIGHUP to your program, which can listen to it with
    /// [`tokio::signal::unix`](https://docs.rs/tokio/latest/tokio/signal/unix/) and
    /// [reload](crate::Reloader) the agent. The library no longer logs it.
    #[must_use]
    pub fn without_hangup(self) -> Self {
        Self { hangup: None, ..self }
    }

    /// Waits for a stop signal, and returns its name.
    pub(super) async fn stop(&mut self) -> &'static str {
        let signal = self.next().await;
        self.asked = Some(Instant::now());
        signal
    }

    /// Waits for a second stop signal; returns at once if it has arrived. Await it beside work that
    /// has to end before the process does.
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

    /// Waits for the next stop signal, and returns its name.
    async fn next(&mut self) -> &'static str {
        let [user1, user2] = &mut self.user;
        loop {
            let other = tokio::select! {
                _ = self.terminate.recv() => return "SIGTERM",
                _ = self.interrupt.recv() => return "SIGINT",
                Some(_) = hang_up(&mut self.hangup) => {
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

/// Waits for SIGHUP, unless the program handles it.
async fn hang_up(hangup: &mut Option<Signal>) -> Option<()> {
    hangup.as_mut()?.recv().await
}

/// The signals without a meaning for the agent.
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
