//! Instructions per frame, counted by valgrind: they do not depend on what else the machine does.

use std::fs::read_to_string;
use std::time::Duration;

use serde::Serialize;
use spoa_integration::{Failure, Scratch};

use crate::bench::{Bench, Placed, Setting};
use crate::scenario::Scenario;
use crate::server::Server;
use crate::table::Table;
use crate::workload::Length;

const END_LIMIT: Duration = Duration::from_secs(60);

/// The scenarios whose count says something.
pub(crate) const SCENARIOS: [Scenario; 6] =
    [Scenario::A, Scenario::B, Scenario::C, Scenario::D, Scenario::F, Scenario::H];

/// What a server needs for a frame.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Instructions {
    pub(crate) server: &'static str,
    pub(crate) scenario: &'static str,
    pub(crate) per_frame: f64,
}

/// Counts a short and a long run: their difference knows neither start nor end.
///
/// # Errors
/// valgrind is not there, or a run fails.
pub(crate) fn count(
    bench: &Bench,
    server: Server,
    scenario: Scenario,
    frames: u32,
) -> Result<Instructions, Failure> {
    let workload = scenario.workload().ok_or_else(|| Failure::new("not one workload"))?;
    let per_frame = difference(frames, |frames| {
        under_callgrind(bench, server, &[], |placed| {
            bench.drive(&workload, placed, Length::Frames(frames), &[]).map(drop)
        })
    })?;
    Ok(Instructions { server: server.name(), scenario: scenario.title(), per_frame })
}

/// What a frame more costs, of a count of all.
///
/// # Errors
/// Those of the count.
pub(crate) fn difference(
    frames: u32,
    count: impl Fn(u32) -> Result<f64, Failure>,
) -> Result<f64, Failure> {
    let short = count(frames / 5)?;
    let long = count(frames + frames / 5)?;
    Ok((long - short) / f64::from(frames))
}

/// All instructions of a server that is driven, from its start to its end.
///
/// # Errors
/// valgrind is not there, or the run fails.
pub(crate) fn under_callgrind(
    bench: &Bench,
    server: Server,
    options: &[String],
    drive: impl FnOnce(&Placed) -> Result<(), Failure>,
) -> Result<f64, Failure> {
    let scratch = Scratch::new()?;
    let file = scratch.join("callgrind");
    let output = format!("--callgrind-out-file={}", file.display());
    let under = ["valgrind", "--tool=callgrind", &output].map(str::to_owned).into();
    let setting = Setting { under, options: options.to_vec(), ..Setting::default() };
    let placed = bench.place(server, &setting)?;
    drive(&placed)?;
    placed.running.terminate(END_LIMIT)?;
    let text = read_to_string(&file)
        .map_err(Failure::during("callgrind has written nothing; is valgrind installed?"))?;
    total(&text).ok_or_else(|| Failure::new("callgrind has written no total").with("it", &text))
}

/// The line at the end of callgrind's file.
fn total(text: &str) -> Option<f64> {
    text.lines().rev().find_map(|line| line.strip_prefix("totals: "))?.trim().parse().ok()
}

/// A row a scenario, a column a server.
pub(crate) fn table(counts: &[Instructions]) -> Table {
    let mut servers: Vec<&str> = Vec::new();
    let mut rows: Vec<Vec<String>> = Vec::new();
    for count in counts {
        if !servers.contains(&count.server) {
            servers.push(count.server);
        }
        match rows.last_mut() {
            Some(row) if row[0] == count.scenario => row.push(format!("{:.0}", count.per_frame)),
            _ => rows.push(vec![count.scenario.to_owned(), format!("{:.0}", count.per_frame)]),
        }
    }
    let mut table = Table::new(["instructions per frame"].into_iter().chain(servers));
    rows.into_iter().for_each(|row| table.row(row));
    table
}

#[cfg(test)]
mod tests {
    use super::total;

    #[test]
    fn the_total_stands_at_the_end() {
        assert_eq!(total("summary: 7\n\ntotals: 123456\n"), Some(123_456.0));
        assert_eq!(total("fn=(1)\n"), None);
    }
}
