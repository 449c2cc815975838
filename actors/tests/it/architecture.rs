//! What the code promises about itself.

use std::{collections::BTreeSet, fs, path::Path};

mod imports;
mod surface;

use imports::Crate;

/// The files below a folder, by their names.
fn sources(folder: &Path) -> Vec<(String, String)> {
    let mut sources = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources.extend(self::sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            sources.push((name, fs::read_to_string(path).unwrap()));
        }
    }
    assert!(!sources.is_empty());
    sources
}

/// The crates that the library depends on, as its sources name them.
fn dependencies() -> Vec<String> {
    let manifest = include_str!("../../Cargo.toml");
    let section = manifest.split("\n[dependencies]\n").nth(1).unwrap().split("\n[").next().unwrap();
    let names = section.lines().map(|line| line.split(['.', ' ']).next().unwrap());
    names.filter(|name| !name.is_empty()).map(|name| name.replace('-', "_")).collect()
}

#[test]
fn the_protocol_imports_nothing_of_the_library_outside_itself() {
    let library = read("src");
    let protocol = ["spop".to_owned()];
    let own = library.imports().into_iter().filter(|(importer, _)| importer.starts_with(&protocol));
    let mut count = 0;
    for (importer, imported) in own {
        assert!(imported.starts_with(&protocol), "{importer:?} imports {imported:?}");
        count += 1;
    }
    assert!(count > 80, "only {count} imports were found");

    let dependencies = dependencies();
    let may_know = |module: &str, name: &str| match name {
        "bytes" | "thiserror" => true,
        "tokio_util" => module == "spop::codec",
        _ => false,
    };
    let (mut modules, mut known) = (0, 0);
    for (module, words) in library.words().filter(|(module, _)| module.starts_with("spop")) {
        modules += 1;
        for name in &dependencies {
            if words.contains(&vec![name.clone()]) {
                assert!(may_know(&module, name), "{module} knows {name}");
                known += 1;
            }
        }
        let clock = words.iter().find(|path| path.windows(2).any(|part| part == ["std", "time"]));
        assert_eq!(clock, None, "{module} knows time");
        let operator = words.contains(&vec!["advice".to_owned()]);
        assert!(!operator, "{module} advises an operator");
    }
    assert!(modules > 25 && known > 20, "{modules} modules know {known} crates");
}

fn read(folder: &str) -> Crate {
    Crate::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder))
}

/// What locks, what waits with its thread, and what has a lock inside.
const LOCKS: &[&str] = &[
    "Barrier",
    "Condvar",
    "FairMutex",
    "Lazy",
    "LazyLock",
    "Mutex",
    "Once",
    "OnceLock",
    "ReentrantLock",
    "ReentrantMutex",
    "RwLock",
    "Semaphore",
    "arc_swap",
    "block_in_place",
    "block_on",
    "blocking_lock",
    "blocking_recv",
    "blocking_send",
    "broadcast",
    "crossbeam",
    "crossbeam_channel",
    "dashmap",
    "flume",
    "lazy_static",
    "once_cell",
    "parking_lot",
    "recv_timeout",
    "spin",
    "spin_loop",
    "std::sync::mpsc",
    "sync_channel",
    "thread::park",
    "thread::sleep",
    "thread::yield_now",
    "watch",
];

/// Where one of them stands all the same, and why no arbiter waits for another thread there.
const HARMLESS: &[(&str, &str, &str)] = &[
    ("agent::reception", "Semaphore", "the same; nobody but the thread that accepts waits there"),
    (
        "arbiter::agent_context",
        "Semaphore",
        "reloads wait there for each other, in their own tasks",
    ),
    (
        "arbiter::connection_permits",
        "Semaphore",
        "it is locked to list who waits: once a connection, and for no frame",
    ),
    (
        "arbiter::current_limits",
        "watch",
        "a reload writes it, which an arbiter does not look at: each has a copy",
    ),
    (
        "arbiter::handshake_permits",
        "Semaphore",
        "held for an entry in its queue, and no task waits for it on a thread",
    ),
    ("client::client", "Semaphore", "those who ask an agent wait for it, in their own tasks"),
    ("client::options", "Semaphore", "it names only how many can be in flight"),
    ("handler::blocking", "std::sync::mpsc", "a thread of a blocking route waits there for calls"),
    (
        "handler::shared",
        "Mutex",
        "it is tokio's: an arbiter that waits for the start of another goes on with its other tasks",
    ),
    ("handler::thread_pool", "std::sync::mpsc", "the sending side alone, which is unbounded"),
    ("layers::audit", "std::sync::mpsc", "nobody waits to send: what finds no room is dropped"),
    (
        "listen::certificates",
        "watch",
        "a handshake looks at it; it is written when a file has changed",
    ),
    ("log", "OnceLock", "it is set as an agent starts, and only read later"),
    ("log", "thread::yield_now", "a hundred times at most, while another thread writes a line"),
    (
        "observe::engine_statistics",
        "OnceLock",
        "whoever comes second waits while one short name is copied, once",
    ),
    ("supervision::bulkhead", "Semaphore", "it belongs to one arbiter, and is asked in turn"),
    ("supervision::panics", "Once", "the hook is set as an agent starts"),
];

#[test]
fn the_library_holds_no_lock() {
    let library = read("src");
    let mut found = Vec::new();
    let mut modules = 0;
    for (module, words) in library.words() {
        modules += 1;
        for lock in LOCKS {
            let lock_path: Vec<_> = lock.split("::").collect();
            if words.iter().any(|path| path.windows(lock_path.len()).any(|part| part == lock_path))
            {
                found.push((module.clone(), *lock));
            }
        }
    }
    let harmless: Vec<_> =
        HARMLESS.iter().map(|(module, lock, _)| ((*module).to_owned(), *lock)).collect();
    assert_eq!(found, harmless, "what locks, and what is known to be harmless");
    assert!(modules > 100, "only {modules} modules were read");
}

/// The modules of these folders that have one of these words.
fn modules_with(words: &[&str], folders: &[&str]) -> Vec<String> {
    let has_one = |own: &BTreeSet<Vec<String>>| {
        words.iter().any(|&word| own.contains([word.to_owned()].as_slice()))
    };
    let modules = folders.iter().flat_map(|folder| read(folder).words().collect::<Vec<_>>());
    modules.filter(|(_, own)| has_one(own)).map(|(module, _)| module).collect()
}

#[test]
fn what_somebody_else_has_said_is_escaped_in_one_place() {
    let escapes = ["escape_ascii", "escape_debug", "escape_default", "escape_unicode"];
    let folders = ["src", "../agent/src", "../agent/handlers/src"];
    assert_eq!(modules_with(&escapes, &folders), ["spop::foreign_text"]);
}

#[test]
fn nothing_but_the_end_of_the_program_waits_for_stdout_or_stderr() {
    let prints = ["println", "eprintln", "eprint", "dbg"];
    let folders = ["src", "../agent/src", "../agent/handlers/src"];
    assert_eq!(modules_with(&prints, &folders), ["app"]);
}

#[test]
fn the_library_warns_by_way_of_its_log() {
    let warns =
        |path: &Vec<String>| ["warn", "error"].iter().any(|level| path[..] == ["tracing", *level]);
    let modules = read("src")
        .words()
        .filter(|(_, words)| words.iter().any(warns))
        .map(|(module, _)| module)
        .collect::<Vec<_>>();
    assert_eq!(
        modules,
        ["log"],
        "use log::warn! or log::error!, which stderr has without a subscriber"
    );
}

/// Each module may import those before it in this list, so that no arrow turns back.
const ORDER: &[&str] = &[
    "spop",
    "log",
    "turn",
    "args",
    "observe",
    "supervision",
    "error",
    "limit",
    "limits",
    "origin",
    "status",
    "handler",
    "layer",
    "route",
    "layers",
    "trace",
    "arbiter",
    "notify",
    "connection",
    "listen",
    "client",
    "agent",
];

#[test]
fn the_modules_of_the_library_import_one_way() {
    let rank = |name: &str| ORDER.iter().position(|&known| known == name);
    let mut count = 0;
    for (importer, imported) in read("src").imports() {
        let (Some(importer), Some(imported)) = (importer.first(), imported.first()) else {
            assert!(importer.is_empty(), "{importer:?} imports what the root itself holds");
            continue;
        };
        // It plays the other side, on top of all.
        if importer == "testing" {
            continue;
        }
        let own = rank(importer).unwrap_or_else(|| panic!("{importer} has no place in the order"));
        let other = rank(imported).unwrap_or_else(|| panic!("{importer} imports {imported}"));
        assert!(other <= own, "{importer} imports {imported}, which knows {importer}");
        count += 1;
    }
    assert!(count > 500, "only {count} imports were found");
}

/// The crates of this repository, and how many imports each has at the least: so that none is overlooked.
const CRATES: &[(&str, usize)] = &[
    ("src", 500),
    ("../agent/src", 70),
    ("../agent/handlers/src", 200),
    ("../integration/src", 70),
    ("../integration/bench/src/bin/spoa-bench", 40),
    ("../integration/bench/src", 3),
    ("fuzz/src", 0),
    ("../examples/src", 0),
];

#[test]
fn no_folder_has_a_circle_inside() {
    for (folder, least) in CRATES {
        let one = read(folder);
        let none: [&str; 0] = [];
        assert_eq!(one.circles(), none, "in {folder}");
        let count = one.imports().len();
        assert!(count >= *least, "only {count} imports were found in {folder}");
    }
}

#[test]
fn a_circle_is_found_however_it_is_written() {
    let circles = |sources: &[(&[&str], &str)]| {
        let mut made_up = Crate::default();
        for (module, source) in sources {
            made_up.add(module.iter().map(|&name| name.to_owned()).collect(), source);
        }
        made_up.circles()
    };
    let one_way: &[(&[&str], &str)] = &[
        (&[], "mod a;\nmod b;\nmod c;\npub use c::{deep::Deep as Other, Known};\n"),
        (
            &["a"],
            "// crate::b\nuse std::mem;\nfn f() {}\n\n#[cfg(test)]\nmod tests {\nuse crate::b;\n}\n",
        ),
        (&["b"], "use crate::{a::{self, x::Y}, Known};\n"),
        (&["c"], "mod deep;\nuse deep::Deep;\n"),
        (&["c", "deep"], "use super::Known;\n"),
    ];
    assert_eq!(circles(one_way), [""; 0]);
    for (module, back, circle) in [
        (&["a"][..], "use crate::b::B;", ": a → b → a"),
        (&["a"], "use crate::{\n    c::{Known as K, deep},\n    b::*,\n};", ": a → b → a"),
        (&["a"], "fn g() { super::b::call::<u8>() }", ": a → b → a"),
        (&["c"], "pub(crate) use super::b;", ": b → c → b"),
        (&["c", "deep"], "type T = super::super::b::B;", ": b → c → b"),
        (&["c", "more"], "use super::deep; use super::deep::more as m; use crate::c::late;", ""),
    ] {
        let with_arrow = [one_way, &[(module, back)]].concat();
        let expected: Vec<_> = Some(circle).into_iter().filter(|text| !text.is_empty()).collect();
        assert_eq!(circles(&with_arrow), expected, "{back}");
    }
    let in_a_folder: &[(&[&str], &str)] = &[
        (&["c"], "mod deep;\nmod more;\nmod most;\npub(crate) use more::More;\n"),
        (&["c", "deep"], "use crate::c::More;\n"),
        (&["c", "more"], "use super::most;\n"),
        (&["c", "most"], "use super::deep;\n"),
    ];
    assert_eq!(circles(in_a_folder), ["c: deep → more → most → deep"]);
}

/// What users see of other crates, and why it may stay: whatever a new version of that crate changes, their code has to
/// change with it.
const FOREIGN: &[(&str, &str)] = &[
    ("actix::Message", "a `Call` is a message of actix: raw actors are for those who use it"),
    ("actix::Recipient", "the same: that is what a raw actor is asked through"),
    ("bytes::Bytes", "version 1 for years, and values without a copy"),
    ("bytes::BytesMut", "the same"),
    (
        "opentelemetry::propagation::TextMapPropagator",
        "as `Tracer`: what reads baggage is in the SDK",
    ),
    ("opentelemetry::trace::Span", "of a `Tracer`"),
    (
        "opentelemetry::trace::Tracer",
        "a trait of ours would be implemented for this one: it would move the break, not avoid it",
    ),
    ("serde::de", "version 1 for years: its errors become `ArgsError`"),
    ("tokio::io::AsyncRead", "version 1 for years: a client speaks over any stream"),
    ("tokio::io::AsyncWrite", "the same"),
    ("tokio::io::DuplexStream", "the same: the stream of an agent in memory"),
    ("tokio::time::Instant", "the same: a deadline is awaited with `timeout_at`"),
    ("tokio::time::error::Elapsed", "the same: it becomes a `ClientError`"),
    ("tokio_util::codec::Decoder", "implemented, and named by no method"),
    ("tokio_util::codec::Encoder", "the same"),
    (
        "tracing::Span",
        "version 0.1 for years: what a raw actor enters, so that its log is in the trace",
    ),
];

#[test]
fn a_public_signature_names_no_other_crate_without_a_reason() {
    // Of thiserror nothing is seen: it writes implementations of a trait of std.
    let mut dependencies = dependencies();
    dependencies.retain(|name| name != "thiserror");
    let found = surface::foreign_names(&read("src"), &dependencies);
    let known: BTreeSet<_> = FOREIGN.iter().map(|(name, _)| *name).collect();
    let unknown: Vec<_> = found.iter().filter(|(name, _)| !known.contains(name.as_str())).collect();
    assert!(unknown.is_empty(), "hide them behind a type of the library: {unknown:#?}");
    let gone: Vec<_> = known.iter().filter(|name| !found.contains_key(**name)).collect();
    assert!(gone.is_empty(), "in no signature any more: {gone:?}");
}

#[test]
fn the_root_names_what_everybody_uses_and_no_counter() {
    let root = include_str!("../../src/lib.rs");
    for room in ["observe", "status"] {
        assert!(root.contains(&format!("\npub mod {room};")), "{room} is where its names are");
        assert!(!root.contains(&format!("pub use {room}::")), "{room} hands nothing to the root");
    }
}

/// Every test that the page names as `module::name` is there; a name may end in an ellipsis.
#[test]
fn the_tests_that_prove_the_guarantees_exist() {
    let folders = ["tests/it", "../integration/tests/it", "../agent/tests/it"];
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tests: Vec<_> =
        folders.into_iter().flat_map(|folder| sources(&root.join(folder))).collect();
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
