//! What a frame costs: the agent against a bare loop and a peer.
//!
//! ```text
//! cargo run --release -p spoa-bench -- run
//! ```

mod bench;
mod calls;
mod instructions;
mod options;
mod programs;
mod running;
mod scenario;
mod server;
mod table;
mod workload;

use std::process::ExitCode;

use clap::Parser;
use spoa_integration::Failure;

use self::bench::Bench;
use self::options::{Command, Counting, Options};
use self::table::Table;

fn main() -> ExitCode {
    match run(Options::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Instructions(counting) => count_instructions(&counting),
        Command::Calls(counting) => count_calls(&counting),
    }
}

fn count_instructions(counting: &Counting) -> Result<(), Failure> {
    let bench = Bench::unpinned()?;
    let mut counts = Vec::new();
    for scenario in counting.scenarios(&instructions::SCENARIOS) {
        for server in counting.servers() {
            counts.push(instructions::count(&bench, server, scenario, counting.frames)?);
        }
    }
    print(counting, &counts, || instructions::table(&counts))
}

fn count_calls(counting: &Counting) -> Result<(), Failure> {
    let bench = Bench::unpinned()?;
    let mut counts = Vec::new();
    for scenario in counting.scenarios(&calls::SCENARIOS) {
        for server in counting.servers() {
            counts.push(calls::count(&bench, server, scenario, counting.frames)?);
        }
    }
    print(counting, &counts, || calls::table(&counts))
}

fn print<T: serde::Serialize>(
    counting: &Counting,
    counts: &[T],
    table: impl FnOnce() -> Table,
) -> Result<(), Failure> {
    if counting.json {
        let text = serde_json::to_string_pretty(counts).map_err(Failure::during("no JSON"))?;
        println!("{text}");
    } else {
        print!("{}", table());
    }
    Ok(())
}
