//! HAProxy's side as text.

use std::time::Duration;

use clap::ValueEnum;
use spoa_handlers::configuration::{Action, Unanswered};

use super::{
    haproxy_side::{ArgumentSide, HaproxySide, MessageSide, OutputSide, ServerSide, TlsSide},
    haproxy_version::HaproxyVersion,
};

fn argument(name: &str, fetch: &str) -> ArgumentSide {
    ArgumentSide { name: name.to_owned(), fetch: fetch.to_owned() }
}

fn server(name: &str, address: &str) -> ServerSide {
    ServerSide {
        name: name.to_owned(),
        from: format!("[listen.{name}]"),
        address: address.to_owned(),
        placeholder: None,
        has_proxy_header: false,
        tls: None,
    }
}

fn message(name: &str) -> MessageSide {
    MessageSide {
        section: name.to_owned(),
        name: name.to_owned(),
        is_of_response: false,
        arguments: vec![argument("ip", "src")],
        deadline: Duration::from_millis(100),
        unanswered: None,
        verdicts: Vec::new(),
        texts: Vec::new(),
        outputs: Vec::new(),
    }
}

/// All that there is.
#[allow(clippy::too_many_lines, reason = "it is a table")]
fn whole(version: HaproxyVersion) -> HaproxySide {
    use Action::{Allow, Challenge, Deny, Drop, Redirect, Respond, Tarpit};
    let check = MessageSide {
        arguments: vec![
            argument("ip", "src"),
            argument("path", "path"),
            argument("body", "req.body"),
        ],
        unanswered: Some(Unanswered::Deny),
        verdicts: vec![
            (Allow, None),
            (Deny, None),
            (Deny, Some(429)),
            (Deny, Some(401)),
            (Deny, Some(204)),
            (Redirect, Some(307)),
            (Challenge, None),
            (Respond, Some(404)),
            (Tarpit, Some(429)),
            (Drop, None),
        ],
        texts: vec!["location", "cookie", "cookie2", "body", "retry_after", "authenticate"],
        outputs: vec![OutputSide {
            handler: "geo".to_owned(),
            scope: "txn",
            name: "geo.country".to_owned(),
        }],
        ..message("check-request")
    };
    let slow = MessageSide {
        deadline: Duration::from_secs(2),
        unanswered: Some(Unanswered::Allow),
        verdicts: vec![(Deny, None)],
        ..message("slow")
    };
    let response = MessageSide {
        arguments: vec![
            argument("status", "status"),
            argument("path", "path"),
            argument("ip", "src"),
        ],
        is_of_response: true,
        verdicts: vec![(Deny, Some(502))],
        unanswered: Some(Unanswered::Allow),
        ..message("see-response")
    };
    let proxied = ServerSide {
        has_proxy_header: true,
        tls: Some(TlsSide { cert: "agent.pem".to_owned(), client_ca: Some("ca.pem".to_owned()) }),
        placeholder: Some("0.0.0.0:12345".to_owned()),
        ..server("net", "127.0.0.1:12345")
    };
    HaproxySide {
        version,
        prefix: "spoa".parse().unwrap(),
        folder: None,
        file: "spoa-agent.toml".to_owned(),
        is_traced: true,
        notice_period: Duration::from_secs(2),
        messages: vec![check, slow, response],
        servers: vec![server("local", "unix@/run/spoa-agent/agent.sock"), proxied],
    }
}

fn text(side: &HaproxySide) -> String {
    side.files().iter().map(|file| format!("== {}\n{}", file.name, file.text)).collect()
}

/// The lines that are no comments, as HAProxy reads them.
fn effective(text: &str) -> Vec<&str> {
    let lines = text.lines().map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

#[test]
fn the_files_are_as_they_were() {
    for version in HaproxyVersion::value_variants() {
        let snapshot = format!(
            "{}/src/gen_config/snapshots/{}.txt",
            env!("CARGO_MANIFEST_DIR"),
            version.branch()
        );
        let text = text(&whole(*version));
        if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
            std::fs::write(&snapshot, &text).unwrap();
        }
        let expected = std::fs::read_to_string(&snapshot).unwrap();
        assert!(
            text == expected,
            "{snapshot} differs; UPDATE_SNAPSHOTS=1 writes it again:\n{text}"
        );
    }
}

#[test]
fn a_message_that_only_finds_has_no_rules() {
    let mut side = whole(HaproxyVersion::V3_2);
    side.messages = vec![message("see")];
    side.is_traced = false;
    let files = side.files();
    let names: Vec<_> = files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["haproxy.spoa.cfg", "spoa.spoe.conf"]);
    let lines = effective(&files[0].text);
    let rules: Vec<_> = lines.iter().filter(|line| line.starts_with("http-")).collect();
    assert_eq!(rules, [&"http-request send-spoe-group spoa see"]);
}

#[test]
fn every_line_says_where_it_comes_from() {
    for version in HaproxyVersion::value_variants() {
        for file in whole(*version).files().iter().filter(|file| !file.name.ends_with(".html")) {
            let mut is_said = false;
            for line in file.text.lines() {
                let line = line.trim();
                is_said = match line {
                    "" => false,
                    _ if line.starts_with('#') => true,
                    // The heads of sections have their comment above the first of them.
                    _ if line.starts_with("spoe-agent ") || line.starts_with("spoe-group ") => true,
                    _ => is_said,
                };
                assert!(is_said || line.is_empty(), "{line}");
            }
        }
    }
}

#[test]
fn nothing_begins_a_line_of_its_own() {
    let mut side = whole(HaproxyVersion::V3_2);
    side.file = "a\nglobal\r\n  lua-load x".to_owned();
    side.servers[1].placeholder = Some("x\n  server evil 192.0.2.1:1".to_owned());
    for file in side.files() {
        let lines = effective(&file.text);
        assert!(!lines.iter().any(|line| line.starts_with("lua") || line.contains("evil")));
    }
}

#[test]
fn haproxy_waits_longer_than_the_agent() {
    for (deadline, processing) in [(0, 50), (10, 60), (100, 150), (1_000, 1_500), (9_000, 9_500)] {
        let deadline = Duration::from_millis(deadline);
        let message = MessageSide { deadline, ..message("m") };
        assert_eq!(message.processing(), Duration::from_millis(processing));
    }
}
