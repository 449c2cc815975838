//! A configuration file, served by the real binary and asked over a real socket.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
};

use crate::scene::{Agent, Folder, spoa_agent, text};

const RULES: &str = r#"
[handler.rules]
kind = "rules"
rules = [
    { if = "path.startsWith('/admin')", then = "deny", status = 403, reason = "admin" },
    { if = "path == '/old'", then = "deny", status = 410, reason = "gone" },
]

[message.check-request]
run = ["rules"]
unanswered = "deny"
"#;

/// A file with this text, in a folder of its own.
pub(crate) fn written(content: &str) -> (Folder, String) {
    let folder = Folder::new();
    let path = folder.file("spoa-agent.toml");
    fs::write(&path, content).expect("the folder is ours");
    let path = text(&path).to_owned();
    (folder, path)
}

#[test]
fn the_messages_of_a_file_are_served_instead_of_the_samples() {
    let (_folder, path) = written(RULES);
    let agent = Agent::start(&["--config", &path, "--listen", "127.0.0.1:0"]);
    assert!(agent.line.contains(" and answers check-request; try: "), "{}", agent.line);
    let ask = |message: &str, argument: &str| {
        spoa_agent(&["call", "--addr", &agent.address(), message, argument]).stdout
    };
    let denied = ask("check-request", "path=/admin/users");
    assert!(
        denied.contains("txn.action = \"deny\"") && denied.contains("txn.reason = \"admin\""),
        "{denied}"
    );
    let allowed = ask("check-request", "path=/");
    assert!(allowed.contains("txn.action = \"allow\""), "{allowed}");
    assert_eq!(ask("check-client-ip", "ip=127.0.0.1"), "no actions\n");
    assert_eq!(agent.end_by("TERM"), Some(0));
}

#[test]
fn all_findings_are_printed_at_once_and_nothing_is_started() {
    let (_folder, path) = written(
        "[agent]\ndeadlin = \"1s\"\n[limits]\nconnections = \"many\"\n[handler.a]\nkind = \"rulez\"\n\
         [message.m]\nrun = [\"a\"]\n",
    );
    for command in [&["run", "--config", &*path][..], &["--config", &path], &["check", &path]] {
        let outcome = spoa_agent(command);
        assert_eq!((outcome.code, &*outcome.stdout), (Some(1), ""), "{outcome:?}");
        for part in [
            "`[agent]` has no setting `deadlin`",
            "did you mean `deadline`?",
            "expected a whole number",
            "no handler of the kind `rulez`",
            "spoa-agent.toml:2:1",
            "spoa-agent.toml: 3 errors",
        ] {
            assert!(outcome.stderr.contains(part), "{part} is not in {}", outcome.stderr);
        }
    }
}

#[test]
fn a_warning_is_printed_and_the_agent_starts() {
    let unused = format!("{RULES}\n[handler.spare]\nkind = \"set\"\nvalues = {{ a = 1 }}\n");
    let (_folder, path) = written(&unused);
    let outcome = spoa_agent(&["check", &path]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(outcome.stderr.contains("warning: no message runs the handler `spare`"), "{outcome:?}");
    let agent = Agent::start(&["--config", &path, "--listen", "127.0.0.1:0"]);
    assert_eq!(agent.end_by("TERM"), Some(0));
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let outcome = spoa_agent(&["--config", "/nonexistent/a.toml"]);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains("cannot read `/nonexistent/a.toml`"), "{outcome:?}");
    let outcome = spoa_agent(&["check"]);
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
}

/// What `GET` of this path gets from the agent's admin endpoint.
fn get(agent: &Agent, path: &str) -> String {
    let (_, page) = agent.line.split_once("http://").expect("the line has the page");
    let admin = page.split('/').next().unwrap_or_default();
    let mut stream = TcpStream::connect(admin).expect("it listens");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers in UTF-8");
    answer
}

#[test]
fn what_a_file_counts_is_in_the_metrics_and_its_audit_is_whole_at_the_end() {
    let (folder, path) = written(
        r#"
[handler.rules]
kind = "rules"
rules = { if = "path == '/x'", then = "deny" }

[handler.trail]
kind = "audit"
file = "audit.jsonl"
keep = ["path", "action"]

[handler.seen]
kind = "metrics"
metrics = [
    { counter = "site_requests_total", help = "Requests of the site.", labels = { path = "path", action = "action" } },
    { histogram = "site_body_bytes", value = "body_size", buckets = [10, 100] },
]

[message.check-request]
run = ["rules", "trail", "seen"]
unanswered = "deny"
"#,
    );
    let agent =
        Agent::start(&["--config", &path, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
    for argument in ["path=/x", "path=/a\"b\\c", "path=/x"] {
        let arguments =
            ["call", "--addr", &agent.address(), "check-request", argument, "body_size=11"];
        spoa_agent(&arguments);
    }
    let metrics = get(&agent, "/metrics");
    for line in [
        "# HELP site_requests_total Requests of the site.",
        "# TYPE site_requests_total counter",
        r#"site_requests_total{path="/a\"b\\c",action="allow"} 1"#,
        r#"site_requests_total{path="/x",action="deny"} 2"#,
        "# TYPE site_body_bytes histogram",
        r#"site_body_bytes_bucket{le="10"} 0"#,
        r#"site_body_bytes_bucket{le="100"} 3"#,
        r#"site_body_bytes_bucket{le="+Inf"} 3"#,
        "site_body_bytes_sum 33",
    ] {
        assert!(metrics.contains(&format!("{line}\n")), "{line} is not in {metrics}");
    }
    assert_eq!(agent.end_by("TERM"), Some(0));
    let audit = fs::read_to_string(folder.file("audit.jsonl")).expect("it is there");
    let lines: Vec<serde_json::Value> =
        audit.lines().map(|line| serde_json::from_str(line).expect("it is JSON")).collect();
    let kept: Vec<_> = lines.iter().map(|line| (&line["path"], &line["action"])).collect();
    let kept: Vec<_> = kept.iter().map(|(path, action)| (path.as_str(), action.as_str())).collect();
    let denied = (Some("/x"), Some("deny"));
    assert_eq!(kept, [denied, (Some("/a\"b\\c"), Some("allow")), denied]);
}

#[test]
fn what_the_handlers_have_done_is_in_the_metrics_and_the_status() {
    let folder = Folder::new();
    let (list, admin) = (folder.file("bad.txt"), folder.file("admin"));
    fs::write(&list, "203.0.113.0/24\nnonsense\n").expect("the folder is ours");
    let (_folder, path) = written(&format!(
        "[data.bad]\nkind = \"ip-list\"\nfile = {list:?}\n\
         [handler.listed]\nkind = \"ip-reputation\"\ndata = \"bad\"\ndeny = \"listed\"\nmode = \"observe\"\n\
         {}",
        RULES.replace("run = [", "run = [\"listed\", ")
    ));
    let admin_place = format!("unix:{}", text(&admin));
    let agent =
        Agent::start(&["--config", &path, "--listen", "127.0.0.1:0", "--admin", &admin_place]);
    for argument in ["path=/admin", "path=/", "path=/old"] {
        spoa_agent(&[
            "call",
            "--addr",
            &agent.address(),
            "check-request",
            argument,
            "ip=203.0.113.7",
        ]);
    }
    let get = |path: &str| {
        let url = format!("http://localhost{path}");
        let mut curl = std::process::Command::new("curl");
        curl.args(["-s", "--unix-socket", text(&admin), &url]);
        crate::scene::to_the_end(curl).stdout
    };
    let metrics = get("/metrics");
    for line in [
        r#"spoa_handler_runs_total{handler="rules",outcome="run",route="check-request"} 3"#,
        r#"spoa_handler_decisions_total{action="deny",handler="rules",mode="enforce",reason="admin",route="check-request"} 1"#,
        r#"spoa_handler_decisions_total{action="deny",handler="listed",mode="observe",reason="listed",route="check-request"} 3"#,
        r#"spoa_chain_variables_dropped_total{route="check-request"} 0"#,
        r#"spoa_data_entries{data="bad"} 1"#,
        r#"spoa_data_bad_lines{data="bad"} 1"#,
        r#"spoa_data_loads_total{data="bad",outcome="loaded"} 1"#,
    ] {
        let labels: Vec<_> = line.split(['{', '}']).collect();
        let wanted = labels[1].split(',');
        let is_it = |found: &&str| {
            found.starts_with(labels[0])
                && found.ends_with(labels[2])
                && wanted.clone().all(|label| found.contains(label))
        };
        assert!(metrics.lines().any(|found| is_it(&found)), "{line} is not in {metrics}");
    }
    let status: serde_json::Value = serde_json::from_str(&get("/status.json")).expect("it is JSON");
    let handlers = &status["chains"][0]["handlers"];
    assert_eq!(handlers[0]["handler"], "listed", "{status}");
    assert_eq!((&handlers[0]["run"], &handlers[0]["decided"]), (&3.into(), &0.into()), "{status}");
    assert_eq!(handlers[1]["decided"], 2, "{status}");
    assert_eq!(
        (&status["data"][0]["entries"], &status["data"][0]["is_up"]),
        (&1.into(), &true.into())
    );
}

#[test]
fn a_deadline_that_haproxy_does_not_wait_for_is_a_warning() {
    let (folder, path) = written(&format!(
        "[agent]\nspoe = \"spoe.conf\"\ndeadline = \"100ms\"\n{}",
        RULES.replace("run = [", "deadline = \"20ms\"\nrun = [")
    ));
    let haproxy =
        "[guard]\nspoe-agent guard\n    messages check-request\n    timeout processing 15ms\n";
    fs::write(folder.file("spoe.conf"), haproxy).expect("the folder is ours");
    let outcome = spoa_agent(&["check", &path]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let title = "warning: HAProxy waits 15ms for `check-request`, and its deadline is 20ms";
    assert!(outcome.stderr.contains(title), "{outcome:?}");
    assert!(outcome.stderr.contains("spoa-agent.toml:13:12"), "{outcome:?}");
    fs::write(folder.file("spoe.conf"), haproxy.replace("15ms", "21ms")).expect("it is ours");
    assert_eq!(spoa_agent(&["check", &path]).stderr, "");
    fs::remove_file(folder.file("spoe.conf")).expect("it is there");
    assert!(spoa_agent(&["check", &path]).stderr.contains("cannot read HAProxy's file"));
}
