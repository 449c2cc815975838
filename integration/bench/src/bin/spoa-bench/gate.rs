//! The gate: what a frame may cost the agent, in what no busy machine changes.

use spoa_integration::Failure;

use crate::bench::Bench;
use crate::calls::{self, Counts};
use crate::instructions;
use crate::scenario::Scenario;
use crate::server::Server;
use crate::table::Table;

/// Fewer than for a table: the limits leave room for the difference.
const FRAMES: u32 = 5_000;

/// The most that something may be.
struct Limit {
    server: Server,
    scenario: Scenario,
    what: What,
    most: f64,
    reason: &'static str,
}

/// What is limited, per frame.
#[derive(Clone, Copy)]
enum What {
    Instructions,
    Recv,
    FailedRecv,
    Send,
    Write,
}

const LIMITS: [Limit; 10] = [
    // 4 in 5 of these belong to the wake-up, not to its one frame.
    Limit::new(Server::Agent, Scenario::B, What::Instructions, 7_000.0, "one wake-up a frame"),
    Limit::new(Server::Agent, Scenario::C, What::Instructions, 3_500.0, "16 frames a wake-up"),
    Limit::new(Server::AgentActor, Scenario::B, What::Instructions, 7_500.0, "one wake-up a frame"),
    Limit::new(Server::AgentActor, Scenario::C, What::Instructions, 4_000.0, "16 frames a wake-up"),
    Limit::new(Server::Agent, Scenario::B, What::Recv, 1.1, "a frame is read once"),
    Limit::new(Server::Agent, Scenario::B, What::FailedRecv, 0.02, "a short read was the last"),
    Limit::new(Server::Agent, Scenario::B, What::Send, 1.1, "an answer is written once"),
    Limit::new(Server::Agent, Scenario::B, What::Write, 0.02, "no thread wakes another"),
    // A sixteenth, if the generator's frames arrive together: they mostly do.
    Limit::new(Server::Agent, Scenario::C, What::Recv, 0.25, "what came together is read together"),
    Limit::new(Server::Agent, Scenario::C, What::Send, 0.25, "one write a wake-up"),
];

/// Compares the agent with its limits, and prints all of them.
///
/// # Errors
/// A limit is exceeded, or nothing can be counted.
pub(crate) fn check(bench: &Bench) -> Result<(), Failure> {
    let mut table = Table::new(["per frame", "at most", "counted"]);
    let mut grown = Vec::new();
    let mut counted = Counted::default();
    for limit in &LIMITS {
        let count = counted.look_up(bench, limit)?;
        table.row([limit.title(), limit.what.number(limit.most), limit.what.number(count)]);
        if count > limit.most {
            grown.push(limit.complaint(count));
        }
    }
    print!("{table}");
    if grown.is_empty() {
        return Ok(());
    }
    let advice = "make it smaller, or raise the limit in integration/bench with a reason";
    Err(Failure::new(format!("a frame costs the agent more than it may; {advice}"))
        .with("what grew", &grown.join("\n")))
}

/// What has been counted already: several limits stand on one count.
#[derive(Default)]
struct Counted {
    instructions: Vec<(Server, Scenario, f64)>,
    calls: Vec<(Server, Scenario, Counts)>,
}

impl Counted {
    fn look_up(&mut self, bench: &Bench, limit: &Limit) -> Result<f64, Failure> {
        match limit.what.of_calls() {
            None => self.instructions(bench, limit.server, limit.scenario),
            Some(pick) => self.calls(bench, limit.server, limit.scenario).map(pick),
        }
    }

    fn instructions(
        &mut self,
        bench: &Bench,
        server: Server,
        scenario: Scenario,
    ) -> Result<f64, Failure> {
        let known = self.instructions.iter().find(|known| (known.0, known.1) == (server, scenario));
        if let Some((_, _, count)) = known {
            return Ok(*count);
        }
        let count = instructions::count(bench, server, scenario, FRAMES)?.per_frame;
        self.instructions.push((server, scenario, count));
        Ok(count)
    }

    fn calls(
        &mut self,
        bench: &Bench,
        server: Server,
        scenario: Scenario,
    ) -> Result<Counts, Failure> {
        let known = self.calls.iter().find(|known| (known.0, known.1) == (server, scenario));
        if let Some((_, _, counts)) = known {
            return Ok(*counts);
        }
        let counts = calls::count(bench, server, scenario, FRAMES)?.per_frame;
        self.calls.push((server, scenario, counts));
        Ok(counts)
    }
}

impl Limit {
    const fn new(
        server: Server,
        scenario: Scenario,
        what: What,
        most: f64,
        reason: &'static str,
    ) -> Self {
        Self { server, scenario, what, most, reason }
    }

    fn title(&self) -> String {
        let Self { server, scenario, what, reason, .. } = self;
        format!("{server}, {}: {}, {reason}", scenario.title(), what.name())
    }

    fn complaint(&self, count: f64) -> String {
        let (count, most) = (self.what.number(count), self.what.number(self.most));
        format!("{}: {count}, at most {most}", self.title())
    }
}

impl What {
    fn name(self) -> &'static str {
        match self {
            Self::Instructions => "instructions",
            Self::Recv => "recv",
            Self::FailedRecv => "failed recv",
            Self::Send => "send",
            Self::Write => "write",
        }
    }

    fn of_calls(self) -> Option<fn(Counts) -> f64> {
        match self {
            Self::Instructions => None,
            Self::Recv => Some(|counts| counts.recv),
            Self::FailedRecv => Some(|counts| counts.failed_recv),
            Self::Send => Some(|counts| counts.send),
            Self::Write => Some(|counts| counts.write),
        }
    }

    fn number(self, number: f64) -> String {
        match self {
            Self::Instructions => format!("{number:.0}"),
            _ => format!("{number:.3}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_names_what_grew_and_by_how_much() {
        let complaint = LIMITS[0].complaint(9_000.4);
        let expected = "agent, B 16×1: instructions, one wake-up a frame: 9000, at most 7000";
        assert_eq!(complaint, expected);
    }
}
