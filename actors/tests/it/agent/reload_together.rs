//! Reloads of agents with several arbiters: all of them go over, or none.

use std::{
    net::SocketAddr,
    num::NonZero,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

use fastrand::Rng;
use spoa_actors::{
    Actions, Agent, Registry, ReloadError, Route, RunningAgent,
    observe::ReloadOutcome,
    testing::{ClientError, FakeHaproxy, hello},
};
use tokio::{
    net::TcpStream,
    time::{Instant, sleep, timeout},
};

use crate::support::{
    Result,
    lives::{Fault, Lives, answered, ask},
};

const ARBITERS: usize = 3;

async fn start(registry: Registry) -> RunningAgent {
    let agent = Agent::bind("127.0.0.1:0").unwrap().arbiters(NonZero::new(ARBITERS).unwrap());
    agent.start(registry).await.unwrap()
}

/// A connection to each arbiter: they get them in turn.
async fn connect(address: SocketAddr) -> Result<Vec<FakeHaproxy<TcpStream>>> {
    let mut all = Vec::new();
    for _ in 0..ARBITERS {
        let mut haproxy = FakeHaproxy::new(TcpStream::connect(address).await?);
        haproxy.hello(hello()).await?;
        all.push(haproxy);
    }
    Ok(all)
}

/// What each arbiter answers.
async fn answers(all: &mut [FakeHaproxy<TcpStream>], name: &str) -> Result<Vec<String>> {
    let mut answers = Vec::new();
    for haproxy in all {
        answers.push(haproxy.notify(ask(name, 0)).await?.to_string());
    }
    Ok(answers)
}

async fn until(is_so: impl Fn() -> bool) {
    let wait = async {
        while !is_so() {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(Duration::from_secs(30), wait).await.expect("it comes to be so");
}

#[actix_rt::test]
async fn a_handler_that_fails_on_one_arbiter_of_three_changes_nothing_on_any() -> Result {
    let [old, new, bad] = [(); 3].map(|()| Lives::default());
    let registry = Registry::new().on("a", old.route(1)).on("b", old.route(1));
    let running = start(registry.clone()).await;
    let mut all = connect(running.local_addresses()[0]).await?;
    assert_eq!(answers(&mut all, "a").await?, vec![answered(1, 1); ARBITERS]);
    for _ in 0..10 {
        let fault = Fault::FailsOnceOf(ARBITERS);
        let next = registry.clone().replace("a", new.route(2)).on("bad", bad.faulty(2, fault));
        let error = running.reload(next).await.unwrap_err();
        let text = error.to_string();
        assert_eq!(text, "the handler of message \"bad\" could not start: as asked");
        assert_eq!((new.started(), new.alive()), (new.stopped(), 0));
        // Those of the other two had started, unless they heard before that it is in vain.
        assert_eq!((bad.started(), bad.alive()), (bad.stopped(), 0));
    }
    assert_eq!(answers(&mut all, "a").await?, vec![answered(1, 2); ARBITERS]);
    assert_eq!((old.started(), old.stopped()), (2 * ARBITERS, 0));
    assert_eq!(running.reload(registry.replace("a", new.route(2))).await.unwrap(), 2);
    assert_eq!(answers(&mut all, "a").await?, vec![answered(2, 1); ARBITERS]);
    assert_eq!(answers(&mut all, "b").await?, vec![answered(1, 1); ARBITERS]);
    let seen = running.stop().await;
    assert_eq!((seen.reloads.generation, seen.reloads.count(ReloadOutcome::Failed)), (2, 10));
    until(|| old.alive() + new.alive() == 0).await;
    Ok(())
}

#[actix_rt::test]
async fn an_arbiter_whose_thread_is_blocked_holds_up_no_reload_for_ever() -> Result {
    let is_blocked = Arc::new(AtomicBool::new(true));
    let blocked = Arc::clone(&is_blocked);
    let block = Route::new(move |(): ()| {
        while blocked.load(SeqCst) {
            thread::sleep(Duration::from_millis(10));
        }
        Ok::<_, ClientError>(Actions::new())
    });
    let [old, new] = [(); 2].map(|()| Lives::default());
    let registry = Registry::new().on("a", old.route(1)).on("block", block);
    let running = start(registry.clone()).await;
    let mut all = connect(running.local_addresses()[0]).await?;
    all[1].send_notify(spoa_actors::Message::new("block")).await?;
    sleep(Duration::from_millis(100)).await;
    let begun = Instant::now();
    let next = registry.replace("a", new.route(2));
    let error = running.reload(next.clone()).await.unwrap_err();
    assert!(matches!(error, ReloadError::Unresponsive), "{error}");
    // It gets 5 s.
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    is_blocked.store(false, SeqCst);
    all[1].ack().await?;
    assert_eq!(answers(&mut all, "a").await?, vec![answered(1, 1); ARBITERS]);
    until(|| new.alive() == 0 && new.started() == new.stopped()).await;
    assert_eq!(running.reload(next).await.unwrap(), 2);
    assert_eq!(answers(&mut all, "a").await?, vec![answered(2, 1); ARBITERS]);
    running.stop().await;
    Ok(())
}

/// What the routes of an agent are, and how often each arbiter was asked for them.
#[derive(Clone, Default)]
struct Model {
    routes: Vec<(String, i64, Route)>,
    calls: Vec<(String, i64)>,
}

impl Model {
    fn registry(&self) -> Registry {
        let routes = self.routes.iter().cloned();
        routes.fold(Registry::new(), |all, (name, _, route)| all.on(name, route))
    }

    /// Another one, which differs in up to three routes.
    fn mutated(&self, random: &mut Rng, lives: &Lives, version: &mut i64) -> Self {
        let mut next = self.clone();
        for _ in 0..random.usize(0..=3) {
            let name = format!("route-{}", random.u8(0..6));
            let known = next.routes.iter().position(|(known, ..)| *known == name);
            *version += 1;
            match (random.u8(0..4), known) {
                (0, Some(at)) => drop(next.routes.remove(at)),
                (1, Some(at)) => {
                    let deadline = Duration::from_millis(random.u64(500..2000));
                    let (_, _, route) = &mut next.routes[at];
                    *route = route.clone().deadline(deadline).concurrency(random.usize(1..50));
                }
                (_, Some(at)) => {
                    next.routes[at] = (name, *version, lives.route(*version));
                }
                (_, None) => next.routes.push((name, *version, lives.route(*version))),
            }
        }
        // Handlers that are not taken over begin to count anew.
        next.calls.retain(|(name, version)| {
            next.routes.iter().any(|(known, v, _)| (known, v) == (name, version))
        });
        next
    }
}

#[actix_rt::test]
async fn whatever_is_reloaded_and_fails_each_arbiter_answers_as_the_last_success_says() -> Result {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = Rng::with_seed(seed);
    let [lives, bad, once] = [(); 3].map(|()| Lives::default());
    let (mut version, mut generation) = (0, 1);
    let mut model = Model::default();
    let running = start(Registry::new()).await;
    let mut all = connect(running.local_addresses()[0]).await?;
    let begun = Instant::now();
    for _ in 0..150 {
        if begun.elapsed() > Duration::from_secs(60) {
            break;
        }
        let next = model.mutated(&mut random, &lives, &mut version);
        let registry = next.registry();
        let faulty = |fault| registry.clone().on("bad", bad.faulty(0, fault));
        let bad_registry = match random.u8(0..12) {
            0 => Some(faulty(Fault::Fails)),
            1 => Some(faulty(Fault::Panics)),
            2 => Some(faulty(Fault::PanicsInFactory)),
            3 => Some(registry.clone().on("bad", once.faulty(0, Fault::FailsOnceOf(ARBITERS)))),
            4 => Some(registry.clone().on("x", lives.route(0)).on("x", lives.route(0))),
            // Somebody loses patience.
            5 => {
                let patience = Duration::from_millis(random.u64(0..5));
                let _ = timeout(patience, running.reload(faulty(Fault::Hangs))).await;
                None
            }
            _ => None,
        };
        if let Some(registry) = bad_registry {
            running.reload(registry).await.unwrap_err();
        } else {
            generation += 1;
            assert_eq!(running.reload(registry).await.unwrap(), generation, "seed {seed}");
            model = next;
        }
        // What a handler has counted so far; a failed reload has changed nothing.
        for (name, version, _) in model.routes.clone() {
            if random.bool() {
                continue;
            }
            model.calls.push((name.clone(), version));
            let calls = model.calls.iter().filter(|call| **call == (name.clone(), version)).count();
            let expected = vec![answered(version, calls as i64); ARBITERS];
            assert_eq!(answers(&mut all, &name).await?, expected, "seed {seed}");
        }
    }
    let alive = model.routes.len() * ARBITERS;
    until(|| lives.alive() == alive && bad.alive() + once.alive() == 0).await;
    let seen = running.stop().await;
    assert_eq!(seen.reloads.generation, generation);
    until(|| lives.alive() == 0 && lives.started() == lives.stopped()).await;
    Ok(())
}
