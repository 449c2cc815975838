//! Commands: what the pages tell to type is run as it is written, in its order, and prints what they show.
//!
//! They run from the top of the repository and on the ports that they name: in a network of their own where the
//! system gives one. Servers run beside what follows them, until the next block that begins with one. In the place
//! of `cargo run` is the program that it would build, as it was built for the tests, in whichever profile.

use std::fmt::Write;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;
use spoa_integration::{Scratch, Version, built};
use tokio::process::Command;

use super::first_handler;
use super::page::{self, Block, Page, repository};

/// What is not run here, by what it begins with, and why.
const ELSEWHERE: [(&str, &str); 7] = [
    ("cargo run --release -p spoa-bench", "takes minutes; `.ci/bench-gate` runs its gate"),
    ("cargo test --workspace", "this test is a part of it"),
    ("target/release/", "needs a release build; `.ci/try-agent` runs it"),
    ("docker ", "needs Docker; `integration/stack/test` runs the stack"),
    ("integration/stack/", "needs Docker, and is a stage of its own"),
    ("sudo ", "changes the machine; `book::systemd` runs it on one of its own"),
    ("git clone", "needs a public network"),
];

/// The same for whole commands.
const FIRST: (&str, &str) = ("cargo run --release", "a release build; `.ci/try-agent` runs it");

/// How long a command may take until it ends well and prints what is shown.
const PATIENCE: u32 = 60;

/// What all scripts begin with.
const PRELUDE: &str = r#"set -u
pids=()
left=()
end() {
    # The second signal ends an agent at once, which leaves the file of its socket behind.
    for _ in 1 2; do for pid in "${pids[@]}"; do kill -TERM "$pid" 2>/dev/null; done; done
    wait
    for file in "${left[@]}"; do rm -f "$file"; done
}
trap end EXIT
fail() { echo "$1"; tail -n 40 "$files"/*.sh "$files"/*.out; exit 1; }
# Tries again until it works: what was started before may need its time.
try() {
    local what=$1 until=$((SECONDS + patience))
    shift
    until "$@" 2>/dev/null; do
        [ "$SECONDS" -lt "$until" ] || fail "this does not come true: $what"
        sleep 0.1
    done
}
shown() {
    local line
    while IFS= read -r line; do grep -qF -e "$line" "$files/$1.out" || return 1; done <"$files/$1.expected"
}
client() { bash "$files/$1.sh" >"$files/$1.out" 2>&1 && shown "$1"; }
connects() { (exec 3<>"/dev/tcp/127.0.0.1/$1"); }
serve() { bash "$files/$1.sh" >"$files/$1.out" 2>&1 & pids+=($!); }
alive() { for pid in "${pids[@]}"; do kill -0 "$pid" || fail "a server has ended"; done; }
"#;

/// What stands in the place of cargo: `cargo run -p PACKAGE --bin PROGRAM -- WORDS`.
const CARGO: &str = r#"#!/usr/bin/env bash
program=
[ "$1" = run ] && shift || exit 2
while [ $# -gt 0 ]; do
    case $1 in
        -p) program=${program:-$2}; shift ;;
        --bin) program=$2; shift ;;
        --release) ;;
        --) shift; break ;;
        *) echo "this is no option that is known here: $1"; exit 2 ;;
    esac
    shift
done
exec "PROGRAMS/$program" "$@"
"#;

/// A command, and the lines that a page shows below it.
#[derive(Clone, Debug)]
pub(super) struct Step {
    command: String,
    expected: String,
    is_server: bool,
}

impl Step {
    /// A program that runs beside what follows it.
    pub(super) fn server(command: &str) -> Self {
        Self { command: command.to_owned(), expected: String::new(), is_server: true }
    }

    /// A command that prints a line with this in it, and ends well.
    pub(super) fn client(command: &str, expected: &str) -> Self {
        let (command, expected) = (command.to_owned(), format!("{expected}\n"));
        Self { command, expected, is_server: false }
    }

    pub(super) fn command(&self) -> &str {
        &self.command
    }

    /// What its output has, line by line.
    pub(super) fn expected(&self) -> &str {
        &self.expected
    }
}

pub(super) fn steps(block: &Block<'_>) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for line in &block.lines {
        match (line.strip_prefix("$ "), steps.last_mut()) {
            (Some(command), _) => steps.push(step(command)),
            (None, Some(step)) => {
                let always = line.split('…').next().unwrap_or_default();
                writeln!(step.expected, "{always}").unwrap();
            }
            (None, None) => panic!("a console begins with a command, not with {line}"),
        }
    }
    steps
}

fn step(command: &str) -> Step {
    let (command, is_beside) = match command.strip_suffix(" &") {
        Some(command) => (command, true),
        None => (command, false),
    };
    let is_program = command.starts_with("cargo run ") && !command.contains(" -- ");
    let is_server = is_beside || is_program || command.starts_with("haproxy -f ");
    Step { command: command.to_owned(), expected: String::new(), is_server }
}

/// Why a command is not run here, if it is not.
fn elsewhere(command: &str) -> Option<&'static str> {
    let begins = ELSEWHERE.iter().find(|(begin, _)| command.starts_with(begin));
    begins.or((command == FIRST.0).then_some(&FIRST)).map(|(_, reason)| *reason)
}

/// What of a page runs together.
fn scenes(page: &Page) -> Vec<Vec<Step>> {
    let mut scenes: Vec<Vec<Step>> = Vec::new();
    for block in page.blocks().iter().filter(|block| block.kind == "console") {
        let steps = steps(block).into_iter().filter(|step| elsewhere(&step.command).is_none());
        let steps: Vec<_> = steps.collect();
        match scenes.last_mut() {
            Some(scene) if steps.first().is_some_and(|step| !step.is_server) => scene.extend(steps),
            _ if steps.is_empty() => {}
            _ => scenes.push(steps),
        }
    }
    scenes
}

/// The word behind another one.
fn behind<'a>(command: &'a str, word: &str) -> Option<&'a str> {
    let mut words = command.split_whitespace();
    words.find(|found| *found == word)?;
    words.next()
}

/// The ports on which an HAProxy with this file listens.
fn ports(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap();
    let binds = text.lines().filter_map(|line| line.trim().strip_prefix("bind "));
    let ports = binds.filter_map(|bind| Some(bind.split_whitespace().next()?.rsplit_once(':')?.1));
    ports.map(str::to_owned).collect()
}

fn script(scene: &[Step], folder: &Path, scratch: &Scratch) -> String {
    let mut script = format!("files={}\npatience={PATIENCE}\n{PRELUDE}", scratch.path().display());
    for (number, step) in scene.iter().enumerate() {
        let command = &step.command;
        let run = if step.is_server { "exec " } else { "" };
        scratch.write(&format!("{number}.sh"), &format!("{run}{command}\n")).unwrap();
        scratch.write(&format!("{number}.expected"), &step.expected).unwrap();
        let title = format!("'{}'", command.replace('\'', "\""));
        if step.is_server {
            writeln!(script, "serve {number}\ntry {title} shown {number}").unwrap();
        } else {
            writeln!(script, "try {title} client {number}").unwrap();
        }
        if let Some(socket) = behind(command, "--unix") {
            writeln!(script, "left+=('{socket}')").unwrap();
        }
        if let Some(file) = command.strip_prefix("haproxy -f ") {
            for port in ports(&folder.join(file)) {
                writeln!(script, "try {title} connects {port}").unwrap();
            }
        }
    }
    script + "alive\n"
}

/// A folder with the programs that commands name.
pub(super) async fn programs() -> Scratch {
    let programs = Scratch::new().unwrap();
    let haproxy = Version::V3_2.binary().await.unwrap();
    let agent = built("spoa-agent", "spoa-agent").await.unwrap();
    let link = |path: &Path, name| std::os::unix::fs::symlink(path, programs.join(name)).unwrap();
    link(&haproxy.canonicalize().unwrap(), "haproxy");
    link(&agent.canonicalize().unwrap(), "spoa-agent");
    let text = CARGO.replace("PROGRAMS", agent.parent().unwrap().to_str().unwrap());
    let cargo = programs.write("cargo", &text).unwrap();
    fs::set_permissions(cargo, Permissions::from_mode(0o755)).unwrap();
    programs
}

/// The programs of the workspace, with their packages, as cargo knows them.
pub(super) async fn known_programs() -> Vec<(String, String)> {
    let words = ["metadata", "--no-deps", "--offline", "--format-version", "1"];
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo).args(words).current_dir(repository()).output().await.unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut known = Vec::new();
    for package in metadata["packages"].as_array().unwrap() {
        let targets = package["targets"].as_array().unwrap();
        let programs = targets.iter().filter(|target| target["kind"][0] == "bin");
        let name = |value: &Value| value["name"].as_str().unwrap().to_owned();
        known.extend(programs.map(|program| (name(package), name(program))));
    }
    known
}

/// Has what a command of cargo runs be there.
pub(super) async fn build(command: &str, known: &[(String, String)]) {
    if command.starts_with("cargo run ") {
        let package = behind(command, "-p").unwrap();
        let program = behind(command, "--bin").unwrap_or(package);
        let is_known = known.iter().any(|(of, name)| (&**of, &**name) == (package, program));
        assert!(is_known, "there is no such program: {command}");
        built(package, program).await.unwrap();
    }
}

/// Takes from a command what cargo has told this test about its package, as a build would look at it and begin anew.
pub(super) fn outside_of_cargo(command: &mut Command) {
    for (name, _) in std::env::vars() {
        if ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|prefix| name.starts_with(prefix)) {
            command.env_remove(name);
        }
    }
}

/// A shell, in a network of its own if there can be one; what it has started ends with it.
async fn shell() -> Command {
    let own = ["--user", "--map-root-user", "--net", "--pid", "--fork", "--kill-child"];
    let probe = Command::new("unshare").args(own).args(["ip", "link", "set", "lo", "up"]).output();
    if !probe.await.is_ok_and(|probe| probe.status.success()) {
        return Command::new("bash");
    }
    let mut command = Command::new("unshare");
    command.args(own).args(["bash", "-c", "ip link set lo up && exec bash \"$@\"", "bash"]);
    command
}

/// Runs the commands of this page, or of another text, from the top of the repository.
pub(super) async fn run(name: &str, scene: &[Step], programs: &Scratch) {
    run_in(&repository(), name, scene, programs).await;
}

/// The same in another folder.
pub(super) async fn run_in(folder: &Path, name: &str, scene: &[Step], programs: &Scratch) {
    let scratch = Scratch::new().unwrap();
    let script = scratch.write("script", &script(scene, folder, &scratch)).unwrap();
    let path = format!("{}:{}", programs.path().display(), std::env::var("PATH").unwrap());
    let mut shell = shell().await;
    outside_of_cargo(&mut shell);
    shell.arg(script).current_dir(folder).env("PATH", path);
    let output = shell.env_remove("RUST_LOG").kill_on_drop(true).output().await.unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{name}: {said}");
}

#[tokio::test]
async fn the_commands_of_the_pages_do_what_they_show() {
    let (programs, known) = (programs().await, known_programs().await);
    let mut count = 0;
    for page in page::all().iter().filter(|page| page.name != first_handler::PAGE) {
        for scene in scenes(page) {
            for step in &scene {
                build(&step.command, &known).await;
            }
            run(&page.name, &scene, &programs).await;
            count += scene.len();
        }
    }
    assert!(count > 25, "only {count} commands were found");
}

/// A command that is to be typed, and is not seen by the test above, would be true by luck.
#[test]
fn every_command_is_in_a_console() {
    for page in page::all() {
        for block in page.blocks().iter().filter(|block| block.kind != "console") {
            let found = block.lines.iter().find(|line| line.starts_with("$ "));
            assert!(found.is_none(), "{}: {found:?} in {:?}", page.name, block.kind);
        }
    }
}

#[test]
fn what_is_run_elsewhere_has_its_reason() {
    for (command, is_elsewhere) in [
        ("cargo run --release", true),
        ("cargo run --release -p spoa-examples --bin hello", false),
        ("docker compose up --build", true),
        ("curl -i 127.0.0.1:8080", false),
    ] {
        assert_eq!(elsewhere(command).is_some(), is_elsewhere, "{command}");
    }
}
