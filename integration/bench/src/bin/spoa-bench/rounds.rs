//! Rounds: every point of every server, again and again, so that a busy minute meets all of them.

use std::time::Duration;

use serde::Serialize;
use spoa_integration::Failure;

use crate::bench::{Bench, Setting};
use crate::point::Point;
use crate::server::Server;
use crate::workload::{Length, Report};

const END_LIMIT: Duration = Duration::from_secs(60);

/// How often, and for how long each time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rounds {
    pub(crate) count: usize,
    pub(crate) length: Duration,
}

/// One measurement.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Sample {
    pub(crate) point: String,
    pub(crate) server: Server,
    pub(crate) round: usize,
    pub(crate) report: Report,
}

impl Rounds {
    /// Measures; each time with a server that has just been started.
    ///
    /// # Errors
    /// A server does not start or end well, or the load tool counts an error.
    pub(crate) fn run(
        &self,
        bench: &Bench,
        points: &[Point],
        servers: &[Server],
    ) -> Result<Vec<Sample>, Failure> {
        let mut samples = Vec::new();
        for round in 0..self.count {
            // Nobody is always the one behind the floor.
            let (before, first) = servers.split_at(round % servers.len().max(1));
            for point in points {
                let servers = first.iter().chain(before).copied();
                for server in servers.filter(|server| point.is_for(*server)) {
                    eprintln!("round {}: {}, {server}", round + 1, point.title);
                    let report = self.measure(bench, point, server)?;
                    samples.push(Sample { point: point.title.clone(), server, round, report });
                }
            }
        }
        Ok(samples)
    }

    fn measure(&self, bench: &Bench, point: &Point, server: Server) -> Result<Report, Failure> {
        let pin = |processor| if point.is_pinned { Bench::pin(processor) } else { Vec::new() };
        let setting = Setting { under: pin("1"), ..point.setting.clone() };
        let placed = bench.place(server, &setting)?;
        let length = Length::Time(self.length);
        let report = bench.drive(&point.workload, &placed, length, &pin("0"));
        let report = report.map_err(|failure| {
            Failure::new(format!("{}, {server}: {failure}", point.title))
                .with("the server's last words", &placed.running.said("stderr"))
        })?;
        placed.running.terminate(END_LIMIT)?;
        Ok(report)
    }
}
