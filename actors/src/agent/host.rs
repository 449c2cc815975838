//! Host: the thread that accepts, with the actix system of the arbiters.

use std::{io, thread};

use actix_rt::System;
use tokio::{
    runtime::{Builder, Handle},
    sync::oneshot,
};

use crate::error::AgentError;

/// The actix system of an agent.
pub(super) enum Host {
    /// The agent was started in one: handlers get it with `System::current()`.
    Callers,
    /// The agent was started on another runtime, such as `#[tokio::main]`. The system has its own
    /// thread, and ends with the agent.
    Own(System),
}

impl Host {
    /// Takes the caller's system, or starts one.
    pub(super) async fn find() -> Result<Self, AgentError> {
        Handle::try_current().map_err(|_| AgentError::NoRuntime)?;
        // A thread remembers its last system, even when that has ended.
        match System::try_current().filter(|system| system.arbiter().alive()) {
            Some(_) => Ok(Self::Callers),
            None => start().await.map(Self::Own).map_err(|cause| AgentError::Thread { cause }),
        }
    }

    /// Runs `work` in the system; what it spawns continues there.
    pub(super) async fn run<T>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, AgentError>
    where
        T: Send + 'static,
    {
        match self {
            Self::Callers => Ok(work()),
            Self::Own(system) => {
                let (tell, done) = oneshot::channel();
                // The caller may have dropped the start.
                system.arbiter().spawn_fn(move || drop(tell.send(work())));
                done.await.map_err(|_| AgentError::ArbiterGone)
            }
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Self::Own(system) = self {
            system.stop();
        }
    }
}

/// Starts a system on a separate thread, which is never joined.
async fn start() -> io::Result<System> {
    let (tell, started) = oneshot::channel();
    thread::Builder::new().name("spoa-agent".to_owned()).spawn(move || {
        let runtime = match Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(cause) => return drop(tell.send(Err(cause))),
        };
        let runner = System::with_tokio_rt(|| runtime);
        if tell.send(Ok(System::current())).is_ok() {
            // It ends on request; its only error would be an exit code, which is never set.
            let _ = runner.run();
        }
    })?;
    started.await.unwrap_or_else(|_| Err(io::Error::other("its thread panicked")))
}
