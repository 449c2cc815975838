//! A handler that answers with the number of its instance, and whose starts go as a script says.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    error::Error,
    fmt,
    rc::Rc,
    time::Duration,
};

use async_trait::async_trait;
use serde::Deserialize;
use spoa_actors::{
    HandlerActor, Limits, Message, Origin, Registry, Route, Tasks,
    testing::{FakeHaproxy, InMemoryAgent},
};
use tokio::time::sleep;

use crate::support::{Answered, Result, Started, variable};

/// What happens to the instances of one test: each test has a thread of its own.
#[derive(Default)]
struct Script {
    made: Cell<i64>,
    starts: RefCell<VecDeque<Start>>,
    tasks: RefCell<Option<Tasks>>,
}

/// How one start goes; the starts beyond the script succeed.
#[derive(Clone, Copy)]
pub(crate) enum Start {
    Succeeds,
    /// It succeeds after so many milliseconds.
    Takes(u64),
    Fails,
    /// It fails after so many milliseconds.
    FailsAfter(u64),
    FailsBeyondWords,
    Panics,
    /// A task of it panics, while the start itself goes on for ever.
    PanicsInATask,
    Hangs,
}

thread_local! {
    static SCRIPT: Rc<Script> = Rc::default();
}

pub(crate) fn script(starts: impl IntoIterator<Item = Start>) {
    SCRIPT.with(|script| *script.starts.borrow_mut() = starts.into_iter().collect());
}

/// The starter of tasks of the instance that has started last.
pub(crate) fn tasks() -> Tasks {
    SCRIPT.with(|script| script.tasks.borrow().clone()).unwrap()
}

/// An error that panics when it is shown.
#[derive(Debug)]
pub(crate) struct BeyondWords;

impl fmt::Display for BeyondWords {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("there are no words")
    }
}

impl Error for BeyondWords {}

/// Answers with the number of its instance.
pub(crate) struct Numbered(pub(crate) i64);

impl Numbered {
    pub(crate) fn new() -> Self {
        let number = SCRIPT.with(|script| {
            script.made.set(script.made.get() + 1);
            script.made.get()
        });
        Self(number)
    }
}

/// What a message asks it for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Wish {
    pub(crate) panic: bool,
    panic_later: bool,
    panic_in_a_task: bool,
    fail: bool,
    ms: u64,
}

#[async_trait(?Send)]
impl HandlerActor for Numbered {
    type Args = Wish;

    async fn started(&self, tasks: &Tasks) -> Started {
        let start = SCRIPT.with(|script| {
            script.tasks.replace(Some(tasks.clone()));
            script.starts.borrow_mut().pop_front().unwrap_or(Start::Succeeds)
        });
        match start {
            Start::Succeeds => Ok(()),
            Start::Takes(ms) => {
                sleep(Duration::from_millis(ms)).await;
                Ok(())
            }
            Start::Fails => Err("there is no list".into()),
            Start::FailsAfter(ms) => {
                sleep(Duration::from_millis(ms)).await;
                Err("there is no list".into())
            }
            Start::FailsBeyondWords => Err(BeyondWords.into()),
            Start::Panics => panic!("there is no list"),
            Start::PanicsInATask => {
                tasks.spawn(async { panic!("there is no list") });
                std::future::pending().await
            }
            Start::Hangs => std::future::pending().await,
        }
    }

    async fn handle(&self, wish: Wish, _: &Origin) -> Answered {
        assert!(!wish.panic, "as asked");
        if wish.fail {
            return Err("as asked".into());
        }
        sleep(Duration::from_millis(wish.ms)).await;
        assert!(!wish.panic_later, "as asked");
        if wish.panic_in_a_task {
            tasks().spawn(async { panic!("as asked") });
        }
        Ok(variable("instance", self.0))
    }
}

pub(crate) fn ask() -> Message {
    Message::new("number")
}

pub(crate) fn route() -> Route {
    Route::new(Numbered::new).fallback(variable("fallback", -1))
}

pub(crate) async fn agent(route: Route) -> InMemoryAgent {
    InMemoryAgent::start(Registry::new().on("number", route), Limits::default()).await.unwrap()
}

pub(crate) async fn answer(haproxy: &mut FakeHaproxy, message: Message) -> Result<String> {
    Ok(haproxy.notify(message).await?.to_string())
}

/// The answer of that instance.
pub(crate) fn instance(number: i64) -> String {
    variable("instance", number).to_string()
}
