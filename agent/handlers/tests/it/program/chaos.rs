//! Programs that exit, hang, flood, fork, and write what is no answer: each costs one answer, and a spare takes over.

use std::{fs, time::Duration};

use serde_json::json;
use spoa_handlers::program::AskError;

use super::{Program, anything, is_alive, question, until};

/// A program that does this when it is asked `bad`, and else answers.
fn bad(script: &str) -> Program {
    let script = script.replace('\n', "\n    ");
    let mut program = Program::for_each(&format!(
        "if r['args'].get('bad'):\n    {script}\nelse:\n    say({{'id': r['id'], 'good': True, 'pid': os.getpid()}})"
    ));
    program.command.time = Duration::from_secs(2);
    program
}

/// What the bad question gets; the next one is answered all the same.
#[track_caller]
fn costs(program: &mut Program, expected: AskError) {
    program.command.spares = 1;
    let pool = program.started();
    actix_rt::System::new().block_on(async {
        let path = program.path("noted");
        let bad = question(json!({"bad": true, "path": path}));
        assert_eq!(pool.ask(bad).await, Err(expected));
        assert_eq!(pool.ask(anything()).await.unwrap()["good"], true);
    });
    until("no other process is started", || pool.counts().ready == 2);
}

#[test]
fn one_that_exits() {
    costs(&mut bad("sys.exit(3)"), AskError::Exited);
}

#[test]
fn messages_that_end_it_do_not_keep_it_away_from_others() {
    let mut program = bad("sys.exit(3)");
    program.command.spares = 1;
    let pool = program.started();
    let asked = |question| actix_rt::System::new().block_on(pool.ask(question)).is_ok();
    for _ in 0..12 {
        let path = program.path("noted");
        until("it is not started again", || pool.counts().ready > 0);
        assert!(!asked(question(json!({"bad": true, "path": path}))));
    }
    let begun = std::time::Instant::now();
    until("it is kept away", || asked(anything()));
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}

#[test]
fn one_that_exits_in_the_middle_of_a_line() {
    costs(
        &mut bad("sys.stdout.write('{\"id\": ')\nsys.stdout.flush()\nos._exit(0)"),
        AskError::Exited,
    );
}

#[test]
fn one_that_hangs() {
    costs(&mut bad("time.sleep(1000)"), AskError::Timeout);
}

#[test]
fn one_that_hangs_in_the_middle_of_a_line() {
    costs(
        &mut bad("sys.stdout.write('{\"id\": 1')\nsys.stdout.flush()\ntime.sleep(1000)"),
        AskError::Timeout,
    );
}

#[test]
fn one_that_loops_and_takes_no_signal() {
    costs(
        &mut bad(
            "for s in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP): signal.signal(s, signal.SIG_IGN)\nwhile True: pass",
        ),
        AskError::Timeout,
    );
}

#[test]
fn one_that_answers_another_question() {
    costs(&mut bad("say({'id': r['id'] + 1, 'action': 'allow'})"), AskError::BadAnswer);
    costs(&mut bad("say({'id': str(r['id']), 'action': 'allow'})"), AskError::BadAnswer);
    costs(&mut bad("say({'action': 'allow'})"), AskError::BadAnswer);
}

#[test]
fn one_that_answers_twice() {
    let program = Program::for_each(
        "say({'id': r['id'], 'n': r['args']['n']})\nsay({'id': r['id'], 'n': 'forged'})\ntime.sleep(0.2)",
    );
    let mut program = program;
    program.command.spares = 1;
    let pool = program.started();
    actix_rt::System::new().block_on(async {
        for n in 0..3 {
            let answer = pool.ask(question(json!({"n": n}))).await;
            assert!(answer.as_ref().map_or(true, |answer| answer["n"] == n), "{answer:?}");
        }
    });
    until("it was not killed", || pool.counts().killed > 0);
}

#[test]
fn one_whose_line_is_huge() {
    costs(&mut bad("while True: sys.stdout.write('x' * 65536)"), AskError::BadAnswer);
    costs(
        &mut bad("say({'id': r['id'], 'long': 'x' * 70000})\ntime.sleep(1000)"),
        AskError::BadAnswer,
    );
}

#[test]
fn one_that_floods() {
    costs(&mut bad("while True: print('no JSON')"), AskError::BadAnswer);
    costs(&mut bad("while True: sys.stderr.write('so much to say\\n' * 1000)"), AskError::Timeout);
    costs(&mut bad("while True: sys.stderr.write('x' * 100000)"), AskError::Timeout);
}

#[test]
fn one_that_forks_takes_its_children_along() {
    let child = "child = subprocess.Popen(['/bin/sleep', '1000'])\nopen(r['args']['path'], 'w').write(str(child.pid))\n";
    for end in ["time.sleep(1000)", "os._exit(0)"] {
        let mut program = bad(&format!("{child}{end}"));
        let expected = if end.contains("exit") { AskError::Exited } else { AskError::Timeout };
        costs(&mut program, expected);
        let pid = fs::read_to_string(program.path("noted")).unwrap();
        until("a child outlives its program", || !is_alive(&pid));
    }
}

#[test]
fn one_that_closes_its_input() {
    let mut program = bad("os.close(0)\nsay({'id': r['id']})\ntime.sleep(1000)");
    program.command.spares = 1;
    let pool = program.started();
    actix_rt::System::new().block_on(async {
        pool.ask(question(json!({"bad": true}))).await.unwrap();
        // The process that has closed it, or the spare.
        let answers = [pool.ask(anything()).await, pool.ask(anything()).await];
        assert!(answers.iter().any(Result::is_ok), "{answers:?}");
    });
}

#[test]
fn lines_that_are_no_json_cost_no_answer() {
    let program = Program::for_each(
        "print('looking at', r['id'], flush=True)\nsay([1, 2])\nsay({'id': r['id']})",
    );
    let pool = program.started();
    actix_rt::System::new().block_on(async {
        for _ in 0..100 {
            pool.ask(anything()).await.unwrap();
        }
    });
    let counts = pool.counts();
    assert_eq!((counts.bad_lines, counts.answered, counts.started), (200, 100, 1));
}

#[test]
fn an_idle_one_that_ends_is_started_again() {
    let program = bad("pass");
    let pool = program.started();
    actix_rt::System::new().block_on(async {
        let pid = pool.ask(anything()).await.unwrap()["pid"].as_i64().unwrap();
        let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        until("it was not started again", || pool.counts().exited == 1 && pool.counts().ready == 1);
        let answer = pool.ask(anything()).await.unwrap();
        assert_ne!(answer["pid"], pid.as_raw_nonzero().get());
    });
}

#[test]
fn one_that_always_exits_is_not_started_all_the_time() {
    let mut program = Program::new("sys.exit(1)");
    program.command.spares = 1;
    let pool = program.started();
    until("it was not started again", || pool.counts().exited >= 4);
    std::thread::sleep(Duration::from_secs(2));
    // At once, and after 0.1, 0.2, 0.4, 0.8, 1.6 s, in two places.
    assert!(pool.counts().started <= 14, "{:?}", pool.counts());
    until("a question waits for a program that is not there", || {
        let asked = actix_rt::System::new().block_on(pool.ask(anything()));
        asked == Err(AskError::Unavailable)
    });
}
