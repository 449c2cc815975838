//! How the handlers of an agent start together, and what becomes of those that have when one fails.

use std::{
    num::NonZero,
    process::Command,
    sync::{
        Arc, Barrier,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

use async_trait::async_trait;
use spoa_actors::{
    Actions, Agent, AgentError, HandlerActor, Limits, Origin, Registry, Route, Tasks,
    testing::InMemoryAgent,
};
use tokio::{
    sync::{Barrier as AsyncBarrier, Mutex, Notify},
    time::{Instant, sleep, timeout},
};

use crate::support::{
    Answered, Result, Started,
    numbered::{Start, route, script},
    waiting,
};

const SECOND: Duration = Duration::from_secs(1);

fn two() -> NonZero<usize> {
    NonZero::new(2).unwrap()
}

/// Starts by a function, and counts its stops.
struct Starter<F> {
    start: F,
    stops: Arc<AtomicUsize>,
}

#[async_trait(?Send)]
impl<F: AsyncFn() -> Started + 'static> HandlerActor for Starter<F> {
    type Args = ();

    async fn started(&self, _: &Tasks) -> Started {
        (self.start)().await
    }

    async fn handle(&self, (): (), _: &Origin) -> Answered {
        Ok(Actions::new())
    }

    async fn stopping(&self) {
        self.stops.fetch_add(1, SeqCst);
    }
}

/// Starts after so many milliseconds.
fn starts_after(ms: u64, stops: &Arc<AtomicUsize>) -> Route {
    let stops = Arc::clone(stops);
    Route::new(move || {
        let start = async move || {
            sleep(Duration::from_millis(ms)).await;
            Ok(())
        };
        Starter { start, stops: Arc::clone(&stops) }
    })
}

/// Fails after so many milliseconds.
fn fails_after(ms: u64) -> Route {
    Route::new(move || {
        let start = async move || {
            sleep(Duration::from_millis(ms)).await;
            Err("as asked".into())
        };
        Starter { start, stops: Arc::default() }
    })
}

#[actix_rt::test]
async fn the_handlers_of_an_arbiter_start_at_the_same_time() -> Result {
    tokio::time::pause();
    script([Start::Takes(1000); 4]);
    let registry = ["one", "two", "three"]
        .into_iter()
        .fold(Registry::new(), |registry, name| registry.on(name, route()))
        .catch_all(route());
    let asked = Instant::now();
    let agent = InMemoryAgent::start(registry, Limits::default()).await?;
    assert!(asked.elapsed().abs_diff(SECOND) < SECOND / 100, "{:?}", asked.elapsed());
    assert_eq!(agent.statistics().await.handler_restarts, 0);
    Ok(())
}

/// None of four starts returns before there are four.
#[actix_rt::test]
async fn the_handlers_of_all_arbiters_start_at_the_same_time() -> Result {
    let all = Arc::new(AsyncBarrier::new(4));
    let together = || {
        let all = Arc::clone(&all);
        Route::new(move || {
            let all = Arc::clone(&all);
            let start = async move || {
                all.wait().await;
                Ok(())
            };
            Starter { start, stops: Arc::default() }
        })
    };
    let registry = Registry::new().on("one", together()).on("two", together());
    let agent = Agent::bind("127.0.0.1:0")?.arbiters(two());
    let running = timeout(10 * SECOND, agent.start(registry)).await.unwrap()?;
    running.stop().await;
    Ok(())
}

#[actix_rt::test]
async fn the_threads_of_a_route_make_their_handlers_at_the_same_time() -> Result {
    let all = Arc::new(Barrier::new(3));
    let route = waiting::made_by(3, move || {
        all.wait();
    });
    timeout(10 * SECOND, waiting::start(route)).await.unwrap()?;
    Ok(())
}

#[actix_rt::test]
async fn those_that_have_started_stop_if_another_one_fails_and_the_rest_is_not_waited_for() {
    tokio::time::pause();
    let stops = Arc::default();
    let registry = Registry::new()
        .on("early", starts_after(10, &stops))
        .on("late", starts_after(5_000, &stops))
        .on("broken", fails_after(100))
        .catch_all(starts_after(20, &stops));
    let asked = Instant::now();
    let error = InMemoryAgent::start(registry, Limits::default()).await.unwrap_err();
    assert!(matches!(&error, AgentError::Handler { name, .. } if name == "broken"), "{error}");
    assert_eq!(stops.load(SeqCst), 2);
    assert!(asked.elapsed() < SECOND / 5, "{:?}", asked.elapsed());
}

#[actix_rt::test]
async fn of_those_that_fail_at_the_same_time_the_first_one_is_named() {
    tokio::time::pause();
    let stops = Arc::default();
    let registry = Registry::new()
        .on("sound", starts_after(1, &stops))
        .on("zebra", fails_after(10))
        .on("ant", fails_after(10))
        .catch_all(fails_after(10));
    let error = InMemoryAgent::start(registry, Limits::default()).await.unwrap_err();
    assert!(matches!(&error, AgentError::Handler { name, .. } if name == "zebra"), "{error}");
    assert_eq!(stops.load(SeqCst), 1);
}

#[actix_rt::test]
async fn those_of_other_arbiters_stop_too_if_one_fails() -> Result {
    let (made, stops) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
    let has_started = Arc::new(Notify::new());
    let stopped = Arc::clone(&stops);
    let route = Route::new(move || {
        let (number, has_started) = (made.fetch_add(1, SeqCst), Arc::clone(&has_started));
        let start = async move || match number {
            0 => {
                has_started.notify_one();
                Ok(())
            }
            _ => {
                has_started.notified().await;
                Err("as asked".into())
            }
        };
        Starter { start, stops: Arc::clone(&stopped) }
    });
    let agent = Agent::bind("127.0.0.1:0")?.arbiters(two());
    let error = agent.start(Registry::new().on("one", route)).await.unwrap_err();
    assert!(matches!(error, AgentError::Handler { .. }), "{error}");
    assert_eq!(stops.load(SeqCst), 1);
    Ok(())
}

/// A signal reaches all agents of a process: one test at a time sends one.
static SIGNALS: Mutex<()> = Mutex::const_new(());

fn send_sigterm() -> Started {
    let process = std::process::id().to_string();
    Command::new("kill").args(["-TERM", &process]).status()?;
    Ok(())
}

#[actix_rt::test]
async fn a_signal_during_the_start_ends_it_at_once_and_stops_what_has_started() -> Result {
    let _turn = SIGNALS.lock().await;
    let (started, stops) = (Arc::new(AtomicUsize::new(0)), Arc::default());
    let (stopped, starts) = (Arc::clone(&stops), Arc::clone(&started));
    let sound = Route::new(move || {
        let starts = Arc::clone(&starts);
        let start = async move || {
            starts.fetch_add(1, SeqCst);
            Ok(())
        };
        Starter { start, stops: Arc::clone(&stopped) }
    });
    let made = AtomicUsize::new(0);
    let hangs = Route::new(move || {
        let (is_first, started) = (made.fetch_add(1, SeqCst) == 0, Arc::clone(&started));
        let start = async move || {
            while started.load(SeqCst) < 2 {
                tokio::task::yield_now().await;
            }
            if is_first {
                send_sigterm()?;
            }
            std::future::pending().await
        };
        Starter { start, stops: Arc::default() }
    });
    let registry = Registry::new().on("sound", sound).on("hangs", hangs);
    let agent = Agent::bind("127.0.0.1:0")?.arbiters(two());
    let served = agent.serve_with(registry, |_| panic!("it never starts"));
    let seen = timeout(10 * SECOND, served).await.unwrap()?;
    assert_eq!((seen.notifies, stops.load(SeqCst)), (0, 2));
    Ok(())
}

#[actix_rt::test]
async fn a_signal_during_the_start_does_not_wait_for_a_handler_that_blocks_its_thread() -> Result {
    let _turn = SIGNALS.lock().await;
    let blocks = Route::new(|| {
        let start = async || {
            send_sigterm()?;
            thread::sleep(20 * SECOND);
            Ok(())
        };
        Starter { start, stops: Arc::default() }
    });
    let agent = Agent::bind("127.0.0.1:0")?.arbiters(NonZero::<usize>::MIN);
    let asked = Instant::now();
    agent.serve_with(Registry::new().on("blocks", blocks), |_| {}).await?;
    assert!(asked.elapsed() < 5 * SECOND, "{:?}", asked.elapsed());
    Ok(())
}
