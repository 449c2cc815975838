//! The example `auth`: a signed cookie is a user, and whoever has none is sent to the login.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use spoa_integration::{Answer, App, Version, on_every_haproxy};

use crate::{
    raw::{half_closed, raw, raw_get, status},
    scene::{Example, Scene, example, file},
};

const KEY: &str = "0123456789abcdef0123456789abcdef";

/// Until 2100. The signature was made by `openssl dgst -sha256 -hmac KEY`.
const SESSION: &str =
    "ann.4102444800.303db9c934d9b1ca0c7f9d587e5f8e7aa22e555c552785216331df4d0b6453a2";
/// Until 1970, and signed as well: a test in `auth.rs` takes the same for good.
const EXPIRED: &str = "ann.1000.42b3979e7982b76c6ba95aea38dd07935347fedf2a5dfb16196fb4ebc1725a52";

const LOGIN: [&str; 5] = [
    "/login",
    "/login?next=%2F",
    "/login/",
    "/login/callback?code=1&state=2",
    "/login/assets/main-1.2.css",
];
/// What a server may take for a path outside of its login, and what only looks like it.
const NOT_LOGIN: [&str; 8] = [
    "/login/../shop",
    "/login/%2e%2e/shop",
    "/login/..;/shop",
    "/login/..\\shop",
    "/login//shop",
    "/login/./shop",
    "/logins",
    "/Login",
];
/// What a browser would take for an address on another host.
const ELSEWHERE: [&str; 7] = [
    "//",
    "//evil.example/x",
    "///evil.example",
    "/\\",
    "/\\evil.example",
    "http://any.example//evil.example/x",
    "http://any.example/\\evil.example",
];

const CLIENT: [u8; 4] = [127, 0, 0, 1];

fn auth() -> Example {
    example!("auth").variable("SESSION_KEY", KEY)
}

async fn get(scene: &Scene, path: &str, session: &str) -> Answer {
    scene.http().get_with(path, "cookie", &format!("a=b; session={session}")).await.unwrap()
}

async fn shop(scene: &Scene, session: &str) -> Answer {
    get(scene, "/shop?a=1", session).await
}

fn is_sent_to_the_login(answer: &Answer) -> bool {
    answer.status == 302 && answer.header("location") == Some("/login?next=%2Fshop%3Fa%3D1")
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn who_has_a_signed_session_comes_in_and_nobody_else(version: Version) {
        let scene = auth().start(version).await;
        let answer = shop(&scene, SESSION).await;
        assert_eq!((answer.status, answer.header("x-user")), (200, Some("ann")));

        let none = scene.http().get("/shop?a=1").await.unwrap();
        assert!(is_sent_to_the_login(&none), "{none:?}");
        let (bob, later) = (SESSION.replace("ann", "bob"), SESSION.replace("ann.4", "ann.5"));
        for wrong in [&bob, &later, EXPIRED, "x"] {
            let answer = shop(&scene, wrong).await;
            assert!(is_sent_to_the_login(&answer), "{wrong}: {answer:?}");
        }
        let request = b"GET /shop HTTP/1.0\r\ncookie: session=\xff\r\n\r\n";
        let answer = raw(CLIENT, scene.haproxy.address(), request).await;
        assert_eq!(status(&answer), 302, "{answer}");
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn without_an_agent_nobody_is_sent_to_a_login_that_cannot_help(version: Version) {
        let mut scene = auth().start(version).await;
        scene.program.kill();
        assert_eq!(shop(&scene, SESSION).await.status, 503);
        assert_eq!(shop(&scene, "x").await.status, 503);
        assert_eq!(scene.text("/login").await, "log in here");
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn a_client_that_closes_its_sending_side_is_sent_to_the_login(version: Version) {
        let scene = auth().start(version).await;
        for _ in 0..100 {
            let answer = half_closed(scene.haproxy.address(), "/shop").await;
            assert_eq!(status(&answer), 302, "{answer}");
        }
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn the_login_and_what_lies_below_are_open_and_no_way_out_of_it_is(version: Version) {
        let scene = auth().start(version).await;
        for path in LOGIN {
            assert_eq!(scene.text(path).await, "log in here", "{path}");
        }
        for target in NOT_LOGIN {
            let answer = raw_get(CLIENT, scene.haproxy.address(), target).await;
            assert_eq!(status(&answer), 302, "{target}: {answer}");
        }
        // With a session it is the shop's.
        let answer = get(&scene, "/login/%5c/shop", SESSION).await;
        assert_eq!(answer.text(), "welcome, ann\n");
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn what_would_lead_to_another_host_is_not_handed_to_the_login(version: Version) {
        let scene = auth().start(version).await;
        let ask = async |target| raw_get(CLIENT, scene.haproxy.address(), target).await;
        for target in ELSEWHERE {
            let answer = ask(target).await;
            assert_eq!(status(&answer), 400, "{target}: {answer}");
        }
        let here = [("/", "%2F"), ("/x//y", "%2Fx%2F%2Fy"), ("http://any.example/x", "%2Fx")];
        for (target, next) in here {
            let answer = ask(target).await;
            let location = format!("\r\nlocation: /login?next={next}\r\n");
            assert!(status(&answer) == 302 && answer.contains(&location), "{target}: {answer}");
        }
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn what_is_too_long_for_the_login_is_said_to_be(version: Version) {
        let scene = auth().start(version).await;
        let long = [format!("/{}", "a".repeat(12_000)), format!("/?{}", "%20".repeat(3_000))];
        for path in &long {
            assert_eq!(scene.http().get(path).await.unwrap().status, 414);
            assert_eq!(get(&scene, path, SESSION).await.status, 200);
        }
        let path = format!("/{}", "a".repeat(7_990));
        let answer = scene.http().get(&path).await.unwrap();
        let location = format!("/login?next=%2F{}", &path[1..]);
        assert_eq!((answer.status, answer.header("location")), (302, Some(location.as_str())));
    }
}

/// The example with a login and a shop that tell what they were asked.
async fn telling(version: Version) -> (Scene, App) {
    let app = App::start().await.unwrap();
    let mut config = file(version, "haproxy/auth.cfg", "127.0.0.1:8080");
    for answer in [
        r#"http-request return status 200 content-type text/plain string "log in here\n""#,
        r#"http-request return status 200 content-type text/plain hdr x-user "%[req.hdr(x-user)]" lf-string "welcome, %[req.hdr(x-user)]\n""#,
    ] {
        config = config.replace(answer, format!("server app1 {}", app.address()));
    }
    (auth().start_behind(config, "127.0.0.1:12345").await, app)
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn nobody_but_the_agent_says_who_it_is(version: Version) {
        let (scene, app) = telling(version).await;
        let forged = ["x-user: eve", "X-USER: eve", "x_user: eve", "X_User: eve", "x.user: eve"];
        let ask = async |path: &str, session: &str| {
            let request = format!(
                "GET {path} HTTP/1.0\r\n{}\r\ncookie: session={session}\r\n\r\n",
                forged.join("\r\n")
            );
            let answer = raw(CLIENT, scene.haproxy.address(), request.as_bytes()).await;
            assert_eq!(status(&answer), 200, "{path}: {answer}");
            let users = app.last_request();
            let users = users.lines().filter(|line| line.starts_with('x')).map(str::to_owned);
            users.collect::<Vec<_>>()
        };
        assert_eq!(ask("/login", "").await, [""; 0]);
        assert_eq!(ask("/shop", SESSION).await, ["x-user: ann"]);
    }
}

/// What the first lines of the example tell to type.
fn commands() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bin/auth.rs");
    let text = fs::read_to_string(path).unwrap();
    let (_, block) = text.split_once("//! ```text\n").unwrap();
    let (block, _) = block.split_once("//! ```").unwrap();
    block.lines().map(|line| line.strip_prefix("//! ").unwrap().to_owned()).collect()
}

fn bash(script: &str, key: Option<&str>) -> Output {
    let mut bash = Command::new("timeout");
    bash.args(["60", "bash", "-c", script]).env_remove("SESSION_KEY").env("no_proxy", "*");
    bash.envs(key.map(|key| ("SESSION_KEY", key)));
    bash.output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Runs the commands, but for the servers, which run already.
async fn type_them(commands: &[String], version: Version) -> Output {
    let [key, others @ ..] = commands else { panic!("no commands") };
    let key = said(&bash(&format!("{key}\nprintf %s $SESSION_KEY"), None));
    let scene = example!("auth").variable("SESSION_KEY", &key).start(version).await;
    let address = scene.haproxy.address().to_string();
    bash(&others.join("\n").replace("127.0.0.1:8080", &address), Some(&key))
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn the_commands_of_the_first_lines_do_what_they_say(version: Version) {
        let is_server = |line: &String| line.starts_with("cargo ") || line.starts_with("haproxy ");
        let (servers, commands): (Vec<_>, Vec<_>) = commands().into_iter().partition(is_server);
        // In the foreground they would keep the terminal that has the key.
        assert!(servers.len() == 2 && servers.iter().all(|server| server.ends_with(" &")));
        let output = type_them(&commands, version).await;
        let said = said(&output);
        let (first, second) = said.split_once("HTTP/1.1 200 ").unwrap_or_default();
        assert!(first.starts_with("HTTP/1.1 302 "), "{output:?}");
        assert!(first.contains("\r\nlocation: /login?next=%2Fshop\r\n"), "{output:?}");
        assert!(second.contains("\r\nx-user: ann\r\n"), "{output:?}");
    }
}

#[test]
fn without_a_key_or_with_a_short_one_it_says_how_to_make_one() {
    for key in [None, Some("short")] {
        let output = bash(&format!("{} 127.0.0.1:0", env!("CARGO_BIN_EXE_auth")), key);
        let said = String::from_utf8_lossy(&output.stderr);
        let is_told = said.contains("SESSION_KEY=$(openssl rand -hex 32)");
        assert!(output.status.code() == Some(1) && is_told, "{output:?}");
    }
}

#[test]
fn nothing_is_signed_without_a_key() {
    let sign = commands().into_iter().find(|command| command.starts_with("signature=")).unwrap();
    let output = bash(&format!("claim=ann.1\n{sign}\nprintf %s \"$signature\""), None);
    assert_eq!(said(&output), "");
    assert!(String::from_utf8_lossy(&output.stderr).contains("SESSION_KEY"), "{output:?}");
}
