//! Whole bodies as arguments: in fragments up to 3.0, in large frames everywhere.

use bytes::Bytes;
use serde::Deserialize;
use spoa_actors::spop::FrameType;
use spoa_actors::{Limits, Registry, Route, RunningAgent};
use spoa_integration::{Config, Engine, Haproxy, Tap, Version, on_every_haproxy, on_old_engines};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::scene::{self, ANSWER, REQUEST, SOON, endpoint, engine, error, next, set, shown};

/// HAProxy's default, to be told apart from the larger buffer.
const SMALL_FRAMES: &str = "max-frame-size 16380";
/// All that a buffer of 64 KiB allows.
const LARGE_FRAMES: &str = "max-frame-size 65532";

#[derive(Deserialize)]
struct Upload {
    body: Bytes,
}

struct Uploads {
    agent: RunningAgent,
    bodies: UnboundedReceiver<Bytes>,
    haproxy: Haproxy,
    tap: Tap,
}

impl Uploads {
    async fn start(version: Version, limits: Limits, frames: &str) -> Self {
        let (sender, bodies) = unbounded_channel();
        let upload = Route::new(move |upload: Upload| {
            let length = upload.body.len() as u64;
            let _ = sender.send(upload.body);
            set("length", length)
        });
        let agent = scene::agent_within(limits, Registry::new().on("upload", upload)).await;
        let tap = Tap::before(endpoint(&agent)).await.unwrap();
        let engine = engine(tap.endpoint()).agent_line(frames);
        let haproxy = haproxy(version, engine.message("upload", "body=req.body", REQUEST)).await;
        Self { agent, bodies, haproxy, tap }
    }

    /// Sends a body; gives what HAProxy then knows of its length, and the engine's error.
    async fn post(&self, body: &[u8]) -> (String, String) {
        let answer = self.haproxy.http().post("/", body).await.unwrap();
        assert_eq!(answer.status, 200);
        (shown(&answer)[0].to_owned(), error(&answer).to_owned())
    }

    async fn arrives(&mut self, body: &[u8]) {
        assert_eq!(self.post(body).await, (body.len().to_string(), String::new()));
        assert!(next(&mut self.bodies).await == body, "the body is another");
    }
}

async fn haproxy(version: Version, engine: Engine) -> Haproxy {
    let config = Config::new(version)
        .global("tune.bufsize 65536")
        .engine(engine)
        .frontend("option http-buffer-request")
        .frontend(ANSWER);
    scene::start(scene::showing(config, &["var(txn.t.length)"])).await
}

/// Bytes of all values that do not repeat with any frame.
fn body(size: usize) -> Vec<u8> {
    let mut state: u32 = 1;
    let random = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    });
    random.take(size).collect()
}

on_old_engines! {
    #[actix_rt::test]
    async fn checklist_21_a_body_of_30_kb_arrives_whole_through_fragments(version: Version) {
        let mut uploads = Uploads::start(version, Limits::default(), SMALL_FRAMES).await;
        uploads.arrives(&body(30_000)).await;
        let types = uploads.tap.frames().into_iter().map(|frame| frame.head.frame_type);
        let parts = [FrameType::NOTIFY, FrameType::UNSET, FrameType::ACK];
        assert_eq!(types.filter(|kind| parts.contains(kind)).collect::<Vec<_>>(), parts);
        let seen = uploads.agent.statistics().await;
        assert_eq!((seen.notifies, seen.acks, seen.fragments), (1, 1, 2));
    }
}

on_old_engines! {
    #[actix_rt::test]
    async fn checklist_21_bodies_around_the_border_of_a_frame_arrive_whole(version: Version) {
        let mut uploads = Uploads::start(version, Limits::default(), "max-frame-size 1024").await;
        for size in (960..1000).chain([0, 1, 1024, 4096, 40_000]) {
            uploads.arrives(&body(size)).await;
        }
        let seen = uploads.agent.statistics().await;
        assert_eq!((seen.notifies, seen.acks), (45, 45));
        assert!(seen.fragments > 60, "{seen:?}");
    }
}

on_old_engines! {
    #[actix_rt::test]
    async fn checklist_22_a_body_over_the_cap_is_answered_unread_and_the_connection_survives(
        version: Version
    ) {
        let limits = Limits::default().max_reassembled_size(20_000);
        let mut uploads = Uploads::start(version, limits, SMALL_FRAMES).await;
        uploads.arrives(&body(18_000)).await;
        assert_eq!(uploads.post(&body(50_000)).await, (String::new(), String::new()));
        uploads.arrives(&body(18_001)).await;
        assert!(uploads.bodies.try_recv().is_err(), "the large body was not handed over");
        let seen = uploads.agent.statistics().await;
        assert_eq!((seen.notifies_too_large, seen.notifies, seen.acks), (1, 3, 3));
        assert_eq!(seen.connections_open, seen.connections_accepted);
        assert_eq!(uploads.tap.ids(FrameType::ACK), uploads.tap.ids(FrameType::NOTIFY));
    }
}

on_old_engines! {
    #[actix_rt::test]
    async fn checklist_07_an_agent_of_the_smallest_frames_is_sent_fragments(
        version: Version
    ) {
        let limits = Limits::default().max_frame_size(256);
        let mut uploads = Uploads::start(version, limits, SMALL_FRAMES).await;
        for size in [1, 200, 5_000] {
            uploads.arrives(&body(size)).await;
        }
        assert!(uploads.tap.frames().iter().all(|frame| frame.bytes.len() <= 256));
    }
}

#[actix_rt::test]
async fn checklist_24_haproxy_3_2_sends_no_fragments_and_what_fits_its_frames_arrives() {
    let mut uploads = Uploads::start(Version::V3_2, Limits::default(), SMALL_FRAMES).await;
    // Payload "too big for the frame": known to the engine alone.
    assert_eq!(uploads.post(&body(30_000)).await, (String::new(), "3".to_owned()));
    uploads.arrives(&body(16_000)).await;
    let seen = uploads.agent.statistics().await;
    assert_eq!((seen.notifies, seen.acks, seen.fragments), (1, 1, 0));
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn checklist_08_a_body_of_60_kb_arrives_in_one_large_frame(version: Version) {
        let mut uploads = Uploads::start(version, Limits::default(), LARGE_FRAMES).await;
        for size in [30_000, 60_000] {
            uploads.arrives(&body(size)).await;
        }
        let frames = uploads.tap.seen(FrameType::ACK, 2, SOON).await.unwrap();
        let notifies = frames.iter().filter(|frame| frame.head.frame_type == FrameType::NOTIFY);
        assert!(notifies.map(|notify| notify.bytes.len()).max() > Some(60_000));
        assert_eq!(uploads.agent.statistics().await.fragments, 0);
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn checklist_07_an_agent_of_small_frames_is_sent_no_larger_ones(version: Version) {
        let limits = Limits::default().max_frame_size(4096);
        let mut uploads = Uploads::start(version, limits, SMALL_FRAMES).await;
        uploads.arrives(&body(3_000)).await;
        let (length, error) = uploads.post(&body(9_000)).await;
        if version.has_new_engine() {
            assert_eq!((length.as_str(), error.as_str()), ("", "259"), "the engine's own limit");
        } else {
            assert_eq!((length.as_str(), error.as_str()), ("9000", ""), "in fragments");
            next(&mut uploads.bodies).await;
        }
        assert!(uploads.tap.frames().iter().all(|frame| frame.bytes.len() <= 4096));
        uploads.arrives(&body(3_001)).await;
        assert_eq!(uploads.agent.statistics().await.disconnects_sent.iter().count(), 0);
    }
}
