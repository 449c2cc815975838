//! `gen-config`: what it prints and writes, and what it refuses.

use std::fs;

use crate::scene::{Folder, Outcome, spoa_agent, text};

const RULES: &str = "[handler.r]\nkind = 'rules'\nrules = [{ if = \"path == '/'\", then = 'deny' }]\n\
                     [message.m]\nrun = ['r']\nunanswered = 'deny'\n";

fn gen_config(folder: &Folder, file: &str, words: &[&str]) -> Outcome {
    let path = folder.file("agent.toml");
    fs::write(&path, file).expect("the folder can be written");
    let path = text(&path);
    spoa_agent(&[&["gen-config", "--haproxy", "3.2", "--config", path], words].concat())
}

#[test]
fn it_prints_all_files_as_one_text() {
    let folder = Folder::new();
    let outcome = gen_config(&folder, RULES, &[]);
    assert_eq!((outcome.code, &*outcome.stderr), (Some(0), ""), "{outcome:?}");
    let heads: Vec<_> = outcome.stdout.lines().filter(|line| line.starts_with("# ==> ")).collect();
    let names = ["haproxy.spoa.cfg", "spoa.spoe.conf", "denied.html"];
    assert_eq!(heads, names.map(|name| format!("# ==> {name} <==")));
    assert!(outcome.stdout.contains("\n    server agent 127.0.0.1:12345 check "), "{outcome:?}");
}

#[test]
fn it_overwrites_nothing_unless_it_is_forced() {
    let folder = Folder::new();
    let target = folder.file("written");
    let written = gen_config(&folder, RULES, &["--prefix", "guard", "--write", text(&target)]);
    assert_eq!((written.code, &*written.stderr), (Some(0), ""), "{written:?}");
    let file = target.join("guard.spoe.conf");
    assert!(written.stdout.contains(text(&file)), "{written:?}");
    fs::write(&file, "mine").unwrap();
    fs::remove_file(target.join("haproxy.guard.cfg")).unwrap();
    let refused = gen_config(&folder, RULES, &["--prefix", "guard", "--write", text(&target)]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("guard.spoe.conf is there already"), "{refused:?}");
    assert!(!target.join("haproxy.guard.cfg").exists(), "nothing is half written");
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    let words = ["--prefix", "guard", "--write", text(&target), "--force"];
    assert_eq!(gen_config(&folder, RULES, &words).code, Some(0));
    assert!(fs::read_to_string(&file).unwrap().contains("spoe-agent guard"));
}

#[test]
fn what_haproxy_cannot_be_told_is_a_finding() {
    let folder = Folder::new();
    for (file, expected) in [
        (
            RULES
                .replace("run = ", "args = { team = { from = 'x-team' } }\nrun = ")
                .replace("path ==", "team =="),
            "nothing says how HAProxy fetches the argument `team`",
        ),
        (
            RULES.replace("path == '/'", "status == 401"),
            "`[message.m]` does not say when HAProxy sends it",
        ),
        (RULES.replace("run = ", "names = ['a b']\nrun = "), "HAProxy takes no name such as `a b`"),
        (RULES.replace("unanswered = 'deny'\n", ""), "does not say what happens without an answer"),
        ("[agent]\n".to_owned(), "has no message"),
    ] {
        let outcome = gen_config(&folder, &file, &[]);
        assert_eq!((outcome.code, &*outcome.stdout), (Some(1), ""), "{outcome:?}");
        assert!(outcome.stderr.contains(expected), "{expected}: {outcome:?}");
    }
}

#[test]
fn arguments_come_from_where_the_file_says() {
    let folder = Folder::new();
    for (args, condition, expected) in [
        ("{}", "path == '/' && ip.isLoopback()", "args ip=src path=path"),
        ("{ ip = 'src-ip' }", "ip.isLoopback()", "args src-ip=src"),
        ("{ ip = '$1' }", "ip.isLoopback()", "args src"),
        ("{ ip = ['src-ip', '$1'] }", "ip.isLoopback()", "args src-ip=src"),
        (
            "{ ip = { from = 'headers', header = 'x-real-ip' } }",
            "ip.isLoopback()",
            "args headers=req.hdrs",
        ),
        (
            "{ team = { from = 'x-team', fetch = 'req.hdr(x-team)' } }",
            "team == 'a'",
            "args x-team=req.hdr(x-team)",
        ),
        ("{ level = { value = 3 } }", "level == 3 && path == '/'", "args path=path"),
    ] {
        let file = RULES.replace("run = ", &format!("args = {args}\nrun = "));
        let file = file.replace("path == '/'", condition);
        let outcome = gen_config(&folder, &file, &[]);
        assert!(outcome.stdout.contains(&format!("    {expected}\n")), "{args}: {outcome:?}");
    }
}

#[test]
fn a_message_says_when_it_is_sent() {
    let folder = Folder::new();
    let status = RULES.replace("path == '/'", "status == 401 && path == '/'");
    for (at, rule, arguments) in [
        ("request", "http-request send-spoe-group spoa m", "args path=path"),
        (
            "response",
            "http-response send-spoe-group spoa m",
            "args path=var(txn.spoa.arg.path) status=status",
        ),
    ] {
        let file = status.replace("run = ", &format!("at = '{at}'\nrun = "));
        let outcome = gen_config(&folder, &file, &[]);
        assert!(outcome.stdout.contains(&format!("    {rule}\n")), "{outcome:?}");
        assert!(outcome.stdout.contains(&format!("    {arguments}\n")), "{outcome:?}");
    }
}

#[test]
fn written_files_are_found_wherever_haproxy_is_started() {
    let folder = Folder::new();
    let target = folder.file("written here");
    let written = gen_config(&folder, RULES, &["--write", text(&target)]);
    assert_eq!(written.code, Some(0), "{written:?}");
    let main = fs::read_to_string(target.join("haproxy.spoa.cfg")).unwrap();
    for name in ["spoa.spoe.conf", "denied.html"] {
        assert!(main.contains(&format!("'{}/{name}'", target.display())), "{main}");
    }
}

/// The quick start shows these files.
#[test]
fn the_files_of_the_quick_start_are_those_that_are_printed() {
    let examples =
        std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/quick-start"));
    let config = examples.join("spoa-agent.toml");
    let outcome = spoa_agent(&["gen-config", "--haproxy", "2.6", "--config", text(&config)]);
    assert_eq!((outcome.code, &*outcome.stderr), (Some(0), ""), "{outcome:?}");
    let printed =
        outcome.stdout.replace(&format!("{}/", examples.display()), "examples/quick-start/");
    let mut files = printed.split("# ==> ").skip(1);
    let mut file = |name: &str| {
        let file = files.next().unwrap().strip_prefix(&format!("{name} <==\n"));
        format!("{}\n", file.unwrap().trim_end())
    };
    let shown = |name: &str| fs::read_to_string(examples.join(name)).unwrap();
    let main = file("haproxy.spoa.cfg");
    let (_, lines) = main.split_once("\n\n").unwrap();
    assert!(shown("haproxy.cfg").contains(lines.trim_end()), "{lines}");
    assert_eq!(shown("spoa.spoe.conf"), file("spoa.spoe.conf"));
    assert_eq!(shown("denied.html"), file("denied.html"));
}
