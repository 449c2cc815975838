//! A blocking handler that waits, panics or fails as it is asked.

use std::{
    fmt,
    num::NonZero,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread::{self, ThreadId},
    time::Duration,
};

use serde::Deserialize;
use spoa_actors::{
    BlockingHandler, Limits, Message, Origin, Route,
    testing::{FakeHaproxy, InMemoryAgent},
};
use tokio::time::sleep;

use crate::support::{Answered, Result, numbered::answer, registry, variable};

/// What a handler does when it is asked to wait.
pub(crate) type Wait = Arc<dyn Fn() + Send + Sync>;

/// Answers with its number and that of the message.
pub(crate) struct Waiting {
    number: i64,
    wait: Wait,
}

/// An error that panics in its end.
#[derive(Debug)]
struct Trap;

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("trap")
    }
}

impl std::error::Error for Trap {}

impl Drop for Trap {
    fn drop(&mut self) {
        panic!("in its end");
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Wish {
    wait: bool,
    panic: bool,
    trap: bool,
    n: i64,
}

impl BlockingHandler for Waiting {
    type Args = Wish;

    fn handle(&mut self, wish: Wish, _: &Origin) -> Answered {
        if wish.wait {
            (self.wait)();
        }
        assert!(!wish.panic, "as asked");
        if wish.trap {
            return Err(Trap.into());
        }
        if wish.n < 0 {
            return Err("as asked".into());
        }
        let mut actions = variable("n", wish.n);
        actions.append(variable("instance", self.number));
        Ok(actions)
    }
}

pub(crate) fn nothing() -> Wait {
    Arc::new(|| {})
}

/// Waits for a word each time, until the speaker is dropped.
pub(crate) fn for_a_word() -> (mpsc::Sender<()>, Wait) {
    let (speak, words) = mpsc::channel();
    let words = Mutex::new(words);
    let wait = move || {
        // Without a speaker there is nothing more to wait for.
        let _ = words.lock().unwrap().recv();
    };
    (speak, Arc::new(wait))
}

/// A route on so many threads.
pub(crate) fn route(threads: usize, wait: Wait) -> Route {
    watched(threads, wait).0
}

/// The same, which tells on which thread each handler is made.
pub(crate) fn watched(threads: usize, wait: Wait) -> (Route, mpsc::Receiver<ThreadId>) {
    let made = AtomicUsize::new(0);
    let (tell, told) = mpsc::channel();
    let factory = move || {
        // Most tests do not listen.
        let _ = tell.send(thread::current().id());
        let number = made.fetch_add(1, Ordering::Relaxed) as i64 + 1;
        Waiting { number, wait: Arc::clone(&wait) }
    };
    let route = Route::blocking(NonZero::new(threads).unwrap(), factory);
    (route.fallback(variable("fallback", -1)), told)
}

/// A route on so many threads, each of which does something before it makes its handler.
pub(crate) fn made_by(threads: usize, first: impl Fn() + Send + Sync + 'static) -> Route {
    let factory = move || {
        first();
        Waiting { number: 0, wait: nothing() }
    };
    Route::blocking(NonZero::new(threads).unwrap(), factory)
}

pub(crate) async fn start(route: Route) -> Result<(InMemoryAgent, FakeHaproxy)> {
    let agent = InMemoryAgent::start(registry().on("block", route), Limits::default()).await?;
    let haproxy = agent.connect().await?;
    Ok((agent, haproxy))
}

pub(crate) fn ask(n: i64) -> Message {
    Message::new("block").arg("n", n)
}

pub(crate) fn ask_to(wish: &str) -> Message {
    ask(1).arg(wish, true)
}

/// Asks until the handler answers.
pub(crate) async fn until_it_answers(haproxy: &mut FakeHaproxy) -> Result {
    for _ in 0..100 {
        if answer(haproxy, ask(1)).await?.starts_with("set-var txn.n 1") {
            return Ok(());
        }
        sleep(Duration::from_millis(50)).await;
    }
    panic!("the handler does not answer");
}
