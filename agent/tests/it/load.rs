//! `spoa-agent load`.

use std::net::TcpListener;

use serde_json::{Value, json};

use crate::{
    broken_agent::{self, Answers, ack, right},
    certificates::issue,
    scene::{Agent, Folder, Outcome, spoa_agent, text},
};

const MESSAGE: [&str; 2] = ["check-client-ip", "ip=127.0.0.1"];

/// Runs it quietly to its end, and reads the JSON.
fn load(args: &[&str]) -> (Outcome, Value) {
    let outcome = spoa_agent(&[&["load", "--json", "--quiet"], args].concat());
    let report = serde_json::from_str(&outcome.stdout).unwrap_or_default();
    (outcome, report)
}

/// So many NOTIFYs were sent, and all answers were right.
#[track_caller]
fn check_all_is_right(args: &[&str], frames: u64) -> Value {
    let (outcome, report) = load(&[args, &MESSAGE, &["--expect", "1"]].concat());
    assert_eq!((outcome.code, &*outcome.stderr), (Some(0), ""), "{outcome:?}");
    assert_eq!(report["frames"], frames, "{outcome:?}");
    assert_eq!(report["actions"], json!({"min": 1, "max": 1}));
    report
}

#[test]
fn a_closed_loop_sends_exactly_so_many_frames() {
    let agent = Agent::on_tcp();
    let address = agent.address();
    for (connections, window, frames) in [("1", "1", "10"), ("3", "7", "1000"), ("9", "20", "5")] {
        let loop_of = ["--connections", connections, "--window", window, "--frames", frames];
        let args = [&["--addr", &address], &loop_of[..]].concat();
        check_all_is_right(&args, frames.parse().unwrap());
    }
}

#[test]
fn a_duration_ends_it() {
    let agent = Agent::on_tcp();
    let timed = ["--duration", "200ms", "--warmup", "100ms", "--connections", "2"];
    let (outcome, report) = load(&[&["--addr", &agent.address()], &timed[..], &MESSAGE].concat());
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(report["frames"].as_u64().unwrap() > 0, "{outcome:?}");
    assert!(report["seconds"].as_f64().unwrap() >= 0.2, "{outcome:?}");
}

#[test]
fn an_open_loop_sends_by_the_clock() {
    let agent = Agent::on_tcp();
    let paced = ["--rate", "1000", "--frames", "100", "--connections", "3"];
    let report = check_all_is_right(&[&["--addr", &agent.address()], &paced[..]].concat(), 100);
    assert_eq!((&report["rate"], &report["window"]), (&json!(1000), &json!(20)));
    // The hundredth is due 99 ms after the first.
    assert!(report["seconds"].as_f64().unwrap() >= 0.098, "{report}");
}

#[test]
fn a_load_that_no_ack_answered_with_an_action_comes_with_a_warning() {
    let agent = Agent::on_tcp();
    let place = ["--addr", &agent.address(), "--frames", "5"];
    for (words, warning) in [
        (&["nosuch", "n=1"][..], "warning: no actions for nosuch n:int64: the agent may have no"),
        (&["nosuch", "--expect", "0"], ""),
        (&MESSAGE, ""),
    ] {
        let (outcome, _) = load(&[&place, words].concat());
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        assert!(outcome.stderr.starts_with(warning), "{outcome:?}");
        assert_eq!(outcome.stderr.lines().count(), usize::from(!warning.is_empty()), "{outcome:?}");
    }
    let (outcome, _) = load(&[&place, &["nosuch", "--expect", "1"][..]].concat());
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
}

#[test]
fn without_a_window_connections_are_held_open() {
    let agent = Agent::on_tcp();
    let held = ["--window", "0", "--connections", "100", "--duration", "50ms", "m"];
    let pid = agent.id().to_string();
    let (outcome, report) =
        load(&[&["--addr", &agent.address(), "--pid", &pid], &held[..]].concat());
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_eq!((&report["frames"], &report["bytes_sent"]), (&json!(0), &json!(0)));
    assert_eq!(report["agent"]["pid"], agent.id());
    assert!(report["agent"]["rss_kib_after"].as_u64().unwrap() > 0, "{outcome:?}");
}

#[test]
fn unix_sockets_tls_and_proxy_headers_are_spoken() {
    let folder = Folder::new();
    let path = folder.file("s");
    let [ca, cert, key] = issue(&folder, "127.0.0.1");
    let listen = ["--listen", "127.0.0.1:0", "--unix", text(&path), "--proxy-protocol"];
    let agent = Agent::start(&[&listen[..], &["--tls-cert", &cert, "--tls-key", &key]].concat());
    let frames = ["--proxy-protocol", "--connections", "2", "--window", "5", "--frames", "300"];
    let tls = ["--addr", &agent.address(), "--tls-ca", &ca];
    for place in [&tls[..], &["--unix", text(&path)]] {
        check_all_is_right(&[place, &frames].concat(), 300);
    }
}

#[test]
fn large_messages_are_sent_as_whole_frames() {
    let agent = Agent::on_tcp();
    let place = ["--addr", &agent.address(), "--window", "50", "--frames", "500"];
    let large = ["--fill", "10:100", "--binary", "body:14000"];
    check_all_is_right(&[&place[..], &large].concat(), 500);
    let larger = ["--binary", "body:100000", "--max-frame-size", "200000"];
    check_all_is_right(&[&place[..], &larger].concat(), 500);
}

#[test]
fn the_names_of_the_json_are_a_contract() {
    let agent = Agent::on_tcp();
    let pid = agent.id().to_string();
    let place = ["--addr", &agent.address(), "--frames", "10", "--pid", &pid];
    let report = check_all_is_right(&place, 10);
    for (at, expected) in [
        (
            "",
            "acks_per_read actions agent bytes_received bytes_sent connections errors frames \
             frames_per_second generator latency_us out_of_order rate seconds target window",
        ),
        ("/latency_us", "max mean min p50 p90 p99 p999"),
        ("/errors", "aborted disconnected duplicate lost malformed not_final too_large unmatched"),
        ("/actions", "max min"),
        ("/generator", "cpu_us_per_frame"),
        (
            "/agent",
            "cpu_seconds cpu_us_per_frame pid rss_kib_after rss_kib_before rss_kib_per_connection",
        ),
    ] {
        let object = report.pointer(at).and_then(Value::as_object).unwrap();
        let mut names: Vec<_> = object.keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names.join(" "), expected);
    }
    assert_eq!(report["target"], agent.address());
    assert!(report["rate"].is_null());
}

#[test]
fn people_read_a_table_and_a_line_of_progress() {
    let agent = Agent::on_tcp();
    let timed = ["load", "--addr", &agent.address(), "--duration", "3s"];
    let outcome = spoa_agent(&[&timed[..], &MESSAGE].concat());
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    for part in ["closed loop", "frames  ", "p99.9", "ACKs per read", "errors         none"] {
        assert!(outcome.stdout.contains(part), "{part}: {outcome:?}");
    }
    assert!(outcome.stderr.contains(" frames/s, p99 "), "{outcome:?}");
}

/// Three NOTIFYs one after the other, whose stream-ids are 1, 3 and 5; the names and numbers of the
/// errors.
#[track_caller]
fn check_is_wrong(answers: Answers, frames: u64, errors: &[(&str, u64)], part: &str) {
    let address = broken_agent::listen(answers).to_string();
    let (outcome, report) = load(&["--addr", &address, "--frames", "3", "--timeout", "2s", "m"]);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert_eq!(report["frames"], frames, "{outcome:?}");
    for (name, count) in report["errors"].as_object().expect("there are errors") {
        let expected = errors.iter().find(|(error, _)| error == name);
        assert_eq!(*count, expected.map_or(0, |&(_, count)| count), "{name}: {outcome:?}");
    }
    assert!(outcome.stderr.starts_with("error: "), "{outcome:?}");
    assert!(outcome.stderr.contains(part), "{part:?} not in {outcome:?}");
}

#[test]
fn a_broken_agent_is_found_out() {
    let again = |stream_id| match stream_id {
        1 => right(1),
        next => [right(next - 2), right(next)].concat(),
    };
    check_is_wrong(again, 3, &[("duplicate", 2)], "a second ACK for the same NOTIFY");
    let other = |stream_id| [right(stream_id + 100), right(stream_id)].concat();
    check_is_wrong(other, 3, &[("unmatched", 3)], "never sent");
    check_is_wrong(|id| ack(0, id, b""), 0, &[("not_final", 3)], "without FIN");
    check_is_wrong(|id| ack(3, id, b""), 0, &[("aborted", 3)], "with ABORT");
    check_is_wrong(|id| ack(1, id, b"\x07"), 0, &[("malformed", 3)], "not an ACK with the exp");
    check_is_wrong(|id| ack(1, id, &[0; 16_380]), 0, &[("too_large", 1), ("lost", 1)], "larger");
}

#[test]
fn an_agent_that_leaves_or_is_silent_is_found_out() {
    let silent = |stream_id| if stream_id == 3 { Vec::new() } else { right(stream_id) };
    check_is_wrong(silent, 1, &[("lost", 1)], "no ACK for a NOTIFY");
    let leaving =
        |stream_id| if stream_id == 3 { broken_agent::disconnect() } else { right(stream_id) };
    let left = [("disconnected", 1), ("lost", 1)];
    check_is_wrong(leaving, 1, &left, "status 13 (resource allocation error)");
}

#[test]
fn what_cannot_be_done_says_what_to_do() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let agent = Agent::on_tcp();
    let address = agent.address();
    for (args, code, part) in [
        (&["--addr", &free, "m"][..], 1, "Connection refused"),
        (&["--addr", &address, "--pid", "4194305", "m"], 1, "check --pid"),
        (&["m", "ip"], 2, "write ip=VALUE"),
        (&["ip=::1"], 2, "the name of a message comes first"),
        (&["m", "--window", "0", "--frames", "1"], 2, "remove --frames or --window 0"),
        (&["m", "--fill", "255:1", "x=1"], 2, "SPOP allows 255"),
        (&["m", "--binary", "b:20000"], 2, "announce more with --max-frame-size"),
        (&["m", "--fill", "x"], 2, "10:100"),
        (&["m", "--rate", "0"], 2, "from 1 to 10000000, such as 10k"),
        (&["m", "--frames", "1", "--duration", "1s"], 2, "cannot be used with"),
    ] {
        let (outcome, report) = load(args);
        assert_eq!((outcome.code, &report), (Some(code), &Value::Null), "{outcome:?}");
        assert!(outcome.stderr.starts_with("error: "), "{outcome:?}");
        assert!(outcome.stderr.contains(part), "{part:?} not in {outcome:?}");
    }
}
