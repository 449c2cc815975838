//! Panics: none escapes, and each is told in the log, once a second at the most.

use std::{error::Error, fmt, panic::panic_any, time::Duration};

use async_trait::async_trait;
use spoa_actors::{HandlerActor, Limits, Message, Origin, Registry, Route, testing::InMemoryAgent};
use tokio::time::sleep;

use crate::support::{
    Answered, FALLBACK, Log, Result, answer_to, exchange,
    numbered::{Start, Wish, agent, answer, ask, instance, route, script, tasks},
    registry, until, variable, waiting,
};

/// What a panic may leave: it panics when it is dropped, with a payload that does so too.
struct Payload(u8);

impl Drop for Payload {
    fn drop(&mut self) {
        match self.0 {
            0 => panic!("at last"),
            n => panic_any(Self(n - 1)),
        }
    }
}

#[actix_rt::test]
async fn a_payload_whose_drop_panics_with_another_such_payload_ends_no_connection() -> Result {
    let trap = Route::new(|(): ()| -> Answered { panic_any(Payload(1)) });
    let registry = registry().on("trap", trap.fallback(variable("fallback", -1)));
    let agent = InMemoryAgent::start(registry, Limits::default()).await?;
    let mut haproxy = agent.connect().await?;
    for _ in 0..3 {
        assert_eq!(answer(&mut haproxy, Message::new("trap")).await?, FALLBACK);
    }
    assert_eq!(agent.statistics().await.connections_panicked, 0);
    Ok(())
}

/// The one line that says so.
fn line_with(log: &Log, text: &str) -> String {
    let lines = log.lines();
    let told: Vec<_> = lines.iter().filter(|line| line.contains(text)).collect();
    assert_eq!(told.len(), 1, "{lines:#?}");
    told[0].clone()
}

#[actix_rt::test]
async fn a_panic_over_a_message_is_told_with_the_message_the_text_and_the_place() -> Result {
    tokio::time::pause();
    for wish in ["panic", "panic_later"] {
        let log = Log::default();
        let _listening = log.listen();
        let agent = agent(route()).await;
        let mut haproxy = agent.connect().await?;
        assert_eq!(answer(&mut haproxy, ask().arg(wish, true)).await?, FALLBACK);
        until(&agent, |seen| seen.handler_restarts == 1).await;
        let line = line_with(&log, "as asked");
        assert!(line.contains("number") && line.contains("numbered.rs:"), "{line}");
    }
    Ok(())
}

#[actix_rt::test]
async fn a_panic_in_a_task_is_told_with_the_message_the_text_and_the_place() -> Result {
    tokio::time::pause();
    let log = Log::default();
    let _listening = log.listen();
    let agent = agent(route()).await;
    let mut haproxy = agent.connect().await?;
    let actions = answer(&mut haproxy, ask().arg("panic_in_a_task", true)).await?;
    assert_eq!(actions, instance(1));
    until(&agent, |seen| seen.handler_restarts == 1).await;
    let line = line_with(&log, "as asked");
    assert!(line.contains("number") && line.contains("numbered.rs:"), "{line}");
    Ok(())
}

#[actix_rt::test]
async fn a_panic_in_a_task_of_an_instance_that_is_replaced_already_is_counted_and_told() -> Result {
    tokio::time::pause();
    let log = Log::default();
    let _listening = log.listen();
    let agent = agent(route()).await;
    let mut haproxy = agent.connect().await?;
    // It keeps the instance and its tasks.
    let slow = haproxy.send_notify(ask().arg("ms", 200_u64)).await?;
    sleep(Duration::from_millis(1)).await;
    let of_the_first = tasks();
    assert_eq!(answer(&mut haproxy, ask().arg("panic", true)).await?, FALLBACK);
    assert_eq!(answer(&mut haproxy, ask()).await?, instance(2));
    of_the_first.spawn(async { panic!("the list is gone") });
    until(&agent, |seen| seen.background_panics == 1).await;
    let line = line_with(&log, "the list is gone");
    assert!(line.contains("number") && line.contains("panics.rs:"), "{line}");
    assert_eq!(answer_to(&mut haproxy, slow).await?, instance(1));
    assert_eq!(agent.statistics().await.handler_restarts, 1);
    Ok(())
}

#[actix_rt::test]
async fn a_late_panic_on_a_thread_is_told_with_the_message_the_text_and_the_place() -> Result {
    let log = Log::default();
    let _listening = log.listen();
    let (speak, wait) = waiting::for_a_word();
    let route = waiting::route(1, wait).deadline(Duration::from_millis(50));
    let (agent, mut haproxy) = waiting::start(route).await?;
    let late = waiting::ask_to("wait").arg("panic", true);
    assert_eq!(answer(&mut haproxy, late).await?, FALLBACK);
    drop(speak);
    waiting::until_it_answers(&mut haproxy).await?;
    until(&agent, |seen| seen.handler_restarts == 1).await;
    let line = line_with(&log, "as asked");
    assert!(line.contains("block") && line.contains("waiting.rs:"), "{line}");
    Ok(())
}

/// Fails each time, and sometimes panics.
struct FailsOrPanics;

#[async_trait(?Send)]
impl HandlerActor for FailsOrPanics {
    type Args = Wish;

    async fn handle(&self, wish: Wish, _: &Origin) -> Answered {
        assert!(!wish.panic, "the key is gone");
        Err("no such user".into())
    }
}

#[actix_rt::test]
async fn a_panic_is_told_though_other_errors_of_the_route_are_told_all_the_time() -> Result {
    tokio::time::pause();
    let log = Log::default();
    let _listening = log.listen();
    let agent = agent(Route::new(|| FailsOrPanics)).await;
    let mut haproxy = agent.connect().await?;
    for _ in 0..3 {
        haproxy.notify(ask()).await?;
        sleep(Duration::from_millis(50)).await;
        haproxy.notify(ask().arg("panic", true)).await?;
        sleep(Duration::from_millis(950)).await;
    }
    let told = log.lines().iter().filter(|line| line.contains("the key is gone")).count();
    assert_eq!(told, 3, "{:#?}", log.lines());
    assert_eq!(agent.statistics().await.messages.panicked, 3);
    Ok(())
}

/// Panics when it is dropped.
#[derive(Debug)]
struct Guard;

impl Drop for Guard {
    fn drop(&mut self) {
        panic!("a guard panics in its end");
    }
}

/// Never answers, and panics when its call is dropped.
fn guarded() -> Route {
    let guarded = Route::new(async |(): ()| -> Answered {
        let _guard = Guard;
        std::future::pending().await
    });
    guarded.fallback(variable("fallback", -1))
}

#[actix_rt::test]
async fn calls_that_panic_when_they_are_dropped_are_told_once_a_second() -> Result {
    tokio::time::pause();
    let log = Log::default();
    let _listening = log.listen();
    let agent = InMemoryAgent::start(Registry::new().on("guarded", guarded()), Limits::default());
    let agent = agent.await?;
    let mut haproxy = agent.connect().await?;
    let notifies: Vec<_> = (0..100).map(|_| Message::new("guarded").into()).collect();
    for ack in exchange(&mut haproxy, notifies).await? {
        assert_eq!(ack.actions.to_string(), FALLBACK);
    }
    let line = line_with(&log, "a guard panics");
    assert!(line.contains("panics.rs:"), "{line}");
    let seen = agent.statistics().await;
    assert_eq!((seen.messages.deadline_exceeded, seen.connections_panicked), (100, 0));
    Ok(())
}

/// An error that panics when it is dropped.
#[derive(Debug)]
struct Trap(Guard);

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no such user behind {:?}", self.0)
    }
}

impl Error for Trap {}

#[actix_rt::test]
async fn errors_that_panic_when_they_are_dropped_are_told_once_a_second() -> Result {
    tokio::time::pause();
    let log = Log::default();
    let _listening = log.listen();
    let agent = agent(Route::new(|(): ()| -> Answered { Err(Trap(Guard).into()) })).await;
    let mut haproxy = agent.connect().await?;
    for _ in 0..100 {
        haproxy.notify(ask()).await?;
    }
    line_with(&log, "a guard panics");
    Ok(())
}

#[actix_rt::test]
async fn a_panic_in_a_task_is_told_though_starts_fail_all_the_time() -> Result {
    tokio::time::pause();
    let log = Log::default();
    let _listening = log.listen();
    let agent = agent(route().restarts(usize::MAX, Duration::from_secs(1))).await;
    let mut haproxy = agent.connect().await?;
    for _ in 0..3 {
        script([Start::Fails]);
        assert_eq!(answer(&mut haproxy, ask().arg("panic", true)).await?, FALLBACK);
        assert!(answer(&mut haproxy, ask()).await?.starts_with("set-var txn.instance"));
        tasks().spawn(async { panic!("the list is gone") });
        sleep(Duration::from_secs(1)).await;
    }
    let told = log.lines().iter().filter(|line| line.contains("the list is gone")).count();
    assert_eq!(told, 3, "{:#?}", log.lines());
    Ok(())
}
