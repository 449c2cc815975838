//! HAProxy files: what the book shows is taken by the HAProxy that it is for.

use std::path::Path;

use spoa_integration::{Scratch, Version, on_every_haproxy};
use tokio::process::Command;

use super::page::{self, Page, page};

/// Around a message alone.
const ENGINE: &str = "[part]\nspoe-agent part\n    messages NAMES\n    use-backend agents\n    \
    option var-prefix part\n    timeout hello 2s\n    timeout idle 2m\n    timeout processing 1s\n\n";

/// Around rules alone, and an engine.
const MAIN: &str = "defaults\n    mode http\n    timeout connect 1s\n    timeout client 30s\n    \
    timeout server 30s\nfrontend web\n    bind 127.0.0.1:8080\n    filter spoe engine part config part.spoe.conf\n";

const AGENTS: &str = "backend agents\n    mode tcp\n    server agent1 127.0.0.1:12345\n";

/// A file of a page: `# NAME, for 2.6 and newer` is its first line.
struct File {
    name: String,
    versions: String,
    text: String,
}

fn files(page: &Page) -> Vec<File> {
    let blocks = page.blocks();
    let whole = blocks.iter().filter(|block| block.kind == "haproxy").filter_map(|block| {
        let (name, versions) = block.lines[0].strip_prefix("# ")?.split_once(", for ")?;
        let text = block.lines.join("\n") + "\n";
        Some(File { name: name.to_owned(), versions: versions.to_owned(), text })
    });
    whole.collect()
}

fn is_for(file: &File, version: Version) -> bool {
    match &*file.versions {
        "2.6 and newer" => true,
        "2.6 to 3.0" => !version.has_new_engine(),
        "3.1 and newer" => version.has_new_engine(),
        "3.4 and newer" => version >= Version::V3_4,
        other => panic!("{} is for {other}", file.name),
    }
}

/// Has HAProxy judge a file; it must take it, and without a warning.
async fn check(version: Version, folder: &Path, name: &str, shown: &str) {
    let around = format!("global\n    {}\n", version.global_lines().join("\n    "));
    std::fs::write(folder.join("around.cfg"), around).unwrap();
    let mut command = Command::new(version.binary().await.unwrap());
    let checked = command
        .args(["-c", "-f", "around.cfg", "-f", name])
        .current_dir(folder)
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&[checked.stdout, checked.stderr].concat()).into_owned();
    let complains = ["[WARNING]", "[ALERT]", "[NOTICE]"].iter().any(|word| said.contains(word));
    assert!(checked.status.success() && !complains, "{version}, {shown}: {said}");
}

on_every_haproxy! {
    #[tokio::test]
    async fn whole_files_of_the_book_load_without_a_warning(version: Version) {
        let mut count = 0;
        for page in page::all().iter().filter(|page| page.name.starts_with("docs/")) {
            let files = files(page).into_iter().filter(|file| is_for(file, version));
            let (scratch, files) = (Scratch::new().unwrap(), files.collect::<Vec<_>>());
            for file in &files {
                scratch.write(&file.name, &file.text).unwrap();
            }
            for file in files.iter().filter(|file| file.name.ends_with(".cfg")) {
                let shown = format!("{}: {}", page.name, file.name);
                check(version, scratch.path(), &file.name, &shown).await;
                count += 1;
            }
        }
        assert!(count >= 3, "only {count} were found");
    }
}

/// The names of the messages of a part of a SPOE file.
fn names(lines: &[&str]) -> String {
    let names = lines.iter().filter_map(|line| line.strip_prefix("spoe-message "));
    names.collect::<Vec<_>>().join(" ")
}

/// A part of a HAProxy file, with what it needs around it.
struct Part {
    spoe: String,
    rules: String,
    backend: String,
}

/// The parts that a page shows.
fn parts(page: &Page, version: Version) -> Vec<Part> {
    let mut parts = Vec::new();
    for block in page.blocks().into_iter().filter(|block| block.kind == "haproxy") {
        let text = block.lines.join("\n") + "\n";
        let message = "spoe-message m\n    event on-frontend-http-request\n";
        let mut part = Part {
            spoe: ENGINE.replace("NAMES", "m") + message,
            rules: String::new(),
            backend: AGENTS.to_owned(),
        };
        match block.lines[0].split(' ').next().unwrap() {
            "spoe-message" => part.spoe = ENGINE.replace("NAMES", &names(&block.lines)) + &text,
            "spoe-group" => {
                let group = block.lines[0].trim_start_matches("spoe-group ");
                part.spoe = ENGINE.replace("messages NAMES", &format!("groups {group}")) + &text;
                part.rules = format!("http-request send-spoe-group part {group}\n");
            }
            "spoe-agent" => panic!("{}: no HAProxy loads this without its [scope]", page.name),
            "http-request" => part.rules = text,
            "backend" if version.has_new_engine() => part.backend = text,
            _ => continue,
        }
        parts.push(part);
    }
    parts
}

on_every_haproxy! {
    #[tokio::test]
    async fn parts_of_files_in_the_book_load_without_a_warning(version: Version) {
        let mut count = 0;
        for page in page::all().iter().filter(|page| page.name.starts_with("docs/")) {
            for Part { spoe, rules, backend } in parts(page, version) {
                let scratch = Scratch::new().unwrap();
                scratch.write("part.spoe.conf", &spoe).unwrap();
                scratch.write("part.cfg", &format!("{MAIN}{rules}{backend}")).unwrap();
                let shown = format!("{}: {spoe}{rules}{backend}", page.name);
                check(version, scratch.path(), "part.cfg", &shown).await;
                count += 1;
            }
        }
        assert!(count >= 7, "only {count} were found");
    }
}

#[test]
fn what_the_readme_shows_of_an_example_is_in_it() {
    let example = page::repository().join("examples/haproxy/hello.spoe.conf");
    let example = std::fs::read_to_string(example).unwrap();
    let page = page("README.md");
    let blocks = page.blocks();
    let shown = blocks.iter().find(|block| block.kind == "haproxy").unwrap();
    for line in &shown.lines {
        assert!(example.lines().any(|of_example| of_example == *line), "{line}");
    }
}
