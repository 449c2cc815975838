//! The command line.

use clap::{Args, Parser, Subcommand};

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
    /// Instructions per frame, in user space, counted by valgrind.
    Instructions(Counting),
    /// System calls per frame, counted by strace.
    Calls(Counting),
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
        default_value = "floor,agent,agent-actor,peer"
    )]
    agents: Vec<Server>,
    /// Frames by which the long run is longer than the short one.
    #[arg(long, value_name = "NUMBER", default_value = "10000")]
    pub(crate) frames: u32,
    /// Print JSON instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Counting {
    pub(crate) fn scenarios(&self, all: &[Scenario]) -> Vec<Scenario> {
        chosen(&self.only, all)
    }

    pub(crate) fn servers(&self) -> impl Iterator<Item = Server> {
        self.agents.iter().copied()
    }
}

/// Those that were asked for; all if none were.
fn chosen(only: &[Scenario], all: &[Scenario]) -> Vec<Scenario> {
    let is_chosen = |scenario: &Scenario| only.is_empty() || only.contains(scenario);
    all.iter().copied().filter(is_chosen).collect()
}
