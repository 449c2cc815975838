//! The conformance agent answers its contract.

use std::{
    net::{Ipv6Addr, SocketAddr},
    process::Command,
    time::Duration,
};

use spoa_actors::{
    Action, Message, TypedData,
    spop::{Capabilities, FrameId, HaproxyHello, Messages, StreamId},
    testing::{FakeHaproxy, hello},
};
use tokio::{net::UnixStream, time::Instant};

use crate::program::{Program, connect, free_address, greet};

/// Starts it, and says where it listens.
fn start() -> (Program, SocketAddr) {
    let (mut command, address) = command();
    (Program::start(&mut command), address)
}

fn command() -> (Command, SocketAddr) {
    let address = free_address();
    let mut command = Command::new(env!("CARGO_BIN_EXE_conformance"));
    command.args(["--listen", &address.to_string()]);
    (command, address)
}

async fn answers(table: impl IntoIterator<Item = (Message, &'static str)>) {
    let (_agent, address) = start();
    let mut haproxy = greet(address).await;
    for (message, expected) in table {
        let text = message.to_string();
        let actions = haproxy.notify(message).await.unwrap();
        assert_eq!(actions.to_string(), expected, "{text}");
    }
}

#[actix_rt::test]
async fn echo_gives_back_every_named_argument_as_it_came() {
    let (_agent, address) = start();
    let mut haproxy = greet(address).await;
    let text = TypedData::String(b"caf\xe9\0");
    let values: [(&[u8], TypedData<'_>); 12] = [
        (b"null", TypedData::Null),
        (b"yes", TypedData::Bool(true)),
        (b"no", TypedData::Bool(false)),
        (b"i32", TypedData::Int32(i32::MIN)),
        (b"u32", TypedData::Uint32(u32::MAX)),
        (b"i64", TypedData::Int64(i64::MIN)),
        (b"u64", TypedData::Uint64(u64::MAX)),
        (b"v4", TypedData::Ipv4([127, 0, 0, 1].into())),
        (b"v6", TypedData::Ipv6(Ipv6Addr::LOCALHOST)),
        (b"x-dash and \xff", text),
        (b"repeated", TypedData::Binary(b"")),
        (b"repeated", TypedData::Binary(&[0, 255])),
    ];
    let message = values.iter().fold(Message::new("echo").arg("", 1), |message, (name, value)| {
        message.arg(name, *value).arg("", "ignored")
    });
    let actions = haproxy.notify(message).await.unwrap();
    let echoed: Vec<_> = actions
        .iter()
        .map(|action| match action {
            Action::SetVar { scope, name, value } => (scope.as_str(), name, value),
            Action::UnsetVar { .. } => panic!("{action}"),
        })
        .collect();
    assert_eq!(echoed, values.map(|(name, value)| ("txn", name, value)));
}

#[actix_rt::test]
async fn each_handler_answers_as_the_contract_says() {
    let ip = |ip: TypedData<'static>| Message::new("get-ip-reputation").arg("ip", ip);
    let data = |data: TypedData<'static>| Message::new("checksum").arg("data", data);
    answers([
        (data(TypedData::String(b"123456789")), "set-var txn.len 9, set-var txn.crc32 3421780262"),
        (data(TypedData::Binary(b"")), "set-var txn.len 0, set-var txn.crc32 0"),
        (data(TypedData::Int64(9)), ""),
        (Message::new("checksum"), ""),
        (
            Message::new("scopes"),
            "set-var proc.v true, set-var sess.v true, set-var txn.v true, set-var req.v true, \
             set-var res.v true",
        ),
        (Message::new("unset").arg("name", "gone"), "unset-var txn.gone"),
        (Message::new("unset").arg("name", 1), ""),
        (Message::new("fail").arg("any", 1), ""),
        (Message::new("panic").arg("any", 1), ""),
        (ip(TypedData::Ipv4([127, 9, 9, 9].into())), "set-var sess.ip_score 20"),
        (ip(TypedData::Ipv4([10, 0, 0, 1].into())), "set-var sess.ip_score 10"),
        (ip(TypedData::Ipv6(Ipv6Addr::LOCALHOST)), "set-var sess.ip_score 20"),
        (ip(TypedData::String(b"127.0.0.1")), ""),
        (Message::new("get-ip-reputation").arg("IP", TypedData::Null), ""),
        (Message::new("GET-IP-REPUTATION"), ""),
        (Message::new("sleep").arg("ms", TypedData::Uint32(1)), "set-var txn.slept 1"),
        (Message::new("sleep").arg("ms", -1), ""),
        (Message::new("sleep").arg("ms", "1"), ""),
        (Message::new("big").arg("n", 3), "set-var txn.big \"xxx\""),
        (Message::new("big").arg("n", 16_777_216), ""),
        (Message::new("big").arg("n", 16_777_217), ""),
        (Message::new("nobody"), ""),
    ])
    .await;
}

#[actix_rt::test]
async fn a_burst_of_panics_is_one_line_of_the_log_that_says_what_happened_where_and_to_whom() {
    let path = std::env::temp_dir().join(format!("conformance-{}.log", std::process::id()));
    let log = std::fs::File::create(&path).unwrap();
    let (mut command, address) = command();
    let _agent = Program::start_with_log(&mut command, log);
    let mut haproxy = greet(address).await;
    let messages: Messages = (0..200).map(|_| Message::new("panic")).collect();
    assert!(haproxy.notify(messages).await.unwrap().is_empty());
    let log = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<_> = log.lines().filter(|line| line.contains("panicked")).collect();
    let [line] = lines[..] else { panic!("{log}") };
    for part in ["\"panic\"", "it was asked to panic", "conformance.rs:"] {
        assert!(line.contains(part), "no {part} in {line}");
    }
    std::fs::remove_file(path).unwrap();
}

#[actix_rt::test]
async fn what_is_late_is_dropped_and_delays_nothing_else() {
    let (_agent, address) = start();
    let mut haproxy = greet(address).await;
    let asked = Instant::now();
    let late = [Message::new("never"), Message::new("sleep").arg("ms", 700)];
    for message in late.clone() {
        haproxy.send_notify([message, Message::new("scopes")]).await.unwrap();
    }
    haproxy.send_notify(Message::new("sleep").arg("ms", 1)).await.unwrap();
    let fast = haproxy.ack().await.unwrap();
    assert_eq!((fast.stream_id, fast.frame_id), (StreamId(5), FrameId(1)));
    assert!(asked.elapsed() < Duration::from_millis(500));
    for _ in late {
        let ack = haproxy.ack().await.unwrap();
        assert_eq!(ack.actions.iter().count(), 5, "the other message's actions");
    }
    assert!(asked.elapsed() >= Duration::from_millis(490), "{:?}", asked.elapsed());
}

#[actix_rt::test]
async fn a_string_of_16_mib_leaves_in_fragments_for_a_peer_that_takes_them() {
    let (_agent, address) = start();
    let mut haproxy = FakeHaproxy::new(connect(address).await);
    let capabilities = Capabilities { fragmentation: true, pipelining: true, asynchronous: false };
    haproxy.hello(HaproxyHello { capabilities, ..hello() }).await.unwrap();
    let actions = haproxy.notify(Message::new("big").arg("n", 16 << 20)).await.unwrap();
    let Some(Action::SetVar { value, .. }) = actions.iter().next() else { panic!() };
    assert_eq!(value.as_bytes().unwrap().len(), 16 << 20);
}

#[actix_rt::test]
async fn it_listens_on_a_unix_socket_too() {
    let path = std::env::temp_dir().join(format!("conformance-{}.sock", std::process::id()));
    let unix = path.to_str().unwrap();
    let (mut command, address) = command();
    let agent = Program::start(command.args(["--unix", unix]));
    drop(greet(address).await);
    let stream = UnixStream::connect(&path).await.unwrap();
    let mut haproxy = FakeHaproxy::over(stream).await.unwrap();
    let messages = Messages::from(Message::new("scopes"));
    assert_eq!(haproxy.notify(messages).await.unwrap().iter().count(), 5);
    drop(agent);
    std::fs::remove_file(path).unwrap();
}
