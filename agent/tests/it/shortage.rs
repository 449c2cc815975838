//! A start on a machine that is short of something: one line and 1, whatever is missing.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    process::{self, Command},
    sync::atomic::{AtomicU32, Ordering},
};

use crate::scene::{Folder, Outcome, text, to_the_end};

/// Runs the agent in a shell behind these commands, as a user whose threads are counted.
fn started(limits: &str, options: &str) -> Outcome {
    let folder = Folder::new();
    let program = folder.file("spoa-agent");
    fs::copy(env!("CARGO_BIN_EXE_spoa-agent"), &program).expect("the folder is ours");
    fs::set_permissions(text(&program), fs::Permissions::from_mode(0o755)).expect("it is ours");
    // Those of root are not. One of its own each time: the kernel counts who has just ended.
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let user = 100_000 + 100 * process::id() + NEXT.fetch_add(1, Ordering::Relaxed);
    let script = format!(
        "set -- --worker-threads 2 --listen 127.0.0.1:0 --admin 127.0.0.1:0 {options}
        user=; [ $(id -u) = 0 ] && user='setpriv --reuid={user} --regid={user} --clear-groups'
        {limits}; exec $user \"$0\" \"$@\""
    );
    let mut command = Command::new("bash");
    command.args(["-c", &script, text(&program)]).env_remove("RUST_LOG").env("RUST_BACKTRACE", "1");
    to_the_end(command)
}

#[track_caller]
fn check_is_told(limits: &str, options: &str) {
    let outcome = started(limits, options);
    assert_eq!(outcome.code, Some(1), "{limits}: {outcome:?}");
    let lines: Vec<_> = outcome.stderr.lines().filter(|line| !line.starts_with('{')).collect();
    let [line] = &lines[..] else { panic!("{limits}: {outcome:?}") };
    if line.starts_with("error: too few open files: ") {
        assert!(limits.starts_with("ulimit -n") && line.contains("; set LimitNOFILE"), "{line}");
        return;
    }
    assert!(line.starts_with("error: cannot "), "{limits}: {line}");
    assert!(line.contains("; raise `ulimit -n` (LimitNOFILE), `ulimit -u` (TasksMax"), "{line}");
}

#[test]
fn a_start_without_descriptors_is_one_line_and_1() {
    for limit in [5, 6, 7, 9, 11, 12, 14, 16, 18] {
        check_is_told(&format!("ulimit -n {limit}"), "");
    }
    check_is_told("ulimit -n 16", "--otlp http://127.0.0.1:9");
}

#[test]
fn a_start_without_threads_is_one_line_and_1() {
    for limit in [1, 2, 3] {
        check_is_told(&format!("ulimit -u {limit}"), "");
        check_is_told(&format!("ulimit -u {limit}"), "--otlp http://127.0.0.1:9 --otlp-metrics");
    }
}
