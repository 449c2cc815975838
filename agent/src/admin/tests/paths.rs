//! Paths, methods, headers, and what a client may ask.

use std::{
    io::{ErrorKind, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use actix_rt::task::spawn_blocking;

use super::scene::{PATHS, PATIENCE, Scene, bind, say};
use crate::admin::{ServedAt, endpoint::FILES};

#[actix_rt::test]
async fn every_path_answers_get_and_head() {
    let scene = Scene::new();
    for path in PATHS.into_iter().chain(FILES.map(|(path, ..)| path)) {
        let status = if path == "/readyz" { 503 } else { 200 };
        let got = scene.get(path).await;
        assert_eq!(got.status, status, "{path}: {got:?}");
        assert!(!got.body.is_empty(), "{path}");
        let head = scene.ask("HEAD", path, "").await;
        assert_eq!((head.status, &*head.body), (status, ""), "{path}");
        let length = format!("content-length: {}", got.body.len());
        // What it does not know yet is that of the moment.
        if path != "/metrics" {
            assert!(head.head.contains(&length), "{path}: {head:?}");
        }
    }
}

#[actix_rt::test]
async fn what_is_not_there_is_told_with_what_is() {
    let scene = Scene::new();
    for (method, path, status) in [
        ("GET", "/nothing", 404),
        ("PUT", "/page", 404),
        ("POST", "/healthz", 405),
        ("PUT", "/status.json", 405),
        ("DELETE", "/log-filter", 405),
        ("OPTIONS", "/", 405),
    ] {
        let answer = scene.ask(method, path, "").await;
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        assert_eq!(answer.body.lines().count(), 1);
        for path in PATHS {
            assert!(answer.body.contains(path), "{path} not in {answer:?}");
        }
        assert_eq!(answer.head.contains("\nallow: get, head"), status == 405, "{answer:?}");
    }
}

#[actix_rt::test]
async fn a_browser_may_not_keep_it_guess_its_type_or_let_others_read_it() {
    let scene = Scene::new();
    for path in PATHS.into_iter().chain(["/page.js", "/nothing"]) {
        let answer = scene.get(path).await;
        for header in [
            "cache-control: no-store",
            "x-content-type-options: nosniff",
            "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'",
            "frame-ancestors 'none'",
        ] {
            assert!(answer.head.contains(header), "{header} not in {path}: {answer:?}");
        }
        assert!(!answer.head.contains("access-control"), "{answer:?}");
    }
    for (path, kind) in [
        ("/", "text/html; charset=utf-8"),
        ("/readyz", "text/plain; charset=utf-8"),
        ("/metrics", "text/plain; version=0.0.4; charset=utf-8"),
        ("/status.json", "application/json"),
    ] {
        let answer = scene.get(path).await;
        assert!(answer.head.contains(&format!("content-type: {kind}\r\n")), "{path}: {answer:?}");
    }
}

#[test]
fn the_page_makes_no_markup_of_what_a_peer_says() {
    for (path, kind, script) in FILES {
        let html = ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "srcdoc"];
        for way in html.into_iter().chain(["eval(", "Function(", "import("]) {
            assert!(!script.contains(way), "{way} in {path}");
        }
        // Nothing from elsewhere: what has a scheme is the name of a format.
        let remote = script.replace("http://www.w3.org/2000/svg", "");
        assert!(!remote.contains("://"), "{path}");
        assert_eq!(kind.contains("javascript"), path.ends_with(".js"));
    }
    let html = FILES[0].2;
    let is_inline = |word: &&str| word.starts_with("on") && word.contains('=');
    assert_eq!(html.split_whitespace().find(is_inline), None);
    for inline in ["style=", "<style", "javascript:"] {
        assert!(!html.contains(inline), "{inline}");
    }
    let script = r#"<script type="module" src="page.js"></script>"#;
    assert_eq!((html.matches("<script").count(), html.matches(script).count()), (1, 1));
}

#[actix_rt::test]
async fn the_filter_of_logs_is_shown_and_set() {
    let scene = Scene::new();
    assert!(scene.get("/log-filter").await.body.contains("info"));
    let set = scene.ask("PUT", "/log-filter", "warn,spoa_actors=debug\n").await;
    assert_eq!(set.status, 200, "{set:?}");
    let shown = scene.get("/log-filter").await.body;
    assert_eq!(set.body, shown);
    assert!(shown.contains("spoa_actors=debug") && shown.contains("warn"), "{shown}");

    let long = "a".repeat(5000);
    for (filter, status, part) in [
        ("spoa_actors=loud", 400, "\"spoa_actors=loud\" is not a log filter"),
        ("", 400, "write for example info,spoa_actors=debug"),
        (&long, 413, "up to 4096 bytes"),
    ] {
        let refused = scene.ask("PUT", "/log-filter", filter).await;
        assert_eq!(refused.status, status, "{refused:?}");
        assert!(refused.body.contains(part), "{refused:?}");
    }
    assert_eq!(scene.get("/log-filter").await.body, shown);
}

#[actix_rt::test]
async fn a_page_in_a_browser_does_not_set_the_filter_of_logs() {
    let scene = Scene::new();
    let shown = scene.get("/log-filter").await.body;
    let put = "PUT /log-filter HTTP/1.1\r\nHost: localhost\r\nOrigin: http://a\r\nContent-Length: 3\r\n\
        Connection: close\r\n\r\noff";
    let refused = say(scene.address, put.to_owned()).await;
    assert_eq!(refused.status, 403, "{refused:?}");
    assert_eq!(scene.get("/log-filter").await.body, shown);
}

#[actix_rt::test]
async fn clients_that_are_slow_are_left() {
    let scene = Scene::new();
    let body = "PUT /log-filter HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nin";
    let body = actix_rt::spawn(say(scene.address, body.to_owned()));
    let head = say(scene.address, "GET / HTTP/1.1\r\nHost:".to_owned()).await;
    let body = body.await.unwrap();
    assert_eq!(body.status, 408, "{body:?}");
    assert_eq!(head.status, 408, "{head:?}");
}

#[actix_rt::test]
async fn a_client_that_reads_nothing_is_left() {
    let address = Scene::new().address;
    let client = move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_write_timeout(Some(Duration::from_millis(100))).unwrap();
        let request = "GET /page.css HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(100);
        let end = Instant::now() + 3 * PATIENCE;
        while Instant::now() < end {
            match stream.write(request.as_bytes()) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Some(error.kind()),
                Ok(_) => {}
            }
        }
        None
    };
    let left = spawn_blocking(client).await.unwrap();
    assert!(matches!(left, Some(ErrorKind::ConnectionReset | ErrorKind::BrokenPipe)), "{left:?}");
}

#[test]
fn an_address_that_is_taken_is_told_with_what_to_do() {
    let taken = bind("127.0.0.1:0").unwrap();
    let ServedAt::Tcp(address) = taken.place else { panic!("{taken:?}") };
    let error = bind(&address.to_string()).unwrap_err().to_string();
    assert!(error.starts_with(&format!("cannot serve the admin endpoint on {address}")));
    assert!(error.ends_with("stop what listens there, or choose another address with --admin"));
}
