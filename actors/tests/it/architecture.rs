//! What the code promises about itself.

use std::{fs, path::Path};

fn sources(folder: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut sources = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            sources.push((name, fs::read_to_string(path).unwrap()));
        }
    }
    assert!(!sources.is_empty());
    sources
}

#[test]
fn the_protocol_imports_nothing_of_the_library_outside_itself() {
    for (name, source) in sources("src/spop") {
        let code = source.lines().filter(|line| !line.trim_start().starts_with("//"));
        for line in code {
            for foreign in ["crate::", "super::super", "actix", "tracing", "std::time", "tokio::"] {
                assert!(!line.contains(foreign), "spop/{name} knows {foreign}: {line}");
            }
            if line.contains("tokio_util") {
                assert_eq!(name, "codec.rs", "only the codec knows tokio-util: {line}");
            }
        }
    }
}

#[test]
fn the_library_holds_no_lock() {
    for folder in
        ["src", "src/args", "src/connection", "src/conversation", "src/supervisor", "src/spop"]
    {
        for (name, source) in sources(folder) {
            for lock in ["Mutex", "RwLock", "Condvar"] {
                assert!(!source.contains(lock), "{name} holds a {lock}");
            }
        }
    }
}

/// The modules of this crate that a source names, inside and outside of `use crate::{…}`.
fn imports(source: &str) -> Vec<String> {
    let code: String = source.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let mut imports = Vec::new();
    for (at, prefix) in code.match_indices("crate::") {
        let rest = &code[at + prefix.len()..];
        let items = rest.strip_prefix('{').and_then(|list| list.split("};").next());
        let mut depth = 0;
        let top_level = |letter: char| {
            depth += i32::from(letter == '{') - i32::from(letter == '}');
            depth == 0 && letter == ','
        };
        let names = items.unwrap_or(rest.split(';').next().unwrap());
        let first_word = |item: &str| {
            let word = item.trim().split(|letter: char| !letter.is_alphanumeric() && letter != '_');
            word.into_iter().next().unwrap().to_owned()
        };
        let items = names.split(top_level).filter(|item| !item.trim().is_empty());
        imports.extend(items.map(first_word));
    }
    imports
}

/// Each module may import those before it in this list, so that no arrow turns back.
const ORDER: &[&str] = &[
    "spop",
    "throttle",
    "timer",
    "restarts",
    "panics",
    "alarm",
    "trace_parent",
    "sampling",
    "traces",
    "outcome",
    "histogram",
    "latencies",
    "route_statistics",
    "route_record",
    "group",
    "listener_statistics",
    "engine_statistics",
    "reasons",
    "frame_counts",
    "status_counts",
    "wrong_traffic",
    "statistics",
    "counters",
    "listener_counters",
    "tasks",
    "args",
    "error",
    "limits",
    "quota",
    "common",
    "origin",
    "past_violation",
    "status",
    "bulkhead",
    "handler",
    "fence",
    "ready",
    "instance",
    "mailbox",
    "blocking",
    "feeder",
    "cell",
    "keeper",
    "live_route",
    "route",
    "registry",
    "health",
    "log_limits",
    "detour",
    "shared",
    "account",
    "connection_trace",
    "notify_trace",
    "room",
    "collection",
    "awaited",
    "asking",
    "in_flight",
    "orphans",
    "ack_form",
    "conversation",
    "buffered_stream",
    "silence",
    "hold",
    "surplus",
    "ending",
    "connection",
    "proxy_header",
    "tls",
    "certificates",
    "handshake",
    "refusal",
    "preamble",
    "listener",
    "listen",
    "supervisor",
    "observer",
    "signals",
    "running_agent",
    "agent",
];

#[test]
fn the_modules_of_the_library_form_no_circle() {
    let within = |module: &str| {
        let name = format!("{module}.rs");
        let sources = sources(&format!("src/{module}")).into_iter();
        sources.map(move |(_, source)| (name.clone(), source)).collect::<Vec<_>>()
    };
    let inner = ["args", "connection", "conversation", "supervisor"].map(within).concat();
    let mut count = 0;
    for (name, source) in sources("src").into_iter().chain(inner) {
        let module = name.trim_end_matches(".rs");
        if ["lib", "testing"].contains(&module) {
            continue;
        }
        let rank = |name: &str| ORDER.iter().position(|&known| known == name);
        let own = rank(module).unwrap_or_else(|| panic!("{module} has no place in the order"));
        for import in imports(&source) {
            // What the root re-exports is named in documentation only.
            let imported = rank(&import).unwrap_or_else(|| panic!("{module} imports {import}"));
            // The listener knows the stream of a test, which is behind a feature.
            assert!(imported <= own, "{module} imports {import}, which knows {module}");
            count += 1;
        }
    }
    assert!(count > 50, "only {count} imports were found");
}

/// Every test that the page names as `module::name` is there; a name may end in an ellipsis.
#[test]
fn the_tests_that_prove_the_guarantees_exist() {
    let folders = ["tests/it", "../integration/tests/it", "../agent/tests/it"];
    let tests: Vec<_> = folders.into_iter().flat_map(sources).collect();
    let guarantees = include_str!("../../../docs/guarantees.md");
    let mut count = 0;
    for named in guarantees.split('`').skip(1).step_by(2) {
        let Some((module, name)) = named.split_once("::") else { continue };
        let prefix = format!("fn {}", name.trim_end_matches('…'));
        let file = format!("{module}.rs");
        let is_there = tests.iter().any(|(name, source)| *name == file && source.contains(&prefix));
        assert!(is_there, "there is no test {named}");
        count += 1;
    }
    assert!(count > 15, "only {count} tests are named");
}
