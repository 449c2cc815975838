//! The admin endpoint of the real binary.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    time::Duration,
};

use crate::scene::{Agent, spoa_agent, until};

/// Asks, and returns the status and the body.
fn get(address: &str, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

/// Where the agent says that its page is.
fn page(agent: &Agent) -> String {
    let rest = agent.line.split_once(" is shown at http://").expect("it tells").1;
    rest.split('/').next().unwrap_or_default().to_owned()
}

fn with_admin() -> Agent {
    Agent::start(&["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--notice-period", "1s"])
}

#[test]
fn the_line_tells_where_the_page_is() {
    let agent = with_admin();
    let (status, html) = get(&page(&agent), "/").unwrap();
    assert_eq!(status, 200);
    assert!(html.starts_with("<!doctype html>"), "{html}");
    assert!(!Agent::on_tcp().line.contains("http"));
}

#[test]
fn what_was_asked_is_told() {
    let agent = with_admin();
    let address = agent.address();
    for _ in 0..3 {
        spoa_agent(&["call", "--addr", &address, "check-client-ip", "ip=192.0.2.77"]);
    }
    let (_, json) = get(&page(&agent), "/status.json").unwrap();
    let status: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(status["totals"]["notifies"], 3);
    assert_eq!(status["listeners"][0]["listener"], *address);
    let routes = status["routes"].as_array().unwrap();
    let route = routes.iter().find(|route| route["message"] == "check-client-ip").unwrap();
    assert_eq!((&route["calls"], &route["outcomes"]["ok"]), (&3.into(), &3.into()));
    assert_eq!(route["arguments"][0]["type"], "ipv4");
    assert!(!json.contains("192.0.2.77"), "no value of an argument is told: {json}");
    let (_, metrics) = get(&page(&agent), "/metrics").unwrap();
    assert!(metrics.contains("spoa_build_info{"), "{metrics}");
}

#[test]
fn readyz_says_draining_while_the_agent_stops_and_the_process_ends_all_the_same() {
    let agent = with_admin();
    let admin = page(&agent);
    assert_eq!(get(&admin, "/readyz"), Some((200, "ready\n".to_owned())));
    let healthy = spoa_agent(&["healthcheck", "--addr", &agent.address()]);
    assert_eq!(healthy.code, Some(0), "{healthy:?}");
    agent.signal("TERM");
    let is_draining =
        |answer: &(u16, String)| answer.0 == 503 && answer.1.starts_with("draining: ");
    until(|| get(&admin, "/readyz").is_some_and(|answer| is_draining(&answer)));
    assert_eq!(get(&admin, "/healthz"), Some((200, "ok\n".to_owned())));
    // A client that stays does not keep it.
    let _stays = TcpStream::connect(&admin).unwrap();
    assert_eq!(agent.end(), Some(0));
}

#[test]
fn an_admin_address_that_is_taken_is_told_with_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let outcome = spoa_agent(&["--listen", "127.0.0.1:0", "--admin", &address]);
    assert_eq!((outcome.code, &*outcome.stdout), (Some(1), ""), "{outcome:?}");
    for part in ["error: ", &address, "Address already in use", "with --admin"] {
        assert!(outcome.stderr.contains(part), "{part:?} not in {outcome:?}");
    }
    let usage = spoa_agent(&["--admin", "127.0.0.1"]);
    assert_eq!(usage.code, Some(2), "{usage:?}");
}
