//! Several requests at a time, on one connection and on several: ids are read off the wire.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Deserialize;
use spoa_actors::spop::{Flags, FrameType};
use spoa_actors::{Limits, Registry, Route, RunningAgent};
use spoa_integration::{
    Answer, Engine, Haproxy, HttpClient, Load, SeenFrame, Tap, Version, on_every_haproxy,
    on_old_engines,
};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::scene::{self, REQUEST, SOON, endpoint, error, set, sets, shown, statistics};

#[derive(Deserialize)]
struct Name {
    name: String,
}

/// Answers with the name it was given when the test adds a permit.
pub(crate) fn waits(permits: &Arc<Semaphore>) -> Route {
    let permits = Arc::clone(permits);
    Route::new(move |name: Name| {
        let permits = Arc::clone(&permits);
        async move {
            permits.acquire().await.unwrap().forget();
            set("name", &name.name)
        }
    })
}

pub(crate) fn get(http: &HttpClient, path: &str) -> JoinHandle<Answer> {
    let (http, path) = (http.clone(), path.to_owned());
    tokio::spawn(async move { http.get(&path).await.unwrap() })
}

/// Whether all clients got back what they asked for, and without an error.
pub(crate) async fn got(requests: impl IntoIterator<Item = (&str, JoinHandle<Answer>)>) {
    for (name, request) in requests {
        let answer = request.await.unwrap();
        assert_eq!((shown(&answer), error(&answer)), (vec![name], ""));
    }
}

pub(crate) struct Tapped {
    pub(crate) agent: RunningAgent,
    pub(crate) haproxy: Haproxy,
    pub(crate) tap: Tap,
}

pub(crate) async fn tapped(
    version: Version,
    agent: RunningAgent,
    build: impl Fn(Engine) -> Engine,
) -> Tapped {
    let tap = Tap::before(endpoint(&agent)).await.unwrap();
    let engine = build(scene::engine(tap.endpoint()));
    let haproxy = scene::haproxy(version, engine, &["var(txn.t.name)"]).await;
    Tapped { agent, haproxy, tap }
}

/// The ids of all frames of a type on a connection.
fn ids(frames: &[SeenFrame], connection: usize, frame_type: FrameType) -> Vec<(u64, u64)> {
    let here = frames.iter().filter(|frame| frame.connection == connection);
    here.filter(|frame| frame.head.frame_type == frame_type).map(|f| f.ids()).collect()
}

/// The old engine opens a connection for each stream of a burst, unless the server's `maxconn`
/// forbids it; the new one counts streams by that, and stays on its warm connection by itself.
pub(crate) fn on_one_connection(version: Version, engine: Engine) -> Engine {
    let engine = engine
        .message("slow", "name=path", &format!("{REQUEST} if {{ path_beg /slow }}"))
        .message("fast", "", &format!("{REQUEST} unless {{ path_beg /slow }}"));
    if version.has_new_engine() { engine } else { engine.server_options("maxconn 1") }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn checklist_16_a_fast_request_overtakes_slow_ones_on_the_same_connection(
        version: Version
    ) {
        let permits = Arc::new(Semaphore::new(0));
        let registry = Registry::new().on("slow", waits(&permits)).on("fast", sets("name", "fast"));
        let agent = scene::agent(registry).await;
        let build = |engine| on_one_connection(version, engine);
        let Tapped { agent, haproxy, tap } = tapped(version, agent, build).await;
        haproxy.http().get("/warm").await.unwrap();

        let slow = ["/slow/1", "/slow/2"].map(|path| (path, get(haproxy.http(), path)));
        tap.seen(FrameType::NOTIFY, 3, SOON).await.unwrap();
        assert_eq!(shown(&haproxy.http().get("/fast").await.unwrap()), ["fast"]);
        assert!(slow.iter().all(|(_, request)| !request.is_finished()));
        permits.add_permits(slow.len());
        got(slow).await;

        let frames = tap.seen(FrameType::ACK, 4, SOON).await.unwrap();
        let asked = ids(&frames, 0, FrameType::NOTIFY);
        let answered = ids(&frames, 0, FrameType::ACK);
        assert_eq!((asked.len(), answered.len()), (4, 4), "all on the first connection");
        assert_eq!(answered[..2], [asked[0], asked[3]], "the last to ask is answered first");
        assert_eq!(agent.statistics().await.connections_open, 1);
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn checklist_13_15_two_connections_with_the_same_ids_answer_their_own(version: Version) {
        let permits = Arc::new(Semaphore::new(0));
        let agent = scene::agent(Registry::new().on("slow", waits(&permits))).await;
        let build = |engine: Engine| {
            engine.agent_line("no option pipelining").message("slow", "name=path", REQUEST)
        };
        let Tapped { haproxy, tap, agent: _agent } = tapped(version, agent, build).await;
        let slow = ["/a", "/b", "/c"].map(|path| (path, get(haproxy.http(), path)));
        let frames = tap.seen(FrameType::NOTIFY, 3, SOON).await.unwrap();
        let asked: Vec<_> = (0..tap.connections())
            .map(|connection| ids(&frames, connection, FrameType::NOTIFY))
            .filter(|ids| !ids.is_empty())
            .collect();
        assert!(asked.iter().all(|ids| ids.len() == 1), "one at a time: {asked:?}");
        if version.has_new_engine() {
            assert_eq!(asked, [[(1, 1)], [(1, 1)], [(1, 1)]]);
        }
        permits.add_permits(slow.len());
        got(slow).await;
        one_ack_each(&tap.seen(FrameType::ACK, 3, SOON).await.unwrap(), tap.connections());
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn sixty_requests_under_way_at_once_each_get_their_own_answer(version: Version) {
        let permits = Arc::new(Semaphore::new(0));
        let agent = scene::agent(Registry::new().on("slow", waits(&permits))).await;
        let build = |engine: Engine| engine.message("slow", "name=path", REQUEST);
        let Tapped { agent, haproxy, tap: _tap } = tapped(version, agent, build).await;
        sixty_at_once(&agent, &haproxy, &permits).await;
    }
}

on_old_engines! {
    #[actix_rt::test]
    async fn checklist_36_sixty_requests_are_under_way_on_one_connection(version: Version) {
        let permits = Arc::new(Semaphore::new(0));
        let agent = scene::agent(Registry::new().on("slow", waits(&permits))).await;
        let build = |engine: Engine| {
            let engine = engine.agent_line("max-waiting-frames 100").server_options("maxconn 1");
            engine.message("slow", "name=path", REQUEST)
        };
        let Tapped { agent, haproxy, tap } = tapped(version, agent, build).await;
        sixty_at_once(&agent, &haproxy, &permits).await;
        assert_eq!(ids(&tap.frames(), 0, FrameType::ACK).len(), 60);
    }
}

async fn sixty_at_once(agent: &RunningAgent, haproxy: &Haproxy, permits: &Semaphore) {
    let names: Vec<_> = (0..60).map(|index| format!("/{index}")).collect();
    let requests: Vec<_> =
        names.iter().map(|name| (name.as_str(), get(haproxy.http(), name))).collect();
    statistics(agent, |seen| seen.notifies_in_flight == 60).await;
    permits.add_permits(60);
    got(requests).await;
    let seen = agent.statistics().await;
    assert_eq!((seen.notifies, seen.acks, seen.notifies_in_flight), (60, 60, 0));
}

/// Every NOTIFY has one ACK with its ids: on its connection, after it, and with FIN alone.
pub(crate) fn one_ack_each(frames: &[SeenFrame], connections: usize) {
    for connection in 0..connections {
        let sorted = |frame_type| {
            let mut ids = ids(frames, connection, frame_type);
            ids.sort_unstable();
            ids
        };
        let asked = sorted(FrameType::NOTIFY);
        assert_eq!(asked, sorted(FrameType::ACK), "connection {connection}");
        assert!(asked.windows(2).all(|pair| pair[0] != pair[1]), "{asked:?}");
    }
    let acks = frames.iter().filter(|frame| frame.head.frame_type == FrameType::ACK);
    for ack in acks {
        assert_eq!(ack.head.flags, Flags::FIN);
        let is_its_notify = |frame: &&SeenFrame| {
            let notify = frame.head.frame_type == FrameType::NOTIFY;
            notify && frame.connection == ack.connection && frame.ids() == ack.ids()
        };
        assert!(frames.iter().find(is_its_notify).unwrap().order < ack.order);
    }
}

/// Answers at once, or 1, 2 or 3 milliseconds later, in turn.
fn answers_unevenly() -> Route {
    let turn = Arc::new(AtomicU64::new(0));
    Route::new(move |(): ()| {
        let delay = turn.fetch_add(1, Ordering::Relaxed) % 4;
        async move {
            if delay > 0 {
                tokio::time::sleep(Duration::from_millis(delay)).await;
            }
            set("name", "given")
        }
    })
}

fn unevenly_asked(engine: Engine) -> Engine {
    engine.message("uneven", "ip=src", REQUEST)
}

async fn all_are_answered(Tapped { agent, haproxy, tap }: Tapped, requests: u64) {
    let key = |answer: &Answer| format!("{}{:?}{}", answer.status, shown(answer), error(answer));
    let tally = Load::counting(16, requests).run_by(haproxy.http(), key).await.unwrap();
    assert_eq!(tally.of("200[\"given\"]"), requests, "{tally:?}");
    one_ack_each(&tap.frames(), tap.connections());
    let seen = agent.statistics().await;
    assert_eq!((seen.notifies, seen.acks, seen.notifies_in_flight), (requests, requests, 0));
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn checklist_15_18_20_every_notify_of_a_load_has_one_ack_on_its_connection(
        version: Version
    ) {
        let agent = scene::agent(Registry::new().on("uneven", answers_unevenly())).await;
        let tapped = tapped(version, agent, unevenly_asked).await;
        all_are_answered(tapped, 400).await;
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn an_agent_that_takes_one_notify_at_a_time_answers_all(version: Version) {
        let limits = Limits::default().messages_per_connection(1);
        let registry = Registry::new().on("uneven", answers_unevenly());
        let agent = scene::agent_within(limits, registry).await;
        let tapped = tapped(version, agent, unevenly_asked).await;
        all_are_answered(tapped, 200).await;
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn checklist_15_async_is_never_announced(version: Version) {
        let agent = scene::agent(Registry::new().on("uneven", answers_unevenly())).await;
        let Tapped { haproxy, tap, agent: _agent } = tapped(version, agent, unevenly_asked).await;
        haproxy.http().get("/").await.unwrap();
        let frames = tap.frames();
        let says = |frame: &SeenFrame, word: &[u8]| {
            frame.bytes.windows(word.len()).any(|bytes| bytes == word)
        };
        let hello = |frame_type| frames.iter().find(|frame| frame.head.frame_type == frame_type);
        let (theirs, ours) = (hello(FrameType::HAPROXY_HELLO).unwrap(), hello(FrameType::AGENT_HELLO).unwrap());
        assert_eq!(says(theirs, b"async"), !version.has_new_engine());
        assert!(!says(ours, b"async") && says(ours, b"pipelining"));
    }
}
