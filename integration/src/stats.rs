//! HAProxy's runtime socket.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::{Failure, until};

const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// One command per connection.
#[derive(Clone, Debug)]
pub struct Stats {
    socket: PathBuf,
}

impl Stats {
    pub(crate) fn new(socket: PathBuf) -> Self {
        Self { socket }
    }

    /// Sends a command and returns the whole answer.
    ///
    /// # Errors
    /// The socket does not answer.
    pub async fn ask(&self, command: &str) -> Result<String, Failure> {
        let conversation = async {
            let mut stream = UnixStream::connect(&self.socket).await?;
            stream.write_all(format!("{command}\n").as_bytes()).await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            Ok::<_, std::io::Error>(answer)
        };
        tokio::time::timeout(ANSWER_LIMIT, conversation)
            .await
            .map_err(Failure::during(format!("`{command}` got no answer")))?
            .map_err(Failure::during(format!("`{command}` failed")))
    }

    /// The process id of the worker that answers.
    ///
    /// # Errors
    /// The socket does not answer, or not with a process id.
    pub async fn pid(&self) -> Result<u32, Failure> {
        let info = self.ask("show info").await?;
        let pid = info.lines().find_map(|line| line.strip_prefix("Pid: ")?.parse().ok());
        pid.ok_or_else(|| Failure::new("no process id in `show info`").with("answer", &info))
    }

    /// One row of `show stat`; `server` may be `FRONTEND` or `BACKEND`.
    ///
    /// # Errors
    /// There is no such row.
    pub async fn status(&self, proxy: &str, server: &str) -> Result<Status, Failure> {
        let table = self.ask("show stat").await?;
        let mut rows = table.trim_start_matches("# ").lines().map(|line| line.split(','));
        let titles: Vec<&str> = rows.next().map(Iterator::collect).unwrap_or_default();
        let row = rows
            .map(|row| titles.iter().copied().zip(row).collect::<HashMap<_, _>>())
            .find(|row| row.get("pxname") == Some(&proxy) && row.get("svname") == Some(&server));
        let row = row.ok_or_else(|| {
            Failure::new(format!("no {proxy}/{server} in `show stat`")).with("answer", &table)
        })?;
        let owned = row.into_iter().map(|(title, value)| (title.to_owned(), value.to_owned()));
        Ok(Status(owned.collect()))
    }

    /// Waits for a health check's result: `L7OK`, `L7STS`, `L4CON`.
    ///
    /// # Errors
    /// It did not come within `limit`; with the last row seen.
    pub async fn check(
        &self,
        proxy: &str,
        server: &str,
        result: &str,
        limit: Duration,
    ) -> Result<Status, Failure> {
        let mut last = String::from("none");
        let found = until(&format!("check {result} of {proxy}/{server}"), limit, async || {
            let status = self.status(proxy, server).await.ok()?;
            last = format!("{status:?}");
            (status.check() == result).then_some(status)
        })
        .await;
        found.map_err(|failure| failure.with("last row", &last))
    }
}

/// One row of `show stat`, by column title.
#[derive(Clone, Debug)]
pub struct Status(HashMap<String, String>);

impl Status {
    /// A column; empty if there is none.
    #[must_use]
    pub fn column(&self, title: &str) -> &str {
        self.0.get(title).map_or("", String::as_str)
    }

    /// A column of digits.
    #[must_use]
    pub fn number(&self, title: &str) -> Option<u64> {
        self.column(title).parse().ok()
    }

    /// The result of the last health check that ended.
    #[must_use]
    pub fn check(&self) -> &str {
        self.column("check_status").trim_start_matches("* ")
    }

    /// Whether new streams are sent there.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.column("status").starts_with("UP")
    }
}
