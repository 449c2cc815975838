//! Links: each leads to a file of this repository and, if it names one, to a heading of it.

use std::fs;
use std::path::Path;

use super::page::{self, Page, repository};

/// What stands in the parentheses of links.
fn links(page: &Page) -> Vec<String> {
    let prose = page.prose().join("\n");
    let ends = prose.split("](").skip(1);
    ends.filter_map(|rest| Some(rest.split_once(')')?.0.to_owned())).collect()
}

/// The name under which GitHub finds a heading.
fn anchor(heading: &str) -> String {
    let heading = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn anchors(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    let page = Page { name: String::new(), text };
    page.prose().into_iter().filter(|line| line.starts_with('#')).map(anchor).collect()
}

/// What is wrong with a link, if anything is.
fn fault(page: &Page, link: &str) -> Option<String> {
    if link.starts_with("https://") || link.starts_with("http://") {
        return None;
    }
    let (file, heading) = link.split_once('#').unwrap_or((link, ""));
    let path = match file {
        "" => repository().join(&page.name),
        _ => page.folder().join(file),
    };
    if !path.exists() {
        return Some(format!("{}: there is no {link}", page.name));
    }
    let is_there = heading.is_empty() || anchors(&path).iter().any(|one| one == heading);
    (!is_there).then(|| format!("{}: {file} has no heading {heading}", page.name))
}

#[test]
fn every_link_leads_somewhere() {
    let mut count = 0;
    let mut faults = Vec::new();
    for page in page::all() {
        let links = links(&page);
        count += links.len();
        faults.extend(links.iter().filter_map(|link| fault(&page, link)));
    }
    assert!(count > 50, "only {count} links were found");
    assert_eq!(faults, Vec::<String>::new());
}

#[test]
fn every_page_of_the_book_is_in_its_index() {
    let index = links(&page::page("docs/README.md"));
    for page in page::all() {
        if let Some(name) = page.name.strip_prefix("docs/").filter(|name| *name != "README.md") {
            assert!(index.iter().any(|link| link == name), "{name} is not in {index:?}");
        }
    }
}

#[test]
fn a_link_that_leads_nowhere_is_found() {
    let text = "see [a](nowhere.md), [b](README.md#no-such), [c](README.md#the-book)".to_owned();
    let page = Page { name: "docs/test.md".to_owned(), text };
    let faults: Vec<_> = links(&page).iter().filter_map(|link| fault(&page, link)).collect();
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert_eq!(anchor("## What `txn.x` says: more"), "what-txnx-says-more");
}

/// Fragments of them would not compile, so a page with Rust code is one whose code does.
#[test]
fn the_rust_code_of_the_readme_and_of_every_page_of_the_book_is_compiled() {
    let compiled = fs::read_to_string(repository().join("examples/src/lib.rs")).unwrap();
    for page in page::all() {
        let is_of_the_book = page.name.starts_with("docs/") && page.name.matches('/').count() == 1;
        let is_compiled = is_of_the_book || page.name == "README.md";
        if is_compiled && page.blocks().iter().any(|block| block.kind.starts_with("rust")) {
            assert!(compiled.contains(&format!("../../{}\")]", page.name)), "{}", page.name);
        }
    }
}
