//! A log, and a stdout, that nobody reads: nothing waits for it, not even the end.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::ChildStderr,
    time::{Duration, Instant},
};

use bytes::BytesMut;
use serde_json::Value;
use spoa_actors::{
    spop::{Flags, Fragment, Frame, FrameId, FrameType, StreamId},
    testing,
};

use crate::{
    admin::{get, page},
    scene::{Agent, Folder, spoa_agent, text, until},
};

const DROPPED: &str = "spoa_log_lines_dropped_total{reason=\"full\"} ";
const ANSWER: &str = "set-var sess.ip_score = 20 (int64)\n";
/// What a stop may take: a second for the log, a second for the rest, and a busy machine.
const STOP: Duration = Duration::from_secs(8);

fn agent() -> (Agent, ChildStderr) {
    let options = "--worker-threads 1 --listen 127.0.0.1:0 --admin 127.0.0.1:0 --log debug --notice-period 1ms";
    Agent::with_a_log_to_read(&options.split(' ').collect::<Vec<_>>())
}

fn dropped(agent: &Agent) -> u64 {
    let (_, metrics) = get(&page(agent), "/metrics").expect("it answers");
    let line = metrics.lines().find_map(|line| line.strip_prefix(DROPPED));
    line.expect("it is counted").parse().expect("it is a number")
}

/// NOTIFYs that their peer gives up: each is a line of the log at level debug, and costs two frames.
fn given_up(count: usize) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    for _ in 0..count {
        for (frame_type, fin, abort) in
            [(FrameType::NOTIFY, false, false), (FrameType::UNSET, true, true)]
        {
            let (flags, payload) = (Flags { fin, abort }, Default::default());
            let (stream_id, frame_id) = (StreamId(1), FrameId(1));
            Frame::Fragment(Fragment { frame_type, flags, stream_id, frame_id, payload })
                .encode(&mut bytes);
        }
    }
    bytes.to_vec()
}

/// A peer that has lines written until some are dropped; it is still connected.
fn flood(agent: &Agent) -> TcpStream {
    let mut peer = TcpStream::connect(agent.address()).expect("it listens");
    peer.set_write_timeout(Some(Duration::from_secs(5))).expect("it is no zero");
    let mut hello = BytesMut::new();
    Frame::HaproxyHello(testing::hello()).encode(&mut hello);
    peer.write_all(&hello).expect("the agent reads");
    let thousand = given_up(1000);
    until(|| {
        (&peer).write_all(&thousand).expect("the agent reads");
        dropped(agent) > 0
    });
    peer
}

fn ask(agent: &Agent) -> String {
    let address = agent.address();
    spoa_agent(&["call", "--addr", &address, "check-client-ip", "ip=::1"]).stdout
}

#[test]
fn a_log_that_nobody_reads_stops_no_answer_and_no_end() {
    let (agent, _unread) = agent();
    let _peer = flood(&agent);
    for _ in 0..3 {
        assert_eq!(ask(&agent), ANSWER);
    }
    let (status, ready) = get(&page(&agent), "/readyz").unwrap();
    assert_eq!((status, ready.contains("silent")), (200, false), "{ready}");
    let stopped = Instant::now();
    assert_eq!(agent.end_by("TERM"), Some(0));
    assert!(stopped.elapsed() < STOP, "{:?}", stopped.elapsed());
}

#[test]
fn a_log_that_is_read_again_tells_how_many_lines_were_dropped() {
    let (agent, log) = agent();
    let peer = flood(&agent);
    drop(peer);
    let mut told = 0;
    let mut lines = BufReader::new(log).lines();
    while told == 0 {
        let line = lines.next().unwrap().unwrap();
        let line: Value = serde_json::from_str(&line).expect("no line is cut");
        let is_told = line["message"].as_str().unwrap().starts_with("log lines dropped");
        told = if is_told { line["lines"].as_u64().unwrap() } else { 0 };
    }
    let all = dropped(&agent);
    assert!((1..=all).contains(&told), "{told} of {all}");
    // And from then on all is written, to the last line.
    agent.signal("TERM");
    let rest: Vec<_> = lines.map(Result::unwrap).collect();
    assert!(rest.last().unwrap().contains("agent stopped"), "{:?}", rest.last());
    assert_eq!(agent.end(), Some(0));
}

#[test]
fn a_stdout_that_takes_nothing_stops_neither_the_start_nor_the_end() {
    let folder = Folder::new();
    let path = folder.file("s");
    let path = text(&path);
    let (agent, _unread) = Agent::with_full_pipes(&["--unix", path]);
    let ask = || spoa_agent(&["call", "--unix", path, "check-client-ip", "ip=::1"]).stdout;
    until(|| ask() == ANSWER);
    let stopped = Instant::now();
    assert_eq!(agent.end_by("TERM"), Some(0));
    assert!(stopped.elapsed() < STOP, "{:?}", stopped.elapsed());
}

#[test]
fn an_agent_that_cannot_start_ends_though_nobody_reads_why() {
    let (agent, [_, mut stderr]) = Agent::with_full_pipes(&["--unix", "/nowhere/s"]);
    let started = Instant::now();
    assert_eq!(agent.end(), Some(1));
    assert!(started.elapsed() < STOP, "{:?}", started.elapsed());
    let mut said = String::new();
    stderr.read_to_string(&mut said).unwrap();
    assert_eq!(said.trim_start_matches('.'), "");
}
