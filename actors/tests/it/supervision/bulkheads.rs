//! The room of each route: who waits, who does not, and who is not concerned.

use std::{cell::Cell, time::Duration};

use serde::Deserialize;
use spoa_actors::{
    Actions, BoxError, Limits, Message, OnFull, Registry, Route,
    testing::{FakeHaproxy, InMemoryAgent},
};
use tokio::time::{Instant, sleep};

use crate::support::{
    FALLBACK, Result, answer_to, ask_score, ask_sleep, exchange, never,
    numbered::{self, Start, answer, ask, instance, script, tasks},
    registry, stop, variable,
};

const SECOND: Duration = Duration::from_secs(1);

async fn start(registry: Registry) -> Result<(InMemoryAgent, FakeHaproxy)> {
    let agent = InMemoryAgent::start(registry, Limits::default()).await?;
    let haproxy = agent.connect().await?;
    Ok((agent, haproxy))
}

#[actix_rt::test]
async fn a_route_without_room_answers_its_fallback_at_once() -> Result {
    tokio::time::pause();
    let (agent, mut haproxy) = start(Registry::new().on("never", never().concurrency(3))).await?;
    let asked = Instant::now();
    for _ in 0..10 {
        haproxy.send_notify(Message::new("never")).await?;
    }
    for _ in 0..7 {
        assert_eq!(haproxy.ack().await?.actions.to_string(), "set-var txn.never -1");
    }
    assert_eq!(asked.elapsed(), Duration::ZERO);
    for _ in 0..3 {
        haproxy.ack().await?;
    }
    assert!(asked.elapsed() >= SECOND);
    let outcomes = agent.statistics().await.messages;
    assert_eq!((outcomes.route_full, outcomes.deadline_exceeded), (7, 3));
    Ok(())
}

#[actix_rt::test]
async fn a_route_that_never_answers_exhausts_its_own_room_only() -> Result {
    tokio::time::pause();
    let never = || never().concurrency(256);
    let (agent, mut haproxy) = start(registry().on("never-more", never())).await?;
    for _ in 0..400 {
        haproxy.send_notify(Message::new("never-more")).await?;
    }
    for _ in 0..144 {
        haproxy.ack().await?;
    }
    let asked = Instant::now();
    for _ in 0..100 {
        haproxy.notify(ask_score()).await?;
        haproxy.notify(ask_sleep(1)).await?;
    }
    assert!(asked.elapsed() < SECOND / 2, "{:?}", asked.elapsed());
    assert_eq!(agent.statistics().await.messages.route_full, 144);
    Ok(())
}

#[actix_rt::test]
async fn messages_that_wait_for_room_exhaust_their_own_route_only() -> Result {
    tokio::time::pause();
    let waiting = never().concurrency(1).on_full(OnFull::Queue);
    let (_, mut haproxy) = start(registry().on("waiting", waiting)).await?;
    for _ in 0..600 {
        haproxy.send_notify(Message::new("waiting")).await?;
    }
    let asked = Instant::now();
    let ids = haproxy.send_notify(ask_score()).await?;
    assert_eq!(answer_to(&mut haproxy, ids).await?, "set-var sess.ip_score 20");
    assert!(asked.elapsed() < SECOND / 10, "{:?}", asked.elapsed());
    Ok(())
}

#[actix_rt::test]
async fn two_routes_that_never_answer_leave_room_for_a_third() -> Result {
    tokio::time::pause();
    let silent = || never().concurrency(256);
    let (_, mut haproxy) = start(registry().on("one", silent()).on("two", silent())).await?;
    for _ in 0..300 {
        haproxy.send_notify([Message::new("one"), Message::new("two")]).await?;
    }
    let asked = Instant::now();
    let ids = haproxy.send_notify(ask_score()).await?;
    assert_eq!(answer_to(&mut haproxy, ids).await?, "set-var sess.ip_score 20");
    assert!(asked.elapsed() < SECOND / 10, "{:?}", asked.elapsed());
    Ok(())
}

thread_local! {
    static RUNNING: Cell<usize> = const { Cell::new(0) };
    static MOST: Cell<usize> = const { Cell::new(0) };
}

async fn counted((): ()) -> std::result::Result<Actions, BoxError> {
    RUNNING.set(RUNNING.get() + 1);
    MOST.set(MOST.get().max(RUNNING.get()));
    sleep(Duration::from_millis(10)).await;
    RUNNING.set(RUNNING.get() - 1);
    Ok(variable("done", 1))
}

#[actix_rt::test]
async fn messages_that_may_wait_for_room_are_answered_in_turn() -> Result {
    tokio::time::pause();
    let route = Route::new(counted).concurrency(4).on_full(OnFull::Queue);
    let (agent, mut haproxy) = start(Registry::new().on("counted", route)).await?;
    let asked = Instant::now();
    let notifies: Vec<_> = (0..40).map(|_| Message::new("counted").into()).collect();
    for ack in exchange(&mut haproxy, notifies).await? {
        assert_eq!(ack.actions.to_string(), "set-var txn.done 1");
    }
    assert_eq!(MOST.get(), 4, "no more at a time than there is room for");
    assert!(asked.elapsed() >= Duration::from_millis(100));
    assert_eq!(agent.statistics().await.messages.route_full, 0);
    Ok(())
}

#[actix_rt::test]
async fn a_message_waits_for_room_until_its_deadline_at_the_longest() -> Result {
    tokio::time::pause();
    let route = never().concurrency(1).on_full(OnFull::Queue);
    let (agent, mut haproxy) = start(Registry::new().on("never", route)).await?;
    let asked = Instant::now();
    let notifies: Vec<_> = (0..5).map(|_| Message::new("never").into()).collect();
    exchange(&mut haproxy, notifies).await?;
    assert!(asked.elapsed() < SECOND + SECOND / 10, "{:?}", asked.elapsed());
    assert_eq!(agent.statistics().await.messages.deadline_exceeded, 5);
    Ok(())
}

#[derive(Deserialize)]
struct Nothing {}

#[actix_rt::test]
async fn a_handler_that_answers_at_once_needs_no_room() -> Result {
    let ready = Route::new(|_: Nothing| Ok::<_, BoxError>(variable("ready", 1)));
    let (_, mut haproxy) = start(Registry::new().on("ready", ready.concurrency(1))).await?;
    let messages: Vec<_> = (0..100).map(|_| Message::new("ready")).collect();
    let actions = haproxy.notify(messages.into_iter().collect::<spoa_actors::Messages>()).await?;
    assert_eq!(actions.iter().count(), 100);
    Ok(())
}

#[actix_rt::test]
async fn an_argument_of_the_message_may_shorten_its_deadline_and_never_lengthens_it() -> Result {
    tokio::time::pause();
    let route = never().deadline_argument("within_ms");
    let (agent, mut haproxy) = start(Registry::new().on("never", route)).await?;
    let mut took = async |message: Message| -> Result<Duration> {
        let asked = Instant::now();
        assert_eq!(haproxy.notify(message).await?.to_string(), "set-var txn.never -1");
        Ok(asked.elapsed())
    };
    let ask = || Message::new("never");
    let within =
        |took: Duration, ms: u64| took.abs_diff(Duration::from_millis(ms)).as_millis() <= 2;
    assert!(within(took(ask().arg("within_ms", 50_i32)).await?, 50));
    assert!(within(took(ask().arg("within_ms", 50_i64)).await?, 50));
    assert!(within(took(ask().arg("within_ms", 50_u32)).await?, 50));
    assert!(within(took(ask().arg("within_ms", 50_u64)).await?, 50));
    assert!(within(took(ask().arg("within_ms", 5000_u64)).await?, 1000));
    assert!(within(took(ask().arg("within_ms", "soon")).await?, 1000));
    assert!(within(took(ask()).await?, 1000));
    assert_eq!(took(ask().arg("within_ms", 0_i64)).await?, Duration::ZERO);
    assert_eq!(took(ask().arg("within_ms", -7_i64)).await?, Duration::ZERO);
    assert_eq!(agent.statistics().await.messages.deadline_exceeded, 9);
    Ok(())
}

#[actix_rt::test]
async fn a_route_without_any_room_is_an_error() {
    let route: Route = never().concurrency(0);
    let registry = Registry::new().on("never", route);
    let error = InMemoryAgent::start(registry, Limits::default()).await.unwrap_err();
    assert!(error.to_string().contains("Route::concurrency"), "{error}");
}

async fn agent_of(route: Route) -> Result<(InMemoryAgent, FakeHaproxy)> {
    start(Registry::new().on("number", route)).await
}

fn waiting(in_flight: usize) -> Route {
    numbered::route().concurrency(in_flight).on_full(OnFull::Queue)
}

#[actix_rt::test]
async fn over_its_budget_nobody_waits_for_room() -> Result {
    tokio::time::pause();
    script([Start::FailsAfter(1)]);
    let route = waiting(1).optional().restarts(0, 10 * SECOND);
    let (agent, mut haproxy) = agent_of(route).await?;
    haproxy.send_notify(ask()).await?;
    let queued = haproxy.send_notify(ask()).await?;
    let asked = Instant::now();
    assert_eq!(answer_to(&mut haproxy, queued).await?, FALLBACK);
    assert_eq!(answer(&mut haproxy, ask()).await?, FALLBACK);
    assert!(asked.elapsed() < Duration::from_millis(10), "{:?}", asked.elapsed());
    let seen = agent.statistics().await;
    assert_eq!((seen.handlers_down, seen.messages.circuit_open), (1, 3));
    Ok(())
}

#[actix_rt::test]
async fn who_waits_for_room_waits_for_a_restart_after_that() -> Result {
    tokio::time::pause();
    let (agent, mut haproxy) = agent_of(waiting(1)).await?;
    script([Start::Takes(20)]);
    let first = haproxy.send_notify(ask().arg("ms", 10_u64)).await?;
    let second = haproxy.send_notify(ask()).await?;
    sleep(Duration::from_millis(1)).await;
    tasks().spawn(async { panic!("as asked") });
    assert_eq!(answer_to(&mut haproxy, first).await?, instance(1));
    assert_eq!(answer_to(&mut haproxy, second).await?, instance(2));
    assert_eq!(agent.statistics().await.messages.answered, 2);
    Ok(())
}

#[actix_rt::test]
async fn who_waits_for_room_when_the_agent_stops_is_answered_first() -> Result {
    tokio::time::pause();
    let (agent, mut haproxy) = agent_of(waiting(1)).await?;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(haproxy.send_notify(ask().arg("ms", 50_u64)).await?);
    }
    sleep(Duration::from_millis(1)).await;
    let stopping = stop(&agent);
    for ids in ids {
        assert_eq!(answer_to(&mut haproxy, ids).await?, instance(1));
    }
    haproxy.receive().await?;
    drop(haproxy);
    assert_eq!(stopping.await.unwrap().messages.answered, 5);
    Ok(())
}

/// Every place is given back, however its call ends.
#[actix_rt::test]
async fn no_place_is_lost_over_panics_late_calls_restarts_and_connections_that_end() -> Result {
    tokio::time::pause();
    for on_full in [OnFull::Reject, OnFull::Queue] {
        let route = numbered::route().concurrency(3).on_full(on_full);
        let route = route.restarts(usize::MAX, SECOND).deadline(Duration::from_millis(100));
        script([]);
        let (agent, mut haproxy) = agent_of(route).await?;
        script([Start::Takes(20), Start::Fails, Start::Panics].into_iter().cycle().take(60));
        for round in 0..40_u64 {
            let wishes = ["panic", "panic_later", "panic_in_a_task", "nothing", "nothing"];
            let ms = |n: u64| (round * 37 + n * 61) % 150;
            let notifies = (0..10).map(|n| {
                let wish = wishes[(round as usize + n as usize) % wishes.len()];
                ask().arg(wish, true).arg("ms", ms(n)).into()
            });
            if round % 4 == 3 {
                let mut leaving = agent.connect().await?;
                for _ in 0..5 {
                    leaving.send_notify(ask().arg("ms", 90_u64)).await?;
                }
            }
            exchange(&mut haproxy, notifies).await?;
        }
        sleep(2 * SECOND).await;
        let asked = Instant::now();
        let slow = || ask().arg("ms", 50_u64).into();
        for ack in exchange(&mut haproxy, [slow(), slow(), slow()]).await? {
            assert_ne!(ack.actions.to_string(), FALLBACK, "{on_full:?}");
        }
        assert!(asked.elapsed() < Duration::from_millis(60), "{:?}", asked.elapsed());
        let seen = agent.statistics().await;
        assert_eq!((seen.notifies_in_flight, seen.connections_panicked), (0, 0));
        assert_eq!(seen.notifies, seen.acks + seen.notifies_cancelled);
    }
    Ok(())
}
