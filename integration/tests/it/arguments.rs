//! What HAProxy sends in a message arrives with its type and content.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bytes::Bytes;
use reqwest::header::HeaderValue;
use reqwest::{Method, RequestBuilder};
use serde::Deserialize;
use spoa_actors::{Registry, RunningAgent, TypedData};
use spoa_integration::{Haproxy, Version, on_every_haproxy};
use tokio::sync::mpsc::unbounded_channel;

use crate::scene::{self, REQUEST, endpoint, engine, error, next, recorder, records};

const DOCUMENTATION: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const DOCUMENTATION_6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);

/// Name, sample expression, and how it must arrive.
const SAMPLES: [(&str, &str, TypedData<'_>); 16] = [
    ("absent", "req.hdr(x-absent)", TypedData::Null),
    ("yes", "bool(true)", TypedData::Bool(true)),
    ("no", "bool(false)", TypedData::Bool(false)),
    ("zero", "int(0)", TypedData::Int64(0)),
    ("plus", "int(42)", TypedData::Int64(42)),
    ("minus", "int(-5)", TypedData::Int64(-5)),
    ("max", "int(9223372036854775807)", TypedData::Int64(i64::MAX)),
    ("min", "int(-9223372036854775808)", TypedData::Int64(i64::MIN)),
    ("v4", "ipv4(192.0.2.1)", TypedData::Ipv4(DOCUMENTATION)),
    ("v6", "ipv6(2001:db8::1)", TypedData::Ipv6(DOCUMENTATION_6)),
    ("src", "src", TypedData::Ipv4(Ipv4Addr::LOCALHOST)),
    ("text", "str(some)", TypedData::String(b"some")),
    ("empty", "req.hdr(x-empty)", TypedData::String(b"")),
    ("raw", "req.hdr(x-raw)", TypedData::String(b"caf\xe9 \xff")),
    ("bytes", "bin(00ff10)", TypedData::Binary(&[0x00, 0xff, 0x10])),
    ("method", "method", TypedData::String(b"DELETE")),
];

fn args() -> String {
    let args = SAMPLES.map(|(name, expression, _)| format!("{name}={expression}"));
    args.join(" ")
}

async fn asking(version: Version, registry: Registry, args: &str) -> (Haproxy, RunningAgent) {
    let agent = scene::agent(registry).await;
    let engine = engine(endpoint(&agent)).message("typed", args, REQUEST);
    (scene::haproxy(version, engine, scene::ERROR_ALONE).await, agent)
}

async fn send(haproxy: &Haproxy, method: &str) {
    let raw = HeaderValue::from_bytes(b"caf\xe9 \xff").unwrap();
    let build = |request: RequestBuilder| request.header("x-empty", "").header("x-raw", raw);
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let answer = haproxy.http().send(method, "/", build).await.unwrap();
    assert_eq!((answer.status, error(&answer)), (200, ""));
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn every_type_that_haproxy_sends_arrives_in_order_and_unchanged(version: Version) {
        let (route, mut seen) = recorder();
        let (haproxy, _agent) = asking(version, Registry::new().on("typed", route), &args()).await;
        send(&haproxy, "DELETE").await;
        let message = next(&mut seen).await;
        let arrived: Vec<_> = message.args().map(|arg| (arg.name, arg.value)).collect();
        let expected = SAMPLES.map(|(name, _, value)| (name.as_bytes(), value));
        assert_eq!(arrived, expected);
    }
}

#[derive(Debug, Deserialize, PartialEq)]
struct Typed {
    absent: Option<String>,
    yes: bool,
    no: bool,
    zero: u8,
    plus: u16,
    minus: i8,
    max: i64,
    min: i64,
    v4: Ipv4Addr,
    v6: IpAddr,
    src: IpAddr,
    text: String,
    empty: String,
    raw: Bytes,
    bytes: Bytes,
    method: Verb,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "UPPERCASE")]
enum Verb {
    Delete,
    Get,
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn every_type_that_haproxy_sends_is_read_into_its_rust_type(version: Version) {
        let (sender, mut seen) = unbounded_channel();
        let route = records(sender, |typed: Typed| typed);
        let (haproxy, _agent) = asking(version, Registry::new().on("typed", route), &args()).await;
        send(&haproxy, "DELETE").await;
        let expected = Typed {
            absent: None,
            yes: true,
            no: false,
            zero: 0,
            plus: 42,
            minus: -5,
            max: i64::MAX,
            min: i64::MIN,
            v4: DOCUMENTATION,
            v6: DOCUMENTATION_6.into(),
            src: Ipv4Addr::LOCALHOST.into(),
            text: "some".to_owned(),
            empty: String::new(),
            raw: Bytes::from_static(b"caf\xe9 \xff"),
            bytes: Bytes::from_static(&[0x00, 0xff, 0x10]),
            method: Verb::Delete,
        };
        assert_eq!(next(&mut seen).await, expected);
        send(&haproxy, "GET").await;
        assert_eq!(next(&mut seen).await.method, Verb::Get);
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn checklist_29_a_string_that_is_no_utf_8_is_a_wrong_argument_for_a_string(
        version: Version
    ) {
        #[derive(Deserialize)]
        struct Text {
            raw: String,
        }
        let (sender, _seen) = unbounded_channel();
        let agent = scene::agent(
            Registry::new().on("typed", records(sender, |text: Text| text.raw))
        ).await;
        let engine = engine(endpoint(&agent)).message("typed", "raw=req.hdr(x-raw)", REQUEST);
        let haproxy = scene::haproxy(version, engine, scene::ERROR_ALONE).await;
        send(&haproxy, "GET").await;
        assert_eq!(agent.statistics().await.messages.bad_arguments, 1);
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn a_method_that_http_does_not_name_arrives_by_its_name(version: Version) {
        let (route, mut seen) = recorder();
        let registry = Registry::new().on("typed", route);
        let (haproxy, _agent) = asking(version, registry, "method=method").await;
        send(&haproxy, "BREW").await;
        assert_eq!(next(&mut seen).await.get("method"), Some(TypedData::String(b"BREW")));
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn checklist_39_repeated_and_unnamed_arguments_are_kept(version: Version) {
        let (route, mut seen) = recorder();
        let registry = Registry::new().on("typed", route);
        let args = "n=int(1) str(first) n=int(2) src str(second)";
        let (haproxy, _agent) = asking(version, registry, args).await;
        send(&haproxy, "GET").await;
        let message = next(&mut seen).await.to_string();
        assert_eq!(message, r#"typed(n=1, "first", n=2, 127.0.0.1, "second")"#);
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn a_message_without_arguments_has_none(version: Version) {
        let (route, mut seen) = recorder();
        let (haproxy, _agent) = asking(version, Registry::new().on("typed", route), "").await;
        send(&haproxy, "GET").await;
        assert_eq!(next(&mut seen).await.args().len(), 0);
    }
}
