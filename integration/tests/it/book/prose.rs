//! Prose: pages in plain English keep to its measure, so that they stay easy to read.

use super::page::{Page, page};

/// The pages that do. The others follow.
const PAGES: &[&str] = &[
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "README.md",
    "docs/README.md",
    "docs/arguments.md",
    "docs/chains.md",
    "docs/quick-start.md",
    "docs/coming-from/address-agents.md",
    "docs/coming-from/dotnet.md",
    "docs/coming-from/haproxy-spoe-go.md",
    "docs/coming-from/spoe-forge.md",
    "docs/coming-from/spop.md",
    "docs/commands.md",
    "docs/comparison.md",
    "docs/data.md",
    "docs/deadlines.md",
    "docs/error-codes.md",
    "docs/file.md",
    "docs/first-handler.md",
    "docs/gen-config.md",
    "docs/guarantees.md",
    "docs/haproxy-versions.md",
    "docs/haproxy.md",
    "docs/kinds/audit.md",
    "docs/kinds/ban.md",
    "docs/kinds/client-cert.md",
    "docs/kinds/echo.md",
    "docs/kinds/geoip.md",
    "docs/kinds/ip-list.md",
    "docs/kinds/ip-reputation.md",
    "docs/kinds/lookup.md",
    "docs/kinds/metrics.md",
    "docs/kinds/mmdb.md",
    "docs/kinds/program.md",
    "docs/kinds/rate-limit.md",
    "docs/kinds/rules.md",
    "docs/kinds/set.md",
    "docs/kinds/table.md",
    "docs/layers.md",
    "docs/logs.md",
    "docs/metrics.md",
    "docs/operating.md",
    "docs/own-agent.md",
    "docs/performance.md",
    "docs/request-response.md",
    "docs/security.md",
    "docs/state.md",
    "docs/supervision.md",
    "docs/testing.md",
    "docs/tokio.md",
    "docs/tracing.md",
    "examples/README.md",
    "integration/bench/README.md",
    "integration/stack/README.md",
];

/// Characters of a line, except in tables and fences.
const WIDTH: usize = 100;
/// Lines of a paragraph, or of an item of a list.
const LINES: usize = 5;
/// Words of the README, with its tables and its code.
const README: std::ops::RangeInclusive<usize> = 700..=900;

/// Words that readers stumble over, and what to write.
const WORDS: [(&str, &str); 18] = [
    ("unsaid", "suppressed"),
    ("renewed", "restarted"),
    ("made anew", "restarted"),
    ("mend", "fix"),
    ("left out", "dropped"),
    ("lets go", "drains"),
    ("farewell", "DISCONNECT"),
    ("goodbye", "DISCONNECT"),
    ("in the place of", "instead of"),
    ("at the most", "up to"),
    ("give or take", "±"),
    ("for ever", "forever"),
    ("what becomes of", "what happens to"),
    ("arbiter", "worker thread"),
    ("comes to its end", "ends"),
    ("as many as it may", "limit reached"),
    ("panics aside", "background panics"),
    ("asks nobody", "has no authentication"),
];

/// Words, and what to write instead.
pub(super) type Words = Vec<(&'static str, &'static str)>;

/// The words that readers of pages and of rustdoc stumble over.
pub(super) fn of_everyone() -> impl Iterator<Item = (&'static str, &'static str)> {
    WORDS.into_iter()
}

/// The words of a line that readers stumble over.
pub(super) fn stumbled_over(line: &str, words: &[(&str, &str)]) -> Vec<String> {
    let text = format!(" {} ", line.to_lowercase()).replace(" for every", " for each");
    let found = words.iter().filter(|(word, _)| text.contains(&format!(" {word}")));
    found.map(|(word, better)| format!("{word:?}, which is {better:?}: {line}")).collect()
}

/// What is wrong with the prose of a page.
fn faults(page: &Page) -> Vec<String> {
    let mut faults = Vec::new();
    let mut paragraph = 0;
    for line in page.prose() {
        let is_table = line.starts_with('|') || line.starts_with("<t");
        let is_item = line.trim_start().starts_with("- ") || line.starts_with(char::is_numeric);
        paragraph = match line {
            "" => 0,
            _ if is_table || line.starts_with('#') => 0,
            _ if is_item => 1,
            _ => paragraph + 1,
        };
        if !is_table && line.chars().count() > WIDTH {
            faults.push(format!("more than {WIDTH} characters: {line}"));
        }
        if paragraph > LINES {
            faults.push(format!("more than {LINES} lines: {line}"));
        }
        faults.extend(stumbled_over(line, &WORDS));
    }
    faults
}

#[test]
fn pages_in_plain_english_stay_so() {
    let faults = PAGES.iter().flat_map(|name| {
        let faults = faults(&page(name));
        faults.into_iter().map(move |fault| format!("{name}: {fault}"))
    });
    assert_eq!(faults.collect::<Vec<_>>(), Vec::<String>::new());
}

#[test]
fn the_readme_is_read_in_a_few_minutes() {
    let words = page("README.md").text.split_whitespace().count();
    assert!(README.contains(&words), "{words} words");
}

#[test]
fn what_is_hard_to_read_is_found() {
    let (long, many) = ("a ".repeat(60), "line\n".repeat(6));
    let fine = "| a | table |\n\n- an item\n  of two lines\n\n```text\nunsaid\n```\n\nfor every\n";
    let hard = "It is renewed for ever.";
    for (text, count) in [(long.as_str(), 1), (&many, 1), (hard, 2), (fine, 0)] {
        let page = Page { name: "docs/test.md".to_owned(), text: text.to_owned() };
        assert_eq!(faults(&page).len(), count, "{text}");
    }
}
