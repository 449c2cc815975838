//! The first examples: `hello`, `ip_reputation` and `raw_actor`; and what all of them log.

use std::{
    fs::{self, File},
    io::{self, Write},
    os::fd::OwnedFd,
    path::Path,
    process::Command,
};

use rustix::pipe::fcntl_getpipe_size;
use spoa_actors::Message;
use spoa_integration::{Config, Load, Scratch, on_every_haproxy, until};

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

#[actix_rt::test]
async fn hello_says_on_stderr_where_it_listens_and_what_goes_wrong() {
    let files = Scratch::new().unwrap();
    let log = files.join("log");
    let address = free_address();
    let mut command = Command::new(env!("CARGO_BIN_EXE_hello"));
    let _hello =
        Program::start_with_log(command.arg(address.to_string()), File::create(&log).unwrap());
    let mut haproxy = greet(address).await;
    let misspelt = Message::new("check-client").arg("ip", "127.0.0.1");
    for message in [misspelt, Message::new("check-client-ip")] {
        let actions = haproxy.notify(message).await.unwrap();
        assert_eq!(actions.to_string(), "");
    }
    let page = include_str!("../../../docs/first-handler.md");
    let (_, shown) = page.split_once("```text\n").unwrap();
    let (shown, _) = shown.split_once("```").unwrap();
    let log = fs::read_to_string(&log).unwrap();
    assert_eq!(log.replace(&address.to_string(), "127.0.0.1:12345"), shown);
}

#[actix_rt::test]
async fn hello_answers_when_nobody_reads_its_stderr() {
    let (reader, mut writer) = io::pipe().unwrap();
    let size = fcntl_getpipe_size(&writer).unwrap();
    writer.write_all(&vec![b'.'; size]).unwrap();
    let address = free_address();
    let mut command = Command::new(env!("CARGO_BIN_EXE_hello"));
    let full = File::from(OwnedFd::from(writer));
    let _hello = Program::start_with_log(command.arg(address.to_string()), full);
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

on_every_haproxy! {
    #[actix_rt::test]
    async fn a_message_that_nobody_handles_is_told_in_the_log_without_colours(version: Version) {
        let auth = example!("auth").variable("SESSION_KEY", &"k".repeat(32));
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("haproxy");
        let files = Scratch::new().unwrap();
        let stateful = example!("stateful").argument(files.write("blocklist", "").unwrap());
        for (name, example, message) in [
            ("access_control", example!("access_control"), "check-access"),
            ("auth", auth, "check-session"),
            ("ip_reputation", example!("ip_reputation"), "get-ip-reputation"),
            ("mirror", example!("mirror"), "mirror-request"),
            ("stateful", stateful, "check-blocklist"),
            ("supervised", example!("supervised"), "share-out"),
        ] {
            let (main, engine) = (format!("{name}.cfg"), format!("{name}.spoe.conf"));
            let text = |file| fs::read_to_string(folder.join(file)).unwrap();
            let main = files.write(&main, &text(&main)).unwrap();
            files.write(&engine, &text(&engine).replace(message, "another")).unwrap();
            let config = Config::file(version, main, "127.0.0.1:8080");
            let scene = example.start_behind(config, "127.0.0.1:12345").await;
            scene.http().get("/").await.unwrap();
            let told = async || scene.log().contains("a message without a route").then_some(());
            until(&format!("{name} tells"), SOON, told).await.unwrap();
            assert!(!scene.log().contains('\u{1b}'), "{}", scene.log());
        }
    }
}
