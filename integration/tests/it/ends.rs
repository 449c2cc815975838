//! How connections end: by HAProxy, with a word or without, and by the agent.

use std::future::pending;
use std::net::SocketAddr;
use std::num::NonZero;
use std::time::{Duration, Instant};

use reqwest::{Method, RequestBuilder};
use spoa_actors::spop::FrameType;
use spoa_actors::spop::StatusCode;
use spoa_actors::{
    ActionError, Actions, Agent, Registry, Route, RunningAgent, observe::StatusCounts,
};
use spoa_integration::{Direction, Haproxy, Tap, Version, on_every_haproxy, on_old_engines, until};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::scene::{self, REQUEST, SOON, endpoint, engine, error, next, sets, shown, statistics};

fn registry(greeting: &'static str) -> Registry {
    Registry::new().on("greet", sets("greeting", greeting))
}

async fn greeting(haproxy: &Haproxy) -> (String, String) {
    let answer = haproxy.http().get("/").await.unwrap();
    (shown(&answer)[0].to_owned(), error(&answer).to_owned())
}

fn greeted(by: &str) -> (String, String) {
    (by.to_owned(), String::new())
}

on_old_engines! {
    #[actix_rt::test]
    async fn checklist_30_the_disconnect_after_an_idle_timeout_is_answered(version: Version) {
        let agent = scene::agent(registry("hello")).await;
        let tap = Tap::before(endpoint(&agent)).await.unwrap();
        let engine = engine(tap.endpoint())
            .timeout_idle(Duration::from_millis(200))
            .message("greet", "", REQUEST);
        let haproxy = scene::haproxy(version, engine, &["var(txn.t.greeting)"]).await;
        assert_eq!(greeting(&haproxy).await, greeted("hello"));

        let seen = statistics(&agent, |seen| seen.connections_open == 0).await;
        assert_eq!(seen.disconnects_received.of(StatusCode::TIMEOUT), seen.hellos);
        assert_eq!(seen.disconnects_sent.of(StatusCode::NORMAL), seen.hellos);
        let frames = tap.seen(FrameType::AGENT_DISCONNECT, 1, SOON).await.unwrap();
        for theirs in frames.iter().filter(|frame| frame.head.frame_type == FrameType::HAPROXY_DISCONNECT) {
            let last = frames.iter().rfind(|frame| frame.connection == theirs.connection).unwrap();
            assert_eq!(last.head.frame_type, FrameType::AGENT_DISCONNECT);
            assert_eq!(last.direction, Direction::ToHaproxy);
        }
        assert_eq!(greeting(&haproxy).await, greeted("hello"), "on a new connection");
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn checklist_31_connections_of_a_haproxy_that_stops_end_quietly(version: Version) {
        let agent = scene::agent(registry("hello")).await;
        let engine = engine(endpoint(&agent)).message("greet", "", REQUEST);
        let mut haproxy = scene::haproxy(version, engine, &["var(txn.t.greeting)"]).await;
        // It would wait for the end of a kept-alive client connection.
        let close = |request: RequestBuilder| request.header("connection", "close");
        haproxy.http().send(Method::GET, "/", close).await.unwrap();
        haproxy.soft_stop().unwrap();
        haproxy.stopped(SOON).await.unwrap();
        let seen = statistics(&agent, |seen| seen.connections_open == 0).await;
        assert_eq!((seen.notifies, seen.acks, seen.connections_panicked), (1, 1, 0));
        let said = |counts: &StatusCounts| counts.iter().map(|(_, n)| n).sum::<u64>();
        assert_eq!(said(&seen.disconnects_sent), said(&seen.disconnects_received));
        assert_eq!(seen.disconnects_sent.of(StatusCode::NORMAL), said(&seen.disconnects_sent));
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn checklist_31_connections_of_a_haproxy_that_is_killed_end_quietly(version: Version) {
        let agent = scene::agent(registry("hello")).await;
        let engine = engine(endpoint(&agent)).message("greet", "", REQUEST);
        let haproxy = scene::haproxy(version, engine, &["var(txn.t.greeting)"]).await;
        assert_eq!(greeting(&haproxy).await, greeted("hello"));
        drop(haproxy);
        let seen = statistics(&agent, |seen| seen.connections_open == 0).await;
        assert_eq!((seen.connections_panicked, seen.notifies_in_flight), (0, 0));
        assert_eq!(seen.disconnects_sent.iter().count(), 0);
    }
}

#[actix_rt::test]
async fn checklist_31_a_connection_that_haproxy_3_2_will_not_keep_ends_quietly() {
    let agent = scene::agent(registry("hello")).await;
    let engine =
        engine(endpoint(&agent)).server_options("pool-max-conn 0").message("greet", "", REQUEST);
    let haproxy = scene::haproxy(Version::V3_2, engine, &["var(txn.t.greeting)"]).await;
    for requests in 1..=3 {
        assert_eq!(greeting(&haproxy).await, greeted("hello"));
        let seen = statistics(&agent, |seen| seen.connections_open == 0).await;
        assert_eq!((seen.notifies, seen.acks, seen.hellos), (requests, requests, requests));
        assert_eq!(seen.disconnects_received.iter().count(), 0, "it says nothing");
        assert_eq!(seen.disconnects_sent.iter().count(), 0);
    }
}

/// Tells when it is dropped.
struct Watched(UnboundedSender<()>);

impl Drop for Watched {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn checklist_31_what_is_under_way_is_dropped_with_its_connection(version: Version) {
        let (sender, mut dropped) = unbounded_channel();
        let never = Route::new(move |(): ()| {
            let watched = Watched(sender.clone());
            async move {
                let _watched = watched;
                pending::<Result<Actions, ActionError>>().await
            }
        });
        let agent = scene::agent(Registry::new().on("never", never)).await;
        let engine = engine(endpoint(&agent)).message("never", "", REQUEST);
        let haproxy = scene::haproxy(version, engine, scene::ERROR_ALONE).await;
        let http = haproxy.http().clone();
        let request = tokio::spawn(async move { http.get("/").await });
        statistics(&agent, |seen| seen.notifies_in_flight == 1).await;
        drop(haproxy);
        next(&mut dropped).await;
        assert!(request.await.unwrap().is_err());
        let seen = statistics(&agent, |seen| seen.connections_open == 0).await;
        assert_eq!((seen.notifies, seen.acks, seen.notifies_in_flight), (1, 0, 0));
        assert_eq!((seen.messages.deadline_exceeded, seen.connections_panicked), (0, 0));
    }
}

/// Tries again while a child process, forked by another test and not yet executing its own
/// program, still has a copy of the old listener.
async fn agent_on(address: SocketAddr, registry: Registry) -> RunningAgent {
    let bound = until("the port is free", SOON, async || Agent::bind(address).ok());
    let agent = bound.await.unwrap().arbiters(NonZero::<usize>::MIN);
    agent.start(registry).await.unwrap()
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn an_agent_stops_at_once_with_idle_connections_and_its_successor_takes_over(
        version: Version
    ) {
        let agent = scene::agent(registry("first")).await;
        let address = agent.local_addresses()[0];
        let tap = Tap::before(address).await.unwrap();
        let engine = engine(tap.endpoint()).message("greet", "", REQUEST);
        let haproxy = scene::haproxy(version, engine, &["var(txn.t.greeting)"]).await;
        assert_eq!(greeting(&haproxy).await, greeted("first"));

        let begun = Instant::now();
        agent.stop().await;
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
        let farewells = tap.seen(FrameType::AGENT_DISCONNECT, 1, SOON).await.unwrap();
        assert!(farewells.iter().all(|frame| frame.head.frame_type != FrameType::HAPROXY_DISCONNECT));

        let successor = agent_on(address, registry("second")).await;
        assert_eq!(greeting(&haproxy).await, greeted("second"));
        assert_eq!(successor.statistics().await.notifies, 1);
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn a_request_after_the_only_agent_stopped_fails_at_once(version: Version) {
        let agent = scene::agent(registry("hello")).await;
        let engine = engine(endpoint(&agent)).spop_check().message("greet", "", REQUEST);
        let haproxy = scene::haproxy(version, engine, &["var(txn.t.greeting)"]).await;
        assert_eq!(greeting(&haproxy).await, greeted("hello"));
        agent.stop().await;
        let down = until("the server is down", SOON, async || {
            let status = haproxy.stats().status("t-agents", "agent1").await.ok()?;
            (!status.is_up()).then_some(())
        });
        down.await.unwrap();
        let begun = Instant::now();
        let (greeting, error) = greeting(&haproxy).await;
        assert_eq!(greeting, "");
        assert_ne!(error, "");
        assert!(begun.elapsed() < SOON / 2, "{error} after {:?}", begun.elapsed());
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn when_one_of_two_agents_stops_the_other_answers(version: Version) {
        let first = scene::agent(registry("first")).await;
        let second = scene::agent(registry("second")).await;
        let engine = engine(endpoint(&first))
            .agent(endpoint(&second))
            .backend_line("balance roundrobin")
            .backend_line("option redispatch 1")
            .spop_check()
            .message("greet", "", REQUEST);
        let haproxy = scene::haproxy(version, engine, &["var(txn.t.greeting)"]).await;
        for _ in 0..10 {
            assert_eq!(greeting(&haproxy).await.1, "");
        }
        first.stop().await;
        for _ in 0..20 {
            assert_eq!(greeting(&haproxy).await, greeted("second"));
        }
    }
}
