//! The command line.

use std::num::NonZero;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::point::Point;
use crate::rounds::Rounds;
use crate::scenario::Scenario;
use crate::server::Server;

/// What a frame costs: the agent against a bare loop and a peer.
#[derive(Debug, Parser)]
pub(crate) struct Options {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Processor time per frame, latency and memory, as multiples of the floor's.
    Run(Measuring),
    /// Requests a second and latency behind real HAProxy, as multiples of those without SPOE.
    Haproxy(Asking),
    /// Compares the agent's counts with their limits: exit code 1 if something grew.
    Gate,
    /// Instructions per frame, in user space, counted by valgrind.
    Instructions(Counting),
    /// Instructions per NOTIFY of each layer and each argument of a function.
    Layers(Layers),
    /// System calls per frame, counted by strace.
    Calls(Counting),
}

/// What is measured.
#[derive(Args, Debug)]
pub(crate) struct Measuring {
    /// Rounds; every one measures every server.
    #[arg(long, value_name = "NUMBER", default_value = "5")]
    rounds: NonZero<usize>,
    /// How long each server is measured in a round.
    #[arg(long, value_name = "NUMBER", default_value = "2")]
    seconds: NonZero<u64>,
    /// These scenarios.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "LETTERS", ignore_case = true)]
    only: Vec<Scenario>,
    /// These servers; the floor always.
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        value_name = "NAMES",
        default_value = "floor,peer,peer-nodelay,agent,agent-actor,agent-ready"
    )]
    agents: Vec<Server>,
    /// Write every sample to this file.
    #[arg(long, value_name = "PATH")]
    pub(crate) json: Option<PathBuf>,
}

impl Measuring {
    pub(crate) fn points(&self) -> Vec<Point> {
        chosen(&self.only, Scenario::value_variants()).into_iter().flat_map(Point::of).collect()
    }

    /// The floor first.
    pub(crate) fn servers(&self) -> Vec<Server> {
        let others = self.agents.iter().copied().filter(|server| *server != Server::Floor);
        [Server::Floor].into_iter().chain(others).collect()
    }

    pub(crate) fn rounds(&self) -> Rounds {
        Rounds { count: self.rounds.get(), length: Duration::from_secs(self.seconds.get()) }
    }
}

/// How HAProxy is asked.
#[derive(Args, Debug)]
pub(crate) struct Asking {
    /// Rounds; every one measures every server.
    #[arg(long, value_name = "NUMBER", default_value = "3")]
    pub(crate) rounds: NonZero<usize>,
    /// How long each server is measured in a round.
    #[arg(long, value_name = "NUMBER", default_value = "3")]
    pub(crate) seconds: NonZero<u64>,
}

/// What is counted.
#[derive(Args, Debug)]
pub(crate) struct Counting {
    /// These scenarios.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "LETTERS", ignore_case = true)]
    only: Vec<Scenario>,
    /// These servers.
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        value_name = "NAMES",
        default_value = "floor,agent,agent-actor,agent-ready,peer"
    )]
    agents: Vec<Server>,
    /// Frames by which the long run is longer than the short one.
    #[arg(long, value_name = "NUMBER", default_value = "10000")]
    pub(crate) frames: u32,
    /// Print JSON instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

/// How long layers are counted.
#[derive(Args, Debug)]
pub(crate) struct Layers {
    /// NOTIFYs by which the long run is longer than the short one.
    #[arg(long, value_name = "NUMBER", default_value = "8000")]
    pub(crate) notifies: u32,
}

impl Counting {
    pub(crate) fn scenarios(&self, all: &[Scenario]) -> Vec<Scenario> {
        chosen(&self.only, all)
    }

    pub(crate) fn servers(&self) -> &[Server] {
        &self.agents
    }
}

/// Those that were asked for; all if none were.
fn chosen(only: &[Scenario], all: &[Scenario]) -> Vec<Scenario> {
    let is_chosen = |scenario: &Scenario| only.is_empty() || only.contains(scenario);
    all.iter().copied().filter(is_chosen).collect()
}
