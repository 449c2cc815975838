//! `spoa-agent call`.

use std::net::TcpListener;

use crate::scene::{Agent, Folder, Outcome, spoa_agent, stranger, text};

fn call(agent: &Agent, args: &[&str]) -> Outcome {
    spoa_agent(&[&["call", "--addr", &agent.address()], args].concat())
}

#[track_caller]
fn check_fails(outcome: &Outcome, code: i32, parts: &[&str]) {
    assert_eq!(outcome.code, Some(code), "{outcome:?}");
    assert_eq!(outcome.stdout, "", "{outcome:?}");
    assert!(outcome.stderr.starts_with("error: "), "{outcome:?}");
    for part in parts {
        assert!(outcome.stderr.contains(part), "{part:?} not in {outcome:?}");
    }
}

#[test]
fn a_loopback_address_scores_20_and_another_10() {
    let agent = Agent::on_tcp();
    for message in ["check-client-ip", "get-ip-reputation"] {
        for (ip, score) in [("127.0.0.1", 20), ("::1", 20), ("192.0.2.1", 10)] {
            let outcome = call(&agent, &[message, &format!("ip={ip}")]);
            let line = format!("set-var sess.ip_score = {score} (int64)\n");
            assert_eq!((outcome.code, outcome.stdout), (Some(0), line), "{message}");
        }
    }
}

#[test]
fn json_is_one_line() {
    let agent = Agent::on_tcp();
    let outcome = call(&agent, &["check-client-ip", "ip=127.0.0.1", "--json"]);
    let action = concat!(
        r#"{"action":"set-var","scope":"sess","name":"ip_score","#,
        r#""type":"int64","value":20}"#
    );
    assert_eq!(outcome.stdout, format!("{{\"actions\":[{action}]}}\n"));
    let outcome = call(&agent, &["unknown", "--json"]);
    assert_eq!(outcome.stdout, "{\"actions\":[]}\n");
}

#[test]
fn arguments_have_the_type_that_is_given() {
    let agent = Agent::on_tcp();
    for (argument, answered) in [
        ("ip:ipv4=127.0.0.1", true),
        ("ip:ipv6=::1", true),
        ("ip:str=127.0.0.1", true),
        ("ip:str=localhost", false),
        ("ip:bin=0x7f000001", false),
        ("ip:null", false),
        ("=127.0.0.1", false),
    ] {
        let outcome = call(&agent, &["check-client-ip", argument]);
        assert_eq!(outcome.code, Some(0), "{argument}: {outcome:?}");
        let silent = outcome.stdout == "no actions\n";
        assert_eq!(silent, !answered, "{argument}: {outcome:?}");
    }
}

#[test]
fn an_unknown_message_has_no_actions() {
    let agent = Agent::on_tcp();
    let outcome = call(&agent, &["unknown", "n=1"]);
    assert_eq!((outcome.code, &*outcome.stdout), (Some(0), "no actions\n"));
}

/// A message that is not known, an argument that is missing, and one of another type look the same.
#[test]
fn an_answer_without_actions_comes_with_its_possible_causes() {
    let agent = Agent::on_tcp();
    for (words, asked) in [
        ("chek-client-ip ip=127.0.0.1", "chek-client-ip ip:ipv4"),
        ("check-client-ip", "check-client-ip"),
        ("check-client-ip ip=localhost", "check-client-ip ip:string"),
        ("a n=1 -- b =true", "a n:int64, b :bool"),
    ] {
        for (format, answer) in [(&[][..], "no actions\n"), (&["--json"], "{\"actions\":[]}\n")] {
            let words: Vec<_> = [format, &words.split(' ').collect::<Vec<_>>()].concat();
            let warned = call(&agent, &words);
            assert_eq!((warned.code, &*warned.stdout), (Some(0), answer), "{warned:?}");
            let failed = call(&agent, &[&["--fail-empty"], &words[..]].concat());
            assert_eq!((failed.code, &*failed.stdout), (Some(3), answer), "{failed:?}");
            for (outcome, label) in [(warned, "warning"), (failed, "error")] {
                let begin =
                    format!("{label}: no actions for {asked}: the agent may have no handler");
                assert!(outcome.stderr.starts_with(&begin), "{outcome:?}");
                for part in ["argument may be missing", "another type", "look at the agent's log"] {
                    assert!(outcome.stderr.contains(part), "{part}: {outcome:?}");
                }
                assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
            }
        }
    }
}

#[test]
fn an_answer_with_an_action_has_no_warning() {
    let agent = Agent::on_tcp();
    for fail_empty in [&[][..], &["--fail-empty"]] {
        let words = ["unknown", "--", "check-client-ip", "ip=::1"];
        let outcome = call(&agent, &[fail_empty, &words].concat());
        assert_eq!((outcome.code, &*outcome.stderr), (Some(0), ""), "{outcome:?}");
    }
}

#[test]
fn several_messages_share_one_answer() {
    let agent = Agent::on_tcp();
    let words = "check-client-ip ip=::1 -- unknown -- get-ip-reputation ip=192.0.2.1";
    let outcome = call(&agent, &words.split(' ').collect::<Vec<_>>());
    let both = "set-var sess.ip_score = 20 (int64)\nset-var sess.ip_score = 10 (int64)\n";
    assert_eq!((outcome.code, &*outcome.stdout), (Some(0), both));
}

#[test]
fn a_message_too_large_for_a_frame_is_refused_by_the_agent() {
    let agent = Agent::on_tcp();
    let argument = format!("ua={}", "a".repeat(20_000));
    let outcome = call(&agent, &["check-client-ip", &argument]);
    check_fails(&outcome, 1, &["disconnects with status 3", "16380"]);
}

#[test]
fn an_agent_that_cannot_be_reached_is_named() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let free = free.to_string();
    let outcome = spoa_agent(&["call", "--addr", &free, "m"]);
    check_fails(&outcome, 1, &[&free, "Connection refused", "spoa-agent run"]);

    let folder = Folder::new();
    let path = folder.file("none.sock");
    let outcome = spoa_agent(&["call", "--unix", text(&path), "m"]);
    check_fails(&outcome, 1, &[text(&path), "No such file", "spoa-agent run"]);
}

#[test]
fn a_silent_peer_is_given_up() {
    let address = stranger(b"").to_string();
    let outcome = spoa_agent(&["call", "--addr", &address, "--timeout", "100ms", "m"]);
    check_fails(&outcome, 1, &[&address, "within 100ms", "--timeout"]);
}

#[test]
fn a_peer_that_is_no_agent_is_told() {
    let address = stranger(b"HTTP/1.1 400 Bad Request\r\n\r\n").to_string();
    let outcome = spoa_agent(&["call", "--addr", &address, "m"]);
    check_fails(&outcome, 1, &[&address, "check that it is a SPOE agent"]);
}

#[test]
fn wrong_usage_names_the_fix() {
    let many = vec!["=1"; 256];
    for (args, part) in [
        (&["m", "ip"][..], "write ip=VALUE"),
        (&["m", "ip:ip=::1"], "unknown type \"ip\": use null"),
        (&["m", "n:uint32=-1"], "from 0 to 4294967295"),
        (&["m", "--", "n", "ip"], "write ip=VALUE"),
        (&["m", "--", "ip=::1"], "the name of a message comes first"),
        (&["ip=::1"], "the name of a message comes first"),
        (&["m", "--timeout", "5"], "500ms, 2s, 1m or 12h"),
        (&["m", "--addr", "localhost"], "write localhost:12345"),
        (&["m", "--addr", "a:1", "--unix", "b"], "cannot be used with"),
        (&[&["m"], &many[..]].concat(), "256 arguments: SPOP allows 255"),
    ] {
        check_fails(&spoa_agent(&[&["call"], args].concat()), 2, &[part]);
    }
}
