//! `init`: a file to start with, which is right, and whose tests pass.

use std::fs;

use spoa_actors::ForeignText;

use crate::scene::{Folder, spoa_agent, text};

const PURPOSES: [&str; 5] = ["geoip", "ip-reputation", "rate-limit", "rules", "take-over"];

#[test]
fn each_starter_file_is_right_and_its_tests_pass() {
    let folder = Folder::new();
    for purpose in PURPOSES {
        let file = folder.file(&format!("{purpose}.toml"));
        let outcome = spoa_agent(&["init", purpose, text(&file)]);
        assert_eq!((outcome.code, &*outcome.stderr), (Some(0), ""), "{outcome:?}");
        assert!(outcome.stdout.contains(&format!("test {}\n", text(&file))), "{outcome:?}");
        let checked = spoa_agent(&["check", text(&file)]);
        assert_eq!((checked.code, &*checked.stderr), (Some(0), ""), "{purpose}: {checked:?}");
        assert!(checked.stdout.contains("good; 1 message, "), "{checked:?}");
        let tested = spoa_agent(&["test", text(&file)]);
        assert_eq!(tested.code, Some(0), "{purpose}: {tested:?}");
        assert!(tested.stdout.contains("1 test: 1 passed, 0 failed"), "{tested:?}");
        let written = fs::read_to_string(&file).unwrap();
        assert!((25..45).contains(&written.lines().count()), "{purpose}");
        assert!(written.lines().all(|line| line.len() <= 120), "{purpose}");
    }
    let help = spoa_agent(&["init", "--help"]).stdout;
    for purpose in PURPOSES {
        assert!(help.contains(&format!("\n  {purpose} ")), "{purpose} is not explained: {help}");
    }
}

#[test]
fn a_file_that_exists_stays() {
    let folder = Folder::new();
    let file = folder.file("mine.toml");
    fs::write(&file, "mine").unwrap();
    let outcome = spoa_agent(&["init", "rules", text(&file)]);
    assert_eq!((outcome.code, &*outcome.stdout), (Some(1), ""), "{outcome:?}");
    assert!(outcome.stderr.contains("name a file that does not exist yet"), "{outcome:?}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    let hostile = folder.file("no\u{1b}[2J\n/a\u{202e}");
    let outcome = spoa_agent(&["init", "rules", text(&hostile)]);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains("make its folder first"), "{outcome:?}");
    assert!(outcome.stderr.trim_end().chars().all(ForeignText::is_plain), "{outcome:?}");
}

#[test]
fn a_purpose_that_does_not_exist_is_wrong_usage() {
    for (args, part) in
        [(&["init", "rule"][..], "rate-limit, rules, take-over"), (&["init"], "PURPOSE")]
    {
        let outcome = spoa_agent(args);
        assert_eq!(outcome.code, Some(2), "{outcome:?}");
        assert!(outcome.stderr.contains(part), "{outcome:?}");
    }
}
