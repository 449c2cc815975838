//! Versions: the page says of each HAProxy that the tests start, and of no other, that every test run has it.

use spoa_integration::Version;

use super::page::page;

#[test]
fn the_page_names_the_haproxys_that_the_tests_start() {
    let page = page("docs/haproxy-versions.md");
    let rows = page.text.lines().filter(|line| line.starts_with("| "));
    let rows = rows.filter(|row| row.contains("every test run"));
    let listed = rows.map(|row| format!("HAProxy {}", row.split('|').nth(1).unwrap().trim()));
    assert_eq!(listed.collect::<Vec<_>>(), Version::ALL.map(|version| version.to_string()));
}
