//! `spoa-load`: wrk for SPOP; the same as `spoa-agent load`.

use std::process;

use actix_rt::System;
use clap::{CommandFactory, FromArgMatches, Parser};
use spoa_load::{LOAD_HELP, LoadOptions, load, shaped};

/// Ask an agent as often as it can answer, check every answer, and measure.
#[derive(Debug, Parser)]
#[command(version, after_long_help = LOAD_HELP)]
struct Cli {
    #[command(flatten)]
    options: LoadOptions,
}

fn main() {
    let mut definition = shaped(Cli::command());
    let parsed = Cli::from_arg_matches(&definition.get_matches_mut());
    let options = parsed.unwrap_or_else(|error| error.format(&mut definition).exit()).options;
    let exit_code = match System::new().block_on(load(options)) {
        Ok(()) => 0,
        Err(failure) => {
            eprintln!("{}", failure.line());
            failure.exit_code()
        }
    };
    process::exit(exit_code);
}
