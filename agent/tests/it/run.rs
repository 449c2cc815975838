//! `spoa-agent run`.

use std::{
    fs,
    net::{TcpListener, TcpStream, ToSocketAddrs},
    os::unix::{fs::PermissionsExt, net::UnixListener},
    process::Command,
    time::{Duration, Instant},
};

use crate::scene::{Agent, Folder, Outcome, spoa_agent, text, to_the_end, until};

const ANSWER: &str = "set-var sess.ip_score = 20 (int64)\n";

#[track_caller]
fn check_does_not_start(args: &[&str], code: i32, parts: &[&str]) {
    let outcome = spoa_agent(args);
    assert_eq!(outcome.code, Some(code), "{outcome:?}");
    assert_eq!(outcome.stdout, "", "{outcome:?}");
    assert!(outcome.stderr.starts_with("error: "), "{outcome:?}");
    for part in parts {
        assert!(outcome.stderr.contains(part), "{part:?} not in {outcome:?}");
    }
}

fn ask_on(path: &str) -> Outcome {
    spoa_agent(&["call", "--unix", path, "check-client-ip", "ip=::1"])
}

#[test]
fn the_line_tells_a_command_that_works() {
    for args in [&["--listen", "127.0.0.1:0"][..], &["run", "--listen", "127.0.0.1:0"]] {
        let agent = Agent::start(args);
        let start = format!("spoa-agent {} listens on ", env!("CARGO_PKG_VERSION"));
        assert!(agent.line.starts_with(&start), "{}", agent.line);
        let names = " and answers check-client-ip, get-ip-reputation; try: ";
        assert!(agent.line.contains(names), "{}", agent.line);

        let (program, args) =
            agent.advertised().split_first().map(|(p, a)| (*p, a.to_vec())).unwrap();
        let mut command = Command::new(program);
        command.args(args);
        let outcome = to_the_end(command);
        assert_eq!((outcome.code, &*outcome.stdout), (Some(0), ANSWER));
    }
}

#[test]
fn several_places_are_served_at_once() {
    let folder = Folder::new();
    let (a, b) = (folder.file("a"), folder.file("b"));
    let agent = Agent::start(&[
        "run",
        "--worker-threads",
        "1",
        "--listen",
        "127.0.0.1:0",
        "--unix",
        text(&a),
        "--unix",
        text(&b),
    ]);
    let places = format!("{}, unix {}, unix {} and", agent.address(), a.display(), b.display());
    assert!(agent.line.contains(&places), "{}", agent.line);
    for path in [&a, &b] {
        assert_eq!(ask_on(text(path)).stdout, ANSWER);
    }
    let healthy = spoa_agent(&["healthcheck", "--addr", &agent.address()]);
    assert_eq!(healthy.code, Some(0), "{healthy:?}");
}

#[test]
fn a_unix_socket_gets_its_mode_and_is_removed_at_the_end() {
    let folder = Folder::new();
    let path = folder.file("s");
    let agent = Agent::start(&["--unix", text(&path), "--unix-mode", "660"]);
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
    assert_eq!(ask_on(text(&path)).stdout, ANSWER);
    assert_eq!(agent.end_by("TERM"), Some(0));
    assert!(!path.exists());
}

#[test]
fn a_signal_ends_it_with_success() {
    for signal in ["TERM", "INT"] {
        assert_eq!(Agent::on_tcp().end_by(signal), Some(0), "{signal}");
    }
}

#[test]
fn checklist_34_an_agent_that_is_checked_says_down_before_it_stops_unless_it_is_told_twice() {
    let notice_period = Duration::from_secs(2);
    for (notice, is_told_twice) in [("2s", false), ("60m", true)] {
        let agent = Agent::start(&["--listen", "127.0.0.1:0", "--notice-period", notice]);
        let check = || spoa_agent(&["healthcheck", "--addr", &agent.address()]);
        assert_eq!(check().code, Some(0));
        let begun = Instant::now();
        agent.signal("TERM");
        until(|| check().stderr.contains("the agent stops"));
        let address = agent.address();
        let asked = spoa_agent(&["call", "--addr", &address, "check-client-ip", "ip=::1"]);
        assert_eq!(asked.stdout, ANSWER);
        if is_told_twice {
            assert_eq!(agent.end_at_once_by("INT"), Some(0));
        } else {
            assert_eq!(agent.end(), Some(0));
            assert!(begun.elapsed() >= notice_period);
        }
    }
}

#[test]
fn a_socket_file_that_nobody_listens_on_is_replaced() {
    let folder = Folder::new();
    let path = folder.file("s");
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let _agent = Agent::start(&["--unix", text(&path)]);
    assert_eq!(ask_on(text(&path)).stdout, ANSWER);
}

#[test]
fn a_file_that_is_no_socket_is_left_alone() {
    let folder = Folder::new();
    let path = folder.file("notes");
    fs::write(&path, "mine").unwrap();
    check_does_not_start(&["--unix", text(&path)], 1, &[text(&path), "no socket", "another path"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
}

#[test]
fn a_socket_that_another_agent_listens_on_is_left_alone() {
    let folder = Folder::new();
    let path = folder.file("s");
    let _agent = Agent::start(&["--unix", text(&path)]);
    let parts = [text(&path), "another process listens on it"];
    check_does_not_start(&["--unix", text(&path)], 1, &parts);
    assert_eq!(ask_on(text(&path)).stdout, ANSWER);
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let parts = [&*address, "Address already in use", "--listen"];
    check_does_not_start(&["run", "--listen", &address], 1, &parts);
}

/// An agent that listens here; whether it answers at each of these addresses.
#[track_caller]
fn check_that_it_listens(listen: &[&str], asked: &[&str]) {
    let options = listen.iter().flat_map(|address| ["--listen", address]);
    let agent = Agent::start(&options.collect::<Vec<_>>());
    for address in asked {
        let outcome = spoa_agent(&["call", "--addr", address, "check-client-ip", "ip=::1"]);
        assert_eq!(outcome.stdout, ANSWER, "{address}: {outcome:?}");
    }
    assert_eq!(agent.end_by("TERM"), Some(0));
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    listener.local_addr().expect("it is bound").port()
}

#[test]
fn ipv4_and_ipv6_are_listened_on_together_in_either_order() {
    let port = free_port();
    let [v4, v6, any4, any6] =
        ["127.0.0.1", "[::1]", "0.0.0.0", "[::]"].map(|host| format!("{host}:{port}"));
    for listen in [[&*any4, &any6], [&any6, &any4], [&v4, &any6], [&any6, &v4]] {
        check_that_it_listens(&listen, &[&v4, &v6]);
    }
    check_that_it_listens(&[&any6], &[&v4, &v6]);
}

#[test]
fn a_name_is_listened_on_at_all_its_addresses() {
    let port = free_port();
    let name = format!("localhost:{port}");
    // Of both families on most machines.
    let own: Vec<_> = name.to_socket_addrs().unwrap().map(|own| own.to_string()).collect();
    let asked: Vec<_> = own.iter().map(|own| &**own).collect();
    check_that_it_listens(&[&name], &asked);
    let taken = TcpListener::bind(&own[0]).unwrap();
    let parts = [&*format!("{name} ({}): ", own[0]), "in use", "stop what listens there"];
    check_does_not_start(&["--listen", &name], 1, &parts);
    drop(taken);
    for twice in [[&*own[0], &own[0]], [&name, &own[0]]] {
        let args = ["--listen", twice[0], "--listen", twice[1]];
        check_does_not_start(
            &args,
            1,
            &[twice[1], "this agent listens on it already; name it once"],
        );
    }
}

#[test]
fn an_address_that_another_one_takes_as_well_is_named_with_it() {
    let port = free_port();
    for hosts in [["0.0.0.0", "127.0.0.1"], ["[::]", "[::1]"]] {
        let [any, one] = hosts.map(|host| format!("{host}:{port}"));
        for [first, second] in [[&any, &one], [&one, &any]] {
            let told = format!(
                "cannot listen on {second}: this agent listens on {first} already, and {any} takes {one} \
                 as well; name one of them"
            );
            check_does_not_start(&["--listen", first, "--listen", second], 1, &[&told]);
        }
    }
}

#[test]
fn a_path_that_is_too_long_for_a_socket_is_told_how_long_it_may_be() {
    let folder = Folder::new();
    let path = folder.file(&"s".repeat(108));
    let told = format!("the path has {} bytes, and may have 107; choose", text(&path).len());
    check_does_not_start(&["--unix", text(&path)], 1, &[text(&path), &told]);
    let admin = format!("unix:{}", text(&path));
    check_does_not_start(&["--listen", "127.0.0.1:0", "--admin", &admin], 1, &[text(&path), &told]);
    let outcome = ask_on(text(&path));
    assert!(outcome.code == Some(1) && outcome.stderr.contains(&told), "{outcome:?}");
    let twice = text(&folder.file("s")).to_owned();
    check_does_not_start(&["--unix", &twice, "--unix", &twice], 1, &["name it once"]);
}

#[test]
fn the_log_begins_with_what_was_started() {
    let folder = Folder::new();
    let (log, path) = (folder.file("log"), folder.file("s"));
    let options = ["--unix", text(&path), "--max-connections", "200", "--max-memory", "64MiB"];
    let agent = Agent::with_variables(&options, &[], &log);
    until(|| fs::read_to_string(&log).is_ok_and(|log| log.contains("agent started")));
    let log = fs::read_to_string(&log).unwrap();
    let line: serde_json::Value = serde_json::from_str(log.lines().next().unwrap()).unwrap();
    let listeners = format!("{}, unix:{}", agent.address(), text(&path));
    for (name, value) in [
        ("level", serde_json::Value::from("INFO")),
        ("message", "agent started".into()),
        ("version", env!("CARGO_PKG_VERSION").into()),
        ("pid", agent.id().into()),
        ("listeners", listeners.into()),
        ("routes", "check-client-ip, get-ip-reputation".into()),
        ("worker_threads", 1.into()),
        ("deadline", "1s".into()),
        ("notice_period", "7s".into()),
        ("max_frame_size", (1 << 20).into()),
        ("max_connections", 200.into()),
        ("max_messages", 16_384.into()),
        ("max_memory", (64 << 20).into()),
    ] {
        assert_eq!(line[name], value, "{name} of {line}");
    }
}

#[test]
fn a_start_that_fails_leaves_no_socket_file() {
    let folder = Folder::new();
    let (path, missing) = (folder.file("s"), folder.file("missing/s"));
    let parts = [text(&missing), "make the folder"];
    check_does_not_start(&["--unix", text(&path), "--unix", text(&missing)], 1, &parts);
    assert!(!path.exists());
}

#[test]
fn a_log_filter_that_cannot_be_read_is_wrong_usage() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_spoa-agent"));
    command.args(["--listen", "127.0.0.1:0"]).env("RUST_LOG", "a=b=c");
    let outcome = to_the_end(command);
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    assert!(outcome.stderr.contains("RUST_LOG"), "{outcome:?}");
}

#[test]
fn checklist_43_accepting_goes_on_after_the_agent_has_run_out_of_open_files() {
    let agent = Agent::on_tcp();
    agent.limit_open_files(40, 40);
    let address = agent.address();
    // More than it has files for: the rest waits in the backlog, and so does the call.
    let connect = |_| TcpStream::connect(&address).expect("the backlog takes it");
    let connections: Vec<_> = (0..60).map(connect).collect();
    let call = ["call", "--addr", &address, "--timeout", "500ms", "check-client-ip", "ip=::1"];
    let outcome = spoa_agent(&call);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");

    drop(connections);
    let call = ["call", "--addr", &address, "--timeout", "15s", "check-client-ip", "ip=::1"];
    let outcome = spoa_agent(&call);
    assert_eq!((outcome.code, &*outcome.stdout), (Some(0), ANSWER), "{outcome:?}");
    assert_eq!(agent.end_by("TERM"), Some(0));
}

#[test]
fn a_log_that_cannot_be_written_stops_nothing() {
    let agent = Agent::with_a_full_log();
    let address = agent.address();
    for _ in 0..4 {
        // Without its argument it fails, which is logged.
        let outcome = spoa_agent(&["call", "--addr", &address, "check-client-ip"]);
        assert_eq!((outcome.code, &*outcome.stdout), (Some(0), "no actions\n"), "{outcome:?}");
        let outcome = spoa_agent(&["call", "--addr", &address, "check-client-ip", "ip=::1"]);
        assert_eq!((outcome.code, &*outcome.stdout), (Some(0), ANSWER), "{outcome:?}");
    }
    assert_eq!(agent.end_by("TERM"), Some(0));
}

#[test]
fn a_stop_without_a_notice_period_does_not_wait() {
    let agent = Agent::start(&["--listen", "127.0.0.1:0", "--notice-period", "0s"]);
    // Whoever checks its health would be waited for.
    assert_eq!(spoa_agent(&["healthcheck", "--addr", &agent.address()]).code, Some(0));
    let begun = Instant::now();
    assert_eq!(agent.end_by("TERM"), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
}

#[test]
fn the_log_names_the_option_of_a_limit() {
    let folder = Folder::new();
    let log = folder.file("log");
    let limits = ["--max-connections", "1"];
    let agent = Agent::with_variables(&limits, &[("RUST_LOG", "warn")], &log);
    let address = agent.address();
    let has = |part: &str| fs::read_to_string(&log).unwrap().contains(part);
    let hold = ["load", "--addr", &address, "-w", "0", "-d", "500ms", "-c", "2", "m"];
    spoa_agent(&hold);
    until(|| has("connection limit reached: refused a connection; raise --max-connections or"));
    assert!(!has("Limits::"), "{:?}", fs::read_to_string(&log));
}
