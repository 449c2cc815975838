//! Real signals to a real process.

use std::{
    fs,
    net::TcpListener,
    path::Path,
    time::{Duration, Instant},
};

use crate::scene::{Agent, Folder, spoa_agent, until};

fn logged(log: &Path, text: &str) -> bool {
    fs::read_to_string(log).is_ok_and(|log| log.contains(text))
}

#[track_caller]
fn check_that_it_answers(agent: &Agent) {
    let outcome = spoa_agent(&["call", "--addr", &agent.address(), "check-client-ip", "ip=::1"]);
    assert!(outcome.stdout.starts_with("set-var sess.ip_score = 20 (int64)\n"), "{outcome:?}");
}

/// One that would be refused health checks for an hour, once it has a signal.
fn patient_agent(log: &Path) -> Agent {
    let agent = Agent::with_variables(&["--notice-period", "60m"], &[], log);
    let check = spoa_agent(&["healthcheck", "--addr", &agent.address()]);
    assert_eq!(check.code, Some(0), "{check:?}");
    agent
}

#[test]
fn signals_that_end_other_programs_are_logged_and_change_nothing() {
    let folder = Folder::new();
    let log = folder.file("log");
    let agent = Agent::with_variables(&[], &[], &log);
    for (signal, line) in [
        ("HUP", "SIGHUP ignored: changed certificates are loaded without a signal"),
        ("USR1", "SIGUSR1 ignored: it has no meaning here; send SIGTERM to stop the agent"),
        ("USR2", "SIGUSR2 ignored: it has no meaning here; send SIGTERM to stop the agent"),
    ] {
        agent.signal(signal);
        until(|| logged(&log, line));
        check_that_it_answers(&agent);
    }
    assert_eq!(agent.end_by("TERM"), Some(0));
}

#[test]
fn they_change_nothing_while_it_stops_either() {
    let folder = Folder::new();
    let log = folder.file("log");
    let agent = patient_agent(&log);
    agent.signal("TERM");
    until(|| logged(&log, "refusing health checks"));
    for signal in ["HUP", "USR1", "USR2"] {
        agent.signal(signal);
        until(|| logged(&log, &format!("SIG{signal} ignored")));
    }
    check_that_it_answers(&agent);
    assert_eq!(agent.end_at_once_by("TERM"), Some(0));
}

#[test]
fn a_second_signal_that_follows_at_once_is_the_same() {
    let folder = Folder::new();
    let log = folder.file("log");
    let agent = patient_agent(&log);
    agent.signals(&["TERM", "INT"]);
    until(|| {
        logged(&log, "ignored: it came within 1s of the first; send it again to stop at once")
    });
    check_that_it_answers(&agent);
    assert_eq!(agent.end_at_once_by("INT"), Some(0));
    assert!(logged(&log, "immediate stop: received SIGINT again"));
}

#[test]
fn a_second_signal_ends_it_at_once_though_a_collector_says_nothing() {
    // Its backlog takes connections, and nobody answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let folder = Folder::new();
    let log = folder.file("log");
    let late = [("OTEL_BSP_SCHEDULE_DELAY", "3600000")];
    let agent = Agent::with_variables(&["--otlp", &url], &late, &log);
    check_that_it_answers(&agent);
    let asked = Instant::now();
    agent.signal("TERM");
    until(|| logged(&log, "agent stopped"));
    assert_eq!(agent.end_at_once_by("TERM"), Some(0));
    assert!(logged(&log, "immediate stop: received SIGTERM again"));
    // Without it, spans are tried for 5 s, and metrics for another.
    assert!(asked.elapsed() < Duration::from_secs(4), "{:?}", asked.elapsed());
}
