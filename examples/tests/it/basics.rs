//! The first examples: `hello`, `ip_reputation` and `raw_actor`; and what all programs log.

use std::{
    fs::{self, File},
    io::{self, Write},
    os::fd::OwnedFd,
    process::Command,
};

use rustix::pipe::fcntl_getpipe_size;
use spoa_actors::Message;
use spoa_integration::{Load, Scratch, on_every_haproxy, until};

use crate::{
    program::{Program, free_address, greet},
    raw::{raw, status},
    scene::{SOON, dual_stack, example},
};

on_every_haproxy! {
    #[actix_rt::test]
    async fn hello_scores_a_loopback_address(version: Version) {
        let scene = example!("hello").start(version).await;
        let answer = scene.http().get("/").await.unwrap();
        assert_eq!((answer.status, answer.header("x-ip-score")), (200, Some("20")));
        assert_eq!(answer.text(), "score 20\n");
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn hello_scores_a_loopback_address_behind_a_dual_stack_bind(version: Version) {
        let config = dual_stack(version, "hello");
        let scene = example!("hello").start_behind(config, "127.0.0.1:12345").await;
        assert_eq!(scene.text("/").await, "score 20");
    }
}

/// What the page shows as text, so many blocks in.
fn shown(number: usize) -> &'static str {
    let page = include_str!("../../../docs/first-handler.md");
    let block = page.split("```text\n").nth(number).unwrap();
    block.split("```").next().unwrap()
}

#[actix_rt::test]
async fn hello_prints_where_it_listens_and_logs_what_goes_wrong() {
    let files = Scratch::new().unwrap();
    let [out, log] = ["out", "log"].map(|name| files.join(name));
    let address = free_address();
    let program = env!("CARGO_BIN_EXE_hello");
    let mut command = Command::new(program);
    command.args(["--log-format", "human", "--listen", &address.to_string()]);
    let _hello = Program::start_with_output(
        &mut command,
        File::create(&out).unwrap(),
        File::create(&log).unwrap(),
    );
    let mut haproxy = greet(address).await;
    let misspelt = Message::new("check-client").arg("ip", "127.0.0.1");
    for message in [misspelt, Message::new("check-client-ip")] {
        let actions = haproxy.notify(message).await.unwrap();
        assert_eq!(actions.to_string(), "");
    }
    // The port is another one, which the command names.
    let line = || fs::read_to_string(&out).unwrap().replace(&format!(" --addr {address}"), "");
    let as_shown = || {
        let line = line().replace(&address.to_string(), "127.0.0.1:12345");
        line.replace(program, "target/debug/hello")
    };
    until("it prints the line", SOON, async || (as_shown() == shown(1)).then_some(()))
        .await
        .unwrap();
    // Of its log, what goes wrong; each line has another time.
    let warnings = || {
        let log = fs::read_to_string(&log).unwrap();
        let lines = log.lines().filter(|line| line.contains(" WARN "));
        let without_time = lines.map(|line| line.split_once(' ').unwrap().1);
        without_time.map(|line| format!("2026-11-30T09:00:00.000000Z {line}\n")).collect::<String>()
    };
    until("it logs", SOON, async || (warnings().lines().count() > 1).then_some(())).await.unwrap();
    assert_eq!(warnings(), shown(2));
}

#[actix_rt::test]
async fn hello_answers_when_nobody_reads_its_stderr() {
    let (reader, mut writer) = io::pipe().unwrap();
    let size = fcntl_getpipe_size(&writer).unwrap();
    writer.write_all(&vec![b'.'; size]).unwrap();
    let address = free_address();
    let mut command = Command::new(env!("CARGO_BIN_EXE_hello"));
    let full = File::from(OwnedFd::from(writer));
    let _hello = Program::start_with_log(command.args(["--listen", &address.to_string()]), full);
    let mut haproxy = greet(address).await;
    let actions = haproxy.notify(Message::new("misspelt")).await.unwrap();
    assert_eq!(actions.to_string(), "");
    drop(reader);
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn an_address_that_comes_too_often_is_told_to_slow_down_and_no_other(version: Version) {
        let scene = example!("ip_reputation").start(version).await;
        // Over several connections, which several arbiters would share.
        let tally = Load::counting(8, 40).run(scene.http()).await.unwrap();
        assert_eq!((tally.of("200"), tally.of("429")), (10, 30), "{tally:?}");
        let other = scene.http_from([127, 0, 0, 2]).get("/").await.unwrap();
        assert_eq!((other.status, other.text().as_str()), (200, "welcome\n"));
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn a_raw_actor_numbers_the_requests(version: Version) {
        let scene = example!("raw_actor").start(version).await;
        for number in 1..=5 {
            let text = scene.text("/").await;
            assert!(text.starts_with(&format!("request {number} through 127.0.0.1:")), "{text}");
        }
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn a_client_whose_user_agent_is_no_text_is_counted_as_well(version: Version) {
        let scene = example!("ip_reputation").start(version).await;
        let mut answers = Vec::new();
        for _ in 0..11 {
            let request = b"GET / HTTP/1.0\r\nuser-agent: Mozilla/5.0 \xff\r\n\r\n";
            answers.push(status(&raw([127, 0, 0, 1], scene.haproxy.address(), request).await));
        }
        assert_eq!(answers, [[200; 10].as_slice(), &[429]].concat());
    }
}

/// The programs named, each with its path.
macro_rules! programs {
    ($($name:literal),*) => {
        [$(($name, env!(concat!("CARGO_BIN_EXE_", $name)))),*]
    };
}

#[actix_rt::test]
async fn a_message_that_nobody_handles_is_told_in_the_log_without_colours() {
    let files = Scratch::new().unwrap();
    let log = files.join("log");
    for (name, program) in programs![
        "access_control",
        "auth",
        "blocking",
        "ip_reputation",
        "like_dotnet",
        "like_haproxy_spoe_go",
        "like_spoe_forge",
        "like_spop",
        "mirror",
        "raw_actor",
        "stateful",
        "supervised",
        "traced"
    ] {
        let address = free_address();
        let mut command = Command::new(program);
        command.arg(address.to_string()).env("SESSION_KEY", "k".repeat(32));
        match name {
            "like_spop" => {
                command.arg(files.join("socket")).arg(free_address().to_string());
            }
            "stateful" => {
                command.arg(files.write("blocklist", "").unwrap());
            }
            _ => {}
        }
        let _program = Program::start_with_log(&mut command, File::create(&log).unwrap());
        let mut haproxy = greet(address).await;
        haproxy.notify(Message::new("another")).await.unwrap();
        // It is written before the ACK.
        let log = fs::read_to_string(&log).unwrap();
        assert!(log.contains("message without a route"), "{name}: {log}");
        assert!(!log.contains('\u{1b}'), "{name}: {log}");
    }
}
