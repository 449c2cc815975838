//! What a frame costs: the agent against a bare loop and a peer.
//!
//! ```text
//! cargo run --release -p spoa-bench -- run
//! ```

mod bench;
mod calls;
mod dialogue;
mod gate;
mod haproxy;
mod instructions;
mod layers;
mod options;
mod point;
mod programs;
mod results;
mod rounds;
mod running;
mod scenario;
mod server;
mod spread;
mod table;
mod workload;

use std::fs;
use std::process::ExitCode;
use std::thread::available_parallelism;

use clap::Parser;
use spoa_integration::{Failure, allow_descriptors};

use self::bench::Bench;
use self::options::{Command, Counting, Measuring, Options};
use self::results::Results;
use self::table::Table;

/// Of a server with 10,000 connections.
const DESCRIPTORS: u64 = 12_000;

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
        Command::Run(measuring) => measure(&measuring),
        Command::Haproxy(asking) => {
            let (rounds, seconds) = (asking.rounds.get(), asking.seconds.get());
            print!("{}", haproxy::measure(rounds, seconds)?);
            Ok(())
        }
        Command::Gate => gate::check(),
        Command::Instructions(counting) => count_instructions(&counting),
        Command::Layers(length) => {
            print!("{}", layers::measure(length.notifies)?);
            Ok(())
        }
        Command::Calls(counting) => count_calls(&counting),
    }
}

fn measure(measuring: &Measuring) -> Result<(), Failure> {
    let processors = available_parallelism().map_or(1, usize::from);
    if processors < 2 {
        let sentence = "one processor: server and generator would take turns; give it two";
        return Err(Failure::new(sentence));
    }
    allow_descriptors(DESCRIPTORS)?;
    let (points, servers) = (measuring.points(), measuring.servers());
    let samples = measuring.rounds().run(&Bench::new(&servers)?, &points, &servers)?;
    if let Some(path) = &measuring.json {
        let text = serde_json::to_string_pretty(&samples).map_err(Failure::during("no JSON"))?;
        fs::write(path, text)
            .map_err(Failure::during(format!("cannot write {}", path.display())))?;
    }
    for table in (Results { points: &points, servers: &servers, samples: &samples }).tables() {
        println!("{table}");
    }
    Ok(())
}

fn count_instructions(counting: &Counting) -> Result<(), Failure> {
    let bench = Bench::new(counting.servers())?;
    let mut counts = Vec::new();
    for scenario in counting.scenarios(&instructions::SCENARIOS) {
        for server in counting.servers().iter().copied() {
            counts.push(instructions::count(&bench, server, scenario, counting.frames)?);
        }
    }
    print(counting, &counts, || instructions::table(&counts))
}

fn count_calls(counting: &Counting) -> Result<(), Failure> {
    let bench = Bench::new(counting.servers())?;
    let mut counts = Vec::new();
    for scenario in counting.scenarios(&calls::SCENARIOS) {
        for server in counting.servers().iter().copied() {
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
