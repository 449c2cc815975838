//! Reloads: what a new generation takes over, what it ends, and what it must not change.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use actix::{Actor, Context, Handler, ResponseFuture};
use spoa_actors::{
    Actions, Limits, MailboxCall, OnFull, Registry, Reload, ReloadError, Route,
    observe::{ReloadOutcome, RouteStatistics, Statistics},
    spop::Frame,
    testing::{FakeHaproxy, InMemoryAgent},
};
use tokio::{
    task::yield_now,
    time::{Instant, sleep, timeout},
};

use crate::support::{
    Answered, Result,
    lives::{Fault, Lives, answered, ask},
    variable, waiting,
};

const SECOND: Duration = Duration::from_secs(1);

async fn start(registry: Registry) -> Result<(InMemoryAgent, FakeHaproxy)> {
    let agent = InMemoryAgent::start(registry, Limits::default()).await?;
    let haproxy = agent.connect().await?;
    Ok((agent, haproxy))
}

async fn answer(haproxy: &mut FakeHaproxy, name: &str) -> Result<String> {
    Ok(haproxy.notify(ask(name, 0)).await?.to_string())
}

fn route<'a>(statistics: &'a Statistics, name: &str) -> &'a RouteStatistics {
    statistics.routes.iter().find(|route| route.route == name).unwrap()
}

/// Waits until it is so.
async fn until(is_so: impl Fn() -> bool) {
    let wait = async {
        while !is_so() {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(30 * SECOND, wait).await.expect("it comes to be so");
}

#[actix_rt::test]
async fn routes_are_added_removed_replaced_and_taken_over_with_their_state() -> Result {
    let [same, old, new, gone, added] = [(); 5].map(|()| Lives::default());
    let registry = Registry::new()
        .on("same", same.route(1))
        .on("changed", old.route(1))
        .on("gone", gone.route(1));
    let (agent, mut haproxy) = start(registry.clone()).await?;
    for name in ["same", "changed", "gone"] {
        assert_eq!(answer(&mut haproxy, name).await?, answered(1, 1));
    }

    let registry = registry.replace("changed", new.route(2)).remove("gone");
    let generation = agent.reload(registry.on("added", added.route(2))).await.unwrap();
    assert_eq!(generation, 2);
    // The connection has noticed nothing.
    assert_eq!(answer(&mut haproxy, "same").await?, answered(1, 2));
    assert_eq!(answer(&mut haproxy, "changed").await?, answered(2, 1));
    assert_eq!(answer(&mut haproxy, "added").await?, answered(2, 1));
    assert_eq!(answer(&mut haproxy, "gone").await?, "");
    until(|| old.stopped() == 1 && gone.stopped() == 1).await;
    until(|| old.alive() == 0 && gone.alive() == 0).await;
    assert_eq!((same.started(), same.stopped(), new.stopped(), added.stopped()), (1, 0, 0, 0));

    let statistics = agent.statistics().await;
    assert_eq!(statistics.connections_accepted, 1);
    assert_eq!((statistics.messages.answered, statistics.messages_without_route), (6, 1));
    for (name, count, is_removed) in
        [("same", 2, false), ("changed", 2, false), ("added", 1, false), ("gone", 1, true)]
    {
        let route = route(&statistics, name);
        assert_eq!((route.outcomes().answered, route.is_removed), (count, is_removed), "{name}");
    }
    assert_eq!(statistics.routes.last().unwrap().route, "gone");
    assert_eq!(statistics.routes.len(), 4);
    let reloads = statistics.reloads;
    assert_eq!((reloads.generation, reloads.count(ReloadOutcome::Ok)), (2, 1));
    assert!(reloads.is_last_successful() && reloads.last_success.is_some());
    Ok(())
}

#[actix_rt::test]
async fn a_route_that_comes_back_goes_on_with_its_counts() -> Result {
    let lives = Lives::default();
    let registry = Registry::new().on("a", lives.route(1));
    let (agent, mut haproxy) = start(registry.clone()).await?;
    answer(&mut haproxy, "a").await?;
    agent.reload(Registry::new()).await.unwrap();
    agent.reload(registry).await.unwrap();
    // It was stopped meanwhile: this is another instance.
    assert_eq!(answer(&mut haproxy, "a").await?, answered(1, 1));
    let statistics = agent.statistics().await;
    assert_eq!(statistics.routes.len(), 1);
    assert_eq!(route(&statistics, "a").outcomes().answered, 2);
    assert!(!route(&statistics, "a").is_removed);
    Ok(())
}

#[actix_rt::test]
async fn the_sums_keep_what_was_seen_of_routes_that_are_forgotten() -> Result {
    let (agent, mut haproxy) = start(Registry::new()).await?;
    for number in 0..150 {
        let name = format!("route-{number}");
        agent.reload(Registry::new().on(&name, Lives::default().route(1))).await.unwrap();
        answer(&mut haproxy, &name).await?;
        yield_now().await;
    }
    agent.reload(Registry::new()).await.unwrap();
    sleep(Duration::from_millis(20)).await;
    agent.reload(Registry::new()).await.unwrap();
    let statistics = agent.statistics().await;
    assert_eq!(statistics.messages.answered, 150);
    assert!(statistics.routes.iter().all(|route| route.is_removed));
    assert_eq!(statistics.routes.len(), 64);
    assert_eq!(statistics.routes.last().unwrap().route, "route-149");
    Ok(())
}

#[actix_rt::test]
async fn the_handler_lives_on_under_another_deadline_fallback_and_concurrency() -> Result {
    tokio::time::pause();
    let lives = Lives::default();
    let before = lives.route(1).deadline(2 * SECOND).fallback(variable("fallback", 1));
    let (agent, mut haproxy) = start(Registry::new().on("a", before.clone())).await?;
    // Two calls are in flight, one of which takes too long.
    haproxy.send_notify([ask("a", 1500)]).await?;
    haproxy.send_notify([ask("a", 5000)]).await?;
    sleep(Duration::from_millis(100)).await;
    let after = before
        .deadline(Duration::from_millis(500))
        .fallback(variable("fallback", 2))
        .concurrency(3)
        .on_full(OnFull::Reject);
    agent.reload(Registry::new().on("a", after)).await.unwrap();
    // It is late by its new deadline, and gets the new fallback, before those that came before it.
    let begun = Instant::now();
    haproxy.send_notify([ask("a", 1000)]).await?;
    haproxy.send_notify([ask("a", 1000)]).await?;
    let full = haproxy.ack().await?;
    assert_eq!(full.actions.to_string(), "set-var txn.fallback 2", "three calls are in flight");
    let late = haproxy.ack().await?;
    assert_eq!(late.actions.to_string(), "set-var txn.fallback 2");
    assert!((500..600).contains(&begun.elapsed().as_millis()));
    // Those have their deadline and their fallback.
    let first = haproxy.ack().await?;
    assert_eq!(first.actions.to_string(), answered(1, 1));
    let second = haproxy.ack().await?;
    assert_eq!(second.actions.to_string(), "set-var txn.fallback 1");
    assert!((1800..2000).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
    assert_eq!((lives.started(), lives.stopped()), (1, 0));
    let statistics = agent.statistics().await;
    let route = route(&statistics, "a");
    assert_eq!(route.deadline, Duration::from_millis(500));
    assert_eq!(route.concurrency_limit, 3);
    assert_eq!(route.fallback, "set-var txn.fallback 2");
    Ok(())
}

#[actix_rt::test]
async fn a_lower_concurrency_counts_the_calls_that_are_there() -> Result {
    tokio::time::pause();
    let lives = Lives::default();
    let route = lives.route(1);
    let (agent, mut haproxy) = start(Registry::new().on("a", route.clone())).await?;
    for _ in 0..10 {
        haproxy.send_notify([ask("a", 500)]).await?;
    }
    sleep(Duration::from_millis(100)).await;
    let with = |calls| Registry::new().on("a", route.clone().concurrency(calls));
    agent.reload(with(5)).await.unwrap();
    assert_eq!(answer(&mut haproxy, "a").await?, "set-var txn.fallback 1", "it is full");
    for _ in 0..10 {
        haproxy.ack().await?;
    }
    let in_flight = async |haproxy: &mut FakeHaproxy, calls: usize| {
        let mut answered = 0;
        for _ in 0..calls {
            haproxy.send_notify([ask("a", 100)]).await?;
        }
        for _ in 0..calls {
            let actions = haproxy.ack().await?.actions.to_string();
            answered += usize::from(actions.contains("version"));
        }
        Result::Ok(answered)
    };
    assert_eq!(in_flight(&mut haproxy, 8).await?, 5);
    agent.reload(with(7)).await.unwrap();
    assert_eq!(in_flight(&mut haproxy, 9).await?, 7);
    Ok(())
}

#[actix_rt::test]
async fn a_handler_that_does_not_start_changes_nothing_and_ends_what_has_started() -> Result {
    tokio::time::pause();
    let [old, new, bad] = [(); 3].map(|()| Lives::default());
    let registry = Registry::new().on("a", old.route(1)).on("b", old.route(1));
    let (agent, mut haproxy) = start(registry.clone()).await?;
    for (fault, cause) in [
        (Fault::Fails, "as asked"),
        (Fault::Panics, "it panicked: as asked at "),
        (Fault::PanicsInFactory, "it panicked: as asked at "),
        (Fault::Hangs, "it has not started within 30s"),
    ] {
        let next = registry.clone().replace("a", new.route(2)).on("bad", bad.faulty(2, fault));
        let error = agent.reload(next).await.unwrap_err();
        let text = error.to_string();
        let start = format!("the handler of message \"bad\" could not start: {cause}");
        assert!(text.starts_with(&start), "{text}");
        assert_eq!(error.outcome(), ReloadOutcome::Failed);
        // At once, and not some time later.
        assert_eq!((new.started(), new.alive(), bad.alive()), (new.stopped(), 0, 0), "{fault:?}");
    }
    assert_eq!(new.started(), 4);
    assert_eq!(answer(&mut haproxy, "a").await?, answered(1, 1));
    assert_eq!(answer(&mut haproxy, "b").await?, answered(1, 1));
    assert_eq!((old.started(), old.stopped()), (2, 0));
    let statistics = agent.statistics().await;
    assert_eq!(statistics.routes.len(), 2);
    let reloads = statistics.reloads;
    assert_eq!((reloads.generation, reloads.count(ReloadOutcome::Failed)), (1, 4));
    assert!(!reloads.is_last_successful());
    // The next one finds everything as it was.
    assert_eq!(agent.reload(registry.replace("a", new.route(2))).await.unwrap(), 2);
    assert_eq!(answer(&mut haproxy, "a").await?, answered(2, 1));
    assert_eq!(answer(&mut haproxy, "b").await?, answered(1, 2));
    Ok(())
}

#[actix_rt::test]
async fn an_optional_handler_may_start_later() -> Result {
    tokio::time::pause();
    let bad = Lives::default();
    let (agent, mut haproxy) = start(Registry::new()).await?;
    let late = bad.faulty(1, Fault::Hangs).optional().deadline(Duration::from_millis(50));
    agent.reload(Registry::new().on("late", late)).await.unwrap();
    assert_eq!(answer(&mut haproxy, "late").await?, "set-var txn.fallback 1");
    agent.reload(Registry::new()).await.unwrap();
    until(|| bad.alive() == 0).await;
    Ok(())
}

#[actix_rt::test]
async fn what_an_agent_would_not_start_with_is_refused_before_anything_starts() -> Result {
    let lives = Lives::default();
    let (agent, _haproxy) = start(Registry::new()).await?;
    let registry = || Registry::new().on("a", lives.route(1));
    let with = |change: fn(&mut Limits)| {
        let mut limits = Limits::default();
        change(&mut limits);
        Reload::new(registry()).limits(limits)
    };
    for (reload, error) in [
        (registry().on("a", lives.route(2)).into(), "message \"a\" has two routes"),
        (with(|limits| limits.deadline = Duration::ZERO), "Limits::deadline must be"),
        (with(|limits| limits.connections = 7), "Limits::connections cannot change without"),
        (with(|limits| limits.excess_connections = 7), "Limits::excess_connections cannot change"),
        (with(|limits| limits.handshakes = 7), "Limits::handshakes cannot change without"),
        (with(|limits| limits.messages = 7), "Limits::messages cannot change without a restart"),
        (with(|limits| limits.memory *= 2), "Limits::memory cannot change without a restart"),
    ] {
        let text = agent.reload(reload).await.unwrap_err().to_string();
        assert!(text.starts_with(error), "{text}");
    }
    assert_eq!(lives.started(), 0);
    let reloads = agent.statistics().await.reloads;
    assert_eq!((reloads.generation, reloads.count(ReloadOutcome::Refused)), (1, 7));
    Ok(())
}

#[actix_rt::test]
async fn limits_of_a_reload_hold_for_connections_that_are_open() -> Result {
    tokio::time::pause();
    let lives = Lives::default();
    let registry = Registry::new().on("a", lives.route(1));
    let (agent, mut haproxy) = start(registry.clone()).await?;
    let limits = Limits::default().deadline(Duration::from_millis(300)).read_timeout(SECOND);
    agent.reload(Reload::new(registry.clone()).limits(limits)).await.unwrap();
    assert_eq!(agent.observer().status(0).await.limits, limits);
    // A route without a deadline has that of the limits, and a reload without limits keeps those.
    agent.reload(registry).await.unwrap();
    assert_eq!(agent.observer().status(0).await.limits, limits);
    let begun = Instant::now();
    let actions = haproxy.notify(ask("a", 2000)).await?.to_string();
    assert_eq!(actions, "set-var txn.fallback 1");
    assert!((300..400).contains(&begun.elapsed().as_millis()));
    // The first bytes of a frame, whose rest does not come.
    let begun = Instant::now();
    haproxy.send_bytes(&[0, 0, 1, 0, 3]).await?;
    let Frame::AgentDisconnect(disconnect) = haproxy.receive().await? else { panic!() };
    assert_eq!(disconnect.status_code.to_string(), "2 (a timeout occurred)");
    assert!((1000..1100).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
    Ok(())
}

/// Answers with its version, after so long.
struct Raw(i64);

impl Actor for Raw {
    type Context = Context<Self>;
}

impl Handler<MailboxCall> for Raw {
    type Result = ResponseFuture<Answered>;

    fn handle(&mut self, _: MailboxCall, _: &mut Context<Self>) -> Self::Result {
        let version = self.0;
        Box::pin(async move {
            sleep(Duration::from_millis(200)).await;
            Ok(variable("version", version))
        })
    }
}

#[actix_rt::test]
async fn calls_in_flight_end_on_the_handlers_that_they_have_begun_with() -> Result {
    let lives = Lives::default();
    let (speak, wait) = waiting::for_a_word();
    let function = Route::new(async |(): ()| {
        sleep(Duration::from_millis(200)).await;
        Actions::new().set_var(spoa_actors::Scope::Transaction, "version", 1)
    });
    let registry = Registry::new()
        .on("async", lives.route(1))
        .on("function", function)
        .on("block", waiting::route(1, wait))
        .on("raw", Route::actor(|| Raw(1).start()));
    let (agent, mut haproxy) = start(registry).await?;
    haproxy.send_notify([waiting::ask_to("wait")]).await?;
    haproxy.send_notify([waiting::ask(7)]).await?;
    haproxy.send_notify([ask("async", 200), ask("function", 0), ask("raw", 0)]).await?;
    sleep(Duration::from_millis(20)).await;
    let other = || Lives::default().route(2);
    let names = ["async", "function", "block", "raw"];
    let next = names.into_iter().fold(Registry::new(), |all, name| all.on(name, other()));
    agent.reload(next).await.unwrap();
    for name in names {
        assert_eq!(answer(&mut haproxy, name).await?, answered(2, 1), "{name}");
    }
    assert_eq!(lives.stopped(), 0, "its call is in flight");
    let all = haproxy.ack().await?.actions.to_string();
    let first = answered(1, 1);
    assert_eq!(all, format!("{first}, set-var txn.version 1, set-var txn.version 1"));
    until(|| lives.stopped() == 1 && lives.alive() == 0).await;
    // One is with the thread, and one waits for it.
    speak.send(()).unwrap();
    for n in [1, 7] {
        let block = haproxy.ack().await?.actions.to_string();
        assert_eq!(block, format!("set-var txn.n {n}, set-var txn.instance 1"));
    }
    Ok(())
}

#[actix_rt::test]
async fn an_old_handler_stops_at_the_longest_deadline_at_the_latest() -> Result {
    tokio::time::pause();
    let lives = Lives::default();
    let route = lives.route(1).deadline(3 * SECOND);
    let (agent, mut haproxy) = start(Registry::new().on("a", route)).await?;
    haproxy.send_notify([ask("a", 60_000)]).await?;
    sleep(SECOND).await;
    agent.reload(Registry::new()).await.unwrap();
    sleep(SECOND).await;
    assert_eq!(lives.stopped(), 0);
    assert_eq!(haproxy.ack().await?.actions.to_string(), "set-var txn.fallback 1");
    until(|| lives.alive() == 0).await;
    assert_eq!(lives.stopped(), 1);
    Ok(())
}

#[actix_rt::test]
async fn the_stop_of_the_agent_ends_a_reload_and_what_it_has_started() -> Result {
    let [old, new, bad] = [(); 3].map(|()| Lives::default());
    let registry = Registry::new().on("a", old.route(1));
    let (agent, haproxy) = start(registry.clone()).await?;
    drop(haproxy);
    let next = registry.on("b", new.route(2)).on("bad", bad.faulty(2, Fault::Hangs));
    let reloader = agent.reloader();
    let reload = actix_rt::spawn(async move { reloader.reload(next).await });
    let later = agent.reloader();
    let waiting = actix_rt::spawn(async move { later.reload(Registry::new()).await });
    until(|| new.started() == 1).await;
    let statistics = timeout(5 * SECOND, agent.stop()).await.expect("the stop does not wait");
    let error = reload.await.unwrap().unwrap_err();
    assert_eq!(error.to_string(), "given up: the agent stops");
    assert!(matches!(waiting.await.unwrap(), Err(ReloadError::Stopping)));
    assert!(matches!(agent.reload(Registry::new()).await, Err(ReloadError::Stopping)));
    assert_eq!((old.stopped(), new.stopped()), (1, 1));
    assert_eq!((old.alive(), new.alive(), bad.alive()), (0, 0, 0));
    assert_eq!(statistics.routes.len(), 1);
    assert_eq!(agent.statistics().await.reloads.count(ReloadOutcome::GivenUp), 3);
    Ok(())
}

#[actix_rt::test]
async fn reloads_wait_for_each_other_in_order() -> Result {
    let (agent, mut haproxy) = start(Registry::new()).await?;
    let lives = Lives::default();
    let order = Arc::new(AtomicUsize::new(0));
    let all: Vec<_> = (1..=20)
        .map(|version| {
            let (reloader, order) = (agent.reloader(), Arc::clone(&order));
            let registry = Registry::new().on("a", lives.route(version));
            actix_rt::spawn(async move {
                let generation = reloader.reload(registry).await.unwrap();
                (generation, order.fetch_add(1, SeqCst) as u64)
            })
        })
        .collect();
    for (number, reload) in all.into_iter().enumerate() {
        assert_eq!(reload.await.unwrap(), (number as u64 + 2, number as u64));
    }
    assert_eq!(answer(&mut haproxy, "a").await?, answered(20, 1));
    until(|| lives.alive() == 1).await;
    Ok(())
}

#[actix_rt::test]
async fn a_reload_that_nobody_waits_for_is_given_up() -> Result {
    let [new, bad] = [(); 2].map(|()| Lives::default());
    let (agent, _haproxy) = start(Registry::new()).await?;
    let next = Registry::new().on("b", new.route(2)).on("bad", bad.faulty(2, Fault::Hangs));
    assert!(timeout(Duration::from_millis(50), agent.reload(next)).await.is_err());
    until(|| new.stopped() == 1 && new.alive() == 0 && bad.alive() == 0).await;
    let reloads = agent.statistics().await.reloads;
    assert_eq!((reloads.generation, reloads.count(ReloadOutcome::GivenUp)), (1, 1));
    assert_eq!(agent.reload(Registry::new()).await.unwrap(), 2);
    Ok(())
}

#[actix_rt::test]
async fn nothing_of_old_generations_is_left_behind_idle_connections() -> Result {
    let lives = Lives::default();
    let kept = lives.route(0);
    let registry = |version| {
        let registry = Registry::new().on("kept", kept.clone()).on("a", lives.route(version));
        registry.catch_all(lives.route(version))
    };
    let (agent, mut haproxy) = start(registry(1)).await?;
    // They have asked once, and say nothing more.
    let mut idle = Vec::new();
    for _ in 0..20 {
        let mut haproxy = agent.connect().await?;
        answer(&mut haproxy, "a").await?;
        idle.push(haproxy);
    }
    until(|| lives.alive() == 3).await;
    let holders = lives.holders();
    for version in 2..=200 {
        agent.reload(registry(version)).await.unwrap();
        assert_eq!(answer(&mut haproxy, "a").await?, answered(version, 1));
    }
    until(|| lives.alive() == 3 && lives.holders() == holders).await;
    assert_eq!(answer(&mut haproxy, "kept").await?, answered(0, 1));
    drop(idle);
    Ok(())
}
