//! Prometheus: it scrapes the agent, and its `promtool` judges what the agent shows.

use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::io::AsyncWriteExt;

use crate::running::Running;
use crate::version::run;
use crate::witness::Witness;
use crate::{Failure, HttpClient, Scratch, free_port, until};

const START_LIMIT: Duration = Duration::from_secs(20);

/// A server that scrapes one address five times a second; it ends with the value.
#[derive(Debug)]
pub struct Prometheus {
    http: HttpClient,
    running: Running,
}

impl Prometheus {
    /// Starts it on a free port of loopback, to scrape `/metrics` of `target`.
    ///
    /// # Errors
    /// It cannot be fetched, or does not start; with its words.
    pub async fn scraping(target: SocketAddr) -> Result<Self, Failure> {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let scratch = Scratch::new()?;
        let config = scratch.write(
            "prometheus.yml",
            &format!(
                "global: {{scrape_interval: 200ms, scrape_timeout: 200ms}}\nscrape_configs:\n  \
                 - {{job_name: spoa, static_configs: [{{targets: ['{target}']}}]}}\n"
            ),
        )?;
        let mut command = Command::new(Witness::Prometheus.program("prometheus").await?);
        command.arg("--config.file").arg(config);
        command.arg("--storage.tsdb.path").arg(scratch.join("data"));
        command.args(["--web.listen-address", &address.to_string()]);
        let http = HttpClient::new(address)?;
        let mut running = Running::start_in(scratch, command)?;
        let is_ready =
            async |_: &Running| http.get("/-/ready").await.is_ok_and(|answer| answer.status == 200);
        running.serves(START_LIMIT, is_ready).await?;
        Ok(Self { http, running })
    }

    /// The value of an expression that gives one: `up`, `sum(rate(…))`. `None` as long as it gives
    /// none.
    ///
    /// # Errors
    /// It is no expression, or gives several values.
    pub async fn value(&self, expression: &str) -> Result<Option<f64>, Failure> {
        let query = |request: reqwest::RequestBuilder| {
            let form = format!("query={}", escaped(expression));
            request.header("content-type", "application/x-www-form-urlencoded").body(form)
        };
        let answer = self.http.send(reqwest::Method::POST, "/api/v1/query", query).await?;
        let failed = || Failure::new(format!("{expression}: {}", answer.text()));
        let body: Value = serde_json::from_slice(&answer.body).map_err(|_| failed())?;
        let results = body["data"]["result"].as_array().ok_or_else(failed)?;
        match &results[..] {
            [] => Ok(None),
            [one] => Ok(one["value"][1].as_str().and_then(|number| number.parse().ok())),
            _ => Err(failed()),
        }
    }

    /// Waits until an expression gives what is wanted.
    ///
    /// # Errors
    /// It does not within `limit`; with what it gave last.
    pub async fn wait(
        &self,
        expression: &str,
        limit: Duration,
        wanted: impl Fn(f64) -> bool,
    ) -> Result<f64, Failure> {
        let mut last = None;
        let found = until(expression, limit, async || {
            last = self.value(expression).await.unwrap_or(None);
            last.filter(|value| wanted(*value))
        });
        let found = found.await;
        found.map_err(|failure| self.running.explain(failure.with("last", &format!("{last:?}"))))
    }
}

/// Percent-encodes all but letters and digits.
fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}

/// What `promtool check metrics` finds in a text of metrics; nothing is the best.
///
/// # Errors
/// It cannot be fetched or started, or cannot read the text at all; with its words.
pub async fn promtool_findings(metrics: &str) -> Result<Vec<String>, Failure> {
    let program = Witness::Prometheus.program("promtool").await?;
    let mut child = tokio::process::Command::new(program)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(Failure::during("cannot run promtool"))?;
    if let Some(mut input) = child.stdin.take() {
        let written = input.write_all(metrics.as_bytes()).await;
        written.map_err(Failure::during("promtool does not read"))?;
    }
    let output =
        child.wait_with_output().await.map_err(Failure::during("promtool does not end"))?;
    let said = [output.stdout, output.stderr].concat();
    let findings: Vec<_> = String::from_utf8_lossy(&said).lines().map(str::to_owned).collect();
    if output.status.success() || !findings.is_empty() {
        return Ok(findings);
    }
    Err(Failure::new(format!("promtool: {}", output.status)).with("the metrics", metrics))
}

/// Has `promtool check rules` judge rules of alerts.
///
/// # Errors
/// It cannot be fetched or started, or finds something wrong; with its words.
pub async fn check_rules(rules: &str) -> Result<(), Failure> {
    let program = Witness::Prometheus.program("promtool").await?;
    let scratch = Scratch::new()?;
    let file = scratch.write("rules.yml", rules)?;
    let mut command = tokio::process::Command::new(program);
    run(command.args(["check", "rules"]).arg(file)).await.map(|_| ())
}

/// Has `promtool` evaluate rules over made-up series; `tests` is what its unit test files have below `tests`.
///
/// # Errors
/// It cannot be fetched or started, or an alert is not as expected; with its words.
pub async fn test_rules(rules: &str, tests: &str) -> Result<(), Failure> {
    let program = Witness::Prometheus.program("promtool").await?;
    let scratch = Scratch::new()?;
    scratch.write("rules.yml", rules)?;
    let tests = format!("rule_files: [rules.yml]\nevaluation_interval: 1m\ntests:\n{tests}");
    let file = scratch.write("tests.yml", &tests)?;
    let mut command = tokio::process::Command::new(program);
    run(command.args(["test", "rules"]).arg(file)).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::promtool_findings;

    #[tokio::test]
    async fn promtool_finds_what_is_wrong_and_nothing_else() {
        let good = "# HELP a_total What.\n# TYPE a_total counter\na_total 1\n";
        assert_eq!(promtool_findings(good).await.unwrap(), Vec::<String>::new());
        let bad = "# TYPE a counter\na 1\n";
        assert!(!promtool_findings(bad).await.unwrap().is_empty());
    }
}
