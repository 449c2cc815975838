//! Programs of a configuration file, run by the real binary: they start before it listens, and end with it.

use std::{
    fs,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use crate::{
    config_file::written,
    scene::{Agent, spoa_agent},
};

const SCRIPT: &str = r"
import json, os, sys
for line in sys.stdin:
    r = json.loads(line)
    if 'hello' in r:
        print(json.dumps({'ready': True}), flush=True)
        continue
    print('asked for', r['args'].get('path'), file=sys.stderr, flush=True)
    action = 'deny' if r['args'].get('path') == '/bad' else None
    print(json.dumps({'id': r['id'], 'action': action, 'set': {'pid': os.getpid()}}), flush=True)
";

fn python() -> String {
    let output = Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output();
    String::from_utf8(output.expect("Python is there").stdout).expect("a path").trim().to_owned()
}

/// A file that runs this script for a message.
fn file(script: &str) -> (crate::scene::Folder, String) {
    let (folder, path) = written(&format!(
        "[handler.check]\nkind = 'program'\ncommand = ['{}', 'check.py']\nsend = ['path']\nvariables = {{ pid = 'int' }}\n\
         time = '5s'\nstart_timeout = '60s'\nspares = 0\nworkers = 1\n\
         [message.check-request]\nrun = ['check']\ndeadline = '10s'\nunanswered = 'deny'\n",
        python()
    ));
    fs::write(folder.file("check.py"), script).expect("the folder is ours");
    (folder, path)
}

fn asked(agent: &Agent, path: &str) -> String {
    let argument = format!("path={path}");
    spoa_agent(&["call", "--addr", &agent.address(), "check-request", &argument]).stdout
}

fn is_alive(pid: &str) -> bool {
    let stat = fs::read_to_string(Path::new("/proc").join(pid).join("stat"));
    stat.is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or_default().starts_with(" Z"))
}

/// The process that has answered.
fn pid(answer: &str) -> String {
    let (_, rest) = answer.split_once("check.pid = ").unwrap_or_else(|| panic!("{answer}"));
    rest.chars().take_while(char::is_ascii_digit).collect()
}

#[test]
fn they_answer_and_end_with_the_agent() {
    for signal in ["TERM", "KILL"] {
        let (_folder, path) = file(SCRIPT);
        let agent = Agent::start(&["--config", &path, "--listen", "127.0.0.1:0"]);
        let denied = asked(&agent, "/bad");
        assert!(denied.contains("txn.action = \"deny\""), "{denied}");
        let allowed = asked(&agent, "/good");
        assert!(allowed.contains("txn.action = \"allow\""), "{allowed}");
        let pid = pid(&allowed);
        assert!(is_alive(&pid));
        agent.end_by(signal);
        // By the end of its input, if the agent was killed.
        let start = Instant::now();
        while is_alive(&pid) {
            assert!(start.elapsed() < Duration::from_secs(10), "{signal}: the program goes on");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

#[test]
fn an_agent_does_not_start_without_its_program() {
    let (_folder, path) = file("import sys; sys.exit('no database')");
    assert_eq!(spoa_agent(&["check", &path]).code, Some(0));
    let outcome = spoa_agent(&["--config", &path, "--listen", "127.0.0.1:0"]);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    let said = "cannot start [handler.check]: the program ended before it was ready";
    assert!(outcome.stderr.contains(said), "{outcome:?}");
    assert!(outcome.stderr.contains("no database"), "{outcome:?}");
}
