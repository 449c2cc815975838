//! HELLO, NOTIFYs in one write and in two, SIGTERM.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};

use bytes::BytesMut;
use spoa_actors::TypedData;
use spoa_actors::spop::{
    Ack, Capabilities, Frame, FrameId, HaproxyHello, Message, Notify, StreamId, VERSION,
};

use crate::program::{Program, receive};

const FLOOR: &[&str] = &[env!("CARGO_BIN_EXE_floor")];
const PEER: &[&str] = &[env!("CARGO_BIN_EXE_peer"), "--nodelay"];
const AGENT: &[&str] = &[env!("CARGO_BIN_EXE_bench-agent")];
const AGENT_ACTOR: &[&str] = &[env!("CARGO_BIN_EXE_bench-agent"), "--handler", "actor"];
const AGENT_READY: &[&str] = &[env!("CARGO_BIN_EXE_bench-agent"), "--handler", "ready"];

/// The bytes of a large argument, and those with its name.
const BODY: usize = 100_000;
const SIZE: i64 = 100_004;

#[test]
fn the_floor_answers_every_frame() {
    answers_every_frame(FLOOR, 10);
}

#[test]
fn the_peer_answers_every_frame() {
    answers_every_frame(PEER, SIZE);
}

#[test]
fn the_agent_answers_every_frame() {
    answers_every_frame(AGENT, SIZE);
}

#[test]
fn the_agent_with_actors_answers_every_frame() {
    answers_every_frame(AGENT_ACTOR, SIZE);
}

#[test]
fn the_agent_with_ready_handlers_answers_every_frame() {
    answers_every_frame(AGENT_READY, SIZE);
}

/// What TCP may still cut in two, or join, it does not on loopback: a send is a segment.
#[test]
fn the_floor_makes_one_send_for_many_frames() {
    let program = Program::start(FLOOR);
    let mut stream = greeted(&program);
    let many: Vec<u8> = (1..=100).flat_map(|id| notify(id, client())).collect();
    stream.write_all(&many).unwrap();
    let mut answers = vec![0; 64 * 1024];
    let read = stream.read(&mut answers).unwrap();
    let size = 4 + usize::from(answers[3]);
    assert_eq!(read, 100 * size, "{size} bytes are one ACK");
}

fn answers_every_frame(words: &[&str], size_of_body: i64) {
    let mut program = Program::start(words);
    let mut stream = greeted(&program);

    stream.write_all(&notify(7, client())).unwrap();
    assert_acknowledged(&mut stream, 7, 10);

    let three = [1, 70_000, u64::MAX].map(|id| notify(id, client()));
    stream.write_all(&three.concat()).unwrap();
    for id in [1, 70_000, u64::MAX] {
        assert_acknowledged(&mut stream, id, 10);
    }

    // The end of the first part reaches it before the second part does: its answer is here.
    let cut = notify(9, client());
    stream.write_all(&[&notify(8, client()), &cut[..11]].concat()).unwrap();
    assert_acknowledged(&mut stream, 8, 10);
    stream.write_all(&cut[11..]).unwrap();
    assert_acknowledged(&mut stream, 9, 10);

    let body = vec![7; BODY];
    let large = Message::new("read-all").arg("body", TypedData::Binary(&body));
    stream.write_all(&notify(10, large)).unwrap();
    assert_acknowledged(&mut stream, 10, size_of_body);

    assert!(program.terminate(), "SIGTERM is a good end");
}

fn client() -> Message {
    Message::new("check-client-ip").arg("ip", Ipv4Addr::new(10, 0, 0, 1))
}

fn greeted(program: &Program) -> TcpStream {
    let mut stream = program.connect();
    let capabilities = Capabilities { pipelining: true, ..Capabilities::default() };
    let supported_versions = VERSION.to_owned();
    let hello = HaproxyHello {
        supported_versions,
        max_frame_size: 1 << 20,
        capabilities,
        engine_id: None,
        healthcheck: false,
    };
    stream.write_all(&encoded(&Frame::HaproxyHello(hello))).unwrap();
    match Frame::decode(receive(&mut stream).into()).unwrap() {
        Frame::AgentHello(theirs) => {
            assert_eq!((theirs.version.as_str(), theirs.max_frame_size), (VERSION, 1 << 20));
            assert!(theirs.capabilities.pipelining);
        }
        other => panic!("{other:?}"),
    }
    stream
}

fn notify(id: u64, message: Message) -> Vec<u8> {
    let (stream_id, frame_id) = (StreamId(id), FrameId(id));
    encoded(&Frame::Notify(Notify { stream_id, frame_id, messages: message.into() }))
}

fn encoded(frame: &Frame) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    frame.encode(&mut bytes);
    bytes.to_vec()
}

/// One action, and FIN: without, it would be a fragment.
fn assert_acknowledged(stream: &mut TcpStream, id: u64, score: i64) {
    let frame = Frame::decode(receive(stream).into()).unwrap();
    let Frame::Ack(Ack { stream_id, frame_id, actions }) = frame else { panic!("{frame:?}") };
    assert_eq!((stream_id, frame_id), (StreamId(id), FrameId(id)));
    assert_eq!(actions.to_string(), format!("set-var sess.ip_score {score}"));
}
