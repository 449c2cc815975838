//! System calls per frame, counted by strace.

use std::fs::read_to_string;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde::Serialize;
use spoa_integration::{Failure, Scratch};

use crate::bench::{Bench, Setting};
use crate::scenario::Scenario;
use crate::server::Server;
use crate::table::Table;
use crate::workload::{Length, Workload};

const END_LIMIT: Duration = Duration::from_secs(60);
/// How long strace may take to write its table after the server's end.
const TABLE_LIMIT: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(5);

/// The scenarios whose count says something.
pub(crate) const SCENARIOS: [Scenario; 2] = [Scenario::B, Scenario::C];

/// What a server asks of the kernel for a frame.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Calls {
    pub(crate) server: &'static str,
    pub(crate) scenario: &'static str,
    pub(crate) per_frame: Counts,
}

/// Calls by what they are for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Counts {
    /// Reads of sockets, failed ones too.
    pub(crate) recv: f64,
    /// Those that failed: there was nothing to read.
    pub(crate) failed_recv: f64,
    /// Writes to sockets.
    pub(crate) send: f64,
    /// Waits for events.
    pub(crate) wait: f64,
    /// Writes to anything else: an eventfd that wakes a thread, a log.
    pub(crate) write: f64,
    /// All else.
    pub(crate) other: f64,
}

/// Counts a short and a long run: their difference knows neither start nor end.
///
/// # Errors
/// strace is not there, or a run fails.
pub(crate) fn count(
    bench: &Bench,
    server: Server,
    scenario: Scenario,
    frames: u32,
) -> Result<Calls, Failure> {
    let workload = scenario.workload().ok_or_else(|| Failure::new("not one workload"))?;
    let short = count_all(bench, server, &workload, frames / 5)?;
    let long = count_all(bench, server, &workload, frames + frames / 5)?;
    let per_frame = long.combine(short, |long, short| (long - short) / f64::from(frames));
    Ok(Calls { server: server.name(), scenario: scenario.title(), per_frame })
}

fn count_all(
    bench: &Bench,
    server: Server,
    workload: &Workload,
    frames: u32,
) -> Result<Counts, Failure> {
    let scratch = Scratch::new()?;
    let file = scratch.join("strace");
    // -D: the server, not strace, is the child, which is signalled and waited for.
    let path = file.display().to_string();
    let columns = "--summary-columns=calls,errors,name";
    let under = ["strace", "-D", "-f", "-c", columns, "-o", &path].map(str::to_owned).into();
    let placed = bench.place(server, &Setting { under, ..Setting::default() })?;
    bench.drive(workload, &placed, Length::Frames(frames), &[])?;
    placed.running.terminate(END_LIMIT)?;
    let begun = Instant::now();
    loop {
        let text = read_to_string(&file).unwrap_or_default();
        if let Some(counts) = Counts::read(&text) {
            return Ok(counts);
        }
        if begun.elapsed() > TABLE_LIMIT {
            return Err(Failure::new("strace has written no table").with("its file", &text));
        }
        sleep(PAUSE);
    }
}

impl Counts {
    /// Reads strace's table; nothing if it is not whole yet.
    fn read(table: &str) -> Option<Self> {
        let mut counts = Self::default();
        for line in table.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let (calls, errors, name) = match words[..] {
                [_, "total"] | [_, _, "total"] => return Some(counts),
                [calls, name] => (calls, "0", name),
                [calls, errors, name] => (calls, errors, name),
                _ => continue,
            };
            let (Ok(calls), Ok(errors)) = (calls.parse::<f64>(), errors.parse::<f64>()) else {
                continue; // the head of the table
            };
            counts.add(name, calls, errors);
        }
        None
    }

    fn add(&mut self, name: &str, calls: f64, errors: f64) {
        match name {
            "read" | "readv" | "recvfrom" | "recvmsg" => {
                self.recv += calls;
                self.failed_recv += errors;
            }
            "sendto" | "sendmsg" | "writev" => self.send += calls,
            "epoll_wait" | "epoll_pwait" | "epoll_pwait2" => self.wait += calls,
            "write" => self.write += calls,
            _ => self.other += calls,
        }
    }

    fn combine(self, other: Self, function: impl Fn(f64, f64) -> f64) -> Self {
        Self {
            recv: function(self.recv, other.recv),
            failed_recv: function(self.failed_recv, other.failed_recv),
            send: function(self.send, other.send),
            wait: function(self.wait, other.wait),
            write: function(self.write, other.write),
            other: function(self.other, other.other),
        }
    }
}

/// A row a scenario and server.
pub(crate) fn table(counts: &[Calls]) -> Table {
    let head = ["calls per frame", "recv", "failed recv", "send", "wait", "write", "other"];
    let mut table = Table::new(head);
    for Calls { server, scenario, per_frame } in counts {
        let Counts { recv, failed_recv, send, wait, write, other } = per_frame;
        let numbers = [recv, failed_recv, send, wait, write, other];
        let title = format!("{scenario}, {server}");
        table.row([title].into_iter().chain(numbers.map(|number| format!("{number:.3}"))));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::Counts;

    #[test]
    fn a_table_is_read_when_it_is_whole() {
        let table = "    calls    errors syscall\n--------- --------- ----------------\n     \
                     2000         7 recvfrom\n     1993           sendto\n        12           \
                     futex\n--------- --------- ----------------\n";
        assert_eq!(Counts::read(table), None);
        let whole = format!("{table}     4005         7 total\n");
        let expected = Counts {
            recv: 2000.0,
            failed_recv: 7.0,
            send: 1993.0,
            other: 12.0,
            ..Counts::default()
        };
        assert_eq!(Counts::read(&whole), Some(expected));
    }
}
