//! Cache: the answer to a call is kept for calls with the same arguments.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    rc::Rc,
    time::Duration,
};

use tokio::time::Instant;

use super::{
    failed_before::FailedBefore,
    flight::{self, Flight, WeakFlight},
    key::Key,
    table::{Kept, Table},
};
use crate::{
    error::HandlerError,
    handler::{Call, PendingAnswer, Reply},
    layer::{Layer, Next},
    observe::{LayerCount, count},
    spop::Actions,
};

/// The longest key, in bytes.
const LONGEST_KEY: usize = 4 << 10;

/// Keeps answers, so that the handler is asked once for calls with the same arguments.
///
/// ```
/// use std::time::Duration;
///
/// use spoa_actors::{Actions, Registry, Route, Var, layers::Cache};
///
/// const ALLOWED: Var = Var::transaction("allowed");
/// const MINUTE: Duration = Duration::from_secs(60);
///
/// let check = Route::new(|| Actions::new().set(ALLOWED, true))
///     .layer(|| Cache::by(["token"]).ttl(MINUTE).negative(Duration::from_secs(1)));
/// let registry = Registry::new().on("check-token", check);
/// ```
///
/// - The key has the name of each message and all values of the named arguments, with their types. It is
///   compared as a whole, and hashed with a secret of the process. Name every argument that the answer
///   depends on: other arguments make no difference.
/// - Of calls with one key that come together, one asks the handler, and the others wait for its answer.
///   If it fails or panics, they fail. If its time is over, the answer still comes to those that can wait
///   longer, and the next call asks again.
/// - Each arbiter has a cache of its own, as it has a handler of its own, and asks once.
/// - When the cache is full, it drops the answer that was not used for the longest time. Keys of more
///   than 4 KiB are not kept.
/// - A hit does not count as a call in flight; a call that waits does. While the route is full, the
///   cache is not asked.
///
/// It counts `hit`, `miss`, `joined` (a call that waits for another), `evicted` and `bypassed` (a key that
/// is too long).
pub struct Cache {
    key: Key,
    scratch: Cell<Vec<u8>>,
    answers: Rc<Answers>,
}

/// A flight that others can join until its first call is late: one that never lands would keep all others.
struct Joinable {
    number: u64,
    flight: WeakFlight,
    until: Instant,
}

/// What is known, and what is being asked.
struct Answers {
    ttl: Duration,
    negative: Option<Duration>,
    table: RefCell<Table>,
    flights: RefCell<HashMap<Box<[u8]>, Joinable>>,
    /// How many flights have begun.
    begun: Cell<u64>,
    hits: Cell<u64>,
    misses: Cell<u64>,
    joined: Cell<u64>,
    evicted: Cell<u64>,
    bypassed: Cell<u64>,
}

impl Cache {
    /// Keeps answers by the values of these arguments: for a second, up to 10,000 of them in 8 MiB, on
    /// each arbiter. Without an argument, all calls have the same answer.
    pub fn by<N: Into<String>>(arguments: impl IntoIterator<Item = N>) -> Self {
        let answers = Answers {
            ttl: Duration::from_secs(1),
            negative: None,
            table: RefCell::new(Table::new(10_000, 8 << 20)),
            flights: RefCell::default(),
            begun: Cell::default(),
            hits: Cell::default(),
            misses: Cell::default(),
            joined: Cell::default(),
            evicted: Cell::default(),
            bypassed: Cell::default(),
        };
        Self { key: Key::new(arguments), scratch: Cell::default(), answers: Rc::new(answers) }
    }

    /// How long an answer is kept.
    #[must_use]
    pub fn ttl(self, ttl: Duration) -> Self {
        self.with(|answers| answers.ttl = ttl)
    }

    /// How long an error of the handler is kept: not at all, unless this is called. A panic or a missed
    /// deadline never is.
    #[must_use]
    pub fn negative(self, ttl: Duration) -> Self {
        self.with(|answers| answers.negative = Some(ttl))
    }

    /// How many answers are kept.
    #[must_use]
    pub fn entries(self, entries: usize) -> Self {
        self.with(|answers| answers.table.get_mut().max_entries = entries)
    }

    /// How many bytes the answers and their keys take, roughly.
    #[must_use]
    pub fn bytes(self, bytes: usize) -> Self {
        self.with(|answers| answers.table.get_mut().max_bytes = bytes)
    }

    fn with(mut self, change: impl FnOnce(&mut Answers)) -> Self {
        if let Some(answers) = Rc::get_mut(&mut self.answers) {
            change(answers);
        }
        self
    }

    /// Writes the key into `bytes`, unless it is too long.
    fn write(&self, call: &Call<'_>, bytes: &mut Vec<u8>) -> bool {
        bytes.clear();
        let mut length = 0;
        self.key.write_call(call, &mut |part| {
            length += part.len();
            if length <= LONGEST_KEY {
                bytes.extend_from_slice(part);
            }
        });
        length <= LONGEST_KEY
    }
}

impl Layer for Cache {
    fn call(&self, call: &Call<'_>, next: Next<'_>, actions: &mut Actions) -> Reply {
        let mut key = self.scratch.take();
        if !self.write(call, &mut key) {
            count(&self.answers.bypassed);
            return next.call(call, actions);
        }
        let known = self.answers.look_up(&key, actions);
        let reply = known.unwrap_or_else(|| self.answers.ask(&key, call, next, actions));
        self.scratch.set(key);
        reply
    }

    fn counts(&self) -> Vec<LayerCount> {
        let answers = &self.answers;
        LayerCount::all(
            "cache",
            [
                ("hit", &answers.hits),
                ("miss", &answers.misses),
                ("joined", &answers.joined),
                ("evicted", &answers.evicted),
                ("bypassed", &answers.bypassed),
            ],
        )
    }
}

impl Answers {
    /// What is known of a key, or will be.
    fn look_up(&self, key: &[u8], actions: &mut Actions) -> Option<Reply> {
        if let Some(kept) = self.table.borrow_mut().get(key, Instant::now()) {
            count(&self.hits);
            return Some(match &kept.answer {
                Ok(answer) => {
                    actions.append_all(answer);
                    Reply::Answered
                }
                Err(failure) => Reply::Failed(failure.clone().into()),
            });
        }
        let flight = self.joinable(key)?;
        count(&self.joined);
        Some(Reply::Later(wait_for(flight)))
    }

    /// The flight of a key, unless it takes too long.
    fn joinable(&self, key: &[u8]) -> Option<Flight> {
        let flights = self.flights.borrow();
        flights.get(key).filter(|joinable| Instant::now() < joinable.until)?.flight.upgrade()
    }

    /// Asks the handler.
    fn ask(
        self: &Rc<Self>,
        key: &[u8],
        call: &Call<'_>,
        next: Next<'_>,
        actions: &mut Actions,
    ) -> Reply {
        count(&self.misses);
        let mut answer = Actions::new();
        match next.call(call, &mut answer) {
            Reply::Answered => {
                actions.append_all(&answer);
                self.keep(key, Ok(answer));
                Reply::Answered
            }
            Reply::Failed(error) => {
                self.keep_error(key, &error);
                Reply::Failed(error)
            }
            Reply::Later(pending) => {
                Reply::Later(wait_for(self.begin(key, pending, call.deadline())))
            }
        }
    }

    /// Has others wait for the same answer.
    fn begin(self: &Rc<Self>, key: &[u8], pending: PendingAnswer, until: Instant) -> Flight {
        count(&self.begun);
        let number = self.begun.get();
        let place = Place { answers: Rc::clone(self), key: key.into(), number };
        let flight = flight::begin(async move {
            let answer = pending.await;
            match &answer {
                Ok(actions) => place.answers.keep(&place.key, Ok(actions.clone())),
                Err(error) => place.answers.keep_error(&place.key, error),
            }
            answer.into()
        });
        if let Some(weak) = flight.downgrade() {
            let joinable = Joinable { number, flight: weak, until };
            self.flights.borrow_mut().insert(key.into(), joinable);
        }
        flight
    }

    fn keep_error(&self, key: &[u8], error: &HandlerError) {
        if let HandlerError::Failed(_) | HandlerError::Arguments(_) = error
            && self.negative.is_some()
        {
            self.keep(key, Err(FailedBefore::new(error)));
        }
    }

    fn keep(&self, key: &[u8], answer: Result<Actions, FailedBefore>) {
        let ttl = if answer.is_ok() { Some(self.ttl) } else { self.negative };
        let Some(until) = ttl.and_then(|ttl| Instant::now().checked_add(ttl)) else { return };
        let evicted = self.table.borrow_mut().put(key.into(), Kept { answer, until });
        self.evicted.set(self.evicted.get() + evicted);
    }
}

/// The place of a flight among those that others can join, until it lands or nobody waits any more.
struct Place {
    answers: Rc<Answers>,
    key: Box<[u8]>,
    number: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut flights = self.answers.flights.borrow_mut();
        // Another flight can have taken the place of one that took too long.
        if flights.get(&self.key).is_some_and(|joinable| joinable.number == self.number) {
            flights.remove(&self.key);
        }
    }
}

fn wait_for(flight: Flight) -> PendingAnswer {
    Box::pin(async { flight.await.into() })
}
