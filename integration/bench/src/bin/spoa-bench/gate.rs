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

/// Instructions per frame: at most so many, and why. The limits are some 10 % above what was counted
/// when they were set: that is what another compiler or libc may take.
///
/// 2 in 3 of those of a lone frame belong to the wake-up: reactor, task and actor.
const INSTRUCTIONS: [(Server, Scenario, f64, &str); 5] = [
    (Server::Agent, Scenario::B, 3_350.0, "a wake-up and one frame"),
    (Server::Agent, Scenario::C, 1_150.0, "16 frames share a wake-up"),
    (Server::AgentActor, Scenario::C, 1_600.0, "16 frames share a wake-up, each with a future"),
    (Server::AgentReady, Scenario::F, 1_400.0, "8 KiB are not copied"),
    (Server::AgentReady, Scenario::H, 3_600.0, "40 arguments are checked and read, none is copied"),
];

/// System calls per frame.
const CALLS: [(Scenario, &[Limit]); 2] = [
    (
        Scenario::B,
        &[
            Limit {
                what: "recv",
                of: |counts| counts.recv,
                most: 1.1,
                reason: "a frame is read once",
            },
            Limit {
                what: "failed recv",
                of: |counts| counts.failed_recv,
                most: 0.02,
                reason: "a short read was the last",
            },
            Limit {
                what: "send",
                of: |counts| counts.send,
                most: 1.1,
                reason: "one write a wake-up",
            },
            Limit {
                what: "write",
                of: |counts| counts.write,
                most: 0.02,
                reason: "no thread is woken",
            },
        ],
    ),
    // A sixteenth if all frames of a window come together, which the generator sees to: mostly.
    (
        Scenario::C,
        &[
            Limit {
                what: "recv",
                of: |counts| counts.recv,
                most: 0.25,
                reason: "what came together is read together",
            },
            Limit {
                what: "send",
                of: |counts| counts.send,
                most: 0.25,
                reason: "one write a wake-up",
            },
        ],
    ),
];

/// The most that one kind of calls may be, and why.
struct Limit {
    what: &'static str,
    of: fn(&Counts) -> f64,
    most: f64,
    reason: &'static str,
}

/// Compares the agent with its limits, and prints all of them.
///
/// # Errors
/// A limit is exceeded, or nothing can be counted.
pub(crate) fn check() -> Result<(), Failure> {
    let bench = Bench::new(&[Server::Agent, Server::AgentActor, Server::AgentReady])?;
    let mut verdict = Verdict::new();
    for (server, scenario, most, reason) in INSTRUCTIONS {
        let count = instructions::count(&bench, server, scenario, FRAMES)?.per_frame;
        verdict.compare([server.name(), scenario.title(), "instructions", reason], count, most);
    }
    for (scenario, limits) in CALLS {
        let counts = calls::count(&bench, Server::Agent, scenario, FRAMES)?.per_frame;
        for Limit { what, of, most, reason } in limits {
            let words = [Server::Agent.name(), scenario.title(), what, reason];
            verdict.compare(words, of(&counts), *most);
        }
    }
    print!("{}", verdict.table);
    verdict.result()
}

/// What was counted, and what of it was too much.
struct Verdict {
    table: Table,
    grown: Vec<String>,
}

impl Verdict {
    fn new() -> Self {
        let table = Table::new(["per frame", "at most", "counted"]);
        Self { table, grown: Vec::new() }
    }

    /// Server, scenario, what is counted, and the reason of its limit.
    fn compare(&mut self, words: [&str; 4], count: f64, most: f64) {
        let title = words.join(", ");
        let digits = if most < 100.0 { 3 } else { 0 };
        let numbers = [most, count].map(|number| format!("{number:.digits$}"));
        if count > most {
            self.grown.push(format!("{title}: {}, at most {}", numbers[1], numbers[0]));
        }
        self.table.row([title].into_iter().chain(numbers));
    }

    fn result(self) -> Result<(), Failure> {
        if self.grown.is_empty() {
            return Ok(());
        }
        let advice = "make it less, or raise the limit in gate.rs and say why";
        let failure = Failure::new(format!("a frame costs the agent more than it may; {advice}"));
        Err(failure.with("what grew", &self.grown.join("\n")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_names_what_grew_and_by_how_much() {
        let mut verdict = Verdict::new();
        let words = ["agent", "B 16×1", "instructions", "a wake-up and one frame"];
        verdict.compare(words, 6_999.0, 7_000.0);
        verdict.compare(words, 9_000.4, 7_000.0);
        verdict.compare(["agent", "B 16×1", "send", "one write a wake-up"], 2.0, 1.1);
        let complaint = verdict.result().unwrap_err().to_string();
        let expected = "\n--- what grew ---\n\
                        agent, B 16×1, instructions, a wake-up and one frame: 9000, at most 7000\n\
                        agent, B 16×1, send, one write a wake-up: 2.000, at most 1.100";
        assert!(complaint.ends_with(expected), "{complaint}");
    }

    #[test]
    fn what_is_within_its_limits_passes() {
        let mut verdict = Verdict::new();
        verdict.compare(["agent", "B 16×1", "send", "one write a wake-up"], 1.0, 1.1);
        assert!(verdict.result().is_ok());
    }
}
