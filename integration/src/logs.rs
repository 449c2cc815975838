//! What HAProxy logs: a syslog receiver on loopback, and the SPOE lines parsed.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::UdpSocket;

use crate::task::Task;
use crate::{Failure, until};

/// All lines since the start, in order of arrival.
#[derive(Debug)]
pub struct Logs {
    address: SocketAddr,
    lines: Arc<Mutex<Vec<String>>>,
    _receiver: Task,
}

impl Logs {
    pub(crate) async fn listen() -> Result<Self, Failure> {
        let failed = || Failure::during("cannot listen for log lines");
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(failed())?;
        let address = socket.local_addr().map_err(failed())?;
        let lines = Arc::default();
        let receiver = Task::spawn(receive(socket, Arc::clone(&lines)));
        Ok(Self { address, lines, _receiver: receiver })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The lines so far, without the syslog header.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The lines of SPOE so far, one per event or group sent.
    #[must_use]
    pub fn spoe(&self) -> Vec<SpoeLine> {
        self.lines().iter().filter_map(|line| SpoeLine::parse(line)).collect()
    }

    /// Waits for a line.
    ///
    /// # Errors
    /// None came within `limit`; with the lines that did.
    pub async fn line(
        &self,
        limit: Duration,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<String, Failure> {
        until("a log line", limit, async || self.lines().into_iter().find(|line| wanted(line)))
            .await
            .map_err(|failure| failure.with("log lines", &self.lines().join("\n")))
    }

    /// Waits for a line of SPOE.
    ///
    /// # Errors
    /// None came within `limit`; with the lines that did.
    pub async fn spoe_line(
        &self,
        limit: Duration,
        wanted: impl Fn(&SpoeLine) -> bool,
    ) -> Result<SpoeLine, Failure> {
        until("a SPOE log line", limit, async || self.spoe().into_iter().find(|line| wanted(line)))
            .await
            .map_err(|failure| failure.with("log lines", &self.lines().join("\n")))
    }

    /// Waits until there are `count` lines of SPOE, and returns all.
    ///
    /// # Errors
    /// Fewer came within `limit`; with the lines that did.
    pub async fn spoe_lines(
        &self,
        limit: Duration,
        count: usize,
    ) -> Result<Vec<SpoeLine>, Failure> {
        let enough = async || Some(self.spoe()).filter(|lines| lines.len() >= count);
        until(&format!("{count} SPOE log lines"), limit, enough)
            .await
            .map_err(|failure| failure.with("log lines", &self.lines().join("\n")))
    }
}

async fn receive(socket: UdpSocket, lines: Arc<Mutex<Vec<String>>>) {
    let mut datagram = vec![0; 65_536];
    while let Ok(size) = socket.recv(&mut datagram).await {
        let text = String::from_utf8_lossy(datagram.get(..size).unwrap_or_default());
        // <133>Nov 21 03:04:05 haproxy[123]: the line
        let line = text.split_once("]: ").map_or(&*text, |(_, line)| line).trim_end();
        lines.lock().unwrap_or_else(PoisonError::into_inner).push(line.to_owned());
    }
}

/// `SPOE: [iprep] <EVENT:on-frontend-http-request> sid=0 st=0 0/0/0/1/1 1/1 0/0 0/1`
///
/// 2.6 and 3.0 write eleven numbers after the status, 3.1 and later three.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SpoeLine {
    /// The spoe-agent section.
    pub agent: String,
    /// The event, or the group.
    pub event: String,
    /// HAProxy's number of the stream; on 3.1 and later not the SPOP stream-id.
    pub stream: u64,
    /// 0, or what went wrong: 1 is the processing timeout, 256 and more a DISCONNECT code.
    pub status: u32,
    /// All numbers after the status, in order.
    pub numbers: Vec<i64>,
}

impl SpoeLine {
    /// Reads a line; `None` if it is not one of SPOE.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let (_, rest) = line.split_once("SPOE: [")?;
        let (agent, rest) = rest.split_once("] <")?;
        let (event, rest) = rest.split_once("> sid=")?;
        let (_, event) = event.split_once(':')?;
        let mut words = rest.split(' ');
        let stream = words.next()?.parse().ok()?;
        let status = words.next()?.strip_prefix("st=")?.parse().ok()?;
        let numbers = words.flat_map(|word| word.split('/')).filter_map(|n| n.parse().ok());
        Some(Self {
            agent: agent.to_owned(),
            event: event.to_owned(),
            stream,
            status,
            numbers: numbers.collect(),
        })
    }

    /// Milliseconds of the whole event (`pT`); -1 where it did not come to an end.
    #[must_use]
    pub fn processing_ms(&self) -> Option<i64> {
        let old_engine = self.numbers.len() == 11;
        self.numbers.get(if old_engine { 4 } else { 0 }).copied()
    }

    /// Whether a connection took the NOTIFY (`qT` is not -1); the new engine does not say.
    #[must_use]
    pub fn is_sent(&self) -> bool {
        self.numbers.len() != 11 || self.numbers.get(1).is_some_and(|waited| *waited >= 0)
    }

    /// Milliseconds from the written NOTIFY to its ACK (`wT`); the new engine does not say.
    #[must_use]
    pub fn waiting_ms(&self) -> Option<i64> {
        self.numbers.get(2).copied().filter(|_| self.numbers.len() == 11)
    }
}

#[cfg(test)]
mod tests {
    use super::SpoeLine;

    #[test]
    fn both_engines_lines_are_read() {
        let old = "SPOE: [iprep] <EVENT:on-http-response> sid=7 st=1 0/0/5/-1/9 1/1 0/0 1/2";
        let old = SpoeLine::parse(old).unwrap();
        assert_eq!((old.stream, old.status), (7, 1));
        assert_eq!((old.waiting_ms(), old.processing_ms()), (Some(5), Some(9)));
        assert!(old.is_sent());
        let unsent = "SPOE: [iprep] <GROUP:check> sid=8 st=1 0/-1/-1/-1/2000 1/1 0/0 1/3";
        assert!(!SpoeLine::parse(unsent).unwrap().is_sent());
        let new = SpoeLine::parse("SPOE: [iprep] <GROUP:check> sid=9 st=0 3 0/2").unwrap();
        assert_eq!(
            (new.event.as_str(), new.waiting_ms(), new.processing_ms()),
            ("check", None, Some(3))
        );
    }

    #[test]
    fn an_http_line_is_none_of_spoe() {
        assert_eq!(SpoeLine::parse("127.0.0.1:1 [x] http app/app1 0/0/0/0/0 200"), None);
    }
}
