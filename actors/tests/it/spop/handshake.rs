//! HELLO: what is agreed, what is refused, and how.

use std::time::Duration;

use bytes::BytesMut;
use spoa_actors::{
    Limits, TypedData,
    spop::{Capabilities, Frame, FrameCodec, HaproxyHello, StatusCode},
    testing::{ClientError, FakeHaproxy, InMemoryAgent, hello},
};
use tokio::time::Instant;

use crate::support::{Result, agent, ask_score, registry};

/// A HAPROXY-HELLO of these keys.
fn raw_hello(pairs: &[(&str, TypedData<'_>)]) -> Vec<u8> {
    // A message's arguments are laid out as a KV-LIST is.
    let message = pairs
        .iter()
        .fold(spoa_actors::Message::new(""), |message, (name, value)| message.arg(name, *value));
    let payload = &message.as_bytes()[2..];
    let mut frame = vec![0, 0, 0, u8::try_from(7 + payload.len()).unwrap(), 1, 0, 0, 0, 1, 0, 0];
    frame.extend_from_slice(payload);
    frame
}

const VERSIONS: (&str, TypedData<'_>) = ("supported-versions", TypedData::String(b"2.0"));
const SIZE: (&str, TypedData<'_>) = ("max-frame-size", TypedData::Uint32(16380));
const CAPABILITIES: (&str, TypedData<'_>) = ("capabilities", TypedData::String(b"pipelining"));

async fn greet(bytes: &[u8]) -> Result<Frame> {
    let mut haproxy = agent().await.open();
    haproxy.send_bytes(bytes).await?;
    haproxy.receive().await
}

async fn refusal(bytes: &[u8]) -> StatusCode {
    match greet(bytes).await.unwrap() {
        Frame::AgentDisconnect(disconnect) => {
            assert!(!disconnect.message.is_empty() && disconnect.message.len() <= 255);
            disconnect.status_code
        }
        other => panic!("{other:?}"),
    }
}

#[actix_rt::test]
async fn checklist_06_a_hello_needs_neither_engine_id_nor_capabilities_nor_known_keys() {
    let no_capabilities = ("capabilities", TypedData::String(b""));
    let unknown = ("x-private", TypedData::Ipv4([1, 2, 3, 4].into()));
    for size in [TypedData::Int32(16380), TypedData::Int64(16380), TypedData::Uint64(16380)] {
        let size = ("max-frame-size", size);
        let hello = raw_hello(&[unknown, no_capabilities, size, VERSIONS]);
        let answer = greet(&hello).await.unwrap();
        let Frame::AgentHello(answer) = answer else { panic!("{answer:?}") };
        assert!(!answer.capabilities.pipelining);
    }
}

#[actix_rt::test]
async fn checklist_07_the_answer_has_version_size_and_capabilities_on_the_wire() {
    let mut expected = b"\0\0\0\x4e\x65\0\0\0\x01\0\0\x07version\x08\x032.0".to_vec();
    expected.extend_from_slice(b"\x0emax-frame-size\x03\xfc\xf0\x06\x0ccapabilities\x08");
    expected.extend_from_slice(b"\x18pipelining,fragmentation");
    let answer = greet(&raw_hello(&[VERSIONS, SIZE, CAPABILITIES])).await.unwrap();
    let mut bytes = BytesMut::new();
    answer.encode(&mut bytes);
    assert_eq!(bytes, expected);
}

#[actix_rt::test]
async fn checklist_07_the_smaller_max_frame_size_is_agreed() -> Result {
    let limits = Limits::default().max_frame_size(4096);
    let agent = InMemoryAgent::start(registry(), limits).await?;
    for (theirs, agreed) in [(256, 256), (4095, 4095), (4096, 4096), (1 << 30, 4096)] {
        let answer = agent.open().hello(HaproxyHello { max_frame_size: theirs, ..hello() }).await?;
        assert_eq!(answer.max_frame_size, agreed);
    }
    Ok(())
}

#[actix_rt::test]
async fn checklist_08_frames_of_64_kib_and_more_are_agreed_as_they_are_announced() -> Result {
    let agent = agent().await;
    for theirs in [65_532, 131_068, 1 << 20] {
        let answer = agent.open().hello(HaproxyHello { max_frame_size: theirs, ..hello() }).await?;
        assert_eq!(answer.max_frame_size, theirs);
    }
    Ok(())
}

#[actix_rt::test]
async fn async_is_never_agreed_unless_it_is_switched_on() -> Result {
    let capabilities = Capabilities { pipelining: true, asynchronous: true, fragmentation: true };
    let answer = agent().await.open().hello(HaproxyHello { capabilities, ..hello() }).await?;
    assert_eq!(answer.capabilities.to_string(), "pipelining,fragmentation");
    Ok(())
}

#[actix_rt::test]
async fn a_hello_without_a_mandatory_key_is_refused_with_the_code_of_that_key() {
    let table = [
        (raw_hello(&[SIZE, CAPABILITIES]), StatusCode::NO_VERSION),
        (raw_hello(&[VERSIONS, CAPABILITIES]), StatusCode::NO_FRAME_SIZE),
        (raw_hello(&[VERSIONS, SIZE]), StatusCode::NO_CAPABILITIES),
    ];
    for (hello, status_code) in table {
        assert_eq!(refusal(&hello).await, status_code);
    }
}

#[actix_rt::test]
async fn a_hello_that_cannot_be_agreed_is_refused_with_its_code() {
    let with = |key, value| {
        let mut pairs = [VERSIONS, SIZE, CAPABILITIES];
        *pairs.iter_mut().find(|(name, _)| *name == key).unwrap() = (key, value);
        raw_hello(&pairs)
    };
    let mut no_fin = raw_hello(&[VERSIONS, SIZE, CAPABILITIES]);
    no_fin[8] = 0;
    let mut other_stream = raw_hello(&[VERSIONS, SIZE, CAPABILITIES]);
    other_stream[9] = 1;
    let table = [
        (with("supported-versions", TypedData::String(b"1.0")), StatusCode::BAD_VERSION),
        (with("supported-versions", TypedData::Int64(2)), StatusCode::INVALID),
        (with("max-frame-size", TypedData::Uint32(255)), StatusCode::BAD_FRAME_SIZE),
        (with("max-frame-size", TypedData::Int64(-1)), StatusCode::BAD_FRAME_SIZE),
        (with("max-frame-size", TypedData::String(b"16380")), StatusCode::INVALID),
        (with("capabilities", TypedData::Null), StatusCode::INVALID),
        (no_fin, StatusCode::NO_FRAGMENTATION),
        (other_stream, StatusCode::INVALID),
    ];
    for (hello, status_code) in table {
        assert_eq!(refusal(&hello).await, status_code, "{}", hello.escape_ascii());
    }
}

/// The specification: who announces Major.Minor speaks all minors before it, too.
#[actix_rt::test]
async fn a_list_of_versions_with_any_minor_of_2_is_answered_with_2_0() {
    let lists =
        ["2.0", "1.0,2.0", "3.1, 2.0 ,4.0", "2.1", "2.99", "1.0, 2.5", " 2.10 ", "2.4294967296,"];
    for versions in lists {
        let pair = ("supported-versions", TypedData::from(versions));
        let answer = greet(&raw_hello(&[pair, SIZE, CAPABILITIES])).await.unwrap();
        let Frame::AgentHello(answer) = answer else { panic!("{versions:?}: {answer:?}") };
        assert_eq!(answer.version, "2.0", "{versions:?}");
    }
}

#[actix_rt::test]
async fn a_list_of_versions_without_one_of_2_is_refused_with_8() {
    let lists =
        ["", ",", "1.0", "3.0", "20.0", "12.0", "2", "2.", ".0", "2.x", "2.-1", "+2.0", "2.0.1, 3"];
    for versions in lists {
        let pair = ("supported-versions", TypedData::from(versions));
        let status_code = refusal(&raw_hello(&[pair, SIZE, CAPABILITIES])).await;
        assert_eq!(status_code, StatusCode::BAD_VERSION, "{versions:?}");
    }
}

#[actix_rt::test]
async fn checklist_09_a_healthcheck_is_answered_and_closed_and_is_no_session() -> Result {
    let agent = agent().await;
    let answer = agent.open().healthcheck().await?;
    assert_eq!((answer.version.as_str(), answer.max_frame_size), ("2.0", 16380));

    let mut haproxy = agent.open();
    haproxy.send(Frame::HaproxyHello(HaproxyHello { healthcheck: true, ..hello() })).await?;
    assert!(matches!(haproxy.receive().await?, Frame::AgentHello(_)));
    assert!(matches!(haproxy.receive().await, Err(ClientError::Closed)));

    let statistics = agent.statistics().await;
    assert_eq!((statistics.healthchecks, statistics.hellos), (2, 0));
    Ok(())
}

#[actix_rt::test]
async fn checklist_10_the_refusal_of_a_hello_comes_late_so_that_haproxy_does_not_storm() -> Result {
    tokio::time::pause();
    let mut haproxy = agent().await.open();
    let asked = Instant::now();
    haproxy.send_bytes(&raw_hello(&[SIZE, CAPABILITIES])).await?;
    assert!(matches!(haproxy.receive().await?, Frame::AgentDisconnect(_)));
    assert!(asked.elapsed() >= Limits::default().refusal_delay, "{:?}", asked.elapsed());
    assert!(matches!(haproxy.receive().await, Err(ClientError::Closed)));
    Ok(())
}

#[actix_rt::test]
async fn checklist_11_a_second_hello_or_a_notify_before_hello_is_refused_with_4() -> Result {
    let agent = agent().await;
    let mut haproxy = agent.connect().await?;
    let again = haproxy.hello(hello()).await.unwrap_err();
    let ClientError::Disconnected(disconnect) = again else { panic!("{again}") };
    assert_eq!(disconnect.status_code, StatusCode::INVALID);
    assert!(matches!(haproxy.receive().await, Err(ClientError::Closed)));

    let mut haproxy = agent.open();
    let error = haproxy.notify(ask_score()).await.unwrap_err();
    let ClientError::Disconnected(disconnect) = error else { panic!("{error}") };
    assert_eq!(disconnect.status_code, StatusCode::INVALID);
    Ok(())
}

#[actix_rt::test]
async fn a_connection_that_says_no_hello_is_closed_with_2_after_its_time() -> Result {
    tokio::time::pause();
    let mut haproxy = agent().await.open().patience(Duration::from_secs(60));
    let opened = Instant::now();
    haproxy.send_bytes(&[0, 0, 0]).await?;
    let Frame::AgentDisconnect(disconnect) = haproxy.receive().await? else { panic!() };
    assert_eq!(disconnect.status_code, StatusCode::TIMEOUT);
    let waited = opened.elapsed();
    assert!((10..12).contains(&waited.as_secs()), "{waited:?}");
    Ok(())
}

#[actix_rt::test]
async fn checklist_35_a_connection_that_said_hello_may_be_silent_for_ever() -> Result {
    tokio::time::pause();
    let mut haproxy = agent().await.connect().await?;
    tokio::time::advance(Duration::from_secs(7 * 24 * 3600)).await;
    assert_eq!(haproxy.notify(ask_score()).await?.to_string(), "set-var sess.ip_score 20");
    Ok(())
}

#[actix_rt::test]
async fn checklist_01_before_hello_the_limit_is_a_constant() {
    let limit = FrameCodec::HELLO_LIMIT;
    assert_eq!(refusal(&(limit + 1).to_be_bytes()).await, StatusCode::TOO_BIG);
    assert_eq!(refusal(&u32::MAX.to_be_bytes()).await, StatusCode::TOO_BIG);
    assert_eq!(refusal(b"SSH-2.0-OpenSSH_9.2\r\n").await, StatusCode::TOO_BIG);
}

#[actix_rt::test]
async fn a_fake_haproxy_does_not_accept_more_than_it_announced() -> Result {
    let (ours, theirs) = tokio::io::duplex(1024);
    let mut agent = FakeHaproxy::new(theirs);
    agent
        .send(Frame::AgentHello(spoa_actors::spop::AgentHello {
            version: "2.0".to_owned(),
            max_frame_size: 16381,
            capabilities: Capabilities::default(),
        }))
        .await?;
    let error = FakeHaproxy::over(ours).await.unwrap_err();
    assert!(matches!(error, ClientError::Violation(_)), "{error}");
    Ok(())
}
