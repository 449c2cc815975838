//! Fire and forget: HAProxy gets its answer at once, and the work is done afterwards.
//!
//! A copy of each request goes to a second server: method, path and query, without headers and
//! body. Host is the second server's. The path is normalized as a URL: `/../x` becomes `/x`, `\`
//! becomes `/`. Paths that are not UTF-8 are not copied. The copies wait in a queue with a limit;
//! if it is full, copies are dropped and counted, so that a slow or unavailable mirror costs
//! neither memory nor time. Copies that wait when the agent stops are dropped, too. Run it with the
//! address of that server, and put HAProxy in front of it:
//!
//! ```text
//! python3 -m http.server --bind 127.0.0.1 8000 &
//! cargo run -p spoa-examples --bin mirror -- 127.0.0.1:12345 127.0.0.1:8000 &
//! haproxy -f examples/haproxy/mirror.cfg &
//! curl -i 127.0.0.1:8080/any              200, and a GET of /any in the log of the second server
//! ```

use std::{
    cell::Cell,
    env,
    error::Error,
    io::{self, IsTerminal},
    iter,
    rc::Rc,
    time::Duration,
};

use async_trait::async_trait;
use reqwest::{Client, Method, redirect::Policy};
use serde::Deserialize;
use spoa_actors::{Actions, Agent, BoxError, HandlerActor, Origin, Registry, Tasks};
use tokio::{
    sync::mpsc::{self, Receiver, Sender},
    time::Instant,
};
use tokio_rustls::rustls::crypto::ring;

/// How many copies wait on each arbiter.
const QUEUE: usize = 100;
/// How long the mirror may take for one.
const PATIENCE: Duration = Duration::from_secs(1);
/// So much time is between two lines of the log, on each arbiter.
const PAUSE: Duration = Duration::from_secs(1);

/// What of a request is copied.
#[derive(Deserialize)]
struct Request {
    method: String,
    /// With the query, and nothing before it: a whole URL could name another server.
    path: String,
}

struct Mirror {
    server: String,
    queue: Sender<Request>,
    waiting: Cell<Option<Receiver<Request>>>,
    dropped: Rc<Cell<u64>>,
}

impl Mirror {
    fn new(server: String) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        Self { server, queue, waiting: Cell::new(Some(waiting)), dropped: Rc::default() }
    }
}

#[async_trait(?Send)]
impl HandlerActor for Mirror {
    type Args = Request;

    async fn started(&self, tasks: &Tasks) -> Result<(), BoxError> {
        // The workspace's reqwest comes without one; with its default features this is not needed.
        let _ = ring::default_provider().install_default();
        let client = Client::builder().no_proxy().timeout(PATIENCE);
        // Nor does the second server send the agent to others.
        let client = client.redirect(Policy::none()).build()?;
        let waiting = self.waiting.take().ok_or("it is started once")?;
        tasks.spawn(copy(client, self.server.clone(), waiting, Rc::clone(&self.dropped)));
        Ok(())
    }

    async fn handle(&self, request: Request, _: &Origin) -> Result<Actions, BoxError> {
        if self.queue.try_send(request).is_err() {
            self.dropped.set(self.dropped.get() + 1);
        }
        Ok(Actions::new())
    }
}

/// Sends one copy after the other.
async fn copy(
    client: Client,
    server: String,
    mut waiting: Receiver<Request>,
    dropped: Rc<Cell<u64>>,
) {
    let (mut failed, mut failure) = (0_u64, String::new());
    let mut silent_until = Instant::now();
    while let Some(Request { method, path }) = waiting.recv().await {
        let method = method.parse().unwrap_or(Method::GET);
        let copy = client.request(method, format!("http://{server}{path}"));
        if let Err(error) = copy.send().await {
            failed += 1;
            failure = cause(&error.without_url());
        }
        if Instant::now() < silent_until || (failed == 0 && dropped.get() == 0) {
            continue;
        }
        silent_until = Instant::now() + PAUSE;
        if failed > 0 {
            tracing::warn!(failed, "copies have failed, the last by: {failure}");
            failed = 0;
        }
        match dropped.take() {
            0 => {}
            dropped => tracing::warn!(dropped, "copies have found the queue full"),
        }
    }
}

/// What an error comes from. The URL is no part of it: a query may hold what is the client's alone.
fn cause(error: &reqwest::Error) -> String {
    let causes = iter::successors(Some(error as &dyn Error), |&error| error.source());
    causes.last().map(ToString::to_string).unwrap_or_default()
}

#[actix_rt::main]
async fn main() -> Result<(), BoxError> {
    tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .log_internal_errors(false) // a log that cannot be written ends nothing
        .init();
    let mut arguments = env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:12345".to_owned());
    let server = arguments.next().unwrap_or_else(|| "127.0.0.1:8000".to_owned());
    let registry = Registry::new().on("mirror-request", move || Mirror::new(server.clone()));
    Ok(Agent::bind(address)?.serve(registry).await?)
}
