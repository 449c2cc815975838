//! Many requests through HAProxy: clients that each wait for their answer before they ask again.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::task::{JoinHandle, JoinSet};

use crate::{Answer, Failure, HttpClient, until};

/// How long so many answers may take as a test waits for.
const PROGRESS_LIMIT: Duration = Duration::from_secs(30);

/// A bound on time always holds; a bound on requests may end it earlier.
#[derive(Clone, Debug)]
pub struct Load {
    answered: Arc<AtomicU64>,
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
        Self {
            answered: Arc::default(),
            clients,
            duration,
            path: "/".to_owned(),
            requests: u64::MAX,
            stop: Arc::default(),
        }
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

    /// Begins it, to go on with something else meanwhile; counts as [`run_by`](Self::run_by) does.
    #[must_use]
    pub fn begin(
        self,
        through: &HttpClient,
        key: impl Fn(&Answer) -> String + Clone + Send + Sync + 'static,
    ) -> RunningLoad {
        let (load, http) = (self.clone(), through.clone());
        RunningLoad { load: self, task: tokio::spawn(async move { load.run_by(&http, key).await }) }
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
        tally.waits.sort_unstable();
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
            tally.waits.push(begun.elapsed());
            self.answered.fetch_add(1, Ordering::Relaxed);
            *tally.counts.entry(found).or_default() += 1;
        }
        tally
    }
}

/// A load that goes on meanwhile.
#[derive(Debug)]
pub struct RunningLoad {
    load: Load,
    task: JoinHandle<Result<Tally, Failure>>,
}

impl RunningLoad {
    /// Waits for so many more answers.
    ///
    /// # Errors
    /// They do not come within half a minute.
    pub async fn answers(&self, more: u64) -> Result<(), Failure> {
        let answered = || self.load.answered.load(Ordering::Relaxed);
        let wanted = answered() + more;
        let enough = async || (answered() >= wanted).then_some(());
        until(&format!("{more} more answers"), PROGRESS_LIMIT, enough).await
    }

    /// Ends it after the requests that are under way.
    ///
    /// # Errors
    /// As [`Load::run_by`].
    pub async fn end(self) -> Result<Tally, Failure> {
        self.load.stop();
        self.task.await.map_err(Failure::during("the load panicked"))?
    }
}

/// What came back.
#[derive(Clone, Default)]
pub struct Tally {
    /// Answers by key; requests without an answer under `"error"`.
    pub counts: BTreeMap<String, u64>,
    /// From the first request to the last answer.
    pub elapsed: Duration,
    /// How long each answer was waited for, sorted.
    waits: Vec<Duration>,
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

    /// How long so many of a hundred requests waited at most: 50 for the median, 100 for the slowest.
    #[must_use]
    pub fn percentile(&self, percent: usize) -> Duration {
        let last = self.waits.len().saturating_sub(1);
        self.waits.get((self.waits.len() * percent / 100).min(last)).copied().unwrap_or_default()
    }

    fn add(&mut self, other: Self) {
        for (key, count) in other.counts {
            *self.counts.entry(key).or_default() += count;
        }
        self.waits.extend(other.waits);
    }
}

impl fmt::Debug for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wait = [50, 99, 100].map(|percent| self.percentile(percent));
        let [median, p99, slowest] = wait;
        write!(
            formatter,
            "{:?} in {:?}: median {median:?}, p99 {p99:?}, slowest {slowest:?}",
            self.counts, self.elapsed
        )
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Tally;

    #[test]
    fn a_percentile_is_one_of_the_waits() {
        assert_eq!(Tally::default().percentile(99), Duration::ZERO);
        let waits = (1..=200).map(Duration::from_millis).collect();
        let tally = Tally { waits, ..Tally::default() };
        let of = |percent| tally.percentile(percent).as_millis();
        assert_eq!((of(0), of(50), of(99), of(100)), (1, 101, 199, 200));
    }
}
