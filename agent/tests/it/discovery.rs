//! `spoa-agent healthcheck` without an address, as the HEALTHCHECK of an image: it finds the agent of its container.
//!
//! Each test has a process and a network namespace of its own, which is what a container is here.

use std::process::Command;

use crate::{
    certificates::issue,
    scene::{Folder, Outcome, text, to_the_end},
};

/// `start OPTIONS` starts an agent and waits for its line; its number is in `$pid`.
const PRELUDE: &str = r#"
cd "$1"
ip link set lo up || exit 90
start() {
    : >line
    "$agent" --worker-threads 1 "$@" >line 2>>log &
    pid=$!
    until [ -s line ]; do kill -0 $pid || exit 91; sleep 0.01; done
}
"#;

/// Runs a script, whose commands are `$agent`, in a container's namespaces and in this folder.
fn contained(folder: &Folder, script: &str) -> Outcome {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--net", "--pid", "--fork", "--kill-child", "sh"]);
    command.args(["-c", &format!("agent=$0{PRELUDE}{script}"), env!("CARGO_BIN_EXE_spoa-agent")]);
    command.arg(text(&folder.file("")));
    to_the_end(command)
}

/// The lines of stdout, ports and folders taken out.
fn verdicts(outcome: &Outcome, folder: &Folder) -> Vec<String> {
    let lines = outcome.stdout.replace(text(&folder.file("")), "/");
    let without_port = |line: &str| {
        let words = line.split(' ').map(|word| match word.rsplit_once(':') {
            Some((host, port)) if port.trim_end_matches(',').parse::<u16>().is_ok() => host,
            _ => word,
        });
        words.collect::<Vec<_>>().join(" ")
    };
    lines.lines().map(without_port).collect()
}

#[track_caller]
fn check_is_not_healthy(outcome: &Outcome, code: i32, parts: &[&str]) {
    assert_eq!((outcome.code, &*outcome.stdout), (Some(code), ""), "{outcome:?}");
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
    for part in parts {
        assert!(outcome.stderr.contains(part), "{part:?} not in {outcome:?}");
    }
}

#[test]
fn an_agent_is_found_wherever_it_listens_and_whatever_it_speaks() {
    let folder = Folder::new();
    let [_, cert, key] = issue(&folder, "agent.example");
    let tls = format!("--tls-cert {cert} --tls-key {key}");
    let well = "SPOP 2.0, max-frame-size 16380";
    for (options, places) in [
        ("", &["127.0.0.1"][..]),
        ("--listen 0.0.0.0:0", &["127.0.0.1"]),
        ("--listen [::]:0", &["[::1]"]),
        ("--listen 127.0.0.1:0 --proxy-protocol", &["127.0.0.1"]),
        (&format!("--listen 127.0.0.1:0 {tls}"), &["127.0.0.1"]),
        ("--unix relative.sock", &["unix /relative.sock,"]),
        (
            &format!(
                "--listen 127.0.0.1:0 --listen [::1]:0 --unix a --unix b {tls} --proxy-protocol"
            ),
            &["127.0.0.1", "[::1]", "unix /a,", "unix /b,"],
        ),
    ] {
        let script = format!("start {options}\ncd / && \"$agent\" healthcheck");
        let outcome = contained(&folder, &script);
        let expected: Vec<_> = places.iter().map(|at| format!("healthy: {at} {well}")).collect();
        assert_eq!(outcome.code, Some(0), "{options}: {outcome:?}");
        assert_eq!(verdicts(&outcome, &folder), expected, "{options}");
    }
}

#[test]
fn mutual_tls_is_checked_as_far_as_the_certificates_reach() {
    let folder = Folder::new();
    let [ca, cert, key] = issue(&folder, "agent.example");
    let [client_ca, client_cert, client_key] = issue(&folder, "haproxy");
    let start = format!(
        "start --listen 127.0.0.1:0 --tls-cert {cert} --tls-key {key} --tls-client-ca {client_ca}"
    );
    let outcome = contained(&folder, &format!("{start}\n\"$agent\" healthcheck"));
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(outcome.stdout.contains("TLS alone: it asks for a client certificate"), "{outcome:?}");

    let options = format!(
        "--tls-ca {ca} --tls-name agent.example --tls-cert {client_cert} --tls-key {client_key}"
    );
    let outcome = contained(&folder, &format!("{start}\n\"$agent\" healthcheck {options}"));
    let expected = "healthy: 127.0.0.1 SPOP 2.0, max-frame-size 16380";
    assert_eq!(verdicts(&outcome, &folder), [expected], "{outcome:?}");
}

#[test]
fn an_agent_that_was_killed_leaves_nothing_that_misleads() {
    let folder = Folder::new();
    let kill = "start --unix a\nkill -KILL $pid\nwait $pid 2>&-\n";
    let outcome = contained(&folder, &format!("{kill}\"$agent\" healthcheck"));
    let parts =
        ["not healthy: no agent of this user was found", "127.0.0.1:12345", "--addr or --unix"];
    check_is_not_healthy(&outcome, 1, &parts);

    let outcome = contained(&folder, &format!("{kill}start --unix b\n\"$agent\" healthcheck"));
    let expected = "healthy: unix /b, SPOP 2.0, max-frame-size 16380";
    assert_eq!(verdicts(&outcome, &folder), [expected], "{outcome:?}");
}

#[test]
fn an_agent_that_has_stopped_working_is_not_healthy() {
    let folder = Folder::new();
    let script = "start --unix a\nkill -STOP $pid\n\"$agent\" healthcheck --timeout 200ms";
    check_is_not_healthy(
        &contained(&folder, script),
        1,
        &["no answer from unix /", "within 200ms"],
    );
    // A listener that cannot be reached counts, even if another one can.
    let script = "start --listen 127.0.0.1:0 --unix a\nrm a\n\"$agent\" healthcheck --quiet";
    let outcome = contained(&folder, script);
    assert_eq!((outcome.code, &*outcome.stdout, &*outcome.stderr), (Some(1), "", ""));
}

#[test]
fn several_agents_are_not_guessed_between() {
    let folder = Folder::new();
    let both = "start --unix a\nfirst=$pid\nstart --unix b\n";
    for quiet in ["", "--quiet"] {
        let outcome = contained(&folder, &format!("{both}\"$agent\" healthcheck {quiet}"));
        let parts = ["error: several agents run here", "/a, process", "/b; name one with --addr"];
        check_is_not_healthy(&outcome, 2, &parts);
    }
    let outcome = contained(&folder, &format!("{both}\"$agent\" healthcheck --unix b"));
    assert_eq!(outcome.stdout, "healthy: SPOP 2.0, max-frame-size 16380\n", "{outcome:?}");
    let end = "kill $first\nwait $first\n\"$agent\" healthcheck";
    let outcome = contained(&folder, &format!("{both}{end}"));
    let expected = "healthy: unix /b, SPOP 2.0, max-frame-size 16380";
    assert_eq!(verdicts(&outcome, &folder), [expected], "{outcome:?}");
}

/// Nothing is written: no folder has to be there, or to be writable.
#[test]
fn an_agent_is_found_on_a_root_that_is_read_only() {
    let folder = Folder::new();
    let script = r#"
cat >inner <<'END'
for mounted in / /tmp /run /dev/shm; do
    ! mountpoint -q $mounted || mount -o remount,bind,ro $mounted || exit 92
done
! touch /tmp/written 2>&- || exit 93
"$agent" --worker-threads 1 --listen 127.0.0.1:0 >&3 & read -r line <&3
"$agent" healthcheck
END
mkfifo pipe
agent=$agent exec unshare --mount sh inner 3<>pipe"#;
    let outcome = contained(&folder, script);
    let expected = "healthy: 127.0.0.1 SPOP 2.0, max-frame-size 16380";
    assert_eq!(verdicts(&outcome, &folder), [expected], "{outcome:?}");
}
