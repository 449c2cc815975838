//! A chain that a file describes, behind real HAProxy: its verdict is applied by rules that never change.

use std::{path::Path, sync::Arc};

use spoa_actors::{Registry, Route};
use spoa_handlers::{
    chain::{ChainHandler, chains},
    configuration::Configuration,
    file::{Loaded, Reading, load_text},
    finding::Report,
    kinds::KINDS,
    resource::{ResourcePlan, Resources},
};
use spoa_integration::{App, Config, on_every_haproxy};

use crate::scene::{self, REQUEST, endpoint, engine, error, shown};

const FILE: &str = r#"
[handler.client]
kind = "set"
when = "ip.isLoopback()"
values = { place = "here", note = "{method} {path}?{query} by {ua}", level = 3 }
set = { "txn.client.place" = "place", "sess.note" = "note", "req.level" = "level" }

[handler.rules]
kind = "rules"
rules = [
    { if = "path == '/health'", then = "allow", reason = "health" },
    { if = "path.startsWith('/admin') && client.place != 'office'", then = "deny", status = 404, reason = "hidden" },
    { if = "method == 'POST' && body_size > 10", then = "deny", status = 413, reason = "too_large" },
    { if = "'curl' in ua.lowerAscii().split('/')", then = "challenge", level = 2 },
    { if = "query.contains('drop=1')", then = "drop", reason = "asked_for" },
]

[message.check-request]
run = ["client", "rules"]
deadline = "1s"
fallback = { action = "deny", status = 503 }
unanswered = "deny"
"#;

const ARGS: &str = "ip=src method=method path=path query=query ua=req.hdr(user-agent) \
                    body_size=req.body_size";

/// What `HAProxy` does with any verdict.
const RULES: &[&str] = &[
    "http-request deny deny_status 503 if { var(txn.t.error) -m found }",
    "http-request silent-drop if { var(txn.t.action) -m str drop }",
    "http-request return status 404 if { var(txn.t.action) -m str deny } { var(txn.t.status) -m int 404 }",
    "http-request return status 413 if { var(txn.t.action) -m str deny } { var(txn.t.status) -m int 413 }",
    "http-request return status 403 if { var(txn.t.action) -m str challenge }",
    "http-request deny if { var(txn.t.action) -m str deny }",
];

const SHOWN: &[&str] = &[
    "var(txn.t.action)",
    "var(txn.t.reason)",
    "var(txn.t.by)",
    "var(txn.t.client.place)",
    "var(sess.t.note)",
];

fn registry() -> Registry {
    let mut loaded = load_text(Path::new("chain.toml"), FILE, &|_: &str| None);
    let configuration = Configuration::read(&mut loaded);
    let Loaded { document, sources, findings } = &mut loaded;
    let mut reading = Reading { document, sources, findings };
    let plan = ResourcePlan::read(&configuration.secrets, &mut reading);
    let resources = Resources::open(plan, None, &mut reading);
    let chains = chains(&configuration.messages, KINDS, &resources, &mut reading);
    assert_eq!(Report::new(&loaded.findings, &loaded.sources).to_string(), "");
    chains.into_iter().fold(Registry::new(), |registry, (name, chain)| {
        let fallback = chain.fallback().unwrap();
        let handler = ChainHandler(Arc::new(chain));
        registry.on(name, Route::handler(move || handler.clone()).fallback(fallback))
    })
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn a_chain_of_a_file_decides_for_haproxy(version: Version) {
        let app = App::start().await.unwrap();
        let agent = scene::agent(registry()).await;
        let engine = engine(endpoint(&agent)).message("check-request", ARGS, REQUEST);
        let config = Config::new(version).engine(engine).app(app.address());
        let config = RULES.iter().fold(config, |config, rule| config.frontend(rule));
        let haproxy = scene::start(scene::showing(config, SHOWN)).await;
        let http = haproxy.http();
        for (path, status, expected) in [
            ("/?x=1", 200, ["allow", "", "", "here"]),
            ("/health", 200, ["allow", "health", "rules", "here"]),
            ("/admin/users", 404, ["deny", "hidden", "rules", "here"]),
            ("/' || true || '", 200, ["allow", "", "", "here"]),
        ] {
            let path = path.replace(' ', "%20");
            let answer = http.get(&path).await.unwrap();
            assert_eq!(answer.status, status, "{path}");
            assert_eq!(shown(&answer)[..4], expected, "{path}");
            assert_eq!(error(&answer), "", "{path}");
            let asked = if path.contains('?') { path } else { format!("{path}?") };
            let note = format!("GET {asked} by");
            assert!(shown(&answer)[4].starts_with(&note), "{:?} {note}", shown(&answer));
        }
        http.get("/?drop=1").await.unwrap_err();
    }
}
