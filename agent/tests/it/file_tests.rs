//! `test`: the tests of a file, with data of their own.

use std::fs;

use spoa_actors::ForeignText;

use crate::scene::{Folder, Outcome, spoa_agent, text};

const FILE: &str = r#"
[data.geo]
kind = "mmdb"
files = ["GeoLite2-Country.mmdb"]
optional = true

[data.lists]
kind = "ip-list"
files = ["lists/*.netset"]
optional = true

[data.tenants]
kind = "table"
file = "tenants.csv"
key = "host"
columns = { plan = "text", limit = "int" }
optional = true

[handler.known_bad]
kind = "ip-reputation"
data = "lists"
deny = "score >= 80 || 'ban' in tags"
on_error = "skip"

[handler.geo]
kind = "geoip"
data = "geo"

[handler.tenant]
kind = "lookup"
data = "tenants"
key = ["host"]

[handler.login_limit]
kind = "rate-limit"
when = "path == '/login'"
key = ["ip"]
rate = "1/h"
burst = 2

[handler.rules]
kind = "rules"
rules = [
    { if = "path.startsWith('/admin') && !(geo.country in ['DE', 'AT', 'CH'])", then = "deny", reason = "admin_abroad" },
    { if = "tenant.plan == 'free' && body_size > 65536", then = "deny", status = 413, reason = "too_large" },
]

[message.check-request]
names = ["check-request", "check-again"]
run = [["known_bad", "geo", "tenant"], "login_limit", "rules"]
unanswered = "allow"
"#;

const RIGHT: &str = r#"
[[test]]
name = "Austria may reach the admin pages, France may not"
message = "check-request"
data = { geo = { "203.0.113.0/24" = { country = "AT", asn = 64496 }, "198.51.100.0/24" = { country = "FR" } } }
cases = [
    { args = { ip = "203.0.113.7", path = "/admin" }, expect = { action = "allow", reason = "unset", "geo.country" = "AT", "geo.asn" = 64496, "geo.found" = true } },
    { args = { ip = "198.51.100.7", path = "/admin" }, expect = { action = "deny", reason = "admin_abroad", by = "rules", status = "unset", "txn.geo.country" = "FR" } },
    { args = { "ip:str" = "192.0.2.1", path = "/admin" }, expect = { action = "deny", "geo.country" = "unset", "geo.found" = false } },
]

[[test]]
name = "banned addresses do not come in"
message = "check-again"
data = { lists = { "192.0.2.0/24" = { score = 90 }, "2001:db8::/32" = { tags = ["ban", "own"] } } }
cases = [
    { args = { ip = "192.0.2.1" }, expect = { action = "deny", by = "known_bad", "known_bad.score" = 90 } },
    { args = { ip = "2001:db8::1" }, expect = { action = "deny", "known_bad.tags" = "ban,own" } },
    { args = { ip = "192.0.3.1" }, expect = { action = "allow", "known_bad.listed" = false } },
]

[[test]]
name = "free tenants send little"
message = "check-request"
data = { tenants = { "a.example" = { plan = "free", limit = 5 }, "b.example" = { plan = "paid" } } }
cases = [
    { args = { host = "a.example", "body_size:uint32" = 70_000 }, expect = { status = 413, reason = "too_large", "tenant.limit" = 5 } },
    { args = { host = "b.example", body_size = 70_000 }, expect = { action = "allow", "tenant.limit" = "unset" } },
]

[[test]]
name = "the third login is refused"
message = "check-request"
cases = [
    { args = { ip = "192.0.2.1", path = "/login" }, expect = { action = "allow" } },
    { args = { ip = "192.0.2.1", path = "/login" }, expect = { action = "allow" } },
    { args = { ip = "192.0.2.1", path = "/login" }, expect = { action = "deny", status = 429, by = "login_limit" } },
    { args = { ip = "192.0.2.2", path = "/login" }, expect = { action = "allow" } },
]

[[test]]
name = "each test counts from zero"
message = "check-request"
cases = { args = { ip = "192.0.2.1", path = "/login" }, expect = { action = "allow" } }
"#;

#[track_caller]
fn run(command: &str, file: &str) -> Outcome {
    let folder = Folder::new();
    let path = folder.file("agent.toml");
    fs::write(&path, file).expect("the folder is ours");
    spoa_agent(&[command, text(&path)])
}

#[track_caller]
fn test(file: &str) -> Outcome {
    run("test", file)
}

#[test]
fn tests_pass_with_data_of_their_own() {
    let outcome = test(&format!("{FILE}{RIGHT}"));
    let expected = "\
ok      Austria may reach the admin pages, France may not
ok      banned addresses do not come in
ok      free tenants send little
ok      the third login is refused
ok      each test counts from zero
5 tests: 5 passed, 0 failed
";
    assert_eq!((&*outcome.stdout, outcome.code), (expected, Some(0)), "{outcome:?}");
    let none = test(FILE);
    assert_eq!((&*none.stdout, none.code), ("0 tests: 0 passed, 0 failed\n", Some(0)));
}

#[test]
fn a_test_that_fails_shows_what_was_expected_and_what_came() {
    let tests = RIGHT
        .replace(
            "expect = { action = \"allow\", reason = \"unset\"",
            "expect = { action = \"deny\", reason = \"x\"",
        )
        .replace("\"geo.asn\" = 64496, \"geo.found\"", "\"geo.asn\" = 1, \"geo.found\"")
        .replace("status = 413", "status = \"unset\"");
    let outcome = test(&format!("{FILE}{tests}"));
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(
        outcome.stdout.contains("FAILED  Austria may")
            && outcome.stdout.contains("5 tests: 3 passed, 2 failed")
    );
    for part in [
        "error: `Austria may reach the admin pages, France may not`, case 1: `action` is \"allow\"",
        "expected \"deny\"",
        "case 1: `reason` is unset",
        "expected \"x\"",
        "case 1: `geo.asn` is 64496",
        "^ expected 1\n",
        "case 1: `status` is 413",
        "expected no value",
        "agent.toml:",
        "4 errors",
    ] {
        assert!(outcome.stderr.contains(part), "{part} is not in {}", outcome.stderr);
    }
}

#[test]
fn a_wrong_test_is_a_finding_with_its_place() {
    for (test_section, parts) in [
        ("message = \"check-request\"\ncases = []", &["needs `name`"][..]),
        ("name = \"a\"\nmessage = \"check-request\"\ncases = []", &["a test without a case"]),
        (
            "name = \"a\"\nmessage = \"check-reqest\"\ncases = { expect = { action = \"allow\" } }",
            &["no `[message.check-reqest]`", "did you mean `check-request`?"],
        ),
        (
            "name = \"a\"\nmessage = \"check-request\"\ncases = { expect = { \"geo.contry\" = \"AT\" } }",
            &["finds `geo.contry`", "did you mean `geo.country`?"],
        ),
        (
            "name = \"a\"\nmessage = \"check-request\"\ncases = { expect = {} }",
            &["expected a table of variables"],
        ),
        (
            "name = \"a\"\nmessage = \"check-request\"\ncases = { args = { \"a:txt\" = 1 }, expect = { action = \"allow\" } }",
            &["`txt` is not a type of SPOP"],
        ),
        (
            "name = \"a\"\nmessage = \"check-request\"\ncases = { args = { \"a:uint32\" = -1 }, expect = { action = \"allow\" } }",
            &["`a:uint32` has no value of its type"],
        ),
        (
            "name = \"a\"\nmessage = \"check-request\"\ndata = { gio = {} }\ncases = { expect = { action = \"allow\" } }",
            &["no `[data.gio]`", "did you mean `geo`?"],
        ),
        (
            "name = \"a\"\nmessage = \"check-request\"\ndata = { geo = { \"1.2.3\" = {} } }\ncases = { expect = { action = \"allow\" } }",
            &["`1.2.3`: expected an address"],
        ),
        (
            "name = \"a\"\nmessage = \"check-request\"\ndata = { lists = { \"1.2.3.4\" = { score = 101 } } }\ncases = { expect = { action = \"allow\" } }",
            &["101 is no score from 0 to 100"],
        ),
        (
            "name = \"a\"\nmessage = \"check-request\"\ndata = { lists = { \"1.2.3.4\" = { scor = 1 } } }\ncases = { expect = { action = \"allow\" } }",
            &["and no `scor`"],
        ),
    ] {
        let outcome = test(&format!("{FILE}[[test]]\n{test_section}\n"));
        assert_eq!(outcome.code, Some(1), "{test_section}: {outcome:?}");
        for part in parts {
            assert!(outcome.stderr.contains(part), "{part} is not in {}", outcome.stderr);
        }
        assert!(outcome.stderr.contains("agent.toml:"), "{outcome:?}");
        let checked = run("check", &format!("{FILE}[[test]]\n{test_section}\n"));
        assert_eq!(checked.code, Some(1), "check {test_section}: {checked:?}");
    }
    let checked = run("check", &format!("{FILE}{RIGHT}"));
    assert!(checked.stdout.contains("good; 1 message, 3 data sets, 5 tests"), "{checked:?}");
    assert_eq!(spoa_agent(&["test"]).code, Some(2));
    assert_eq!(spoa_agent(&["test", "/missing\u{1b}[2J"]).code, Some(1));
}

#[test]
fn hostile_words_in_a_test_move_no_cursor() {
    let tests = "[[test]]\nname = \"a\\u001b[2J\\nok\\u202e\"\nmessage = \"check-request\"\n\
                 cases = { args = { path = \"\\u001b[2J\" }, expect = { reason = \"\\u009b\\u202e\" } }\n";
    let outcome = test(&format!("{FILE}{tests}"));
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    let all = outcome.stdout + &outcome.stderr;
    assert!(all.lines().all(|line| line.chars().all(ForeignText::is_plain)), "{all:?}");
}
