//! What comes before SPOP: TLS, certificates on both sides, PROXY headers; and what should not.

use std::num::NonZero;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use spoa_actors::{
    Actions, Agent, BoxError, HandlerActor, Listen, Origin, Registry, RunningAgent, Tls,
};
use spoa_integration::{
    Authority, Config, Engine, Haproxy, Issued, Load, Scratch, Version, on_every_haproxy,
};

use crate::log;
use crate::scene::{self, REQUEST, SOON, endpoint, engine, error, set, shown, statistics};

const NAME: &str = "agent.test";
const CHECKS: u64 = 2;

/// The interval is also what a check may take, which is long on a busy machine.
const CHECK: &str = "check inter 1s";

/// Answers whose connection it is asked on.
#[derive(Default)]
struct Whence;

#[async_trait(?Send)]
impl HandlerActor for Whence {
    type Args = ();

    async fn handle(&self, (): (), origin: &Origin) -> Result<Actions, BoxError> {
        Ok(set("peer", origin.peer_address().to_string().as_str())?)
    }
}

/// Two CAs and the files that they have issued: for the agent, and for HAProxy.
struct Files {
    scratch: Scratch,
    authority: Authority,
}

impl Files {
    fn new() -> Self {
        let (authority, clients) =
            (Authority::new("agents").unwrap(), Authority::new("clients").unwrap());
        let files = Self { scratch: Scratch::new().unwrap(), authority };
        files.replace(&files.authority.issue(NAME).unwrap());
        let client = clients.issue("haproxy").unwrap();
        for (name, text) in [
            ("ca", files.authority.pem()),
            ("client-ca", clients.pem()),
            ("client", client.certificate + &client.key),
        ] {
            files.scratch.write(name, &text).unwrap();
        }
        files
    }

    fn replace(&self, issued: &Issued) {
        for (name, text) in [("crt", &issued.certificate), ("key", &issued.key)] {
            let new = self.scratch.write("new", text).unwrap();
            std::fs::rename(new, self.path(name)).unwrap();
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.scratch.join(name)
    }

    fn tls(&self) -> Tls {
        let tls = Tls::new(self.path("crt"), self.path("key"));
        tls.reload_interval(Duration::from_millis(20))
    }

    fn mutual_tls(&self) -> Tls {
        self.tls().client_ca(self.path("client-ca"))
    }

    /// HAProxy trusts the agent.
    fn trusting(&self) -> String {
        let ca = self.path("ca");
        format!("ssl verify required verifyhost {NAME} ca-file {}", ca.display())
    }

    /// HAProxy trusts the agent, and has a certificate of its own.
    fn trusted(&self) -> String {
        format!("{} crt {}", self.trusting(), self.path("client").display())
    }
}

fn tcp() -> Listen {
    Listen::tcp("127.0.0.1:0")
}

async fn agent(listen: Listen) -> RunningAgent {
    let registry = Registry::new().on("whence", Whence::default);
    let agent = Agent::new().listen_on(listen).unwrap().deadline(Duration::from_secs(1));
    agent.arbiters(NonZero::<usize>::MIN).start(registry).await.unwrap()
}

/// An address of loopback that no other HAProxy of this process has.
fn source() -> String {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    format!("127.0.41.{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

fn asking(agent: &RunningAgent, options: &str) -> Engine {
    engine(endpoint(agent)).server_options(options).message("whence", "", REQUEST)
}

/// The engine with a server line on which `options` send a PROXY header, by the way that the version has.
fn proxied(version: Version, engine: Engine, options: &str, checks: &str) -> Engine {
    if version.ignores_proxy_headers() {
        engine.relay(options).server_options(CHECK)
    } else {
        engine.server_options(&format!("{options} {CHECK} {checks}"))
    }
}

/// Checks pass and a request is answered, by a connection from `source`.
async fn serves(version: Version, agent: &RunningAgent, options: &str, checks: &str) -> Haproxy {
    let source = source();
    let engine = asking(agent, &format!("source {source}")).backend_line("option spop-check");
    let engine = if options.contains("send-proxy") {
        proxied(version, engine, options, checks)
    } else {
        engine.server_options(&format!("{options} {CHECK} {checks}"))
    };
    let haproxy = scene::haproxy(version, engine, &["var(txn.t.peer)"]).await;
    haproxy.stats().check("t-agents", "agent1", "L7OK", SOON).await.unwrap();
    statistics(agent, |seen| seen.healthchecks >= CHECKS).await;
    let answer = haproxy.http().get("/").await.unwrap();
    assert_eq!(error(&answer), "");
    let peer = shown(&answer)[0].to_owned();
    assert!(peer.starts_with(&format!("{source}:")), "{peer} is not {source}");
    let status = haproxy.stats().status("t-agents", "agent1").await.unwrap();
    assert_eq!(status.number("chkfail"), Some(0));
    haproxy
}

async fn nothing_failed(agent: RunningAgent, haproxy: Haproxy) {
    drop(haproxy);
    let seen = statistics(&agent, |seen| seen.connections_open == 0).await;
    assert_eq!((seen.notifies, seen.acks, seen.hellos_refused), (1, 1, 0));
    assert_eq!((seen.proxy_headers_refused, seen.connections_panicked), (0, 0));
    assert_eq!(seen.protocol_mismatches, Default::default());
    // A check may be under way when HAProxy is killed.
    assert!(seen.tls_handshakes_failed <= 1, "{seen:#?}");
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn checklist_41_tls_with_a_certificate_that_haproxy_verifies(version: Version) {
        let files = Files::new();
        let agent = agent(tcp().tls(files.tls())).await;
        let haproxy = serves(version, &agent, &files.trusting(), "check-ssl").await;
        nothing_failed(agent, haproxy).await;
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn checklist_41_mutual_tls(version: Version) {
        let files = Files::new();
        let agent = agent(tcp().tls(files.mutual_tls())).await;
        let haproxy = serves(version, &agent, &files.trusted(), "").await;
        nothing_failed(agent, haproxy).await;
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn checklist_41_a_proxy_header_of_version_1(version: Version) {
        let agent = agent(tcp().proxy_protocol()).await;
        let haproxy = serves(version, &agent, "send-proxy", "check-send-proxy").await;
        nothing_failed(agent, haproxy).await;
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn checklist_41_a_proxy_header_of_version_2(version: Version) {
        let agent = agent(tcp().proxy_protocol()).await;
        let options = "send-proxy-v2 proxy-v2-options crc32c,unique-id";
        let haproxy = serves(version, &agent, options, "check-send-proxy").await;
        nothing_failed(agent, haproxy).await;
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn checklist_41_a_proxy_header_before_mutual_tls(version: Version) {
        let files = Files::new();
        let agent = agent(tcp().proxy_protocol().tls(files.mutual_tls())).await;
        let options = format!("{} send-proxy-v2", files.trusted());
        let haproxy = serves(version, &agent, &options, "check-ssl check-send-proxy").await;
        nothing_failed(agent, haproxy).await;
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn checklist_41_a_proxy_header_on_a_unix_socket(version: Version) {
        let scratch = Scratch::new().unwrap();
        let path = scratch.join("agent");
        let registry = Registry::new().on("whence", Whence::default);
        let agent = Agent::new().listen_on(Listen::unix(&path).proxy_protocol()).unwrap();
        let agent = agent.start(registry).await.unwrap();
        let engine = engine(path).backend_line("option spop-check").message("whence", "", REQUEST);
        let engine = proxied(version, engine, "send-proxy-v2", "check-send-proxy");
        let haproxy = scene::haproxy(version, engine, &["var(txn.t.peer)"]).await;
        haproxy.stats().check("t-agents", "agent1", "L7OK", SOON).await.unwrap();
        let answer = haproxy.http().get("/").await.unwrap();
        assert_eq!(error(&answer), "");
        // A relay tells who has come to it.
        let expected = if version.ignores_proxy_headers() { "127.0.0.1:" } else { "unix" };
        assert!(shown(&answer)[0].starts_with(expected), "{answer:?}");
        nothing_failed(agent, haproxy).await;
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn checklist_41_certificates_change_under_load_and_no_request_fails(version: Version) {
        let files = Files::new();
        let agent = agent(tcp().tls(files.mutual_tls())).await;
        let engine = asking(&agent, &format!("{} {CHECK}", files.trusted()))
            .backend_line("option spop-check");
        let haproxy = scene::haproxy(version, engine, &["var(txn.t.peer)"]).await;
        haproxy.stats().check("t-agents", "agent1", "L7OK", SOON).await.unwrap();
        let load = Load::lasting(8, 3 * SOON);
        let running = tokio::spawn({
            let (load, http) = (load.clone(), haproxy.http().clone());
            let outcome = |answer: &spoa_integration::Answer| {
                let is_answered = shown(answer)[0].starts_with("127.0.0.1:");
                format!("{is_answered} {}", error(answer))
            };
            async move { load.run_by(&http, outcome).await.unwrap() }
        });
        for changes in 1..=2 {
            let before = statistics(&agent, |seen| seen.notifies > 100 * changes).await;
            files.replace(&files.authority.issue(NAME).unwrap());
            let seen = statistics(&agent, |seen| seen.certificates_reloaded == changes).await;
            assert!(seen.healthchecks >= before.healthchecks);
            // Each check is a connection of its own: these have seen the new certificate.
            statistics(&agent, |now| now.healthchecks >= seen.healthchecks + CHECKS).await;
        }
        load.stop();
        let tally = running.await.unwrap();
        assert_eq!(tally.of("true "), tally.total(), "{tally:?}");
        assert!(tally.total() > 200, "{tally:?}");
        let status = haproxy.stats().status("t-agents", "agent1").await.unwrap();
        assert_eq!(status.number("chkfail"), Some(0));
        let seen = agent.statistics().await;
        assert_eq!((seen.certificates_refused, seen.tls_handshakes_failed), (0, 0));
    }
}

/// A listener, the server line that does not fit, and what the log says to do.
fn wrong_pairings(files: &Files) -> Vec<(Listen, String, &'static str)> {
    let stranger = Authority::new("strangers").unwrap();
    files.scratch.write("stranger-ca", &stranger.pem()).unwrap();
    let issued = stranger.issue("haproxy").unwrap();
    files.scratch.write("stranger", &(issued.certificate + &issued.key)).unwrap();
    let path = |name| files.path(name).display().to_string();
    let distrusting = format!("ssl verify required ca-file {}", path("stranger-ca"));
    let distrusted = format!("{} crt {}", files.trusting(), path("stranger"));
    vec![
        (tcp(), files.trusting(), "expected SPOP, received TLS; put no `ssl` on the server line"),
        (tcp(), "send-proxy".into(), "expected SPOP, received a PROXY header; put no `send-proxy`"),
        (
            tcp(),
            "send-proxy-v2".into(),
            "expected SPOP, received a PROXY header; put no `send-proxy`",
        ),
        (tcp().tls(files.tls()), String::new(), "; put `ssl` on the server line"),
        (
            tcp().tls(files.tls()),
            "send-proxy-v2".into(),
            "expected TLS, received a PROXY header; put no",
        ),
        (tcp().tls(files.tls()), distrusting, "the CA of that one in `ca-file`"),
        (tcp().tls(files.mutual_tls()), files.trusting(), "put `crt FILE` on the server line"),
        (tcp().tls(files.mutual_tls()), distrusted, "is not signed by the client CA"),
        (tcp().proxy_protocol(), String::new(), "; put `send-proxy-v2`"),
        (
            tcp().proxy_protocol(),
            files.trusting(),
            "expected a PROXY header, received TLS; put `send-",
        ),
    ]
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn a_server_line_that_does_not_fit_its_listener_is_told_in_the_log(version: Version) {
        log::listen();
        let files = Files::new();
        for (listen, options, advice) in wrong_pairings(&files) {
            let agent = agent(listen).await;
            let source = source();
            let engine = asking(&agent, &format!("source {source}"))
                .timeout_processing(Duration::from_millis(500));
            let engine = if options.contains("send-proxy") && version.ignores_proxy_headers() {
                engine.relay(&format!("{options} source {source}"))
            } else {
                engine.server_options(&options)
            };
            let haproxy = scene::haproxy(version, engine, scene::ERROR_ALONE).await;
            let begun = Instant::now();
            let answer = haproxy.http().get("/").await.unwrap();
            assert_ne!(error(&answer), "", "{advice}");
            assert!(begun.elapsed() < SOON / 2, "{advice}: {:?}", begun.elapsed());
            log::line(&[&format!("peer={source}:"), advice]).await;
            let seen = agent.statistics().await;
            assert_eq!((seen.hellos, seen.disconnects_sent.iter().count()), (0, 0), "{advice}");
            // HAProxy up to 3.0 comes back as soon as it is refused, a thousand times a second.
            assert!(seen.connections_accepted < 60, "{advice}: {seen:#?}");
        }
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn an_http_request_to_the_port_is_told_in_the_log(version: Version) {
        log::listen();
        let agent = agent(tcp()).await;
        let source = source();
        let backend = format!(
            "backend wrong\n    source {source}\n    server a {}\n",
            agent.local_addresses()[0]
        );
        let config =
            Config::new(version).frontend("default_backend wrong").sections(&backend);
        let haproxy = scene::start(config).await;
        assert_eq!(haproxy.http().get("/").await.unwrap().status, 502);
        log::line(&[&format!("peer={source}:"), "an HTTP client speaks to the SPOE port"]).await;
        assert!(agent.statistics().await.protocol_mismatches.http >= 1);
    }
}
