//! Results: samples as tables. A ratio is that of two samples of one round.

use crate::point::{Metric, Point};
use crate::rounds::Sample;
use crate::server::Server;
use crate::spread::Spread;
use crate::table::Table;
use crate::workload::Report;

/// Samples, and what they are of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Results<'a> {
    pub(crate) points: &'a [Point],
    pub(crate) servers: &'a [Server],
    pub(crate) samples: &'a [Sample],
}

impl Results<'_> {
    /// All tables that have rows.
    pub(crate) fn tables(&self) -> Vec<Table> {
        let tables = [self.ratios(), self.memory(), self.scale()];
        tables.into_iter().filter(|table| !table.is_empty()).collect()
    }

    /// Processor time and latency, as multiples of the floor's.
    fn ratios(&self) -> Table {
        let names = self.others().map(|server| format!("{server} ÷ floor"));
        let head = ["scenario".to_owned(), "floor µs".to_owned()];
        let mut table = Table::new(head.into_iter().chain(names));
        for point in self.points_of(&[Metric::Cpu, Metric::Latency]) {
            table.row(self.ratio_row(&point.title, "", |report| report.agent.cpu_us_per_frame));
            if point.metric == Metric::Latency {
                table.row(self.ratio_row(&point.title, ", p50", |report| report.latency_us.p50));
                table.row(self.ratio_row(&point.title, ", p99", |report| report.latency_us.p99));
            }
        }
        table
    }

    fn ratio_row(&self, point: &str, suffix: &str, metric: fn(&Report) -> f64) -> Vec<String> {
        let floor = Spread::of(self.values(point, Server::Floor, metric));
        let ratios = self.others().map(|server| {
            cell(Spread::of(self.ratio((point, server), (point, Server::Floor), metric)))
        });
        [format!("{point}{suffix}"), cell(floor)].into_iter().chain(ratios).collect()
    }

    fn memory(&self) -> Table {
        let names = self.servers.iter().map(ToString::to_string);
        let mut table = Table::new(["KiB per connection".to_owned()].into_iter().chain(names));
        for point in self.points_of(&[Metric::Memory]) {
            let cells = self.servers.iter().map(|server| {
                let metric = |report: &Report| report.agent.rss_kib_per_connection;
                cell(Spread::of(self.values(&point.title, *server, metric)))
            });
            table.row([point.title.clone()].into_iter().chain(cells));
        }
        table
    }

    /// Frames a second with more arbiters as multiples of those with the first number of them.
    fn scale(&self) -> Table {
        let head = ["scenario", "frames/s", "÷ 1 arbiter", "generator's processor %"];
        let mut table = Table::new(head);
        let points: Vec<&Point> = self.points_of(&[Metric::Throughput]).collect();
        let Some(first) = points.first() else { return table };
        for server in self.servers.iter().filter(|server| first.is_for(**server)) {
            for point in &points {
                let metric = |report: &Report| report.frames_per_second;
                let ratio = self.ratio((&point.title, *server), (&first.title, *server), metric);
                let share = |report: &Report| {
                    report.generator.cpu_us_per_frame * report.frames_per_second / 1e4
                };
                table.row([
                    format!("{}, {server}", point.title),
                    cell(Spread::of(self.values(&point.title, *server, metric))),
                    cell(Spread::of(ratio)),
                    cell(Spread::of(self.values(&point.title, *server, share))),
                ]);
            }
        }
        table
    }

    fn others(&self) -> impl Iterator<Item = Server> {
        self.servers.iter().copied().filter(|server| *server != Server::Floor)
    }

    fn points_of(&self, metrics: &[Metric]) -> impl Iterator<Item = &Point> {
        self.points.iter().filter(|point| metrics.contains(&point.metric))
    }

    /// In the order of the rounds.
    fn values(&self, point: &str, server: Server, metric: impl Fn(&Report) -> f64) -> Vec<f64> {
        let wanted = |sample: &&Sample| sample.point == point && sample.server == server;
        self.samples.iter().filter(wanted).map(|sample| metric(&sample.report)).collect()
    }

    /// What is measured, by what it is compared with, round by round.
    fn ratio(
        &self,
        measured: (&str, Server),
        reference: (&str, Server),
        metric: impl Fn(&Report) -> f64,
    ) -> Vec<f64> {
        let references = self.values(reference.0, reference.1, &metric);
        let values = self.values(measured.0, measured.1, &metric);
        values.into_iter().zip(references).map(|(value, reference)| value / reference).collect()
    }
}

fn cell(spread: Option<Spread>) -> String {
    spread.map_or_else(|| "–".to_owned(), |spread| spread.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;
    use crate::workload::{Generator, Latency, Measured};

    fn sample(server: Server, round: usize, cpu_us_per_frame: f64) -> Sample {
        let report = Report {
            frames: 100.0,
            seconds: 1.0,
            frames_per_second: 100.0,
            latency_us: Latency { p50: 10.0, p99: 20.0 },
            generator: Generator { cpu_us_per_frame: 1.0 },
            agent: Measured { cpu_us_per_frame, rss_kib_per_connection: 2.5 },
        };
        Sample { point: "B 16×1".to_owned(), server, round, report }
    }

    #[test]
    fn a_ratio_is_that_of_one_round() {
        let samples = [
            sample(Server::Floor, 0, 2.0),
            sample(Server::Agent, 0, 3.0),
            sample(Server::Agent, 1, 12.0),
            sample(Server::Floor, 1, 6.0),
        ];
        let (points, servers) = (Point::of(Scenario::B), [Server::Floor, Server::Agent]);
        let results = Results { points: &points, servers: &servers, samples: &samples };
        let [table] = &results.tables()[..] else { panic!("{results:?}") };
        let expected = "| scenario | floor µs | agent ÷ floor |\n|---|--:|--:|\n\
                        | B 16×1 | 4.00 (2.00–6.00) | 1.75 (1.50–2.00) |\n";
        assert_eq!(table.to_string(), expected);
    }
}
