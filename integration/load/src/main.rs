//! `spoa-load`: wrk for SPOP; the same as `spoa-agent load`.

use std::process;

use actix_rt::System;
use clap::Parser;
use spoa_load::{LOAD_HELP, LoadOptions, load};

/// Ask an agent as often as it can answer, check every answer, and measure.
#[derive(Debug, Parser)]
#[command(version, after_help = LOAD_HELP)]
struct Cli {
    #[command(flatten)]
    options: LoadOptions,
}

fn main() {
    let options = Cli::parse().options;
    let exit_code = match System::new().block_on(load(options)) {
        Ok(()) => 0,
        Err(failure) => {
            eprintln!("{failure}");
            failure.exit_code()
        }
    };
    process::exit(exit_code);
}
