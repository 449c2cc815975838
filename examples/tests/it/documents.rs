//! What is written about the examples is true of them.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

fn examples() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).unwrap()
}

/// The names of the programs: files in `src/bin`, and one for each peer.
fn programs() -> BTreeSet<String> {
    let names = |folder| {
        let entries = fs::read_dir(examples().join(folder)).unwrap();
        entries.map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
    };
    names("src/bin").chain(names("peers").map(|peer| format!("like_{peer}"))).collect()
}

/// The programs that a text tells to run.
fn told(text: &str) -> BTreeSet<String> {
    let commands = text.split("-p spoa-examples --bin ").skip(1);
    let word = |command: &str| {
        command.split(|c: char| !c.is_alphanumeric() && c != '_').next().map(str::to_owned)
    };
    commands.filter_map(word).collect()
}

#[test]
fn the_table_of_the_examples_has_them_all_and_no_other() {
    assert_eq!(told(&read(examples().join("README.md"))), programs());
}

#[test]
fn each_example_says_how_to_run_it_and_where_its_haproxy_lines_are() {
    for program in programs() {
        let path = match program.strip_prefix("like_") {
            Some(peer) => examples().join("peers").join(peer).join("agent.rs"),
            None => examples().join(format!("src/bin/{program}.rs")),
        };
        let text = read(&path);
        let head: String = text.lines().take_while(|line| line.starts_with("//!")).collect();
        assert!(told(&head).contains(&program), "{}", path.display());
        if program == "conformance" {
            continue;
        }
        let (_, lines) = head.split_once("haproxy -f examples/").unwrap();
        let (lines, _) = lines.split_once(".cfg").unwrap();
        assert!(examples().join(format!("{lines}.cfg")).is_file(), "{lines}");
    }
}

#[test]
fn the_code_that_the_pages_show_is_that_of_the_examples() {
    let pages: Vec<_> = fs::read_dir(examples().join("../docs/coming-from")).unwrap().collect();
    let mut count = 0;
    for page in pages {
        let page = page.unwrap().path();
        let text = read(&page);
        // Those that are replaced by a file have no program.
        let Some(program) = told(&text).pop_first() else { continue };
        count += 1;
        let peer = program.strip_prefix("like_").unwrap();
        let agent = read(examples().join("peers").join(peer).join("agent.rs"));
        // The code of the other framework is before it.
        let (_, code) = text.split_once("In spoa-actors:\n\n```rust\n").unwrap();
        let (code, _) = code.split_once("```").unwrap();
        assert!(agent.contains(code), "{}:\n{code}", page.display());
    }
    assert_eq!(count, 4);
}

#[test]
fn the_program_beside_an_http_server_is_that_of_the_example() {
    let page = read(examples().join("../docs/tokio.md"));
    let (_, code) = page.split_once("```rust,no_run\n").unwrap();
    let (code, _) = code.split_once("```").unwrap();
    let example = read(examples().join("src/bin/beside_http.rs"));
    assert!(example.ends_with(code), "{code}");
}

#[test]
fn the_handler_that_the_readme_shows_is_that_of_hello() {
    let readme = read(examples().join("../README.md"));
    let (_, code) = readme.split_once("```rust,no_run\n").unwrap();
    let (handler, _) = code.split_once("fn main()").unwrap();
    let (_, handler) = handler.split_once("#[derive(Deserialize)]").unwrap();
    let hello = read(examples().join("src/bin/hello.rs"));
    assert!(hello.contains(handler), "{handler}");
}

#[test]
fn the_code_of_the_page_on_state_is_that_of_its_examples() {
    let page = read(examples().join("../docs/state.md"));
    let mut programs = Vec::new();
    for section in page.split("\n## ").skip(1) {
        let Some((_, code)) = section.split_once("```rust\n") else { continue };
        let (code, _) = code.split_once("```").unwrap();
        let (_, program) = section.split_once("../examples/src/bin/").unwrap();
        let (program, _) = program.split_once(".rs").unwrap();
        let example = read(examples().join(format!("src/bin/{program}.rs")));
        // The imports that only `main` needs are not on the page.
        let (_, handlers) = code.split_once("\nconst ").unwrap();
        assert!(example.contains(handlers), "{program}:\n{handlers}");
        programs.push(program.to_owned());
    }
    assert_eq!(programs, ["counter", "http_client", "database", "file_reload"]);
}

/// Behind a dual-stack bind, HAProxy sends an IPv4 client as an IPv6 address.
#[test]
fn whether_an_address_is_of_loopback_is_asked_of_its_canonical_form() {
    let mut files = vec!["README.md".into(), "actors/src/lib.rs".into()];
    let root = examples().join("..");
    for folder in ["docs", "docs/coming-from", "examples/src/bin", "agent/src/handlers"] {
        let entries = fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().path());
        files.extend(entries.filter(|path| path.is_file() && !path.ends_with("status-page.png")));
    }
    for peer in fs::read_dir(root.join("examples/peers")).unwrap() {
        files.push(peer.unwrap().path().join("agent.rs"));
    }
    let mut count = 0;
    for file in files {
        let text = read(root.join(&file));
        let mut parts = text.split(".is_loopback()").collect::<Vec<_>>();
        parts.pop();
        for before in parts {
            // `ip` in a `match` over the canonical form.
            let is_canonical =
                [".to_canonical()", "ip if ip"].iter().any(|end| before.ends_with(end));
            assert!(is_canonical, "{}: {}", file.display(), before.lines().last().unwrap());
            count += 1;
        }
    }
    assert!(count > 8, "only {count} were found");
}
