//! All headers in one argument, of requests and of responses, and headers out of one variable.

use reqwest::Method;
use serde::Deserialize;
use spoa_actors::{Actions, HeaderBlock, HeaderBlockBuf, Registry, Route, Scope, TypedData};
use spoa_integration::{App, Config, Version, on_every_haproxy};
use tokio::sync::mpsc::unbounded_channel;

use crate::scene::{self, REQUEST, endpoint, engine, next, records};

const RESPONSE: &str = "on-http-response";

/// So many of the test's own.
const HEADERS: usize = 100;

#[derive(Deserialize)]
struct Headers {
    binary: HeaderBlockBuf,
    text: HeaderBlockBuf,
}

type Header = (String, Vec<u8>);

/// Names and values, of which the two forms have the same.
fn headers(read: Headers) -> Vec<Header> {
    let all = |block: HeaderBlock<'_>| -> Vec<Header> {
        let headers = block.iter();
        headers.map(|(name, value)| (str::from_utf8(name).unwrap().into(), value.into())).collect()
    };
    let (binary, text) = (all(read.binary.as_block()), all(read.text.as_block()));
    assert_eq!(binary, text);
    binary
}

/// Those of the test, as they are sent.
fn own() -> Vec<Header> {
    let header = |number| (format!("x-own-{number}"), format!("b\u{e9} {number}").into_bytes());
    (0..HEADERS).map(header).collect()
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn a_hundred_headers_of_a_request_and_those_of_its_response_are_read_in_both_forms(
        version: Version
    ) {
        let app = App::start().await.unwrap();
        let (requests, mut asked) = unbounded_channel();
        let (responses, mut answered) = unbounded_channel();
        let registry = Registry::new()
            .on("request", records(requests, headers))
            .on("response", records(responses, headers));
        let agent = scene::agent(registry).await;
        let engine = engine(endpoint(&agent))
            .message("request", "binary=req.hdrs_bin text=req.hdrs", REQUEST)
            .message("response", "binary=res.hdrs_bin text=res.hdrs", RESPONSE);
        let config = Config::new(version).global("tune.http.maxhdr 200").engine(engine);
        let haproxy = scene::start(config.app(app.address())).await;
        let answer = haproxy.http().send(Method::GET, "/", |request| {
            own().into_iter().fold(request, |request, (name, value)| request.header(name, value))
        });
        assert_eq!(answer.await.unwrap().status, 200);
        let all = next(&mut asked).await;
        let theirs: Vec<_> = all.iter().filter(|(name, _)| name.starts_with("x-own-")).collect();
        assert_eq!(theirs, own().iter().collect::<Vec<_>>());
        assert!(all.iter().any(|(name, _)| name == "host"), "{all:?}");
        let all = next(&mut answered).await;
        assert!(all.contains(&("x-app".to_owned(), b"spoa".to_vec())), "{all:?}");
    }
}

/// 3.4 takes headers out of a binary variable as they are, and of these the ones with the prefix.
#[actix_rt::test]
async fn haproxy_3_4_sets_the_headers_that_are_encoded_and_no_other() {
    let app = App::start().await.unwrap();
    let set = Route::new(|(): ()| {
        let block = HeaderBlock::encode([
            ("x-agent-user", "joe \u{e9}"),
            ("x-agent-trap", "a\r\nx-agent-forged: yes"),
            ("x-agent-empty", ""),
            ("x-other", "b"),
        ]);
        Actions::new().set_var(Scope::Transaction, "headers", TypedData::Binary(&block))
    });
    let agent = scene::agent(Registry::new().on("set", set)).await;
    let config = Config::new(Version::V3_4)
        .engine(engine(endpoint(&agent)).message("set", "", REQUEST))
        .frontend("http-request set-headers-bin var(txn.t.headers) prefix x-agent-")
        .app(app.address());
    let haproxy = scene::start(config).await;
    assert_eq!(haproxy.http().get("/").await.unwrap().status, 200);
    let seen = app.last_request();
    let theirs: Vec<_> = seen.lines().filter(|line| line.starts_with("x-")).collect();
    assert_eq!(theirs, ["x-agent-user: joe \u{e9}", "x-agent-empty:"]);
}
