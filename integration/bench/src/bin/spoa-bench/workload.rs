//! Workload: what the load tool is asked to do, and what it reports.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use spoa_integration::Endpoint;

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
    /// The options of the load tool.
    pub(crate) fn options(&self, endpoint: &Endpoint, pid: u32, length: Length) -> Vec<String> {
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
            Length::Frames(frames) => option("--frames", &frames),
            Length::Time(time) => {
                option("--warmup", &"500ms");
                option("--duration", &format_args!("{}ms", time.as_millis()));
            }
        }
        option("--expect", &1);
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
        let expected = "--unix /a --connections 8 --window 16 --pid 7 --warmup 500ms \
                        --duration 2000ms --expect 1 --rate 20000 --json --quiet check-client-ip ip=10.0.0.1";
        assert_eq!(options.join(" "), expected);
    }
}
