//! What a message costs that a chain looks up in a list of a million prefixes, in two databases and in a table; and how
//! long a look-up takes at most while the list is swapped.

mod support;

use std::{
    collections::BTreeMap,
    fmt::Write,
    fs,
    hint::black_box,
    net::{IpAddr, Ipv4Addr},
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use criterion::{Criterion, criterion_group, criterion_main};
use spoa_actors::{Actions, Message};
use spoa_handlers::{
    chain::{Chain, chains},
    configuration::Configuration,
    file::{Loaded, Reading, load_text},
    finding::Report,
    kinds::KINDS,
    resource::{DataSet, ResourcePlan, Resources},
};
use support::{measure, now};
use tempfile::TempDir;

const FILE: &str = r#"
[data.list]
kind = "ip-list"
file = "list.netset"

[data.geo]
kind = "mmdb"
files = ["GeoLite2-Country-Test.mmdb", "GeoLite2-ASN-Test.mmdb"]

[data.table]
kind = "table"
file = "table.csv"
key = "host"
columns = { backend = "text", limit = "int" }

[handler.bad]
kind = "ip-reputation"
data = "list"
deny = "score >= 80 || 'ban' in tags"

[handler.geo]
kind = "geoip"
data = "geo"
set = ["country", "asn"]
deny = "country in ['KP', 'IR'] || asn == 64496"

[handler.tenant]
kind = "lookup"
data = "table"
key = "host"
deny = "limit > 1000000"

[message.ip-reputation]
run = ["bad"]
unanswered = "deny"

[message.geoip]
run = ["geo"]
unanswered = "deny"

[message.lookup]
run = ["tenant"]
unanswered = "deny"

[message.three]
run = [["bad", "geo", "tenant"]]
unanswered = "deny"
"#;

/// The same numbers in each run.
fn addresses(seed: u64) -> impl Iterator<Item = Ipv4Addr> {
    let mut random = seed;
    std::iter::repeat_with(move || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        Ipv4Addr::from((random >> 32) as u32)
    })
}

fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("there is room");
    let (mut list, mut table) = (String::new(), "host,backend,limit\n".to_owned());
    for (at, address) in addresses(1).take(1_000_000).enumerate() {
        let length = [32, 32, 32, 24, 20][at % 5];
        writeln!(list, "{address}/{length}").expect("a String takes it");
    }
    for number in 0..100_000 {
        writeln!(table, "host{number}.example.com,b{number},{number}").expect("a String takes it");
    }
    fs::write(folder.path().join("list.netset"), list).expect("there is room");
    fs::write(folder.path().join("table.csv"), table).expect("there is room");
    let databases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mmdb");
    for name in ["GeoLite2-Country-Test.mmdb", "GeoLite2-ASN-Test.mmdb"] {
        fs::copy(databases.join(name), folder.path().join(name)).expect("there is room");
    }
    folder
}

fn opened(folder: &TempDir) -> (BTreeMap<String, Chain>, Resources) {
    let mut loaded = load_text(&folder.path().join("bench.toml"), FILE, &|_: &str| None);
    let configuration = Configuration::read(&mut loaded);
    let Loaded { document, sources, findings } = &mut loaded;
    let mut reading = Reading { document, sources, findings };
    let plan = ResourcePlan::read(&configuration.secrets, &mut reading);
    let resources = Resources::open(plan, None, &mut reading);
    let chains = chains(&configuration.messages, KINDS, &resources, &mut reading);
    let said = Report::new(&loaded.findings, &loaded.sources).to_string();
    assert_eq!(loaded.findings.errors(), 0, "{said}");
    (chains, resources)
}

fn message(ip: impl Into<IpAddr>) -> Message {
    Message::new("m").arg("ip", ip.into()).arg("host", "host77.example.com").arg("path", "/")
}

fn costs(criterion: &mut Criterion) {
    let folder = folder();
    let began = Instant::now();
    let (chains, resources) = opened(&folder);
    println!("all data is loaded in {:?}", began.elapsed());
    for state in resources.states() {
        println!("{}: {} entries, {} bytes", state.name, state.entries, state.bytes);
    }
    let mut messages: Vec<_> = addresses(2).take(999).map(message).collect();
    // Both databases have something of it.
    messages.push(message([89, 160, 20, 112]));
    for (name, chain) in &chains {
        let mut group = criterion.benchmark_group("a message");
        let mut next = messages.iter().cycle();
        group.bench_function(name, |bencher| {
            measure(bencher, || {
                let mut actions = Actions::new();
                let run = next.next().map(|message| chain.run(&message.as_ref(), &mut actions));
                black_box(run.is_some_and(|run| run.is_ok()));
                actions
            });
        });
        group.finish();
    }
    swap(&resources);
}

/// Looks up while the list is read and swapped five times; shows the longest time that one took.
fn swap(resources: &Resources) {
    let Some(set @ DataSet::IpList(list)) = resources.data("list") else { return };
    let is_over = AtomicBool::new(false);
    let look = || {
        let (mut longest, mut count) = (Duration::ZERO, 0_u64);
        for address in addresses(3) {
            if is_over.load(Ordering::Relaxed) {
                break;
            }
            let began = now();
            black_box(list.current().table().and_then(|table| table.get(address.into())));
            longest = longest.max(now() - began);
            count += 1;
        }
        (longest, count)
    };
    let (longest, count) = thread::scope(|scope| {
        let reader = scope.spawn(look);
        for _ in 0..5 {
            set.reload(true).expect("the list is there");
        }
        is_over.store(true, Ordering::Relaxed);
        reader.join().expect("it does not panic")
    });
    println!("five swaps of a million prefixes: of {count} look-ups, the longest took {longest:?}");
}

criterion_group!(benches, costs);
criterion_main!(benches);
