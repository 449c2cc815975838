//! Agents in the place of those of other frameworks, behind every version of the HAProxy files that these
//! have published.
//!
//! The files of spop's crates are kept as they are. Those of the others are in no package: here is what was
//! different in their repositories.

use std::{collections::BTreeSet, fs, path::PathBuf};

use spoa_integration::{App, Config, HttpClient, Scratch, on_every_haproxy, until};

use crate::{
    peers::{ECHO, peer, with_their_mode},
    program::free_address,
    scene::{SOON, Scene, example},
};

/// What a file of spop has the client see of the agent.
type Headers = &'static [(&'static str, &'static str)];

const ONE: Headers = &[("x-spoe-var", "tequila")];
const SCORED: Headers = &[("x-spoe-var", "tequila"), ("x-score", "99")];
const TWO: Headers =
    &[("x-spoe-var_socket", "tequila"), ("x-spoe_var_tcp", "tequila"), ("x-score", "99")];
const THREE: Headers = &[
    ("x-spoe-var_socket", "tequila"),
    ("x-spoe_var_tcp", "tequila"),
    ("x-score", "99"),
    ("x-spoe-args", ECHO),
];

const SPOP: [(&str, Headers); 9] = [
    ("0.1.0", &[]),
    ("0.4.0", ONE),
    ("0.5.0", SCORED),
    ("0.7.0", SCORED),
    ("0.8.3", SCORED),
    ("0.9.1", TWO),
    ("0.12.0", TWO),
    ("0.13.0", TWO),
    ("0.13.1", THREE),
];

#[test]
fn every_version_of_the_files_of_spop_is_tested() {
    let entries = fs::read_dir(peer("spop").join("published")).unwrap();
    let folders = entries.map(|entry| entry.unwrap()).filter(|entry| entry.path().is_dir());
    let kept: BTreeSet<_> = folders.map(|entry| entry.file_name().into_string().unwrap()).collect();
    assert_eq!(kept, SPOP.map(|(name, _)| name.to_owned()).into());
}

/// Nothing was asked that the agent does not know, and no argument was another than it expects.
fn assert_all_is_understood(scene: &Scene) {
    let log = scene.log();
    assert!(log.starts_with("INFO spoa_actors: listening on "), "{log}");
    for complaint in ["message without a route", "fallback sent: argument"] {
        assert!(!log.contains(complaint), "{log}");
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn every_file_that_spop_has_published_is_answered(version: Version) {
        for (published, headers) in SPOP {
            println!("{published}");
            let path = peer("spop").join("published").join(published).join("haproxy.cfg");
            let text = fs::read_to_string(&path).unwrap();
            let mut config = Config::file(version, path, ":5000");
            let files = Scratch::new().unwrap();
            let (socket, other) = (files.join("spoa.sock"), free_address().to_string());
            let theirs = [
                ("unix@/var/run/haproxy/spoa.sock", format!("unix@{}", socket.display())),
                ("127.0.0.1:12346", other.clone()),
            ];
            for (what, with) in theirs {
                if text.contains(what) {
                    config = config.replace(what, with);
                }
            }
            if text.contains("mode spop\n") && !version.has_new_engine() {
                config = config.replace("    mode spop\n", "    mode tcp\n");
            }
            // By what they reject, which they do not show.
            if let Some((_, score)) = text.split_once("capture var(") {
                let (score, _) = score.split_once(')').unwrap();
                let line = format!("http-after-response set-header x-score %[var({score})]");
                let end = "    default_backend app\n";
                config = config.replace(end, format!("    {line}\n{end}"));
            }
            let example = example!("like_spop").argument(&socket).argument(&other);
            let scene = example.start_behind(config, "127.0.0.1:12345").await;
            // They wait for ten milliseconds only, and go on without an answer then: for a whole
            // connection without a score.
            let answered = async || {
                let http = scene.http().another().unwrap();
                let answer = http.get_with("/", "cf-ipcountry", "de").await.unwrap();
                assert_eq!((answer.status, answer.text().as_str()), (200, "Hello"));
                let is_asked = scene.log().contains("; source and destination: ");
                let has = |(name, value): &(&str, &str)| answer.header(name) == Some(*value);
                (is_asked && headers.iter().all(has)).then_some(())
            };
            until(&format!("the engines of {published} are answered"), SOON, answered).await.unwrap();
            assert_all_is_understood(&scene);
        }
    }
}

/// A copy of the files of a peer, where `what` is replaced in either; each must be in one of the two.
fn changed(folder: &str, files: &Scratch, spoe: &str, changes: &[(&str, &str)]) -> PathBuf {
    let mut texts = ["haproxy.cfg", spoe]
        .map(|name| (name, fs::read_to_string(peer(folder).join(name)).unwrap()));
    for (what, with) in changes {
        assert!(texts.iter().any(|(_, text)| text.contains(what)), "{folder} has no {what}");
        for (_, text) in &mut texts {
            *text = text.replace(what, with);
        }
    }
    let [main, _] = texts.map(|(name, text)| files.write(name, &text).unwrap());
    main
}

const PING: &str = "    args ua=req.hdr(user-agent)\n";

/// The first file had a second message, and none of the two had an argument of the client.
const PING_AND_PONG: [(&str, &str); 3] = [
    ("messages test-ping\n", "messages test-ping test-pong\n"),
    (PING, ""),
    (
        "    event on-frontend-http-request if !is_favicon\n",
        "    event on-frontend-http-request if !is_favicon\n\n\
         spoe-message test-pong\n    \
         acl is_favicon path_beg /favicon\n    \
         args test_arg=var(req.test.spoe_arg)\n    \
         event on-backend-http-request if !is_favicon\n",
    ),
];

on_every_haproxy! {
    #[actix_rt::test]
    async fn every_file_that_spoe_forge_has_published_is_answered(version: Version) {
        let versions: [(&[(&str, &str)], &str); 3] = [
            (&PING_AND_PONG, "ua was: None"),
            (&[(PING, "")], "ua was: None"),
            (&[], "ua was: curl/8"),
        ];
        for (changes, expected) in versions {
            let (app, files) = (App::start().await.unwrap(), Scratch::new().unwrap());
            let main = changed("spoe_forge", &files, "test_spoa.cfg", changes);
            let config = Config::file(version, main, "127.0.0.1:8080")
                .replace("server test 127.0.0.1:8000", format!("server test {}", app.address()));
            let config = with_their_mode(version, config);
            let scene = example!("like_spoe_forge").start_behind(config, "127.0.0.1:8500").await;
            let answer = scene.http().get_with("/", "user-agent", "curl/8").await.unwrap();
            let header = format!("\nx-test-arg: {expected}\n");
            assert!(answer.text().contains(&header), "{}", answer.text());
            let has_pong = changes.len() == PING_AND_PONG.len();
            assert_eq!(scene.log().contains("test-pong with Some(b\"ua was: None\")"), has_pong);
            assert_all_is_understood(&scene);
        }
    }
}

/// The first files, before 1.0.0: another name, and arguments that the agent does not look at.
const FIRST_OF_DOTNET: [(&str, &str); 3] = [
    ("check-client-ip", "my-message-name"),
    ("args ip=src\n", "args ip=src anotherarg=str(abc) body=req.body\n"),
    ("timeout hello 1s\n", "timeout hello 500ms\n"),
];

/// The last ones, with timeouts for HAProxy's new engine, and a check.
const LAST_OF_DOTNET: [(&str, &str); 4] = [
    ("    nbthread 2\n", ""),
    ("timeout connect 1s\n", "timeout connect 2s\n"),
    ("timeout server 3s\n", "timeout server 35s\n"),
    (" maxconn 20\n", " check inter 3s\n"),
];

on_every_haproxy! {
    #[actix_rt::test]
    async fn every_file_that_the_dotnet_framework_has_published_is_answered(version: Version) {
        let versions: [&[(&str, &str)]; 3] = [&FIRST_OF_DOTNET, &[], &LAST_OF_DOTNET];
        for changes in versions {
            let (app, files) = (App::start().await.unwrap(), Scratch::new().unwrap());
            let main = changed("dotnet", &files, "spoa.conf", changes);
            let config = Config::file(version, main, "127.0.0.1:8000")
                .replace("127.0.0.1:8081", app.address().to_string());
            let scene = example!("like_dotnet").start_behind(config, "127.0.0.1:12345").await;
            let text = scene.text("/").await;
            assert!(text.contains("\nip_score: 20\n"), "{text}");
            assert_all_is_understood(&scene);
        }
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn every_file_of_spoe_txt_is_answered(version: Version) {
        // From 3.1 on it is without these, and with `mode spop`.
        let newer: [(&str, &str); 2] = [("    timeout hello 2s\n", ""), ("    timeout idle 2m\n", "")];
        let versions: [(bool, &[(&str, &str)]); 2] = [(false, &[]), (true, &newer)];
        for (is_newer, changes) in versions {
            let files = Scratch::new().unwrap();
            let main = changed("haproxy_spoe_go", &files, "iprep.conf", changes);
            let config = Config::file(version, main, "127.0.0.1:8080")
                .replace("examples/peers/haproxy_spoe_go", peer("haproxy_spoe_go").display().to_string());
            let config = if is_newer { with_their_mode(version, config) } else { config };
            let scene = example!("like_haproxy_spoe_go").start_behind(config, "127.0.0.1:3000").await;
            // They wait for ten milliseconds only, which a busy machine may need: then there is no score.
            let scored = async || {
                let http: HttpClient = scene.http().another().unwrap();
                (http.get("/").await.unwrap().text() == "score 100\n").then_some(())
            };
            until("a safe address has its score", SOON, scored).await.unwrap();
            assert_all_is_understood(&scene);
        }
    }
}
