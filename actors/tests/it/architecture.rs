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
    for folder in ["src", "src/args", "src/spop"] {
        for (name, source) in sources(folder) {
            for lock in ["Mutex", "RwLock", "Condvar"] {
                assert!(!source.contains(lock), "{name} holds a {lock}");
            }
        }
    }
}

/// Each module may import those before it in this list, so that no arrow turns back.
#[test]
fn the_modules_of_the_library_form_no_circle() {
    const ORDER: [&str; 20] = [
        "spop",
        "throttle",
        "timer",
        "statistics",
        "tasks",
        "args",
        "error",
        "limits",
        "origin",
        "handler",
        "fence",
        "cell",
        "route",
        "registry",
        "shared",
        "collection",
        "conversation",
        "connection",
        "listener",
        "supervisor",
    ];
    for (name, source) in sources("src") {
        let module = name.trim_end_matches(".rs");
        let Some(rank) = ORDER.iter().position(|&known| known == module) else {
            assert!(["lib", "agent", "testing"].contains(&module), "{module} has no place");
            continue;
        };
        for later in &ORDER[rank + 1..] {
            let imports = source.contains(&format!("crate::{later}::"))
                || source.contains(&format!("    {later}::"));
            assert!(!imports, "{module} imports {later}");
        }
    }
}
