//! What a handler sets is what HAProxy has: every type, in every scope.

use std::net::{Ipv4Addr, Ipv6Addr};

use reqwest::Method;
use spoa_actors::spop::MAX_VAR_NAME;
use spoa_actors::{ActionError, Actions, Message, Registry, Route, RunningAgent, Scope, TypedData};
use spoa_integration::{App, Config, Engine, Haproxy, Version, on_every_haproxy};

use crate::scene::{self, REQUEST, endpoint, engine, error, next, recorder, shown};

const RESPONSE: &str = "on-http-response";

/// What is set, how HAProxy prints it, and how it comes back in an argument: integers all have 64
/// bits and a sign there.
const VALUES: [(&str, TypedData<'_>, &str, TypedData<'_>); 12] = [
    ("null", TypedData::Null, "", TypedData::Null),
    ("yes", TypedData::Bool(true), "1", TypedData::Bool(true)),
    ("no", TypedData::Bool(false), "0", TypedData::Bool(false)),
    ("int32", TypedData::Int32(-7), "-7", TypedData::Int64(-7)),
    ("uint32", TypedData::Uint32(u32::MAX), "4294967295", TypedData::Int64(4_294_967_295)),
    ("int64", TypedData::Int64(i64::MIN), "-9223372036854775808", TypedData::Int64(i64::MIN)),
    ("uint64", TypedData::Uint64(u64::MAX), "-1", TypedData::Int64(-1)),
    ("ipv4", TypedData::Ipv4(IPV4), "192.0.2.1", TypedData::Ipv4(IPV4)),
    ("ipv6", TypedData::Ipv6(IPV6), "2001:db8::1", TypedData::Ipv6(IPV6)),
    ("empty", TypedData::String(b""), "", TypedData::String(b"")),
    ("string", TypedData::String(b"some text"), "some text", TypedData::String(b"some text")),
    ("binary", TypedData::Binary(b"\x00\xff"), "00FF", TypedData::Binary(b"\x00\xff")),
];
const IPV4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const IPV6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);

/// Sets all of [`VALUES`], each over a string that an action before it sets.
fn set_all(scope: Scope) -> Result<Actions, ActionError> {
    VALUES.into_iter().try_fold(Actions::new(), |actions, (name, value, ..)| {
        actions.set_var(scope, name, "stale")?.set_var(scope, name, value)
    })
}

fn sets_all(scope: Scope) -> Route {
    Route::new(move |(): ()| set_all(scope))
}

fn event_of(scope: Scope) -> &'static str {
    if scope == Scope::Response { RESPONSE } else { REQUEST }
}

fn rules_of(scope: Scope) -> &'static str {
    if scope == Scope::Response { "http-response" } else { "http-request" }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn checklist_27_28_every_type_is_set_in_every_scope(version: Version) {
        for scope in Scope::ALL {
            every_type_is_set(version, scope).await;
        }
    }
}

/// A variable of the request is gone in the response, so each is printed where it is set.
async fn every_type_is_set(version: Version, scope: Scope) {
    let app = App::start().await.unwrap();
    let agent = scene::agent(Registry::new().on("set-all", sets_all(scope))).await;
    let engine = engine(endpoint(&agent)).message("set-all", "", event_of(scope));
    let mut config = Config::new(version).engine(engine).app(app.address());
    for (name, ..) in VALUES {
        let converter = if name == "binary" { ",hex" } else { "" };
        let print = format!("set-var-fmt(txn.{name}) \"%[var({scope}.t.{name}){converter}]\"");
        config = config.frontend(&format!("{} {print}", rules_of(scope)));
    }
    let prints = VALUES.map(|(name, ..)| format!("var(txn.{name})"));
    let haproxy = scene::start(scene::showing(config, &prints)).await;
    let answer = haproxy.http().get("/").await.unwrap();
    assert_eq!(shown(&answer), VALUES.map(|(_, _, print, _)| print), "{scope}");
    assert_eq!(error(&answer), "", "{scope}");
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn checklist_27_28_every_variable_comes_back_with_its_type(version: Version) {
        for scope in Scope::ALL {
            every_variable_comes_back(version, scope).await;
        }
    }
}

/// The group is sent by a rule, which runs after the event that sets what the group sends.
async fn every_variable_comes_back(version: Version, scope: Scope) {
    let app = App::start().await.unwrap();
    let (route, mut seen) = recorder();
    let registry = Registry::new().on("set-all", sets_all(scope)).on("back", route);
    let agent = scene::agent(registry).await;
    let args = VALUES.map(|(name, ..)| format!("{name}=var({scope}.t.{name})")).join(" ");
    let engine = engine(endpoint(&agent))
        .message("set-all", "", event_of(scope))
        .message("back", &args, "")
        .group("all-back", "back");
    let config = Config::new(version).engine(engine).app(app.address());
    let config = config.frontend(&format!("{} send-spoe-group t all-back", rules_of(scope)));
    let haproxy = scene::start(config).await;
    haproxy.http().get("/").await.unwrap();
    let message = next(&mut seen).await;
    let arrived: Vec<_> = message.args().map(|arg| arg.value).collect();
    assert_eq!(arrived, VALUES.map(|(_, _, _, back)| back), "{scope}");
}

/// Echoes what came in `x-value`, in a variable of the session.
fn keeps_value(message: Message) -> Result<Actions, ActionError> {
    match message.get("value") {
        None | Some(TypedData::Null) => Ok(Actions::new()),
        Some(TypedData::String(b"-")) => Actions::new().unset_var(Scope::Session, "value"),
        Some(value) => Actions::new().set_var(Scope::Session, "value", value),
    }
}

async fn keeping(version: Version) -> (Haproxy, RunningAgent) {
    let agent = scene::agent(Registry::new().on("keep", keeps_value)).await;
    let engine = engine(endpoint(&agent)).message("keep", "value=req.hdr(x-value)", REQUEST);
    (scene::haproxy(version, engine, &["var(sess.t.value)"]).await, agent)
}

async fn keep(haproxy: &Haproxy, value: &[u8]) -> Vec<u8> {
    let value = reqwest::header::HeaderValue::from_bytes(value).unwrap();
    let answer = haproxy.http().send(Method::GET, "/", |request| request.header("x-value", value));
    answer.await.unwrap().headers.get("x-0").unwrap().as_bytes().to_vec()
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn checklist_29_a_string_that_is_no_utf_8_goes_through_both_ways(version: Version) {
        let (haproxy, _agent) = keeping(version).await;
        assert_eq!(keep(&haproxy, b"caf\xe9 \xff").await, b"caf\xe9 \xff");
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn a_session_variable_lives_on_in_the_next_request_until_it_is_unset(version: Version) {
        let (haproxy, _agent) = keeping(version).await;
        assert_eq!(keep(&haproxy, b"first").await, b"first");
        assert_eq!(haproxy.http().get("/").await.unwrap().header("x-0"), Some("first"));
        assert_eq!(keep(&haproxy, b"-").await, b"");
        let elsewhere = haproxy.http().another().unwrap();
        assert_eq!(keep(&haproxy, b"second").await, b"second");
        assert_eq!(elsewhere.get("/").await.unwrap().header("x-0"), Some(""));
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn checklist_26_a_response_variable_in_a_request_event_is_dropped_and_the_next_is_set(
        version: Version
    ) {
        let app = App::start().await.unwrap();
        let wrong = Route::new(|(): ()| {
            Actions::new()
                .set_var(Scope::Response, "early", 1)?
                .set_var(Scope::Transaction, "next", 2)
        });
        let agent = scene::agent(Registry::new().on("wrong", wrong)).await;
        let engine = engine(endpoint(&agent)).message("wrong", "", REQUEST);
        let config = Config::new(version).engine(engine).app(app.address());
        let config = scene::showing(config, &["var(res.t.early)", "var(txn.t.next)"]);
        let haproxy = scene::start(config).await;
        let answer = haproxy.http().get("/").await.unwrap();
        assert_eq!((shown(&answer), error(&answer)), (vec!["", "2"], ""));
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn checklist_25_the_longest_name_is_set_under_a_prefix_of_25_bytes(version: Version) {
        let name = "n".repeat(MAX_VAR_NAME);
        let long = name.clone();
        let sets = Route::new(move |(): ()| Actions::new().set_var(Scope::Session, &long, 1));
        let agent = scene::agent(Registry::new().on("set", sets)).await;
        let prefix = "p".repeat(25);
        let engine = Engine::new(&prefix).agent(endpoint(&agent)).message("set", "", REQUEST);
        let variable = format!("var(sess.{prefix}.{name})");
        let haproxy = scene::haproxy(version, engine, &[variable]).await;
        assert_eq!(shown(&haproxy.http().get("/").await.unwrap()), ["1"]);
    }
}

/// A variable of the process that nothing else in the configuration names.
async fn process_variable(version: Version, agent_line: &str) -> String {
    let sets = Route::new(|(): ()| Actions::new().set_var(Scope::Process, "seen", "yes"));
    let agent = scene::agent(Registry::new().on("set", sets)).await;
    let engine = engine(endpoint(&agent)).agent_line(agent_line).message("set", "", REQUEST);
    let haproxy = scene::haproxy(version, engine, scene::ERROR_ALONE).await;
    assert_eq!(error(&haproxy.http().get("/").await.unwrap()), "");
    haproxy.stats().ask("get var proc.t.seen").await.unwrap()
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn a_process_variable_is_set_only_if_haproxy_knows_its_name(version: Version) {
        let set = "proc.t.seen: type=str value=<yes>";
        let unknown = process_variable(version, "option continue-on-error").await;
        assert!(!unknown.contains(set), "{unknown}");
        let registered = process_variable(version, "register-var-names seen").await;
        assert!(registered.contains(set), "{registered}");
        let forced = process_variable(version, "option force-set-var").await;
        assert!(forced.contains(set), "{forced}");
    }
}
