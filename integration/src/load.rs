//! Many requests through HAProxy: clients that each wait for their answer before they ask again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::{Answer, Failure, HttpClient};

/// A bound on time always holds; a bound on requests may end it earlier.
#[derive(Clone, Debug)]
pub struct Load {
    clients: usize,
    duration: Duration,
    path: String,
    requests: u64,
    stop: Arc<AtomicBool>,
}

impl Load {
    /// So many clients, each with one connection, for so long.
    #[must_use]
    pub fn lasting(clients: usize, duration: Duration) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        Self { clients, duration, path: "/".to_owned(), requests: u64::MAX, stop }
    }

    /// So many clients, which share so many requests; a minute at most.
    #[must_use]
    pub fn counting(clients: usize, requests: u64) -> Self {
        Self { requests, ..Self::lasting(clients, Duration::from_secs(60)) }
    }

    /// Asks for this path; `/` without.
    #[must_use]
    pub fn path(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    /// Ends every clone of this load after the requests that are under way.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Runs it, counting answers by status code.
    ///
    /// # Errors
    /// A client cannot be built; requests without an answer are counted, as `"error"`.
    pub async fn run(&self, through: &HttpClient) -> Result<Tally, Failure> {
        self.run_by(through, |answer| answer.status.to_string()).await
    }

    /// Runs it, counting answers by what `key` says of them.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub async fn run_by(
        &self,
        through: &HttpClient,
        key: impl Fn(&Answer) -> String + Clone + Send + 'static,
    ) -> Result<Tally, Failure> {
        let started = Instant::now();
        let deadline = started + self.duration;
        let asked = Arc::new(AtomicU64::new(0));
        let mut clients = JoinSet::new();
        for _ in 0..self.clients {
            let (load, asked, key) = (self.clone(), Arc::clone(&asked), key.clone());
            let http = through.another()?;
            clients.spawn(async move { load.ask_on(&http, &asked, deadline, key).await });
        }
        let mut tally = Tally::default();
        while let Some(client) = clients.join_next().await {
            tally.add(client.map_err(Failure::during("a client of the load panicked"))?);
        }
        tally.elapsed = started.elapsed();
        Ok(tally)
    }

    async fn ask_on(
        &self,
        http: &HttpClient,
        asked: &AtomicU64,
        deadline: Instant,
        key: impl Fn(&Answer) -> String,
    ) -> Tally {
        let mut tally = Tally::default();
        while Instant::now() < deadline
            && !self.stop.load(Ordering::Relaxed)
            && asked.fetch_add(1, Ordering::Relaxed) < self.requests
        {
            let begun = Instant::now();
            let found = match http.get(&self.path).await {
                Ok(answer) => key(&answer),
                Err(_) => "error".to_owned(),
            };
            tally.slowest = tally.slowest.max(begun.elapsed());
            *tally.counts.entry(found).or_default() += 1;
        }
        tally
    }
}

/// What came back.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Answers by key; requests without an answer under `"error"`.
    pub counts: BTreeMap<String, u64>,
    /// From the first request to the last answer.
    pub elapsed: Duration,
    /// The longest wait for one answer.
    pub slowest: Duration,
}

impl Tally {
    /// All requests.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.values().sum()
    }

    /// Those counted under `key`.
    #[must_use]
    pub fn of(&self, key: &str) -> u64 {
        self.counts.get(key).copied().unwrap_or(0)
    }

    fn add(&mut self, other: Self) {
        for (key, count) in other.counts {
            *self.counts.entry(key).or_default() += count;
        }
        self.slowest = self.slowest.max(other.slowest);
    }
}
