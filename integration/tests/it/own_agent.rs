//! A program with a handler of one's own, whose `main` has three lines: it has what `spoa-agent` has.

use std::process::{Command, Output};

use spoa_integration::{Config, Engine, SpoaAgent, SpoaAgentOptions, on_every_haproxy};

use crate::scene::{self, SOON};

const PROGRAM: &str = env!("CARGO_BIN_EXE_own_agent");

async fn own_agent(options: &str) -> SpoaAgent {
    SpoaAgentOptions::default().program(PROGRAM).options(options).start().await.unwrap()
}

/// What a command of it prints, and its exit code.
fn outcome(words: &[&str]) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = Command::new(PROGRAM).args(words).output().unwrap();
    let text = [stdout, stderr].concat();
    (status.code(), String::from_utf8(text).unwrap())
}

#[track_caller]
fn printed(words: &[&str]) -> String {
    let (code, text) = outcome(words);
    assert_eq!(code, Some(0), "{words:?}: {text}");
    text
}

on_every_haproxy! {
    #[tokio::test]
    async fn it_answers_haproxy_has_metrics_and_drains(version: Version) {
        let mut agent = own_agent("--worker-threads 1").await;
        let engine = Engine::new("own").agent(&agent).spop_check();
        let engine = engine.message("check-client-ip", "ip=src", "on-frontend-http-request");
        let config = Config::new(version).engine(engine).frontend(
            "http-request return status 200 hdr x-score \"%[var(sess.own.ip_score)]\"",
        );
        let haproxy = scene::start(config).await;
        let answer = haproxy.http().get("/").await.unwrap();
        assert_eq!((answer.status, answer.header("x-score")), (200, Some("20")));
        let answered = agent.sample(r#"spoa_messages_total{outcome="answered"}"#);
        assert_eq!(answered.await.unwrap(), 1.0);
        let page = agent.http().get("/").await.unwrap();
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
        let version = env!("CARGO_PKG_VERSION");
        let info = format!(r#"spoa_build_info{{program="own_agent",version="{version}"}}"#);
        assert_eq!(agent.sample(&info).await.unwrap(), 1.0);
        let status = agent.http().get("/status.json").await.unwrap().text();
        let begin = format!(r#"{{"program":"own_agent","version":"{version}","#);
        assert!(status.replace([' ', '\n'], "").starts_with(&begin), "{status}");

        agent.terminate().unwrap();
        assert!(agent.ended(SOON).await.unwrap().success(), "{}", agent.log());
    }
}

#[tokio::test]
async fn it_has_the_commands_which_speak_of_it_by_its_name() {
    let agent = own_agent("--worker-threads 1").await;
    let address = agent.address().to_string();
    let line = agent.announcement();
    let begin = format!("own_agent (spoa-agent {}) listens on ", env!("CARGO_PKG_VERSION"));
    assert!(line.starts_with(&begin), "{line}");
    let call = format!("try: {PROGRAM} call --addr {address} check-client-ip NAME=VALUE\n");
    assert!(line.ends_with(&call), "{line}");

    let place = ["--addr", &*address];
    let call = [&["call"], &place[..], &["check-client-ip", "ip=127.0.0.1"]].concat();
    assert_eq!(printed(&call), "set-var sess.ip_score = 20 (int64)\n");
    let healthy = printed(&[&["healthcheck"], &place[..]].concat());
    assert_eq!(healthy, "healthy: SPOP 2.0, max-frame-size 16380\n");
    agent.load("--frames 10 check-client-ip ip=192.0.2.1 --expect 1").await.unwrap();

    let help = printed(&["--help"]);
    assert!(help.contains("Usage: own_agent [OPTIONS]"), "{help}");
    for part in ["--listen <HOST:PORT>", "own_agent call MESSAGE NAME=VALUE"] {
        assert!(help.contains(part), "{part}: {help}");
    }
    for words in [&["--help"][..], &["run", "--help"], &["call", "--help"], &["load", "--help"]] {
        let help = printed(words);
        assert!(!help.contains("spoa-agent"), "{words:?}: {help}");
    }
    assert!(
        printed(&["--version"])
            .starts_with(&begin.replace(" listens on ", "\nlibrary:  spoa-agent "))
    );
    assert!(printed(&["man"]).contains(".TH own_agent 1"));
    assert!(printed(&["completions", "bash"]).contains("complete -F _own_agent"), "bash");
}

#[tokio::test]
async fn it_does_not_start_with_wrong_options() {
    for (words, code, part) in [
        (&["run", "--listen", "localhost"][..], 2, "it has no port"),
        (&["--tls-cert", "a"], 2, "--tls-key"),
        (&["--listen", "192.0.2.1:1"], 1, "choose an address of this machine"),
    ] {
        let (found, text) = outcome(words);
        assert_eq!(found, Some(code), "{text}");
        assert!(text.contains("error: ") && text.contains(part), "{text}");
    }
}
