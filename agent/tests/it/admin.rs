//! The admin endpoint of the real binary.

use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::{fs::PermissionsExt, net::UnixStream},
};

use socket2::{Domain, SockAddr, Socket, Type};

use crate::scene::{Agent, Folder, spoa_agent, text, until};

/// Asks, and returns the status and the body.
pub(crate) fn get(address: &str, path: &str) -> Option<(u16, String)> {
    get_with(TcpStream::connect(address).ok()?, path, "Host: localhost\r\n")
}

/// The same with these headers, on a connection that is open.
fn get_with(mut stream: impl Read + Write, path: &str, headers: &str) -> Option<(u16, String)> {
    write!(stream, "GET {path} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

/// Where the agent says that its page is.
pub(crate) fn page(agent: &Agent) -> String {
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
    let route = routes.iter().find(|route| route["route"] == "check-client-ip").unwrap();
    assert_eq!((&route["calls"], &route["outcomes"]["answered"]), (&3.into(), &3.into()));
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

#[test]
fn a_name_that_is_not_known_and_a_request_without_the_token_see_nothing() {
    let folder = Folder::new();
    let token = folder.file("token");
    fs::write(&token, "0123456789abcdef\n").unwrap();
    let options = ["--admin", "127.0.0.1:0", "--admin-host", "agent.example"];
    let secret = ["--listen", "127.0.0.1:0", "--admin-token-file", text(&token)];
    let agent = Agent::start(&[&options[..], &secret].concat());
    let admin = page(&agent);
    let ask = |path: &str, headers: &str| {
        get_with(TcpStream::connect(&admin).unwrap(), path, headers).unwrap()
    };
    let right = "Authorization: Bearer 0123456789abcdef\r\n";
    for (headers, status) in [
        (format!("Host: agent.example:9901\r\n{right}"), 200),
        (format!("Host: {admin}\r\n{right}"), 200),
        (format!("Host: rebound.example\r\n{right}"), 421),
        ("Host: agent.example\r\n".to_owned(), 401),
        ("Host: agent.example\r\nAuthorization: Bearer 0123456789abcdee\r\n".to_owned(), 401),
    ] {
        for path in ["/status.json", "/metrics", "/log-filter"] {
            let answer = ask(path, &headers);
            assert_eq!(answer.0, status, "{path} {headers}: {answer:?}");
        }
        assert_eq!(ask("/healthz", &headers).0, 200);
        assert_eq!(ask("/readyz", &headers).0, 200);
    }
    assert!(ask("/metrics", "Host: a\r\n").1.contains("--admin-host"));
    assert!(ask("/metrics", "").1.contains("--admin-token-file"));
    let metrics = ask("/metrics", right).1;
    for count in ["outcome=\"misdirected\"} 4", "outcome=\"unauthorized\"} 7"] {
        assert!(metrics.contains(count), "{count} not in {metrics}");
    }
}

#[test]
fn a_token_that_protects_nothing_is_said() {
    let folder = Folder::new();
    let (token, log) = (folder.file("token"), folder.file("log"));
    let options = |path| format!("--admin 127.0.0.1:0 --admin-token-file {}", text(path));
    fs::write(&token, "0123456789abcdef").unwrap();
    for (mode, lines) in [(0o600, 0), (0o604, 1)] {
        fs::set_permissions(&token, fs::Permissions::from_mode(mode)).unwrap();
        let agent = Agent::limited(":", &options(&token), &log);
        // By then every line is written.
        assert_eq!(agent.end_by("TERM"), Some(0));
        let said = fs::read_to_string(&log).unwrap();
        assert_eq!(said.matches("readable by all users").count(), lines, "{mode:o}: {said}");
    }
    fs::write(&token, "short").unwrap();
    for (path, part) in [
        (&token, "openssl rand"),
        (&folder.file("none"), "--admin-token-file"),
        (&"/dev/zero".into(), "not a regular file"),
    ] {
        let words = options(path);
        let words: Vec<_> =
            ["--listen", "127.0.0.1:0"].into_iter().chain(words.split(' ')).collect();
        let outcome = spoa_agent(&words);
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
        assert!(
            outcome.stderr.contains(part) && outcome.stderr.lines().count() == 1,
            "{outcome:?}"
        );
    }
}

#[test]
fn the_admin_endpoint_may_be_a_unix_socket() {
    let folder = Folder::new();
    let path = folder.file("admin");
    let place = format!("unix:{}", text(&path));
    let mode = ["--admin-unix-mode", "640"];
    let agent =
        Agent::start(&[&["--listen", "127.0.0.1:0", "--admin", &place][..], &mode].concat());
    assert!(agent.line.contains(&place), "{}", agent.line);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    let ask = || get_with(UnixStream::connect(&path).unwrap(), "/metrics", "Host: any\r\n");
    assert_eq!(ask().unwrap().0, 200);
    let second = spoa_agent(&["--listen", "127.0.0.1:0", "--admin", &place]);
    assert_eq!(second.code, Some(1), "{second:?}");
    assert!(second.stderr.contains("another process listens on it"), "{second:?}");
    assert_eq!(ask().unwrap().0, 200);
    assert_eq!(agent.end_by("TERM"), Some(0));
    assert!(!path.exists());
}

#[test]
fn a_start_does_not_wait_for_a_process_that_listens_on_the_admin_socket_and_accepts_nobody() {
    let folder = Folder::new();
    let path = folder.file("admin");
    let other = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
    other.bind(&SockAddr::unix(&path).unwrap()).unwrap();
    other.listen(0).unwrap();
    // The backlog is full: a further connect would wait.
    let _waits = UnixStream::connect(&path).unwrap();
    let place = format!("unix:{}", text(&path));
    let outcome = spoa_agent(&["--listen", "127.0.0.1:0", "--admin", &place]);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains("another process listens on it"), "{outcome:?}");
    assert!(path.exists());
}

#[test]
fn the_admin_endpoint_answers_when_connections_have_taken_all_the_open_files_that_they_may() {
    let folder = Folder::new();
    let log = folder.file("log");
    let options = "--admin 127.0.0.1:0 --max-connections 2000 --allow-fewer-connections";
    let agent = Agent::limited("ulimit -n 800", options, &log);
    // More than there are open files.
    let connect = |_| TcpStream::connect(agent.address()).unwrap();
    let connections: Vec<_> = (0..900).map(connect).collect();
    let admin = page(&agent);
    let is_paused = |text: &str| {
        let mut lines = text.lines();
        let of_connections = r#"spoa_accepts_paused_total{reason="connections"} "#;
        lines.find_map(|line| line.strip_prefix(of_connections)).is_some_and(|count| count != "0")
    };
    until(|| get(&admin, "/metrics").is_some_and(|(_, text)| is_paused(&text)));
    drop(connections);
    let log = fs::read_to_string(&log).unwrap();
    assert!(log.contains("accepting paused") && !log.contains("cannot accept"), "{log}");
}
