//! The admin endpoint of the real binary under those who want to use it up.

use std::{
    io::Write,
    net::TcpStream,
    time::{Duration, Instant},
};

use crate::{
    admin::{get, page},
    resources::number,
    scene::Agent,
};

fn with_admin() -> Agent {
    rlimit::increase_nofile_limit(u64::MAX).expect("it can be raised");
    Agent::start(&["--worker-threads", "1", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
}

/// The most that it has had.
fn resident_mib(agent: &Agent) -> u64 {
    number(agent, "status", "VmHWM:") / 1024
}

/// Sends what it can, and reads nothing.
fn pipeline(address: &str, requests: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_write_timeout(Some(Duration::from_millis(20))).expect("it is not zero");
    // It may be closed on the way, or take no more.
    let _ = stream.write_all(requests);
    stream
}

#[test]
fn clients_that_pipeline_and_read_nothing_take_no_memory() {
    let agent = with_admin();
    let admin = page(&agent);
    get(&admin, "/status.json").unwrap();
    let before = resident_mib(&agent);
    let requests = "GET /page.css HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(1000);
    let clients: Vec<_> = (0..400).map(|_| pipeline(&admin, requests.as_bytes())).collect();
    // All of them have their turn before each answer.
    for _ in 0..20 {
        get(&admin, "/status.json").unwrap();
    }
    let grown = resident_mib(&agent).saturating_sub(before);
    println!("{} clients that read nothing: {grown} MiB", clients.len());
    assert!(grown < 16, "{grown} MiB");
    assert_eq!(get(&admin, "/healthz"), Some((200, "ok\n".to_owned())));
}

#[test]
fn probes_are_answered_while_others_never_end_their_requests() {
    let agent = with_admin();
    let admin = page(&agent);
    let slow = |_| pipeline(&admin, b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n");
    let mut slow: Vec<_> = (0..600).map(slow).collect();
    for _ in 0..12 {
        for path in ["/healthz", "/readyz", "/metrics"] {
            let begun = Instant::now();
            assert_eq!(get(&admin, path).map(|answer| answer.0), Some(200), "{path}");
            assert!(begun.elapsed() < Duration::from_secs(1), "{path}: {:?}", begun.elapsed());
        }
        slow.extend((0..100).map(|_| pipeline(&admin, b"GET ")));
    }
    let metrics = get(&admin, "/metrics").unwrap().1;
    let line = "spoa_admin_connections_total{outcome=\"displaced\"} ";
    let count = metrics.lines().find_map(|found| found.strip_prefix(line)).unwrap();
    assert!(count.parse::<u64>().unwrap() >= 1700, "{count}");
}

#[test]
fn it_answers_when_all_descriptors_are_used_up() {
    let agent = with_admin();
    // As few as handlers and exports may leave; the reserve is between the two.
    agent.limit_open_files(80, 96);
    let (address, admin) = (agent.address(), page(&agent));
    let begun = Instant::now();
    let _peers: Vec<_> = (0..150).map(|_| TcpStream::connect(&address).unwrap()).collect();
    let accepts_fail = || {
        let metrics = get(&admin, "/metrics").expect("it answers").1;
        let line = metrics.lines().find_map(|line| line.strip_prefix("spoa_accepts_failed_total "));
        line.is_some_and(|count| count != "0")
    };
    crate::scene::until(accepts_fail);
    for _ in 0..20 {
        assert_eq!(get(&admin, "/healthz"), Some((200, "ok\n".to_owned())));
    }
    // Later, those who say no HELLO have been closed, and their descriptors are free.
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}
