//! The binary with a configuration file, behind real HAProxy: allowed and denied by rules, and seen.

use spoa_integration::{App, Config, Endpoint, Scratch, SpoaAgentOptions, on_every_haproxy};

use crate::scene::{self, REQUEST, engine, error, shown};

const FILE: &str = r#"
[agent]
deadline = "500ms"

[handler.rules]
kind = "rules"
rules = [
    { if = "path.startsWith('/admin') && !ip.isLoopback()", then = "deny", reason = "abroad" },
    { if = "path.startsWith('/hidden')", then = "deny", status = 404, reason = "hidden" },
]

[message.check-request]
run = ["rules"]
fallback = { action = "deny", status = 503 }
unanswered = "deny"
"#;

const ARGS: &str = "ip=src method=method path=path";
const RULES: &[&str] = &[
    "http-request return status 404 if { var(txn.t.action) -m str deny } { var(txn.t.status) -m int 404 }",
    "http-request deny if { var(txn.t.action) -m str deny }",
];

on_every_haproxy! {
    #[actix_rt::test]
    async fn the_binary_with_a_file_allows_and_denies_for_haproxy(version: Version) {
        let scratch = Scratch::new().unwrap();
        let path = scratch.write("spoa-agent.toml", FILE).unwrap();
        let options = format!("--worker-threads 1 --config {}", path.display());
        let agent = SpoaAgentOptions::default().options(&options).start().await.unwrap();
        let app = App::start().await.unwrap();
        let engine = engine(Endpoint::Tcp(agent.address())).message("check-request", ARGS, REQUEST);
        let config = Config::new(version).engine(engine).app(app.address());
        let config = RULES.iter().fold(config, |config, rule| config.frontend(rule));
        let seen = ["var(txn.t.action)", "var(txn.t.reason)", "var(txn.t.by)"];
        let haproxy = scene::start(scene::showing(config, &seen)).await;
        let http = haproxy.http();
        for (path, status, expected) in [
            ("/", 200, ["allow", "", ""]),
            ("/admin/users", 200, ["allow", "", ""]),
            ("/hidden/file", 404, ["deny", "hidden", "rules"]),
        ] {
            let answer = http.get(path).await.unwrap();
            assert_eq!(answer.status, status, "{path}");
            assert_eq!((&shown(&answer)[..], error(&answer)), (&expected[..], ""), "{path}");
        }
    }
}
