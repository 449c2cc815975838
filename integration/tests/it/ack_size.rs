//! An ACK never exceeds the negotiated size: actions that do not fit are left out from the end.

use serde::Deserialize;
use spoa_actors::spop::FrameType;
use spoa_actors::{ActionError, Actions, Registry, Route, Scope, TypedData};
use spoa_integration::{Engine, SeenFrame, Tap, on_every_haproxy};

use crate::scene::{self, REQUEST, SOON, endpoint, error, set, shown};

const LIMIT: usize = 512;

fn small_frames(tap: &Tap) -> Engine {
    scene::engine(tap.endpoint()).agent_line(&format!("max-frame-size {LIMIT}"))
}

fn ack_sizes(frames: &[SeenFrame]) -> Vec<usize> {
    let acks = frames.iter().filter(|frame| frame.head.frame_type == FrameType::ACK);
    acks.map(|ack| ack.bytes.len()).collect()
}

/// Four of 115 bytes and a small one fit, one of 115 does not.
fn ten_variables() -> Result<Actions, ActionError> {
    (0..10).try_fold(Actions::new(), |actions, index| {
        actions.set_var(Scope::Transaction, &format!("v{index}"), [b'x'; 100])
    })
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn checklist_20_an_ack_too_large_loses_actions_from_the_end_and_nothing_else(
        version: Version
    ) {
        let registry = Registry::new().on("many", Route::new(|(): ()| ten_variables()));
        let agent = scene::agent(registry).await;
        let tap = Tap::before(endpoint(&agent)).await.unwrap();
        let headers: Vec<_> = (0..10).map(|n| format!("var(txn.t.v{n}),length")).collect();
        let engine = small_frames(&tap).message("many", "", REQUEST);
        let haproxy = scene::haproxy(version, engine, &headers).await;
        for requests in 1..=3 {
            let answer = haproxy.http().get("/").await.unwrap();
            let expected = ["100", "100", "100", "100", "", "", "", "", "", ""];
            assert_eq!((shown(&answer), error(&answer)), (expected.to_vec(), ""));
            let seen = agent.statistics().await;
            assert_eq!((seen.acks, seen.actions_dropped), (requests, 6 * requests));
            assert_eq!(seen.connections_open, seen.connections_accepted, "none was lost");
        }
        let frames = tap.seen(FrameType::ACK, 3, SOON).await.unwrap();
        assert!(ack_sizes(&frames).iter().all(|size| *size <= LIMIT), "{frames:?}");
    }
}

#[derive(Deserialize)]
struct Size {
    size: usize,
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn checklist_20_an_ack_of_exactly_the_negotiated_size_is_taken(version: Version) {
        let fills = |Size { size }: Size| set("v", TypedData::String(&vec![b'x'; size]));
        let agent = scene::agent(Registry::new().on("fill", fills)).await;
        let tap = Tap::before(endpoint(&agent)).await.unwrap();
        let size = "size=req.hdr(x-size),add(0)";
        let engine = small_frames(&tap).message("fill", size, REQUEST);
        let haproxy = scene::haproxy(version, engine, &["var(txn.t.v),length"]).await;
        // Type, flags, ids: 7. Action, arguments, scope, name: 5. Type and length: 3.
        for (size, length) in [(LIMIT - 15, "497"), (LIMIT - 14, ""), (10, "10")] {
            let request = haproxy.http().send(reqwest::Method::GET, "/", |request| {
                request.header("x-size", size)
            });
            let answer = request.await.unwrap();
            assert_eq!((shown(&answer), error(&answer)), (vec![length], ""), "{size}");
        }
        let frames = tap.seen(FrameType::ACK, 3, SOON).await.unwrap();
        assert_eq!(ack_sizes(&frames), [LIMIT, 7, 24]);
        assert_eq!(agent.statistics().await.actions_dropped, 1);
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn checklist_20_actions_of_all_messages_share_the_room_of_one_ack(version: Version) {
        let large = || Route::new(|(): ()| set("large", [b'x'; 300]));
        let second = Route::new(|(): ()| set("second", [b'x'; 300]));
        let small = Route::new(|(): ()| set("small", 1));
        let registry = Registry::new().on("large", large()).on("second", second).on("small", small);
        let agent = scene::agent(registry).await;
        let tap = Tap::before(endpoint(&agent)).await.unwrap();
        let engine = small_frames(&tap)
            .message("large", "", REQUEST)
            .message("second", "", REQUEST)
            .message("small", "", REQUEST);
        let headers =
            ["var(txn.t.large),length", "var(txn.t.second),length", "var(txn.t.small)"];
        let haproxy = scene::haproxy(version, engine, &headers).await;
        let answer = haproxy.http().get("/").await.unwrap();
        assert_eq!((shown(&answer), error(&answer)), (vec!["300", "", ""], ""));
        assert_eq!(agent.statistics().await.actions_dropped, 2);
    }
}
