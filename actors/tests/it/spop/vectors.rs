//! The bytes that real HAProxy versions sent, as captured in `tests/vectors`.

use std::{fs, path::Path};

use bytes::BytesMut;
use spoa_actors::{
    Message, TypedData,
    spop::{Frame, FrameCodec, FrameId, FrameType, Notify, Session, StatusCode, Step, StreamId},
};

const VERSIONS: [&str; 3] = ["2.6", "3.0", "3.2"];

fn bytes(path: &Path) -> BytesMut {
    let text =
        fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let lines = text.lines().map(|line| line.split('#').next().unwrap());
    lines.flat_map(str::split_whitespace).map(|hex| u8::from_str_radix(hex, 16).unwrap()).collect()
}

fn folder(version: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(format!("haproxy-{version}"))
}

fn frames(version: &str, name: &str) -> Vec<Frame> {
    decode(bytes(&folder(version).join(name).with_extension("hex")))
}

fn decode(mut bytes: BytesMut) -> Vec<Frame> {
    let codec = FrameCodec::default();
    let frames = std::iter::from_fn(|| codec.cut(&mut bytes).unwrap()).collect();
    assert!(bytes.is_empty(), "{} bytes are no whole frame", bytes.len());
    frames
}

/// The messages of the frames that are NOTIFYs, with their ids.
fn notifies(version: &str, name: &str) -> Vec<(StreamId, FrameId, Vec<Message>)> {
    let notify = |frame| match frame {
        Frame::Notify(Notify { stream_id, frame_id, messages }) => {
            (stream_id, frame_id, messages.collect())
        }
        other => panic!("{name} of {version} holds {other:?}"),
    };
    frames(version, name).into_iter().map(notify).collect()
}

fn message(version: &str, name: &str) -> Message {
    notifies(version, name).remove(0).2.remove(0)
}

#[test]
fn every_captured_frame_decodes_and_encodes_to_the_same_bytes() {
    let mut count = 0;
    for version in VERSIONS {
        for entry in fs::read_dir(folder(version)).unwrap() {
            let path = entry.unwrap().path();
            let captured = bytes(&path);
            let mut encoded = BytesMut::new();
            for frame in decode(captured.clone()) {
                frame.encode(&mut encoded);
            }
            assert_eq!(encoded, captured, "{}", path.display());
            count += 1;
        }
    }
    assert!(count >= 50, "only {count} vectors were found");
}

#[test]
fn the_hello_of_every_version_is_agreed() {
    for version in VERSIONS {
        let [Frame::HaproxyHello(hello)] = &frames(version, "hello")[..] else { panic!() };
        assert_eq!(hello.supported_versions, "2.0");
        assert_eq!(hello.max_frame_size, 16380);
        assert!(hello.capabilities.pipelining);
        assert_eq!(hello.capabilities.asynchronous, version != "3.2");
        assert!(!hello.capabilities.fragmentation);
        assert_eq!(hello.engine_id.as_ref().unwrap().as_bytes().len(), 36);
        let step = Session::new(Default::default()).receive(Frame::HaproxyHello(hello.clone()));
        assert!(matches!(step, Ok(Step::Greet { .. })), "{step:?}");
    }
}

#[test]
fn the_check_of_every_version_is_a_healthcheck() {
    for version in VERSIONS {
        let [Frame::HaproxyHello(hello)] = &frames(version, "hello-check")[..] else { panic!() };
        assert!(hello.healthcheck && hello.engine_id.is_none());
        assert_eq!(hello.capabilities, Default::default());
    }
}

#[test]
fn every_argument_type_arrives_typed() {
    for version in VERSIONS {
        let message = message(version, "notify-argument-types");
        assert_eq!(message.name(), b"types");
        let expected = [
            ("missing", TypedData::Null),
            ("yes", TypedData::Bool(true)),
            ("no", TypedData::Bool(false)),
            ("zero", TypedData::Int64(0)),
            ("positive", TypedData::Int64(5)),
            ("negative", TypedData::Int64(-3)),
            ("most", TypedData::Int64(i64::MAX)),
            ("least", TypedData::Int64(i64::MIN)),
            ("v4", TypedData::Ipv4([127, 0, 0, 1].into())),
            ("v6", TypedData::Ipv6("2001:db8::1".parse().unwrap())),
            ("text", TypedData::String(b"plain")),
            ("empty", TypedData::String(b"")),
            ("octets", TypedData::Binary(&[0x00, 0xff, 0x10])),
            ("method", TypedData::String(b"GET")),
        ];
        let args: Vec<_> = message.args().map(|arg| (arg.name, arg.value)).collect();
        assert_eq!(args, expected.map(|(name, value)| (name.as_bytes(), value)));
    }
}

#[test]
fn checklist_39_unnamed_and_repeated_arguments_are_kept_in_order() {
    for version in VERSIONS {
        let unnamed = message(version, "notify-unnamed-arguments");
        assert!(unnamed.args().any(|arg| arg.name.is_empty()));
        let repeated = message(version, "notify-repeated-names");
        let names: Vec<_> = repeated.args().map(|arg| arg.name).collect();
        let mut distinct = names.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert!(distinct.len() < names.len(), "{repeated}");
    }
}

#[test]
fn several_messages_come_in_one_notify() {
    for version in VERSIONS {
        let notifies = notifies(version, "notify-several-messages");
        assert!(notifies[0].2.len() > 1, "{notifies:?}");
    }
}

#[test]
fn checklist_12_and_14_the_first_stream_is_0_and_its_response_event_is_frame_2() {
    for version in ["2.6", "3.0"] {
        let ids: Vec<_> = notifies(version, "notify-request-and-response")
            .iter()
            .map(|(stream_id, frame_id, _)| (stream_id.0, frame_id.0))
            .collect();
        assert_eq!(ids, [(0, 1), (0, 2)]);
    }
    let ids = notifies("3.2", "notify-request-and-response");
    assert!(ids.iter().all(|(stream_id, frame_id, _)| stream_id.0 % 2 == 1 && frame_id.0 == 1));
}

#[test]
fn checklist_21_the_fragments_of_a_body_become_one_notify() {
    for version in ["2.6", "3.0"] {
        let mut session = Session::new(Default::default());
        for frame in frames(version, "hello") {
            session.receive(frame).unwrap();
        }
        let mut steps: Vec<_> = frames(version, "notify-fragmented")
            .into_iter()
            .map(|frame| session.receive(frame).unwrap())
            .collect();
        let Some(Step::Dispatch(notify)) = steps.pop() else { panic!("{steps:?}") };
        assert!(steps.len() >= 2 && steps.iter().all(|step| *step == Step::Continue));
        let message = notify.messages.last().unwrap();
        let body = message.args().find_map(|arg| arg.value.as_bytes().filter(|b| b.len() > 1000));
        let expected = ["a", "b", "c"].map(|letter| letter.repeat(500)).concat();
        assert_eq!(body.unwrap(), expected.as_bytes());
    }
}

#[test]
fn disconnects_carry_their_status_code() {
    let table = [
        ("disconnect-unsupported-version", &VERSIONS[..], StatusCode::BAD_VERSION),
        ("disconnect-bad-frame-size", &VERSIONS, StatusCode::BAD_FRAME_SIZE),
        ("disconnect-idle", &VERSIONS[..2], StatusCode::TIMEOUT),
        ("disconnect-normal", &VERSIONS[..2], StatusCode::NORMAL),
        ("disconnect-fragmented-ack", &VERSIONS[..2], StatusCode::NO_FRAGMENTATION),
        ("disconnect-too-big", &VERSIONS[..2], StatusCode::TOO_BIG),
    ];
    for (name, versions, status_code) in table {
        for version in versions {
            let frames = frames(version, name);
            let [Frame::HaproxyDisconnect(disconnect)] = &frames[..] else { panic!("{frames:?}") };
            assert_eq!(disconnect.status_code, status_code, "{name} of {version}");
            assert_eq!(frames[0].frame_type(), FrameType::HAPROXY_DISCONNECT);
        }
    }
}
