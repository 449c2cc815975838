//! Sockets that systemd hands over: `--listen systemd:NAME`.

use std::{
    fs,
    net::{TcpListener, TcpStream, UdpSocket},
    os::{fd::OwnedFd, unix::net::UnixListener},
    path::Path,
    process::{Command, Stdio},
    thread,
};

use crate::{
    certificates::issue,
    scene::{Agent, Folder, Outcome, spoa_agent, text, to_the_end, until},
};

const ANSWER: &str = "set-var sess.ip_score = 20 (int64)\n";

/// `spoa-agent` as systemd starts it: with sockets from descriptor 3 on, and their names.
fn handed_over(
    sockets: &[&dyn Fn() -> OwnedFd],
    names: &str,
    args: &[&str],
    log: &Path,
) -> Command {
    // A shell knows its own number, and that of the program in its place.
    let script = "export LISTEN_PID=$$; exec \"$0\" \"$@\" 3<&0 4<&2 </dev/null 2>\"$LOG\"";
    let mut command = Command::new("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_spoa-agent")]).args(args);
    let socket = |nth: usize| sockets.get(nth).map_or_else(Stdio::null, |own| own().into());
    command.stdin(socket(0)).stderr(socket(1)).env("LOG", log).env_remove("RUST_LOG");
    command.env("LISTEN_FDS", sockets.len().to_string()).env("LISTEN_FDNAMES", names);
    command
}

fn call(endpoint: &[&str]) -> Outcome {
    spoa_agent(&[&["call", "--timeout", "15s"], endpoint, &["check-client-ip", "ip=::1"]].concat())
}

/// A TCP and a UNIX socket that this process keeps.
struct Sockets {
    folder: Folder,
    tcp: TcpListener,
    unix: UnixListener,
}

impl Sockets {
    fn new() -> Self {
        let folder = Folder::new();
        let tcp = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        let unix = UnixListener::bind(folder.file("s")).expect("the folder is new");
        Self { folder, tcp, unix }
    }

    fn address(&self) -> String {
        self.tcp.local_addr().expect("it is bound").to_string()
    }

    fn command(&self, args: &[&str]) -> Command {
        let tcp = || self.tcp.try_clone().expect("it is open").into();
        let unix = || self.unix.try_clone().expect("it is open").into();
        handed_over(&[&tcp, &unix], "net:local.socket", args, &self.folder.file("log"))
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.file("log")).unwrap_or_default()
    }

    #[track_caller]
    fn check_that_they_answer(&self, tcp: &[&str], unix: &[&str]) {
        let (address, path) = (self.address(), self.folder.file("s"));
        for endpoint in
            [[&["--addr", &address], tcp].concat(), [&["--unix", text(&path)], unix].concat()]
        {
            let outcome = call(&endpoint);
            assert_eq!(outcome.stdout, ANSWER, "{endpoint:?}: {outcome:?}");
        }
    }
}

#[test]
fn what_comes_between_two_agents_waits_for_the_second() {
    let sockets = Sockets::new();
    let args = ["--listen", "systemd:net", "--listen", "systemd:local.socket"];
    for _ in 0..2 {
        let agent = Agent::started(sockets.command(&args));
        let places = format!(
            "listens on {}, unix {} and answers",
            sockets.address(),
            text(&sockets.folder.file("s"))
        );
        assert!(agent.line.contains(&places), "{}", agent.line);
        sockets.check_that_they_answer(&[], &[]);
        assert_eq!(agent.end_by("TERM"), Some(0));
        assert!(sockets.folder.file("s").exists(), "the file is not the agent's");
    }
    thread::scope(|scope| {
        let asked = scope.spawn(|| sockets.check_that_they_answer(&[], &[]));
        let _connected = TcpStream::connect(sockets.address()).expect("the socket listens");
        let _agent = Agent::started(sockets.command(&["--listen", "systemd"]));
        asked.join().expect("it was answered");
    });
}

#[test]
fn tls_and_the_proxy_protocol_are_spoken_on_them() {
    let sockets = Sockets::new();
    let [ca, cert, key] = issue(&sockets.folder, "127.0.0.1");
    let tls = ["--tls-cert", &cert, "--tls-key", &key, "--proxy-protocol"];
    let args = [&["--listen", "systemd"], &tls[..]].concat();
    let _agent = Agent::started(sockets.command(&args));
    let proxy = ["--proxy-protocol"];
    sockets.check_that_they_answer(&[&proxy[..], &["--tls-ca", &ca]].concat(), &proxy);
}

#[test]
fn its_health_checks_are_never_refused() {
    let sockets = Sockets::new();
    let args = ["--listen", "systemd", "--notice-period", "60m"];
    let agent = Agent::started(sockets.command(&args));
    let check = spoa_agent(&["healthcheck", "--addr", &sockets.address()]);
    assert_eq!(check.code, Some(0), "{check:?}");
    // HAProxy would take its only agent for down, which another one goes on with at once.
    assert_eq!(agent.end_by("TERM"), Some(0));
    assert!(!sockets.log().contains("refusing health checks"), "{}", sockets.log());
}

#[test]
fn one_that_is_not_used_is_in_the_log() {
    let sockets = Sockets::new();
    let _agent = Agent::started(sockets.command(&["--listen", "systemd:net"]));
    let line = "systemd sockets not used: connections to them wait forever; add";
    until(|| sockets.log().contains(line) && sockets.log().contains("local.socket"));
}

#[test]
fn one_that_cannot_be_used_is_named_with_its_fix() {
    let folder = Folder::new();
    let log = folder.file("log");
    let udp = || UdpSocket::bind("127.0.0.1:0").unwrap().into();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let connected = || TcpStream::connect(silent.local_addr().unwrap()).unwrap().into();
    let tcp = || TcpListener::bind("127.0.0.1:0").unwrap().into();
    let sockets: [(&dyn Fn() -> OwnedFd, &str, &str); 3] = [
        (&tcp, "systemd:x", "for --listen systemd:x, only systemd:a; compare it with FileDescript"),
        (
            &udp,
            "systemd:a",
            "descriptor 3, handed over for --listen systemd:a, is not a TCP or UNIX",
        ),
        (&connected, "systemd", "it is no stream socket that listens: write ListenStream= and Acc"),
    ];
    for (socket, listen, part) in sockets {
        let outcome = to_the_end(handed_over(&[socket], "a", &["--listen", listen], &log));
        let told = fs::read_to_string(&log).unwrap();
        assert_eq!(outcome.code, Some(1), "{told}");
        assert!(told.starts_with("error: ") && told.contains(part), "{part:?} not in {told}");
        assert_eq!(told.lines().count(), 1, "{told}");
    }
    let outcome = spoa_agent(&["--listen", "systemd"]);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    let part =
        "no socket was handed over for --listen systemd: LISTEN_FDS is not set, or LISTEN_PID";
    assert!(outcome.stderr.contains(part), "{outcome:?}");
}
