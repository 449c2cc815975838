//! The application behind HAProxy: it answers with what it was asked.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::Failure;
use crate::task::Task;

/// Answers 200, or N to `/status/N`. The body repeats request line and headers, one per line and
/// names in lower case, then `body: BYTES`. Bodies need a content-length.
#[derive(Debug)]
pub struct App {
    address: SocketAddr,
    seen: Arc<Seen>,
    _listener: Task,
}

/// What it was asked.
#[derive(Debug, Default)]
struct Seen {
    requests: AtomicU64,
    last: Mutex<String>,
}

impl App {
    /// Listens on a free loopback port.
    ///
    /// # Errors
    /// Loopback cannot be bound.
    pub async fn start() -> Result<Self, Failure> {
        let failed = || Failure::during("the app cannot listen");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(failed())?;
        let address = listener.local_addr().map_err(failed())?;
        let seen = Arc::<Seen>::default();
        let shared = Arc::clone(&seen);
        let listener = Task::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(converse(stream, Arc::clone(&shared)));
            }
        });
        Ok(Self { address, seen, _listener: listener })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many requests have come through to it.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.seen.requests.load(Ordering::Relaxed)
    }

    /// The last request: its line and headers, as the body of the answer repeats them.
    #[must_use]
    pub fn last_request(&self) -> String {
        self.seen.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// One connection, kept alive until the peer has had enough.
async fn converse(stream: TcpStream, seen: Arc<Seen>) {
    let mut stream = BufReader::new(stream);
    while let Ok(Some((head, length))) = request(&mut stream).await {
        seen.requests.fetch_add(1, Ordering::Relaxed);
        head.clone_into(&mut seen.last.lock().unwrap_or_else(PoisonError::into_inner));
        let body = format!("{head}body: {length}\n");
        let answer = format!(
            "HTTP/1.1 {} Said\r\ncontent-length: {}\r\nx-app: spoa\r\n\r\n{body}",
            status(&head),
            body.len()
        );
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// Reads one request; gives its head, normalised, and the length of its body.
async fn request(stream: &mut BufReader<TcpStream>) -> std::io::Result<Option<(String, u64)>> {
    let mut head = String::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        match line.split_once(": ").filter(|_| !head.is_empty()) {
            Some((name, value)) => {
                let name = name.to_ascii_lowercase();
                if name == "content-length" {
                    length = value.parse().unwrap_or(0);
                }
                head.push_str(&format!("{name}: {value}\n"));
            }
            None => head.push_str(&format!("{line}\n")),
        }
    }
    tokio::io::copy(&mut stream.take(length), &mut tokio::io::sink()).await?;
    Ok(Some((head, length)))
}

fn status(head: &str) -> u16 {
    let path = head.split(' ').nth(1).unwrap_or_default();
    path.strip_prefix("/status/").and_then(|status| status.parse().ok()).unwrap_or(200)
}
