//! Real HAProxy in front: what clients see of an agent.

use std::time::Duration;

use spoa_integration::{Config, Endpoint, Engine, Failure, Haproxy, Version};
use tokio::runtime::Runtime;

use crate::bench::{Bench, Setting};
use crate::running::Running;
use crate::server::Server;
use crate::spread::Spread;
use crate::table::Table;

const VERSIONS: [Version; 2] = [Version::V2_6, Version::V3_2];
/// Without SPOE first: what all others are compared with.
const BEHIND: [Option<Server>; 5] =
    [None, Some(Server::Floor), Some(Server::Peer), Some(Server::PeerNodelay), Some(Server::Agent)];
const CLIENTS: u32 = 32;
const PATIENCE: Duration = Duration::from_secs(60);

/// What clients saw.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Seen {
    requests_per_second: f64,
    p99_ms: f64,
}

/// Measures both versions, with nothing, the floor, the peer and the agent behind them.
///
/// # Errors
/// HAProxy or wrk cannot be had, or a request failed.
pub(crate) fn measure(rounds: usize, seconds: u64) -> Result<Table, Failure> {
    let bench = Bench::new(&BEHIND.into_iter().flatten().collect::<Vec<_>>())?;
    let runtime = Runtime::new().map_err(Failure::during("cannot start a runtime"))?;
    let head = ["HAProxy", "requests/s", "p99 ms", "requests/s ÷ no SPOE", "p99 ÷ no SPOE"];
    let mut table = Table::new(head);
    for version in VERSIONS {
        let mut seen = vec![Vec::new(); BEHIND.len()];
        for round in 0..rounds {
            for turn in 0..BEHIND.len() {
                let at = (round + turn) % BEHIND.len();
                eprintln!("round {}: {version}, {}", round + 1, title(BEHIND[at]));
                seen[at].push(ask(&bench, &runtime, version, BEHIND[at], seconds)?);
            }
        }
        for (server, all) in BEHIND.into_iter().zip(&seen) {
            let title = format!("{}, {}", version.branch(), title(server));
            table.row([title].into_iter().chain(cells(all, &seen[0])));
        }
    }
    Ok(table)
}

fn title(server: Option<Server>) -> &'static str {
    server.map_or("no SPOE", Server::name)
}

fn cells(seen: &[Seen], without: &[Seen]) -> [String; 4] {
    let requests =
        |seen: &[Seen]| -> Vec<f64> { seen.iter().map(|seen| seen.requests_per_second).collect() };
    let p99 = |seen: &[Seen]| -> Vec<f64> { seen.iter().map(|seen| seen.p99_ms).collect() };
    let ratios = |values: Vec<f64>, references: Vec<f64>| -> Vec<f64> {
        values.into_iter().zip(references).map(|(value, reference)| value / reference).collect()
    };
    [
        requests(seen),
        p99(seen),
        ratios(requests(seen), requests(without)),
        ratios(p99(seen), p99(without)),
    ]
    .map(|values| Spread::of(values).map_or_else(String::new, |spread| spread.to_string()))
}

fn ask(
    bench: &Bench,
    runtime: &Runtime,
    version: Version,
    server: Option<Server>,
    seconds: u64,
) -> Result<Seen, Failure> {
    let placed = server.map(|server| bench.place(server, &Setting::default())).transpose()?;
    let config = config(version, placed.as_ref().map(|placed| &placed.endpoint));
    // Its logs are read on the runtime.
    let haproxy: Haproxy = runtime.block_on(config.start())?;
    let words = [
        "wrk".to_owned(),
        "--latency".to_owned(),
        "--threads=1".to_owned(),
        format!("--connections={CLIENTS}"),
        format!("--duration={seconds}s"),
        format!("http://{}/", haproxy.address()),
    ];
    let output = Running::start(&words)?.output(Duration::from_secs(seconds) + PATIENCE)?;
    Seen::read(&output)
}

/// A client without a score gets 503, which ends the measurement.
fn config(version: Version, endpoint: Option<&Endpoint>) -> Config {
    let config = Config::new(version).frontend("no log");
    let config = match endpoint {
        None => config,
        Some(endpoint) => {
            let engine = Engine::new("bench")
                .agent(endpoint)
                .agent_line("option dontlog-normal")
                .message("check-client-ip", "ip=src", "on-frontend-http-request");
            let has_score = "{ var(sess.bench.ip_score) -m found }";
            let refuse = format!("http-request return status 503 if !{has_score}");
            config.engine(engine).frontend(&refuse)
        }
    };
    config.frontend("http-request return status 200")
}

impl Seen {
    /// Reads what wrk prints.
    fn read(output: &str) -> Result<Self, Failure> {
        let fail = |what| Err(Failure::new(what).with("wrk", output));
        if output.contains("Non-2xx") || output.contains("Socket errors") {
            return fail("a request failed");
        }
        let value = |name: &str| {
            let lines = output.lines().map(str::trim);
            lines.filter_map(|line| line.strip_prefix(name)).map(str::trim).next()
        };
        let requests = value("Requests/sec:").and_then(|text| text.parse().ok());
        match (requests, value("99%").and_then(milliseconds)) {
            (Some(requests_per_second), Some(p99_ms)) => Ok(Self { requests_per_second, p99_ms }),
            _ => fail("wrk has printed no result"),
        }
    }
}

/// `1.50ms`, `900.00us` or `2.00s`.
fn milliseconds(text: &str) -> Option<f64> {
    let at = text.find(|letter: char| letter.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(at);
    let factor = match unit {
        "us" => 1e-3,
        "ms" => 1.0,
        "s" => 1e3,
        _ => return None,
    };
    Some(number.parse::<f64>().ok()? * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "  Latency Distribution\n     50%  800.00us\n     99%    1.25ms\n  \
                          41208 requests in 2.00s, 2.95MB read\nRequests/sec:  20604.11\n";

    #[test]
    fn what_wrk_prints_is_read() {
        let expected = Seen { requests_per_second: 20_604.11, p99_ms: 1.25 };
        assert_eq!(Seen::read(OUTPUT).unwrap(), expected);
    }

    #[test]
    fn a_failed_request_is_no_result() {
        let output = format!("{OUTPUT}  Non-2xx or 3xx responses: 3\n");
        assert!(Seen::read(&output).is_err());
        assert!(Seen::read("unable to connect").is_err());
    }
}
