//! Kinds of handlers that need no data, out of a file and behind real `HAProxy`: good, bad and absent.

use std::fs;

use spoa_handlers::metric::{Registry, Sample};
use spoa_integration::{App, Authority, Config, Scratch, free_port, on_every_haproxy, until};

use crate::{
    described,
    scene::{self, ANSWER, REQUEST, SOON, endpoint, engine, error, shown},
};

/// What `HAProxy` does with any verdict.
const RULES: &[&str] = &[
    "http-request return status 429 hdr retry-after \"%[var(txn.t.retry_after)]\" if { var(txn.t.action) -m str deny } { var(txn.t.status) -m int 429 }",
    "http-request deny if { var(txn.t.action) -m str deny }",
];

const LIMIT: &str = r#"
[handler.came]
kind = "echo"

[handler.limit]
kind = "rate-limit"
key = "key"
rate = "2/h"

[message.check-request]
run = ["came", "limit"]
args = { key = "key" }
unanswered = "allow"
"#;

on_every_haproxy! {
    #[actix_rt::test]
    async fn a_rate_limit_denies_who_comes_too_often(version: Version) {
        let scratch = Scratch::new().unwrap();
        let agent = scene::agent(described::registry(scratch.path(), LIMIT)).await;
        let engine = engine(endpoint(&agent)).message("check-request", "key=req.hdr(key)", REQUEST);
        let config = Config::new(version).engine(engine);
        let config = RULES.iter().fold(config, |config, rule| config.frontend(rule));
        let names = ["var(txn.t.reason)", "var(txn.t.limit.remaining)", "var(txn.t.came.message)"];
        let haproxy = scene::start(scene::showing(config.frontend(ANSWER), &names)).await;
        let http = haproxy.http();
        for (status, expected) in [(200, ["", "1"]), (200, ["", "0"]), (429, ["over_limit", "0"])] {
            let answer = http.get_with("/", "key", "a\"b").await.unwrap();
            assert_eq!((answer.status, &shown(&answer)[..2]), (status, &expected[..]));
            assert_eq!(shown(&answer)[2], "check-request(key=\"a\\\"b\")");
            let wait = answer.header("retry-after").and_then(|wait| wait.parse::<u64>().ok());
            assert_eq!(wait.is_some_and(|wait| (1_700..=1_800).contains(&wait)), status == 429);
        }
        // Another key, and none at all.
        assert_eq!(http.get_with("/", "key", "b").await.unwrap().status, 200);
        for _ in 0..4 {
            let answer = http.get("/").await.unwrap();
            assert_eq!((answer.status, error(&answer)), (200, ""));
            assert_eq!(shown(&answer)[..2], ["", ""]);
        }
    }
}

const BAN: &str = r#"
[handler.bad_logins]
kind = "ban"
key = "ip"
count = "status == 401"
threshold = 3
window = "1h"
lasts = "1h"

[handler.trail]
kind = "audit"
file = "audit.jsonl"
keep = ["ip", "path", "action", "reason", "by"]
hash = ["ip"]

[handler.seen]
kind = "metrics"
metrics = [
    { counter = "e2e_requests_total", labels = { port = "port", action = "action" } },
]

[message.check-request]
run = ["bad_logins", "trail", "seen"]
unanswered = "allow"

[message.check-response]
run = ["bad_logins"]
unanswered = "allow"
"#;

on_every_haproxy! {
    #[actix_rt::test]
    async fn responses_ban_requests_are_denied_and_all_of_them_are_written_and_counted(version: Version) {
        let scratch = Scratch::new().unwrap();
        let app = App::start().await.unwrap();
        let agent = scene::agent(described::registry(scratch.path(), BAN)).await;
        // The port of the frontend tells the versions apart, which share the counter.
        let engine = engine(endpoint(&agent))
            .message("check-request", "ip=src path=path port=dst_port", REQUEST)
            .message("check-response", "ip=src status=status", "on-http-response");
        let config = Config::new(version).engine(engine).app(app.address());
        let config = RULES.iter().fold(config, |config, rule| config.frontend(rule));
        let names = ["var(txn.t.action)", "var(txn.t.reason)", "var(txn.t.bad_logins.count)"];
        let haproxy = scene::start(scene::showing(config, &names)).await;
        let http = haproxy.http();
        assert_eq!(http.get("/").await.unwrap().status, 200);
        // HAProxy's own answers have no on-http-response: the application's have.
        let login = async || http.get("/status/401").await.unwrap();
        let mut statuses = Vec::new();
        for _ in 0..5 {
            statuses.push(login().await.status);
        }
        assert_eq!(statuses, [401, 401, 401, 403, 403]);
        let answer = http.get("/").await.unwrap();
        assert_eq!(answer.status, 403);
        assert_eq!(shown(&answer)[..2], ["deny", "banned"]);

        let read = || fs::read_to_string(scratch.join("audit.jsonl")).unwrap_or_default();
        until("all requests are written", SOON, async || (read().lines().count() == 7).then_some(())).await.unwrap();
        let lines: Vec<serde_json::Value> =
            read().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let reasons: Vec<_> = lines.iter().map(|line| line["reason"].as_str().unwrap_or("")).collect();
        assert_eq!(reasons, ["", "", "", "", "banned", "banned", "banned"]);
        assert!(lines.iter().all(|line| line["ip"] == lines[0]["ip"]));
        assert!(!read().contains("127.0.0.1"), "{}", read());
        assert_eq!(lines[6]["by"], "bad_logins");

        let port = http.address().port().to_string();
        let families = Registry::of_process().families();
        let family = families.into_iter().find(|own| own.name == "e2e_requests_total").unwrap();
        let of_port = family.samples.into_iter().filter(|(labels, _)| labels[0] == port);
        let counts: Vec<_> = of_port.map(|(labels, count)| (labels[1].clone(), count)).collect();
        let count = |action: &str, count: f64| (action.to_owned(), Sample::Counter(count));
        assert_eq!(counts, [count("allow", 4.0), count("deny", 3.0)]);
    }
}

/// Consul Connect's agent: who may connect is in the URI of the certificate.
const CERT: &str = r#"
[handler.peer]
kind = "client-cert"
trust = "spiffe == 'spiffe://example.com/billing'"
set = { "sess.auth" = { from = "trusted", type = "int" }, "sess.subject" = "subject", "sess.serial" = "serial", "sess.sha1" = "sha1", "sess.sha256" = "sha256", "sess.issuer" = "issuer" }

[message.check-intentions]
run = ["peer"]
"#;

/// What the agent and `HAProxy` itself say of a certificate.
const SAME: &[(&str, &str)] = &[
    ("var(sess.t.subject)", "ssl_c_s_dn(,0,rfc2253)"),
    ("var(sess.t.issuer)", "ssl_c_i_dn(,0,rfc2253)"),
    ("var(sess.t.serial)", "ssl_c_serial,hex"),
    ("var(sess.t.sha1)", "ssl_c_sha1,hex"),
    ("var(sess.t.sha256)", "ssl_c_der,sha2(256),hex"),
];

/// A listener that wants certificates, and ways to it with a good one, another one and none.
fn mutual_tls(scratch: &Scratch, spoe: &str) -> String {
    let ca = Authority::new("a CA, with = and +").unwrap();
    let pem = |name: &str, uri: &str| {
        let issued = ca.issue_to(name, uri).unwrap();
        scratch.write(name, &format!("{}{}", issued.certificate, issued.key)).unwrap()
    };
    let server = pem("server.example.com", "spiffe://example.com/server");
    let good = pem("billing.example.com", "spiffe://example.com/billing");
    let bad = pem("other.example.com", "spiffe://example.com/other");
    let ca = scratch.write("ca", &ca.pem()).unwrap();
    let spoe = scratch.write("peer.spoe", spoe).unwrap();
    let port = free_port();
    let shows = SAME.iter().enumerate().flat_map(|(at, (ours, theirs))| {
        [("ours", ours), ("theirs", theirs)].map(|(whose, what)| {
            format!("    http-after-response set-header x-{whose}-{at} \"%[{what}]\"\n")
        })
    });
    let shows: String = shows.collect();
    let way = |name: &str, crt: String| {
        format!("backend {name}\n    server s 127.0.0.1:{port} ssl verify none{crt}\n")
    };
    let crt = |path: &std::path::Path| format!(" crt {}", path.display());
    format!(
        "frontend tls\n    bind 127.0.0.1:{port} ssl crt {} ca-file {} verify optional\n    \
         filter spoe engine t config {}\n    tcp-request inspect-delay 5s\n    \
         tcp-request content reject if {{ var(sess.t.auth) -m int eq 0 }}\n{shows}    \
         http-request return status 200\n{}{}{}",
        server.display(),
        ca.display(),
        spoe.display(),
        way("good", crt(&good)),
        way("bad", crt(&bad)),
        way("none", String::new()),
    )
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn who_may_connect_is_in_the_certificate(version: Version) {
        let scratch = Scratch::new().unwrap();
        let agent = scene::agent(described::registry(scratch.path(), CERT)).await;
        let spoe = "[t]\nspoe-agent t\nmessages check-intentions\nuse-backend t-agents\n\
                    timeout hello 2s\ntimeout idle 2m\ntimeout processing 10s\n\
                    spoe-message check-intentions\nargs ip=src cert=ssl_c_der\n\
                    event on-frontend-tcp-request\n";
        let engine = engine(endpoint(&agent)).text(spoe);
        let ways = ["good", "bad", "none"];
        let config = Config::new(version).engine(engine).sections(&mutual_tls(&scratch, spoe));
        let config = ways.iter().fold(config, |config, way| {
            config.frontend(&format!("use_backend {way} if {{ path /{way} }}"))
        });
        let haproxy = config.start().await.unwrap();
        let http = haproxy.http();
        let good = http.get("/good").await.unwrap();
        assert_eq!(good.status, 200);
        for (at, names) in SAME.iter().enumerate() {
            let ours = good.header(&format!("x-ours-{at}")).unwrap();
            assert!(!ours.is_empty());
            assert_eq!(Some(ours), good.header(&format!("x-theirs-{at}")), "{names:?}");
        }
        for way in ["/bad", "/none"] {
            // HAProxy's own answer, or its connection as it ends.
            let status = http.get(way).await.map_or(502, |answer| answer.status);
            assert_eq!(status, 502, "{way}");
        }
    }
}
