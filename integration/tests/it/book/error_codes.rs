//! Error codes: the page has every status code of the protocol, with the error that HAProxy makes of it.

use spoa_actors::spop::StatusCode;

use super::page::page;

#[test]
fn the_page_has_every_status_code_and_no_other() {
    let page = page("docs/error-codes.md");
    let (_, section) = page.text.split_once("\n## SPOP status codes\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| ") && !line.contains("status"));
    let listed = rows.map(|row| row.splitn(4, '|').take(3).collect::<String>());
    let known = (0..=255).map(StatusCode).filter(|code| code.is_registered());
    let expected = known.map(|StatusCode(code)| format!(" {code}  {} ", 256 + code));
    assert_eq!(listed.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
}
