//! The harness around an agent of canned bytes: the tap shows the frames, the log their end.

use std::time::Duration;

use spoa_actors::spop::{FrameHead, FrameType};
use spoa_integration::{
    Config, Direction, Endpoint, Engine, Haproxy, Scratch, Tap, Version, on_every_haproxy,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener};

const SOON: Duration = Duration::from_secs(10);

/// version "2.0", max-frame-size 16380, capabilities "pipelining".
const AGENT_HELLO: &[u8] = b"\0\0\0\x40\x65\0\0\0\x01\0\0\
    \x07version\x08\x032.0\x0emax-frame-size\x03\xfc\xf0\x06\x0ccapabilities\x08\x0apipelining";

/// Answers HELLO with the canned one and NOTIFY with an empty ACK, until HAProxy leaves.
async fn converse(mut haproxy: impl AsyncRead + AsyncWrite + Unpin) {
    while let Ok(length) = haproxy.read_u32().await {
        let mut frame = vec![0; length as usize];
        haproxy.read_exact(&mut frame).await.unwrap();
        let head = FrameHead::read(&frame).unwrap().0;
        let ids = [head.stream_id.0, head.frame_id.0].map(|id| u8::try_from(id).unwrap());
        let answer = match head.frame_type {
            FrameType::HAPROXY_HELLO => AGENT_HELLO.to_vec(),
            FrameType::NOTIFY => [&[0, 0, 0, 7, FrameType::ACK.0, 0, 0, 0, 1], &ids[..]].concat(),
            _ => return,
        };
        if haproxy.write_all(&answer).await.is_err() {
            return; // a check has seen enough
        }
    }
}

async fn canned_agent() -> Endpoint {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = listener.local_addr().unwrap().into();
    tokio::spawn(async move {
        while let Ok((haproxy, _)) = listener.accept().await {
            tokio::spawn(converse(haproxy));
        }
    });
    endpoint
}

fn canned_agent_on_a_unix_socket(scratch: &Scratch) -> Endpoint {
    let path = scratch.join("agent");
    let listener = UnixListener::bind(&path).unwrap();
    tokio::spawn(async move {
        while let Ok((haproxy, _)) = listener.accept().await {
            tokio::spawn(converse(haproxy));
        }
    });
    path.into()
}

async fn haproxy(version: Version, engine: Engine) -> Haproxy {
    let engine = engine.message("ping", "ip=src", "on-frontend-http-request");
    let config = Config::new(version).engine(engine).frontend("http-request return status 200");
    config.start().await.unwrap()
}

on_every_haproxy! {
    #[tokio::test]
    async fn a_notify_and_its_ack_are_seen_in_order(version: Version) {
        let tap = Tap::before(canned_agent().await).await.unwrap();
        let haproxy = haproxy(version, Engine::new("probe").agent(tap.endpoint())).await;
        for _ in 0..3 {
            assert_eq!(haproxy.http().get("/").await.unwrap().status, 200);
        }
        let frames = tap.seen(FrameType::ACK, 3, SOON).await.unwrap();
        assert_eq!(tap.ids(FrameType::NOTIFY), tap.ids(FrameType::ACK));
        assert_eq!(frames[0].head.frame_type, FrameType::HAPROXY_HELLO);
        for ack in frames.iter().filter(|frame| frame.head.frame_type == FrameType::ACK) {
            assert_eq!(ack.direction, Direction::ToHaproxy);
            let notify = |f: &&_| is_notify_of(f, ack.connection, ack.ids());
            assert!(frames.iter().find(notify).unwrap().order < ack.order);
        }
        let lines = haproxy.logs().spoe_lines(SOON, 3).await.unwrap();
        assert!(lines.iter().all(|line| line.status == 0), "{lines:?}");
    }
}

fn is_notify_of(frame: &spoa_integration::SeenFrame, connection: usize, ids: (u64, u64)) -> bool {
    let is_notify = frame.head.frame_type == FrameType::NOTIFY;
    is_notify && frame.connection == connection && frame.ids() == ids
}

on_every_haproxy! {
    #[tokio::test]
    async fn a_tap_reaches_an_agent_on_a_unix_socket(version: Version) {
        let scratch = Scratch::new().unwrap();
        let agent = canned_agent_on_a_unix_socket(&scratch);
        let tap = Tap::before(agent).await.unwrap();
        let haproxy = haproxy(version, Engine::new("probe").agent(tap.endpoint())).await;
        haproxy.http().get("/").await.unwrap();
        tap.seen(FrameType::ACK, 1, SOON).await.unwrap();
    }
}

on_every_haproxy! {
    #[tokio::test]
    async fn a_server_on_a_unix_socket_passes_its_check(version: Version) {
        let scratch = Scratch::new().unwrap();
        let agent = canned_agent_on_a_unix_socket(&scratch);
        let engine = Engine::new("probe").agent(agent).spop_check();
        let haproxy = haproxy(version, engine).await;
        let status = haproxy.stats().check("probe-agents", "agent1", "L7OK", SOON).await.unwrap();
        assert!(status.is_up());
        haproxy.http().get("/").await.unwrap();
        let line = haproxy.logs().spoe_line(SOON, |line| line.agent == "probe").await.unwrap();
        assert_eq!(line.status, 0, "{line:?}");
        assert!(line.processing_ms().unwrap() >= 0, "{line:?}");
    }
}
