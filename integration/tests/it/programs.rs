//! A program in Python that decides for real HAProxy: good and bad requests, absent arguments, late answers.

use std::{fs, path::Path, process::Command, sync::Arc};

use spoa_actors::{Registry, Route};
use spoa_handlers::{
    chain::{Chain, ChainHandler, chains},
    configuration::Configuration,
    file::{Loaded, Reading, load},
    finding::Report,
    kinds::KINDS,
    resource::{ResourcePlan, Resources},
};
use spoa_integration::{App, Config, Scratch, on_every_haproxy};

use crate::scene::{self, REQUEST, endpoint, engine, error, shown};

const SCRIPT: &str = r"
import json, sys, time
for line in sys.stdin:
    r = json.loads(line)
    answer = {'ready': True}
    if 'hello' not in r:
        args = r['args']
        path = args['path']
        if path == '/late': time.sleep(1000)
        if path == '/exits': sys.exit(1)
        absent = sorted({'ip', 'query', 'cookie', 'body'} - set(args))
        found = {'absent': ','.join(absent), 'seen': args.get('query')}
        bad = path.startswith('/bad') or args['body'] != {'base64': ''}
        answer = {'id': r['id'], 'action': 'deny' if bad else None, 'reason': 'fraud', 'status': 403, 'set': found}
    print(json.dumps(answer), flush=True)
";

const ARGS: &str = "ip=src path=path query=query cookie=req.hdr(cookie) body=req.body";

const RULES: &[&str] = &[
    "http-request deny deny_status 503 if { var(txn.t.error) -m found }",
    "http-request return status 403 if { var(txn.t.action) -m str deny } { var(txn.t.status) -m int 403 }",
    "http-request deny deny_status 500 if { var(txn.t.action) -m str deny }",
];

const SHOWN: &[&str] = &[
    "var(txn.t.action)",
    "var(txn.t.reason)",
    "var(txn.t.by)",
    "var(txn.t.check.error)",
    "var(txn.t.check.absent)",
    "var(txn.t.check.seen)",
];

fn python() -> String {
    let output = Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output();
    String::from_utf8(output.unwrap().stdout).unwrap().trim().to_owned()
}

/// The chain of the message `check-request`, with its program at work.
fn chain(folder: &Path) -> Arc<Chain> {
    fs::write(folder.join("check.py"), SCRIPT).unwrap();
    let text = format!(
        "[handler.check]\nkind = 'program'\ncommand = ['{}', 'check.py']\nsend = ['ip', 'path', 'query', 'cookie', 'body']\n\
         variables = {{ absent = 'text', seen = 'text' }}\nreasons = 'fraud'\nstatuses = 403\n\
         time = '2s'\nstart_timeout = '60s'\n\
         [message.check-request]\nrun = ['check']\nunanswered = 'deny'\n",
        python()
    );
    let file = folder.join("agent.toml");
    fs::write(&file, text).unwrap();
    let mut loaded = load(&file, &|_: &str| None);
    let configuration = Configuration::read(&mut loaded);
    let Loaded { document, sources, findings } = &mut loaded;
    let mut reading = Reading { document, sources, findings };
    let plan = ResourcePlan::read(&configuration.secrets, &mut reading);
    let resources = Resources::open(plan, None, &mut reading);
    let mut chains = chains(&configuration.messages, KINDS, &resources, &mut reading);
    assert_eq!(Report::new(&loaded.findings, &loaded.sources).to_string(), "");
    let chain = Arc::new(chains.remove("check-request").unwrap());
    chain.start().unwrap();
    chain
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn a_program_decides_for_haproxy(version: Version) {
        let folder = Scratch::new().unwrap();
        let chain = chain(folder.path());
        let app = App::start().await.unwrap();
        let handler = ChainHandler(Arc::clone(&chain));
        let registry = Registry::new().on("check-request", Route::handler(move || handler.clone()).deadline(scene::SOON));
        let agent = scene::agent(registry).await;
        let engine = engine(endpoint(&agent)).message("check-request", ARGS, REQUEST).timeout_processing(scene::SOON);
        let config = Config::new(version).engine(engine).app(app.address());
        let config = RULES.iter().fold(config, |config, rule| config.frontend(rule));
        let haproxy = scene::start(scene::showing(config, SHOWN)).await;
        let http = haproxy.http();
        let forged = "/?a=%22}%0a{%22id%22:1,%22action%22:%22deny%22}";
        for (path, status, expected) in [
            ("/?x=1", 200, ["allow", "", "", "", "cookie", "x=1"]),
            ("/bad", 403, ["deny", "fraud", "check", "", "cookie,query", ""]),
            (forged, 200, ["allow", "", "", "", "cookie", &forged[2..]]),
            ("/late", 200, ["allow", "", "", "timeout", "", ""]),
            ("/exits", 200, ["allow", "", "", "exited", "", ""]),
            ("/?again", 200, ["allow", "", "", "", "cookie", "again"]),
        ] {
            let answer = http.get(path).await.unwrap();
            assert_eq!(answer.status, status, "{path}");
            assert_eq!(shown(&answer)[..6], expected, "{path}");
            assert_eq!(error(&answer), "", "{path}");
        }
        chain.stop();
        let answer = http.get("/").await.unwrap();
        assert_eq!(shown(&answer)[3], "unavailable");
    }
}
