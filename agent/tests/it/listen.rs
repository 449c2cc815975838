//! `listen`: prints what comes, answers it, and writes a first configuration file.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use spoa_actors::ForeignText;

use crate::scene::{Folder, spoa_agent, text, until};

/// A `listen` at work, with its stdout in a file; dropping it kills it.
struct Listener {
    child: Child,
    out: PathBuf,
}

impl Listener {
    fn start(folder: &Folder, args: &[&str]) -> Self {
        let out = folder.file("out");
        let mut command = Command::new(env!("CARGO_BIN_EXE_spoa-agent"));
        command.args(["listen", "--listen", "127.0.0.1:0"]).args(args).stdin(Stdio::null());
        command.env_remove("RUST_LOG").stdout(File::create(&out).expect("the folder is ours"));
        let listener = Self { child: command.spawn().expect("the binary starts"), out };
        until(|| listener.printed().contains('\n'));
        listener
    }

    fn printed(&self) -> String {
        read(&self.out)
    }

    /// Has it answer a message; gives the answer.
    #[track_caller]
    fn call(&self, words: &[&str]) -> String {
        let printed = self.printed();
        let rest = printed.split_once(" listens on ").expect("it listens").1;
        let address = rest.split([',', ' ']).next().unwrap_or_default();
        let outcome = spoa_agent(&[&["call", "--addr", address], words].concat());
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        outcome.stdout
    }

    /// Ends it as Ctrl-C does; gives all that it has printed behind the first line.
    #[track_caller]
    fn end(mut self) -> String {
        let kill = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        assert!(kill.expect("it starts").success());
        assert_eq!(self.child.wait().expect("it is ours").code(), Some(0));
        self.printed().split_once('\n').expect("it listens").1.to_owned()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).expect("it is there")
}

#[test]
fn the_first_message_of_each_form_is_printed_in_full_and_the_others_are_counted() {
    let folder = Folder::new();
    let listener = Listener::start(&folder, &[]);
    for _ in 0..12 {
        listener.call(&["check", "ip=192.0.2.1", "=GET", "body:bin=0xcafe", "ref:null"]);
    }
    listener.call(&["check", "ip=::1"]);
    listener.call(&["other"]);
    let expected = "\
check
  ip    ipv4         192.0.2.1
  $1    string (3)   \"GET\"
  body  binary (2)   0xcafe
  ref   null         null
check: 10 messages
check
  ip  ipv6         ::1
other
check: 13 messages
other: 1 message
";
    assert_eq!(listener.end(), expected);
}

#[test]
fn every_message_is_printed_with_all() {
    let folder = Folder::new();
    let listener = Listener::start(&folder, &["--all"]);
    for number in ["n=1", "n=2", "n=3"] {
        listener.call(&["m", number]);
    }
    let printed = listener.end();
    let values = printed.lines().filter_map(|line| line.strip_prefix("  n  int64        "));
    assert_eq!(values.collect::<Vec<_>>(), ["1", "2", "3"]);
}

#[test]
fn each_answer_sets_what_set_says() {
    let folder = Folder::new();
    let set = ["--set", "txn.allowed=true", "--set", "sess.score:uint64=20", "--set", "req.by={x}"];
    let listener = Listener::start(&folder, &set);
    let answer = "set-var txn.allowed = true (bool)\nset-var sess.score = 20 (uint64)\n\
                  set-var req.by = \"{x}\" (string)\n";
    for message in ["a", "b"] {
        assert_eq!(listener.call(&[message]), answer);
    }
    listener.end();
    assert_eq!(Listener::start(&folder, &[]).call(&["a"]), "no actions\n");
}

#[test]
fn what_a_peer_sends_moves_no_cursor_and_forges_no_line() {
    let folder = Folder::new();
    let file = folder.file("first.toml");
    let listener = Listener::start(&folder, &["--write", text(&file)]);
    let long = format!("a={}", "\u{9b}x".repeat(3000));
    listener.call(&["m\nforged\u{1b}[2J", "a\r\u{202e}\nb=c\u{2028}\u{7f}", "=\u{85}", &long]);
    listener.call(&["m\"]", "]\u{85}=1", "$1=2", "\"=3", "\\=4"]);
    let printed = listener.end();
    assert!(printed.lines().all(|line| line.chars().all(ForeignText::is_plain)), "{printed:?}");
    assert!(printed.contains("m\\nforged\\u{1b}[2J\n"), "{printed}");
    assert!(printed.lines().all(|line| line.len() < 700), "{printed}");
    let written = read(&file);
    assert!(written.lines().all(|line| line.chars().all(ForeignText::is_plain)), "{written:?}");
    check(&file);
}

#[track_caller]
fn check(file: &Path) {
    let outcome = spoa_agent(&["check", text(file)]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}\n{}", read(file));
}

#[test]
fn a_first_file_is_written_without_values_and_answers_as_listen_did() {
    let folder = Folder::new();
    let file = folder.file("first.toml");
    let set = ["--set", "txn.allowed=true", "--set", "sess.by=a{b}", "--write", text(&file)];
    let listener = Listener::start(&folder, &set);
    let arguments =
        ["path=/secret", "src-ip=192.0.2.1", "=GET", "=7", "1st=x", "src_ip=a", "cert:bin=0x00"];
    let answer = listener.call(&[&["check-ip"], &arguments[..]].concat());
    listener.call(&["check-ip", "late=true"]);
    until(|| read(&file).contains("late"));
    listener.call(&["a:b"]);
    listener.end();
    let written = read(&file);
    let expected = "\
[message.check-ip]
# Arguments with names that need no line: path
args = {
    src_ip = { from = \"src-ip\", type = \"ip\" },
    unnamed_1 = { from = \"$1\", type = \"text\" },
    unnamed_2 = { from = \"$2\", type = \"int\" },
    _1st = { from = \"1st\", type = \"text\" },
    src_ip_2 = { from = \"src_ip\", type = \"text\" },
    cert = { from = \"cert\", type = \"binary\" },
    late = { from = \"late\", type = \"bool\" },
}
run = [\"answer\"]
# unanswered = \"allow\"  # or \"deny\": needed once a handler can deny

[message.\"a:b\"]
run = [\"answer\"]
";
    assert!(written.contains(expected), "{written}");
    assert!(!written.contains("secret") && !written.contains("192.0.2.1"), "{written}");
    check(&file);
    let agent = crate::scene::Agent::start(&["--listen", "127.0.0.1:0", "--config", text(&file)]);
    let address = agent.address();
    let words = [&["call", "--addr", &address, "check-ip"], &arguments[..]].concat();
    let answered = spoa_agent(&words).stdout;
    for line in answer.lines() {
        assert!(answered.contains(line), "{line} is not in {answered}");
    }
}

#[test]
fn a_file_that_exists_is_never_overwritten() {
    let folder = Folder::new();
    let file = folder.file("mine.toml");
    fs::write(&file, "mine").unwrap();
    let write = |path: &Path| {
        let args = ["listen", "--listen", "127.0.0.1:0", "--write", text(path)];
        let outcome = spoa_agent(&args);
        assert_eq!((outcome.code, &*outcome.stdout), (Some(1), ""), "{outcome:?}");
        outcome.stderr
    };
    assert!(write(&file).contains("exists (os error 17); name a file that does not exist yet"));
    assert_eq!(read(&file), "mine");
    assert!(write(&folder.file("no/folder")).starts_with("error: cannot create "));
}

#[test]
fn wrong_variables_are_wrong_usage() {
    for (set, part) in [
        ("x=1", "write SCOPE.NAME=VALUE, such as txn.allowed=true"),
        ("txn.x:int=a", "not of type int"),
        ("txn.a b=1", "a b"),
    ] {
        let outcome = spoa_agent(&["listen", "--set", set]);
        assert_eq!(outcome.code, Some(2), "{outcome:?}");
        assert!(outcome.stderr.contains(part), "{outcome:?}");
    }
}
