//! A handler that counts its calls, and how many of its kind have begun and ended.

use std::{
    cell::Cell,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use async_trait::async_trait;
use serde::Deserialize;
use spoa_actors::{HandlerActor, Message, Origin, Route, Tasks};
use tokio::time::sleep;

use crate::support::{Answered, Started, variable};

/// How many handlers of one kind have come and gone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lives(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    made: AtomicUsize,
    started: AtomicUsize,
    stopped: AtomicUsize,
    dropped: AtomicUsize,
}

/// What happens to those that are made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fault {
    None,
    Fails,
    Panics,
    PanicsInFactory,
    Hangs,
    /// All but one of so many start.
    FailsOnceOf(usize),
}

/// Answers with its version and the number of the call.
struct Counting {
    version: i64,
    fault: Fault,
    calls: Cell<i64>,
    lives: Lives,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Wish {
    ms: u64,
}

#[async_trait(?Send)]
impl HandlerActor for Counting {
    type Args = Wish;

    async fn started(&self, _: &Tasks) -> Started {
        match self.fault {
            Fault::Fails => return Err("as asked".into()),
            Fault::Panics => panic!("as asked"),
            Fault::Hangs => std::future::pending().await,
            Fault::FailsOnceOf(count) if self.lives.made().is_multiple_of(count) => {
                return Err("as asked".into());
            }
            _ => {}
        }
        self.lives.0.started.fetch_add(1, SeqCst);
        Ok(())
    }

    async fn handle(&self, wish: Wish, _: &Origin) -> Answered {
        self.calls.set(self.calls.get() + 1);
        let mut answer = variable("version", self.version);
        answer.append(variable("calls", self.calls.get()));
        if wish.ms > 0 {
            sleep(Duration::from_millis(wish.ms)).await;
        }
        Ok(answer)
    }

    async fn stopping(&self) {
        self.lives.0.stopped.fetch_add(1, SeqCst);
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        self.lives.0.dropped.fetch_add(1, SeqCst);
    }
}

impl Lives {
    fn made(&self) -> usize {
        self.0.made.load(SeqCst)
    }

    pub(crate) fn started(&self) -> usize {
        self.0.started.load(SeqCst)
    }

    pub(crate) fn stopped(&self) -> usize {
        self.0.stopped.load(SeqCst)
    }

    /// How many are there now.
    pub(crate) fn alive(&self) -> usize {
        self.made() - self.0.dropped.load(SeqCst)
    }

    /// Whether nothing holds a factory of them any more but so many values.
    pub(crate) fn holders(&self) -> usize {
        Arc::strong_count(&self.0)
    }

    pub(crate) fn route(&self, version: i64) -> Route {
        self.faulty(version, Fault::None)
    }

    pub(crate) fn faulty(&self, version: i64, fault: Fault) -> Route {
        let lives = self.clone();
        let route = Route::new(move || {
            assert!(fault != Fault::PanicsInFactory, "as asked");
            lives.0.made.fetch_add(1, SeqCst);
            Counting { version, fault, calls: Cell::new(0), lives: lives.clone() }
        });
        route.fallback(variable("fallback", version))
    }
}

/// What the handler of a version answers to its nth call.
pub(crate) fn answered(version: i64, calls: i64) -> String {
    format!("set-var txn.version {version}, set-var txn.calls {calls}")
}

/// Asks the handler of this name, which takes so long.
pub(crate) fn ask(name: &str, ms: u64) -> Message {
    Message::new(name).arg("ms", ms)
}
