//! `explain`: what each handler of a file does about a message.

use std::fs;

use spoa_actors::ForeignText;

use crate::scene::{Folder, Outcome, spoa_agent, text};

const FILE: &str = r#"
[handler.shown]
kind = "set"
values = { note = "{method} of {ip}" }

[handler.tried]
kind = "rules"
mode = "observe"
rules = [{ if = "true", then = "deny", reason = "tried" }]

[handler.posts]
kind = "set"
when = "method == 'POST'"
values = { posted = true }

[handler.rules]
kind = "rules"
rules = [{ if = "path.startsWith('/admin') && shown.note != ''", then = "deny", status = 404, reason = "hidden" }]

[handler.last]
kind = "set"
values = { reached = true }

[message.check-request]
names = ["check-request", "other"]
run = ["shown", "tried", "posts", "rules", "last"]
unanswered = "allow"

[message.team]
args = { team = { required = true } }
run = ["last"]
"#;

#[track_caller]
fn explain(file: &str, words: &[&str]) -> Outcome {
    let folder = Folder::new();
    let path = folder.file("agent.toml");
    fs::write(&path, file).expect("the folder is ours");
    spoa_agent(&[&["explain", "--config", text(&path)], words].concat())
}

/// The lines without their times.
fn without_times(text: &str) -> String {
    let lines = text.lines().map(|line| match line.rsplit_once("; ") {
        Some((line, time))
            if time.ends_with("s") && time.starts_with(|c: char| c.is_ascii_digit()) =>
        {
            line
        }
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn each_handler_shows_what_it_took_found_and_decided() {
    let words = ["other", "ip=192.0.2.1", "method=GET", "path=/admin"];
    let outcome = explain(FILE, &words);
    assert_eq!((outcome.code, &*outcome.stderr), (Some(0), ""), "{outcome:?}");
    let expected = r#"shown  decided nothing
         took method = "GET"
         took ip = 192.0.2.1
         found note = "GET of 192.0.2.1"
tried  only observes: mode = "observe"; it would decide deny (tried)
posts  skipped: `when` is false
         took method = "GET"
rules  decided deny (hidden, status 404)
         took path = "/admin"
         took shown.note = "GET of 192.0.2.1"
last   not run: a handler before it decided

HAProxy gets:
  set-var txn.action = "deny" (string)
  set-var txn.reason = "hidden" (string)
  set-var txn.by = "rules" (string)
  set-var txn.status = 404 (int64)
  unset-var txn.level
  set-var txn.shown.note = "GET of 192.0.2.1" (string)"#;
    assert_eq!(without_times(&outcome.stdout), expected);
}

#[test]
fn an_argument_that_is_not_there_is_shown_as_such() {
    let outcome = explain(FILE, &["check-request", "path=/"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(outcome.stdout.contains("took ip = not there\n"), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("failed: "), "{}", outcome.stdout);
    let outcome = explain(FILE, &["team"]);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains("no argument `team`"), "{outcome:?}");
}

#[test]
fn wrong_messages_and_wrong_files_are_told_apart() {
    let outcome = explain(FILE, &["nobody"]);
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    assert!(outcome.stderr.contains("has the name \"nobody\"; known: check-request, team"));
    let outcome = explain("[message.m]\nrun = [\"gone\"]\n", &["m"]);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains("there is no `[handler.gone]`"), "{outcome:?}");
    assert_eq!(spoa_agent(&["explain", "m"]).code, Some(2));
}

#[test]
fn hostile_arguments_move_no_cursor_and_forge_no_line() {
    let hostile = "/admin\u{1b}[2J\nlast  decided\r\u{202e}\u{85}";
    let outcome = explain(FILE, &["check-request", "method=GET", &format!("path={hostile}")]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(outcome.stdout.lines().all(|line| line.chars().all(ForeignText::is_plain)));
    assert!(outcome.stdout.contains(r#"took path = "/admin\u{1b}[2J\nlast  decided\r"#));
    let outcome = explain(FILE, &["check\u{1b}[2J", "a=b"]);
    assert!(outcome.stderr.trim_end().chars().all(ForeignText::is_plain), "{outcome:?}");
}
