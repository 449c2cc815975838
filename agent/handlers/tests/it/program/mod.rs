//! Programs behind a pipe: real processes, that work and that do whatever they like.

mod bounds;
mod chaos;
mod kind;
mod works;

use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Map, Value, json};
use spoa_handlers::program::{Pool, ProgramCommand, Question};
use tempfile::TempDir;

/// What each of them begins with: it says that it is ready.
const HELLO: &str = r"
import json, os, signal, subprocess, sys, time
def say(answer): print(json.dumps(answer), flush=True)
hello = json.loads(sys.stdin.readline())
say({'ready': True})
";

/// A program in Python, and the folder that it is in.
struct Program {
    folder: TempDir,
    command: ProgramCommand,
}

impl Program {
    /// One that is ready, and then runs this.
    fn new(script: &str) -> Self {
        Self::raw(&format!("{HELLO}{script}"))
    }

    /// One that runs this for each question `r`.
    fn for_each(script: &str) -> Self {
        let script = script.replace('\n', "\n    ");
        Self::new(&format!("for line in sys.stdin:\n    r = json.loads(line)\n    {script}\n"))
    }

    fn raw(script: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("program.py");
        fs::write(&file, script).unwrap();
        let mut command = ProgramCommand::new("fraud", python());
        command.arguments = vec![file.to_str().unwrap().to_owned()];
        command.directory = folder.path().to_owned();
        command.workers = 1;
        command.spares = 0;
        command.time = Duration::from_secs(20);
        command.start_timeout = Duration::from_secs(60);
        Self { folder, command }
    }

    fn pool(&self) -> Pool {
        Pool::new(self.command.clone())
    }

    fn started(&self) -> Pool {
        let pool = self.pool();
        pool.start().unwrap();
        pool
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }
}

/// The interpreter itself: a wrapper would need an environment.
fn python() -> String {
    let output = std::process::Command::new("python3")
        .args(["-c", "import sys; print(sys.executable)"])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn question(args: Value) -> Question {
    let Value::Object(args) = args else { panic!("no object") };
    Question { message: "check-request".to_owned(), args, found: Map::new() }
}

fn anything() -> Question {
    question(json!({"path": "/"}))
}

/// Waits until it holds.
#[track_caller]
fn until(what: &str, holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(30), "{what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Whether there is a process of this number that still does something.
fn is_alive(pid: &str) -> bool {
    let stat = fs::read_to_string(Path::new("/proc").join(pid.trim()).join("stat"));
    stat.is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or_default().starts_with(" Z"))
}
