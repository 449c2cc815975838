//! Workload: what the load tool is asked to do, and what it reports.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use spoa_integration::{Endpoint, Failure};

use crate::bench::Bench;
use crate::running::Running;

/// Beyond the time that the load itself takes: connecting, warming up, waiting for the last ACKs.
const PATIENCE: Duration = Duration::from_secs(60);

/// Frames from some connections, so many in flight on each.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Workload {
    pub(crate) connections: u32,
    /// 0: idle.
    pub(crate) window: u32,
    /// Frames a second in all, whether or not answers come; as fast as they come without.
    pub(crate) rate: Option<u32>,
    /// The message and its arguments, as the load tool takes them.
    pub(crate) message: &'static [&'static str],
}

/// How long a workload goes on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Length {
    /// After a warm-up.
    Time(Duration),
    /// From the first frame on.
    Frames(u32),
}

/// What the load tool reports.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Report {
    pub(crate) frames: f64,
    pub(crate) seconds: f64,
    pub(crate) frames_per_second: f64,
    pub(crate) latency_us: Latency,
    pub(crate) generator: Generator,
    pub(crate) agent: Measured,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Latency {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Generator {
    pub(crate) cpu_us_per_frame: f64,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Measured {
    pub(crate) cpu_us_per_frame: f64,
    pub(crate) rss_kib_per_connection: f64,
}

impl Workload {
    /// Drives a server.
    ///
    /// # Errors
    /// Any error that the load tool counts, so that no number stands for a run with errors.
    pub(crate) fn drive(
        &self,
        bench: &Bench,
        endpoint: &Endpoint,
        server: &Running,
        length: Length,
    ) -> Result<Report, Failure> {
        let mut words = bench.generator_pin();
        words.push(bench.programs.load()?.display().to_string());
        words.extend(self.options(endpoint, server.id(), length));
        let limit = match length {
            Length::Time(time) => time + PATIENCE,
            Length::Frames(_) => 10 * PATIENCE,
        };
        let output = Running::start(&words)?.output(limit)?;
        serde_json::from_str(&output).map_err(|error| {
            Failure::new(format!("the load tool's report: {error}")).with("it", &output)
        })
    }

    fn options(&self, endpoint: &Endpoint, pid: u32, length: Length) -> Vec<String> {
        let mut words = match endpoint {
            Endpoint::Tcp(address) => vec!["--addr".to_owned(), address.to_string()],
            Endpoint::Unix(path) => vec!["--unix".to_owned(), path.display().to_string()],
        };
        let mut option = |name: &str, value: &dyn fmt::Display| {
            words.extend([name.to_owned(), value.to_string()]);
        };
        option("--connections", &self.connections);
        option("--window", &self.window);
        option("--pid", &pid);
        match length {
            Length::Time(time) => option("--duration", &format_args!("{}ms", time.as_millis())),
            Length::Frames(frames) => {
                option("--frames", &frames);
                option("--warmup", &"0ms");
            }
        }
        if let Some(rate) = self.rate {
            option("--rate", &rate);
        }
        words.extend(["--json".to_owned(), "--quiet".to_owned()]);
        words.extend(self.message.iter().map(|word| (*word).to_owned()));
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workload_becomes_options_of_the_load_tool() {
        let message = &["check-client-ip", "ip=10.0.0.1"];
        let workload = Workload { connections: 8, window: 16, rate: Some(20_000), message };
        let endpoint = Endpoint::Unix("/a".into());
        let options = workload.options(&endpoint, 7, Length::Time(Duration::from_secs(2)));
        let expected = "--unix /a --connections 8 --window 16 --pid 7 --duration 2000ms \
                        --rate 20000 --json --quiet check-client-ip ip=10.0.0.1";
        assert_eq!(options.join(" "), expected);
    }
}
