//! `spoa-agent`: a SPOE agent for HAProxy, and the tools to ask one.
//!
//! ```text
//! cli ─▶ run (handlers)                                    serves until a signal
//!             └▶ admin                                     tells over HTTP what the agent does
//!     ─▶ call ─▶ answer                                    asks once and prints the actions
//!     ─▶ load (of `spoa_load`)                             asks without end and measures
//!     ─▶ manual                                            prints completions and manual pages
//!     ─▶ healthcheck ─▶ presence                           finds the agent, says hello and prints the verdict
//! ```

mod admin;
mod admin_options;
mod announcement;
mod answer;
mod call;
mod cgroup;
mod cli;
mod handlers;
mod healthcheck;
mod help;
mod limit_options;
mod manual;
mod open_files;
mod options;
mod presence;
mod run;
mod run_options;
mod shortage;
mod sockets;
mod telemetry;
mod timeout_options;
mod version;

use std::{io, os::unix::net::UnixStream, process, time::Duration};

use actix_rt::System;
use spoa_load::Failure;
use tokio::runtime::{Builder, Runtime};

use crate::{
    cli::{Cli, Command},
    run::RunError,
    telemetry::line_queue::LineQueue,
};

/// How long the end may take because of stderr.
const LAST_LINE: Duration = Duration::from_secs(1);

fn main() {
    let command = Cli::from_arguments().into_command();
    let quiet = command.is_quiet();
    let ended = match runtime() {
        Ok(runtime) => System::with_tokio_rt(|| runtime).block_on(dispatch(command)),
        Err(error) => Err(RunError::Runtime(error).into()),
    };
    let exit_code = match ended {
        Ok(()) => 0,
        Err(failure) => {
            if !quiet || matches!(failure, Failure::Usage(_)) {
                complain(&failure);
            }
            failure.exit_code()
        }
    };
    // Not a return: dropping the system would wait for a name that is still being looked up.
    process::exit(exit_code);
}

/// Prints it, but does not stay because nobody reads it.
fn complain(failure: &Failure) {
    if let Ok(stderr) = LineQueue::start(io::stderr()) {
        stderr.push(format!("{}\n", failure.line()).as_bytes());
        stderr.flush_within(LAST_LINE);
    } else {
        eprintln!("{}", failure.line());
    }
}

/// A runtime for actix, which panics where it makes one itself and the system is short of something.
fn runtime() -> io::Result<Runtime> {
    // So does tokio, which opens some sockets for signals: let it have them.
    let spare: io::Result<Vec<_>> = (0..4).map(|_| UnixStream::pair()).collect();
    drop(spare?);
    Builder::new_current_thread().enable_all().build()
}

async fn dispatch(command: Command) -> Result<(), Failure> {
    match command {
        Command::Run(options) => Ok(run::run(*options).await?),
        Command::Call(options) => Ok(call::call(options).await?),
        Command::Load(options) => spoa_load::load(options).await,
        Command::Healthcheck(options) => Ok(healthcheck::healthcheck(options).await?),
        Command::Completions { shell } => Ok(manual::completions(shell)?),
        Command::Man { command } => Ok(manual::page(command.as_deref())?),
    }
}
