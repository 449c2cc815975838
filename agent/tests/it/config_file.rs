//! A configuration file, served by the real binary and asked over a real socket.

use std::fs;

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
