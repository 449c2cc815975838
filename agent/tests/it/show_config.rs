//! What is in effect, and where each value comes from.

use std::process::Command;

use crate::{
    config_file::written,
    scene::{spoa_agent, to_the_end},
};

const FILE: &str = r#"
[agent]
deadline = "111ms"

[limits]
connections = 111
in_flight = 222

[listen.a]
tcp = "127.0.0.1:0"

[trace]
otlp = "http://me:hidden-in-url@127.0.0.1:4317"
headers = { x-api-key = "otlp" }

[secrets]
otlp = { env = "OTLP_KEY" }

[handler.all]
kind = "set"
values = { seen = "${HIDDEN_VALUE}" }

[message.m]
run = ["all"]
"#;

/// The value of a line, and where it comes from.
fn line(shown: &str, key: &str) -> (String, String) {
    let begin = format!("{key} = ");
    let found = shown.lines().find_map(|line| line.strip_prefix(&begin));
    let (value, from) = found
        .unwrap_or_else(|| panic!("{key} is not in {shown}"))
        .split_once("# ")
        .expect("it says where it comes from");
    (value.trim().to_owned(), from.to_owned())
}

fn shown(path: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_spoa-agent"));
    let options =
        ["show-config", path, "--max-connections", "333", "--otlp-header", "a=hidden-header"];
    command.args(options).env_remove("RUST_LOG");
    command.envs([
        ("SPOA_MAX_MESSAGES", "444"),
        ("OTLP_KEY", "hidden-key"),
        ("HIDDEN_VALUE", "hidden-value"),
        ("OTEL_SERVICE_NAME", "edge"),
    ]);
    let outcome = to_the_end(command);
    assert_eq!((outcome.code, &*outcome.stderr), (Some(0), ""), "{outcome:?}");
    outcome.stdout
}

#[test]
fn each_value_has_where_it_comes_from() {
    let (_folder, path) = written(FILE);
    let shown = shown(&path);
    for (key, value, from) in [
        ("connections", "333", "option --max-connections"),
        ("in_flight", "444", "environment SPOA_MAX_MESSAGES"),
        ("deadline", "\"111ms\"", &*format!("{path}:3")),
        ("notice_period", "\"7s\"", "default"),
        ("tcp", "\"127.0.0.1:0\"", &format!("{path}:10")),
        ("kind", "\"set\"", &format!("{path}:20")),
        ("run", "[\"all\"]", &format!("{path}:24")),
    ] {
        assert_eq!(line(&shown, key), (value.to_owned(), from.to_owned()), "{shown}");
    }
    assert!(shown.contains("# service_name is set elsewhere"), "{shown}");
    assert!(shown.contains("# environment OTEL_SERVICE_NAME"), "{shown}");
    assert!(shown.contains("[handler.all]"), "{shown}");
}

#[test]
fn a_secret_is_never_printed() {
    let (_folder, path) = written(FILE);
    let shown = shown(&path);
    assert!(!shown.contains("hidden"), "{shown}");
    assert!(shown.contains("${HIDDEN_VALUE}"), "{shown}");
}

#[test]
fn without_a_file_the_options_and_defaults_are_shown() {
    let outcome = spoa_agent(&["show-config", "--listen", "127.0.0.1:7"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_eq!(line(&outcome.stdout, "connections"), ("10000".to_owned(), "default".to_owned()));
    assert!(outcome.stdout.contains("127.0.0.1:7"), "{outcome:?}");
    let missing = spoa_agent(&["show-config", "/nonexistent/a.toml"]);
    assert_eq!(missing.code, Some(1), "{missing:?}");
}
