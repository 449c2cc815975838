//! Point: one thing to measure of every server, a row of a table.

use crate::bench::Setting;
use crate::scenario::Scenario;
use crate::server::Server;
use crate::workload::Workload;

const CLIENT: &[&str] = &["check-client-ip", "ip=10.0.0.1"];
const BURN: &[&str] = &["burn", "us=20"];

/// Frames of about so many bytes.
const BYTES_100: &[&str] = &["--binary", "body:64", "read-all"];
const KIB: &[&str] = &["--binary", "body:1000", "read-all"];
const KIB_8: &[&str] = &["--binary", "body:8170", "read-all"];
const KIB_64: &[&str] = &["--max-frame-size", "131072", "--binary", "body:65510", "read-all"];

/// What is read off a report.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Metric {
    /// The server's processor time per frame.
    Cpu,
    /// The same, and how long answers take.
    Latency,
    /// Memory per connection.
    Memory,
    /// Frames a second.
    Throughput,
}

/// A workload, and how the server is started for it.
#[derive(Clone, Debug)]
pub(crate) struct Point {
    pub(crate) title: String,
    pub(crate) workload: Workload,
    pub(crate) metric: Metric,
    pub(crate) setting: Setting,
    /// Whether server and generator have a processor each.
    pub(crate) is_pinned: bool,
}

impl Point {
    /// What a scenario measures.
    pub(crate) fn of(scenario: Scenario) -> Vec<Self> {
        match (scenario, scenario.workload()) {
            (Scenario::I, _) => [2_000, 10_000].map(Self::idle).into(),
            (Scenario::S, _) => [1, 2].map(Self::scale).into(),
            (Scenario::N, _) => Self::flatness(),
            (_, None) => Vec::new(),
            (_, Some(workload)) => {
                let metric = if workload.rate.is_some() { Metric::Latency } else { Metric::Cpu };
                let mut point = Self::new(scenario.title(), workload, metric);
                point.setting.on_unix = scenario.is_on_unix();
                vec![point]
            }
        }
    }

    fn new(title: impl Into<String>, workload: Workload, metric: Metric) -> Self {
        let (title, setting) = (title.into(), Setting::default());
        Self { title, workload, metric, setting, is_pinned: true }
    }

    fn idle(connections: u32) -> Self {
        let workload = Workload { connections, window: 0, rate: None, message: CLIENT };
        Self::new(format!("I {connections} idle"), workload, Metric::Memory)
    }

    /// Arbiters are threads: they may go where they like.
    fn scale(arbiters: u32) -> Self {
        let workload = Workload { connections: 16, window: 4, rate: None, message: BURN };
        let mut point = Self::new(format!("S {arbiters}"), workload, Metric::Throughput);
        point.setting.options = vec!["--worker-threads".to_owned(), arbiters.to_string()];
        point.is_pinned = false;
        point
    }

    /// First the number of connections, then the size of frames.
    fn flatness() -> Vec<Self> {
        let point = |connections, title: &str, message| {
            let workload = Workload { connections, window: 1, rate: None, message };
            Self::new(format!("N {connections}×1, {title}"), workload, Metric::Cpu)
        };
        let connections = [1, 100, 1000, 10_000].map(|count| point(count, "100 B", BYTES_100));
        let sizes = [("1 KiB", KIB), ("8 KiB", KIB_8), ("64 KiB", KIB_64)];
        let sizes = sizes.map(|(title, message)| point(100, title, message));
        connections.into_iter().chain(sizes).collect()
    }

    /// Only an agent has arbiters.
    pub(crate) fn is_for(&self, server: Server) -> bool {
        self.metric != Metric::Throughput
            || matches!(server, Server::Agent | Server::AgentActor | Server::AgentReady)
    }
}
