//! The first handler: its page is done by hand, in a new package of its own, with cargo and HAProxy.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use spoa_integration::{Scratch, Version};
use tokio::process::Command;

use super::commands::{self, Step};
use super::page::{Block, page, repository};

pub(super) const PAGE: &str = "docs/first-handler.md";

/// What the page calls the copy of this repository.
const COPY: &str = "../spoa-actors/";

/// Puts a block into the file that its first line names: `# NAME`, or `// NAME, at its end`.
fn write(block: &Block<'_>, package: &Path) {
    let comment = block.lines[0].trim_start_matches(['#', '/', ' ']);
    let (name, how) = comment.split_once(", ").unwrap_or((comment, ""));
    let path = package.join(name);
    let text = block.lines.join("\n") + "\n";
    let text = text.replace(COPY, &format!("{}/", repository().display()));
    let before =
        if how == "at its end" { fs::read_to_string(&path).unwrap() } else { String::new() };
    fs::write(path, before + &text).unwrap();
}

/// What cargo builds here is built as the workspace is, beside it and from the same versions: most of it is there.
fn as_the_workspace(package: &Path) {
    fs::copy(repository().join("Cargo.lock"), package.join("Cargo.lock")).unwrap();
    let target = repository().join("target");
    symlink(target.canonicalize().unwrap(), package.join("target")).unwrap();
    let settings = "[net]\noffline = true\n[profile.dev]\ndebug = \"line-tables-only\"\n";
    fs::create_dir(package.join(".cargo")).unwrap();
    fs::write(package.join(".cargo/config.toml"), settings).unwrap();
}

/// Runs what the page tells to type before there is anything that could be tried again.
async fn once(command: &str, folder: &Path) -> String {
    let mut words = command.split(' ');
    let mut command = Command::new(words.next().unwrap());
    command.args(words).current_dir(folder);
    commands::outside_of_cargo(&mut command);
    let output = command.output().await.unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{command:?}: {said}");
    said
}

#[tokio::test]
async fn the_first_handler_is_done_by_hand_from_nothing_to_a_request_through_haproxy() {
    let (page, scratch) = (page(PAGE), Scratch::new().unwrap());
    let blocks = page.blocks();
    let mut consoles = blocks.iter().filter(|block| block.kind == "console").map(commands::steps);

    let first = consoles.next().unwrap();
    let [new, enter] = &first[..] else { panic!("{first:?}") };
    let said = once(new.command(), scratch.path()).await;
    assert!(said.contains(new.expected()), "{said}");
    let package = scratch.join(enter.command().strip_prefix("cd ").unwrap());

    let files =
        blocks.iter().filter(|block| ["toml", "rust,ignore", "haproxy"].contains(&block.kind));
    files.for_each(|block| write(block, &package));
    as_the_workspace(&package);
    // Of the time before, which was in another folder.
    once("cargo clean -p my-agent", &package).await;
    once("cargo test --no-run", &package).await;
    once("cargo build", &package).await;

    let programs = Scratch::new().unwrap();
    let haproxy = Version::V3_2.binary().await.unwrap();
    symlink(haproxy.canonicalize().unwrap(), programs.join("haproxy")).unwrap();
    let steps: Vec<Step> = consoles.flatten().collect();
    assert!(steps.len() > 5, "{steps:?}");
    commands::run_in(&package, PAGE, &steps, &programs).await;
}
