//! Programs that do not start, that wait for too much, and that want more than they may have.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    time::{Duration, Instant},
};

use serde_json::json;
use spoa_handlers::program::{AskError, Pool, ProgramCommand, StartError};

use super::{HELLO, Program, anything, is_alive, question, until};

#[test]
fn one_that_does_not_start_says_why() {
    let none = Pool::new(ProgramCommand::new("fraud", "/no/such/program"));
    let error = none.start().unwrap_err().to_string();
    assert!(error.starts_with("cannot run /no/such/program: No such file"), "{error}");

    let ended = Program::raw("import sys; sys.exit(1)").pool().start();
    assert!(matches!(ended, Err(StartError::Ended)), "{ended:?}");

    let other =
        Program::raw("print('{\"ready\": false, \"why\": \"\\\\u001b[2J\"}', flush=True)\ninput()");
    let error = other.pool().start().unwrap_err().to_string();
    assert!(error.contains(r"\u001b"), "{error}");
    assert!(error.contains(r#"expected {"ready": true}"#), "{error}");

    let mut late = Program::raw(
        "import time; open('pid', 'w').write(str(__import__('os').getpid())); time.sleep(1000)",
    );
    late.command.start_timeout = Duration::from_millis(500);
    let error = late.pool().start();
    assert!(matches!(error, Err(StartError::Late(_))), "{error:?}");
    if let Ok(pid) = fs::read_to_string(late.path("pid")) {
        until("a late program outlives its start", || !is_alive(&pid));
    }
}

#[test]
fn if_one_process_does_not_start_none_is_left() {
    // The first that comes takes the place.
    let script = "import os\ntry: os.mkdir('taken')\nexcept OSError: raise SystemExit(1)\n";
    let mut program = Program::raw(&format!(
        "{script}{HELLO}open('pid', 'w').write(str(os.getpid()))\nsys.stdin.read()"
    ));
    program.command.workers = 2;
    assert!(program.pool().start().is_err());
    if let Ok(pid) = fs::read_to_string(program.path("pid")) {
        assert!(!is_alive(&pid));
    }
}

#[test]
fn one_that_takes_too_much_memory_ends() {
    let mut program =
        Program::for_each("say({'id': r['id'], 'n': len(bytearray(r['args']['n']))})");
    program.command.memory = Some(256 << 20);
    program.command.spares = 1;
    let pool = program.started();
    actix_rt::System::new().block_on(async {
        let large = question(json!({"n": 1_u64 << 30}));
        assert_eq!(pool.ask(large).await, Err(AskError::Exited));
        assert_eq!(pool.ask(question(json!({"n": 1 << 20}))).await.unwrap()["n"], 1 << 20);
    });
}

#[test]
fn it_runs_as_its_user() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let mut program = Program::for_each(
        "say({'id': r['id'], 'ids': os.getresuid() + os.getresgid() + tuple(os.getgroups())})",
    );
    fs::set_permissions(program.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    program.command.file = "/usr/bin/python3".into();
    if !program.command.file.exists() {
        return;
    }
    program.command.user = Some("no-such-user-here".to_owned());
    let error = program.pool().start();
    assert!(matches!(error, Err(StartError::NoUser(_))), "{error:?}");
    program.command.user = Some("nobody".to_owned());
    let pool = program.started();
    let answer = actix_rt::System::new().block_on(pool.ask(anything())).unwrap();
    let ids: Vec<_> =
        answer["ids"].as_array().unwrap().iter().map(|id| id.as_u64().unwrap()).collect();
    assert!(ids.len() >= 6 && !ids.contains(&0), "{ids:?}");
}

#[test]
fn questions_that_wait_are_late_and_kill_nobody() {
    let mut program =
        Program::for_each("time.sleep(0.4)\nsay({'id': r['id'], 'pid': os.getpid()})");
    program.command.time = Duration::from_secs(1);
    let pool = program.started();
    actix_rt::System::new().block_on(async {
        let all: Vec<_> = (0..6).map(|_| actix_rt::spawn(pool.ask(anything()))).collect();
        let mut late = 0;
        for one in all {
            late += usize::from(one.await.unwrap() == Err(AskError::Timeout));
        }
        assert!(late >= 3, "{late}");
        pool.ask(anything()).await.ok();
    });
    assert_eq!((pool.counts().killed, pool.counts().started), (0, 1));
}

#[test]
fn a_queue_that_is_full_is_said_at_once() {
    let mut program = Program::for_each("time.sleep(1000)");
    program.command.time = Duration::from_secs(600);
    let pool = program.started();
    actix_rt::System::new().block_on(async {
        let start = Instant::now();
        let all: Vec<_> = (0..200).map(|_| pool.ask(anything())).collect();
        let last = all.into_iter().next_back().unwrap();
        assert_eq!(last.await, Err(AskError::Busy));
        assert!(start.elapsed() < Duration::from_secs(60));
    });
}

#[test]
fn a_question_that_nobody_waits_for_is_not_asked() {
    let program =
        Program::for_each("open(r['args']['name'], 'w')\ntime.sleep(0.5)\nsay({'id': r['id']})");
    let pool = program.started();
    actix_rt::System::new().block_on(async {
        let first = pool.ask(question(json!({"name": "first"})));
        drop(pool.ask(question(json!({"name": "second"}))));
        let third = pool.ask(question(json!({"name": "third"})));
        first.await.unwrap();
        third.await.unwrap();
    });
    assert!(!program.folder.path().join("second").exists());
    assert!(program.folder.path().join("third").exists());
}
