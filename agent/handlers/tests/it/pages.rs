//! The pages of the kinds: each begins with what the kind says of itself, and its examples are right.

use std::{fs, path::Path};

use spoa_handlers::{
    chain::chains,
    configuration::Configuration,
    file::{Group, Loaded, Reading, load_text},
    finding::Report,
    kinds::KINDS,
    resource::{DATA_KINDS, ResourcePlan, Resources},
    schema::Kinds,
};

use crate::broken_files::environment;

/// Kinds that have no page yet.
const WITHOUT_PAGE: &[&str] = &[];

/// What each page has behind what the kind says of itself.
const HEADINGS: &[&str] = &["## HAProxy", "## Bad input"];

fn docs() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs"))
}

/// The pages of all kinds, by their names.
fn pages() -> Vec<(&'static str, String)> {
    let page = |kinds: &Kinds| -> Vec<_> {
        let pages = kinds.descriptions.iter().map(|kind| (kind.name, kinds.page(kind)));
        pages.collect()
    };
    Kinds::all(KINDS).iter().flat_map(page).collect()
}

/// What a person has written on a page, behind the table of the settings that all kinds have.
fn written(page: &str) -> Option<&str> {
    let (_, behind) = page.split_once("\n## Settings of ")?;
    behind.find("\n## ").map(|at| &behind[at..])
}

/// `SPOA_WRITE_PAGES=1 cargo test -p spoa-handlers --test it pages` writes the first part of each page anew.
#[test]
fn a_page_of_the_book_begins_with_what_its_kind_says_of_itself() {
    let mut different = Vec::new();
    for (name, own) in pages() {
        let path = docs().join(format!("kinds/{name}.md"));
        let page = fs::read_to_string(&path);
        if let (Some(_), Ok(page)) = (std::env::var_os("SPOA_WRITE_PAGES"), &page) {
            let written = written(page).unwrap_or_default();
            fs::write(&path, format!("{own}{written}")).unwrap();
            continue;
        }
        match page {
            Ok(page) if page.starts_with(&format!("{own}\n## ")) => {
                let is_data = DATA_KINDS.iter().any(|kind| kind.name == name);
                for heading in
                    HEADINGS.iter().filter(|heading| !is_data || **heading != "## HAProxy")
                {
                    let has = page[own.len()..].lines().any(|line| line == *heading);
                    assert!(has, "docs/kinds/{name}.md has no {heading}");
                }
                assert!(!WITHOUT_PAGE.contains(&name), "{name} has a page");
            }
            Err(_) if WITHOUT_PAGE.contains(&name) => {}
            _ => {
                let actual = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.md"));
                fs::write(&actual, own).unwrap();
                different.push(actual.display().to_string());
            }
        }
    }
    assert!(different.is_empty(), "pages in docs/kinds begin otherwise than {different:#?}");
}

/// The TOML of a page, block by block.
fn blocks(page: &str) -> impl Iterator<Item = &str> {
    let blocks = page.split("```toml\n").skip(1);
    blocks.map(|rest| rest.split_once("```").unwrap().0)
}

/// The errors in a part of a file, with a message that runs its handlers.
fn errors(block: &str) -> String {
    let loaded = load_text(Path::new("page.toml"), block, &environment);
    let names = |group| -> Vec<String> {
        let sections = loaded.document.sections(group);
        sections.map(|section| section.name.name.clone()).collect()
    };
    let handlers = names(Group::Handler);
    let mut text = block.to_owned();
    if names(Group::Message).is_empty() && !handlers.is_empty() {
        text += &format!("[message.m]\nrun = {handlers:?}\nunanswered = \"deny\"\n");
    }
    let mut loaded = load_text(Path::new("page.toml"), &text, &environment);
    let configuration = Configuration::read(&mut loaded);
    let Loaded { document, sources, findings } = &mut loaded;
    let mut reading = Reading { document, sources, findings };
    let plan = ResourcePlan::read(&configuration.secrets, &mut reading);
    let resources = Resources::without_loading(plan);
    drop(chains(&configuration.messages, KINDS, &resources, &mut reading));
    match loaded.findings.errors() {
        0 => String::new(),
        _ => Report::new(&loaded.findings, &loaded.sources).to_string(),
    }
}

/// The README and all pages of the book.
fn all_pages() -> Vec<std::path::PathBuf> {
    let mut pages = vec![docs().join("../README.md")];
    let mut folders = vec![docs().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.extension() {
                Some(end) if end == "md" => pages.push(path),
                _ if path.is_dir() => folders.push(path),
                _ => {}
            }
        }
    }
    pages
}

#[test]
fn the_toml_of_each_page_is_right() {
    let mut count = 0;
    for path in all_pages() {
        let Ok(page) = fs::read_to_string(&path) else { continue };
        // What cargo reads is not for the agent.
        for block in blocks(&page).filter(|block| !block.contains("dependencies]")) {
            assert_eq!(errors(block), "", "{}:\n{block}", path.display());
            count += 1;
        }
    }
    assert!(count >= 6, "only {count} blocks");
}
