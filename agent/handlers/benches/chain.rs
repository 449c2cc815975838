//! What a chain of handlers that answer at once costs a message: `cargo bench -p spoa-handlers --bench chain`.

mod support;

use std::{hint::black_box, net::IpAddr, path::Path};

use criterion::{Criterion, criterion_group, criterion_main};
use spoa_actors::{Actions, Message};
use spoa_handlers::{
    chain::{Chain, chains},
    configuration::Configuration,
    file::{Loaded, Reading, load_text},
    finding::Report,
    kinds::KINDS,
    resource::{ResourcePlan, Resources},
};
use support::measure;

const EIGHT: &str = "path != '' && ua != '' && method == 'GET' && ip.family() == 4 && host != 'x' && \
                     port > 50 && query != '' && body_size < 1000";

fn file() -> String {
    format!(
        r#"
[handler.shown]
kind = "set"
values = {{ version = 3, plan = "free" }}

[handler.rules]
kind = "rules"
rules = [
    {{ if = "path == '/login'", then = "allow" }},
    {{ if = "shown.plan == 'free' && body_size > 65536", then = "deny", status = 413 }},
    {{ if = "ua.contains('curl')", then = "challenge" }},
]

[handler.limit]
kind = "rate-limit"
key = "ip"
rate = "1000000/s"

[handler.eight]
kind = "rules"
rules = [{{ if = "!({EIGHT})", then = "deny" }}]

[handler.nothing]
kind = "rules"
rules = [{{ if = "false", then = "deny" }}]

[message.none]
run = ["nothing"]
unanswered = "deny"

[message.eight]
run = ["eight"]
unanswered = "deny"

[message.three]
run = ["shown", "rules", "limit"]
unanswered = "deny"
"#
    )
}

fn message() -> Message {
    Message::new("m")
        .arg("ip", IpAddr::from([203, 0, 113, 7]))
        .arg("port", 50_123)
        .arg("method", "GET")
        .arg("host", "www.example.com")
        .arg("path", "/admin/users")
        .arg("query", "page=7")
        .arg("ua", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
        .arg("body_size", 700)
}

fn costs(criterion: &mut Criterion) {
    let text = file();
    let mut loaded = load_text(Path::new("bench.toml"), &text, &|_: &str| None);
    let configuration = Configuration::read(&mut loaded);
    let Loaded { document, sources, findings } = &mut loaded;
    let mut reading = Reading { document, sources, findings };
    let plan = ResourcePlan::read(&configuration.secrets, &mut reading);
    let resources = Resources::open(plan, None, &mut reading);
    let chains = chains(&configuration.messages, KINDS, &resources, &mut reading);
    let said = Report::new(&loaded.findings, &loaded.sources).to_string();
    assert_eq!(loaded.findings.errors(), 0, "{said}");
    let message = message();
    for (name, chain) in &chains {
        criterion.bench_function(name, |bencher| measure(bencher, || run(chain, &message)));
    }
}

fn run(chain: &Chain, message: &Message) -> Actions {
    let mut actions = Actions::new();
    let waiting = black_box(chain).run(&black_box(message).as_ref(), &mut actions);
    assert!(matches!(waiting, Ok(None)));
    actions
}

criterion_group!(benches, costs);
criterion_main!(benches);
