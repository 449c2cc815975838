//! `spoa-agent healthcheck`.

use std::net::TcpListener;

use crate::scene::{Agent, Folder, Outcome, spoa_agent, stranger, text};

#[track_caller]
fn check_is_healthy(outcome: &Outcome) {
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_eq!(outcome.stdout, "healthy: SPOP 2.0, max-frame-size 16380\n");
    assert_eq!(outcome.stderr, "");
}

#[track_caller]
fn check_is_not_healthy(outcome: &Outcome, part: &str) {
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert_eq!(outcome.stdout, "");
    assert!(outcome.stderr.starts_with("not healthy: "), "{outcome:?}");
    assert!(outcome.stderr.contains(part), "{part:?} not in {outcome:?}");
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
}

#[test]
fn an_agent_on_tcp_is_healthy() {
    let agent = Agent::on_tcp();
    check_is_healthy(&spoa_agent(&["healthcheck", "--addr", &agent.address()]));
}

#[test]
fn an_agent_on_a_unix_socket_is_healthy() {
    let folder = Folder::new();
    let path = folder.file("s");
    let _agent = Agent::start(&["--unix", text(&path)]);
    check_is_healthy(&spoa_agent(&["healthcheck", "--unix", text(&path)]));
}

#[test]
fn quiet_prints_nothing() {
    let agent = Agent::on_tcp();
    let address = agent.address();
    let well = spoa_agent(&["healthcheck", "--quiet", "--addr", &address]);
    assert_eq!((well.code, &*well.stdout, &*well.stderr), (Some(0), "", ""));
    drop(agent);
    let gone = spoa_agent(&["healthcheck", "--quiet", "--addr", &address]);
    assert_eq!((gone.code, &*gone.stdout, &*gone.stderr), (Some(1), "", ""));
}

#[test]
fn nobody_is_not_healthy() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let outcome = spoa_agent(&["healthcheck", "--addr", &free.to_string()]);
    check_is_not_healthy(&outcome, "Connection refused");
}

#[test]
fn a_peer_that_says_nothing_is_not_healthy() {
    let address = stranger(b"").to_string();
    let outcome = spoa_agent(&["healthcheck", "--timeout", "100ms", "--addr", &address]);
    check_is_not_healthy(&outcome, "within 100ms");
}

#[test]
fn a_peer_that_says_something_else_is_not_healthy() {
    for words in
        [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], b"\0\0\0\x01x", b"\0\0\0\x07\x65\0\0\0\x01\0\0"]
    {
        let address = stranger(words).to_string();
        let outcome = spoa_agent(&["healthcheck", "--addr", &address]);
        check_is_not_healthy(&outcome, "check that it is a SPOE agent");
    }
}

#[test]
fn wrong_usage_is_2_even_when_quiet() {
    for args in [&["--nonsense"][..], &["-q", "--timeout", "0s"], &["word"]] {
        let outcome = spoa_agent(&[&["healthcheck"], args].concat());
        assert_eq!(outcome.code, Some(2), "{outcome:?}");
        assert!(outcome.stderr.starts_with("error: "), "{outcome:?}");
    }
}
