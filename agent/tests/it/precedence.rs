//! Options win over the environment, which wins over the configuration file, which wins over defaults.

use std::{fs, process::Command};

use crate::{
    config_file::written,
    scene::{Agent, Folder, Outcome, spoa_agent, text, to_the_end, until},
};

const MESSAGE: &str = "
[handler.all]
kind = \"set\"
values = { seen = true }

[message.m]
run = [\"all\"]
";

/// What the agent logs at its start.
fn started(arguments: &[&str], variables: &[(&str, &str)]) -> serde_json::Value {
    let folder = Folder::new();
    let log = folder.file("log");
    let _agent = Agent::with_variables(arguments, variables, &log);
    let first = || {
        let log = fs::read_to_string(&log).ok()?;
        log.lines().find(|line| line.contains("agent started")).map(str::to_owned)
    };
    until(|| first().is_some());
    serde_json::from_str(&first().expect("it was there")).expect("it is JSON")
}

#[test]
fn a_value_comes_from_the_option_the_environment_the_file_or_the_default_in_this_order() {
    let file = format!(
        "[agent]\ndeadline = \"111ms\"\nworkers = 1\n[limits]\nconnections = 111\nin_flight = 1_111\n\
         memory = \"64MiB\"\n{MESSAGE}"
    );
    let (_folder, path) = written(&file);
    let line = started(
        &["--config", &path, "--max-connections", "333"],
        &[("SPOA_MAX_CONNECTIONS", "222"), ("SPOA_MAX_MESSAGES", "222"), ("SPOA_DEADLINE", "")],
    );
    for (name, value) in [
        ("max_connections", serde_json::Value::from(333)),
        ("max_messages", 222.into()),
        ("deadline", "111ms".into()),
        ("max_memory", (64 << 20).into()),
        ("notice_period", "7s".into()),
        ("routes", "m".into()),
    ] {
        assert_eq!(line[name], value, "{name} of {line}");
    }
    let by_variable = started(&[], &[("SPOA_CONFIG", &path)]);
    assert_eq!(by_variable["max_connections"], 111);
}

#[test]
fn listeners_of_options_replace_those_of_the_file() {
    let folder = Folder::new();
    let (own, other) = (folder.file("own"), folder.file("other"));
    let file = format!(
        "[listen.a]\nunix = {:?}\nmode = \"660\"\n[listen.b]\ntcp = \"127.0.0.1:0\"\nproxy_protocol = true\n{MESSAGE}",
        text(&own)
    );
    let (_folder, path) = written(&file);
    let agent = Agent::start(&["--config", &path]);
    let places = format!("{}, unix {} and answers m", agent.address(), own.display());
    assert!(agent.line.contains(&places), "{}", agent.line);
    let by_unix = spoa_agent(&["call", "--unix", text(&own), "m"]);
    assert!(by_unix.stdout.contains("txn.all.seen = true"), "{by_unix:?}");
    let by_tcp = spoa_agent(&["call", "--addr", &agent.address(), "--proxy-protocol", "m"]);
    assert!(by_tcp.stdout.contains("txn.all.seen = true"), "{by_tcp:?}");
    assert_eq!(agent.end_by("TERM"), Some(0));
    let agent = Agent::start(&["--config", &path, "--unix", text(&other)]);
    assert!(
        agent.line.contains(&format!("listens on unix {} and", other.display())),
        "{}",
        agent.line
    );
    assert!(!own.exists());
}

#[test]
fn a_switch_of_the_file_can_be_switched_off() {
    let (_folder, path) =
        written(&format!("[listen.a]\ntcp = \"127.0.0.1:0\"\nproxy_protocol = true\n{MESSAGE}"));
    let agent = Agent::start(&["--config", &path, "--proxy-protocol=false"]);
    let asked = spoa_agent(&["call", "--addr", &agent.address(), "m"]);
    assert!(asked.stdout.contains("txn.all.seen = true"), "{asked:?}");
}

fn with_variable(arguments: &[&str], name: &str, value: &str) -> Outcome {
    let mut command = Command::new(env!("CARGO_BIN_EXE_spoa-agent"));
    command.args(arguments).env(name, value).env_remove("RUST_LOG");
    to_the_end(command)
}

#[test]
fn a_variable_is_read_as_its_option() {
    for (name, value, part) in [
        ("SPOA_MAX_CONNECTIONS", "0", "write a whole number from 1"),
        ("SPOA_DEADLINE", "5", "write a duration from 1ms"),
        ("SPOA_LISTEN", "127.0.0.1:0,localhost", "write localhost:12345"),
        ("SPOA_ASYNC", "maybe", "--async"),
    ] {
        let outcome = with_variable(&["run"], name, value);
        assert_eq!(outcome.code, Some(2), "{name}={value}: {outcome:?}");
        assert!(outcome.stderr.contains(part), "{name}={value}: {outcome:?}");
    }
}

#[test]
fn what_the_file_says_has_the_bounds_of_its_option() {
    let file = format!(
        "[agent]\ndeadline = \"2d\"\nworkers = 0\n[limits]\nconnections = 0\nframe = \"1KiB\"\n\
         [trace]\nratio = 2\n{MESSAGE}"
    );
    let (_folder, path) = written(&file);
    let outcome = spoa_agent(&["check", &path]);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    for part in [
        "`deadline` of `[agent]` does not take this",
        "write a duration from 1ms to 24h",
        "spoa-agent.toml:2:12",
        "`workers` of `[agent]`",
        "`connections` of `[limits]`",
        "write a number from 0 to 1",
        "4 errors",
    ] {
        assert!(outcome.stderr.contains(part), "{part} is not in {}", outcome.stderr);
    }
}

#[test]
fn the_token_of_the_admin_endpoint_is_a_secret_of_the_file() {
    let file = format!(
        "[secrets]\nadmin = {{ env = \"ADMIN_TOKEN\" }}\n[admin]\ntcp = \"127.0.0.1:0\"\ntoken = \"admin\"\n{MESSAGE}"
    );
    let (_folder, path) = written(&file);
    let outcome =
        with_variable(&["--config", &path, "--listen", "127.0.0.1:0"], "ADMIN_TOKEN", "short");
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains("the secret admin as the token"), "{outcome:?}");
    let missing = spoa_agent(&["check", &path]);
    assert!(missing.stderr.contains("ADMIN_TOKEN is not set"), "{missing:?}");
}
