//! `spoa-agent`: a SPOE agent for HAProxy, and the tools to ask one.
//!
//! ```text
//! cli ─▶ run (handlers)                                    serves until a signal
//!             └▶ admin                                     tells over HTTP what the agent does
//!     ─▶ call ─▶ answer                                    asks once and prints the actions
//!     ─▶ load (of `spoa_load`)                             asks without end and measures
//!     ─▶ healthcheck                                       says hello and prints the verdict
//! ```

mod admin;
mod admin_options;
mod announcement;
mod answer;
mod call;
mod cli;
mod handlers;
mod healthcheck;
mod limit_options;
mod open_files;
mod options;
mod run;
mod telemetry;

use std::process;

use actix_rt::System;
use clap::Parser;
use spoa_load::Failure;

use crate::cli::{Cli, Command};

fn main() {
    let command = Cli::parse().into_command();
    let quiet = command.is_quiet();
    let system = System::new();
    let exit_code = match system.block_on(dispatch(command)) {
        Ok(()) => 0,
        Err(failure) => {
            if !quiet {
                eprintln!("{failure}");
            }
            failure.exit_code()
        }
    };
    // Not a return: dropping the system would wait for a name that is still being looked up.
    process::exit(exit_code);
}

async fn dispatch(command: Command) -> Result<(), Failure> {
    match command {
        Command::Run(options) => Ok(run::run(options).await?),
        Command::Call(options) => Ok(call::call(options).await?),
        Command::Load(options) => spoa_load::load(options).await,
        Command::Healthcheck(options) => {
            let verdict = healthcheck::healthcheck(options).await;
            verdict.map_err(|error| Failure::NotHealthy(error.into()))
        }
    }
}
