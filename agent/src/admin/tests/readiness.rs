//! Readiness and health, from before the agent listens until it has ended.

use std::{
    sync::{Arc, Mutex, mpsc},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use serde_json::json;
use spoa_actors::{
    ActionError, Actions, Agent, BoxError, HandlerActor, Message, Origin, Registry, Route,
};

use super::scene::{PATIENCE, Scene, answer_nothing, haproxy, message};

#[actix_rt::test]
async fn it_is_ready_from_the_start_of_the_agent_to_its_end() {
    let scene = Scene::new();
    let before = scene.get("/readyz").await;
    assert_eq!(before.status, 503);
    assert!(before.body.starts_with("starting: "), "{before:?}");
    assert_eq!(scene.json().await["readiness"]["state"], "starting");

    let registry = Registry::new().on("m", answer_nothing);
    let agent = Agent::bind("127.0.0.1:0").unwrap().start(registry).await.unwrap();
    scene.view.started(agent.observer());
    let ready = scene.get("/readyz").await;
    assert_eq!((ready.status, &*ready.body), (200, "ready\n"));

    let stopping = actix_rt::spawn(agent.stop());
    let draining = scene.until("/readyz", |answer| answer.status == 503).await;
    assert!(draining.body.starts_with("draining: "), "{draining:?}");
    assert_eq!(scene.get("/healthz").await.status, 200);
    stopping.await.unwrap();
    assert!(scene.get("/readyz").await.body.starts_with("draining: "));
    assert_eq!(scene.get("/healthz").await.body, "ok\n");
    assert_eq!(scene.json().await["readiness"]["is_ready"], false);
}

#[actix_rt::test]
async fn a_handler_that_is_down_is_named_by_readyz() {
    let broken = Route::new(answer_nothing);
    let panics = Route::new(|| Panics).restarts(1, Duration::from_secs(60));
    let (scene, agent) =
        Scene::with_agent(Registry::new().on("sound", broken).on("score", panics)).await;
    let mut haproxy = haproxy(&agent).await;
    for _ in 0..3 {
        haproxy.notify(message("score")).await.unwrap();
    }
    let answer = scene.until("/readyz", |answer| answer.status == 503).await;
    assert!(answer.body.starts_with("handler_down: "), "{answer:?}");
    assert!(answer.body.contains("\"score\""), "{answer:?}");
    assert_eq!(scene.get("/healthz").await.status, 200);
}

#[actix_rt::test]
async fn an_arbiter_that_is_blocked_blocks_nothing_here() {
    let (release, wait) = mpsc::channel::<()>();
    let wait = Arc::new(Mutex::new(wait));
    let block = move |_: Message| {
        let _ = wait.lock().unwrap().recv_timeout(PATIENCE);
        Ok::<_, ActionError>(Actions::new())
    };
    let (scene, agent) = Scene::with_agent(Registry::new().on("m", block)).await;
    let mut haproxy = haproxy(&agent).await;
    haproxy.send_notify(message("m")).await.unwrap();
    let silent = scene.until("/readyz", |answer| answer.status == 503).await;
    assert!(silent.body.starts_with("unresponsive: "), "{silent:?}");

    let begun = Instant::now();
    assert_eq!(scene.get("/healthz").await.body, "ok\n");
    assert!(begun.elapsed() < Duration::from_millis(900));
    let status = scene.json().await;
    assert_eq!(status["workers"], json!({"total": 1, "unresponsive": 1}));
    assert_eq!(scene.get("/metrics").await.status, 200);
    assert!(begun.elapsed() < Duration::from_secs(10));

    release.send(()).unwrap();
    haproxy.ack().await.unwrap();
    scene.until("/readyz", |answer| answer.status == 200).await;
}

struct Panics;

#[async_trait(?Send)]
impl HandlerActor for Panics {
    type Args = Message;

    async fn handle(&self, _: Message, _: &Origin) -> Result<Actions, BoxError> {
        panic!("it is broken")
    }
}
