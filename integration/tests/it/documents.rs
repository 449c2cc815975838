//! The configurations that the documents show, as HAProxy takes them.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use spoa_actors::{ActionError, Actions, Registry, Scope};
use spoa_integration::{Config, Engine, on_every_haproxy};

use crate::scene;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The README's configuration of the engine `hello`.
fn readme() -> String {
    let readme = fs::read_to_string(repository().join("README.md")).unwrap();
    let (_, block) = readme.split_once("```haproxy\n").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    block.to_owned()
}

#[derive(Deserialize)]
struct Client {
    ip: std::net::IpAddr,
}

/// The README's handler.
fn score(client: Client) -> Result<Actions, ActionError> {
    let score = if client.ip.is_loopback() { 20 } else { 10 };
    Actions::new().set_var(Scope::Session, "ip_score", score)
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn checklist_46_the_configuration_of_the_readme_loads_without_complaint_and_is_answered(
        version: Version
    ) {
        let registry = Registry::new().on("check-client-ip", score);
        let agent = scene::agent(registry).await;
        let text = readme().replace("use-backend agents", "use-backend hello-agents");
        let engine = Engine::new("hello").agent(scene::endpoint(&agent)).text(&text);
        let config = Config::new(version).engine(engine).frontend(
            "http-request return status 200 hdr x-ip-score \"%[var(sess.hello.ip_score)]\"",
        );
        let haproxy = scene::start(config).await;
        let answer = haproxy.http().get("/").await.unwrap();
        assert_eq!((answer.status, answer.header("x-ip-score")), (200, Some("20")));
        assert_eq!(agent.statistics().await.messages.answered, 1);
    }
}

/// A line of a configuration that begins with these words; what follows them.
fn setting<'a>(configuration: &'a str, words: &str) -> Option<&'a str> {
    configuration.lines().find_map(|line| line.trim().strip_prefix(words)).map(str::trim)
}

/// What HAProxy 3.2 ignores without a word, and what 2.6 and 3.0 want.
#[test]
fn checklist_46_every_example_is_for_old_and_new_versions() {
    let folder = repository().join("examples/haproxy");
    let mut engines = vec![readme()];
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        if path.extension().is_some_and(|extension| extension == "conf") {
            engines.push(text);
        } else {
            let (_, backend) = text.split_once("\nbackend ").unwrap();
            assert_eq!(setting(backend, "mode "), Some("tcp"), "{}", path.display());
            assert!(setting(backend, "option spop-check").is_some(), "{}", path.display());
        }
    }
    assert!(engines.len() >= 4, "{engines:?}");
    for engine in engines {
        for timeout in ["timeout hello ", "timeout idle "] {
            assert!(setting(&engine, timeout).is_some(), "no {timeout}: {engine}");
        }
        // The agent's fallback comes before HAProxy gives up.
        let processing = setting(&engine, "timeout processing ").unwrap();
        let milliseconds: u64 = processing.strip_suffix("ms").unwrap().parse().unwrap();
        let deadline = spoa_actors::Limits::default().deadline;
        assert!(u128::from(milliseconds) > deadline.as_millis(), "{engine}");
    }
}
