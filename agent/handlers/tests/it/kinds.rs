//! Kinds that need no data: what they find and decide, for messages that are right, wrong and empty.

use std::{
    collections::BTreeMap,
    fs,
    net::IpAddr,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use rcgen::SanType;
use serde_json::json;
use spoa_actors::{Action, Actions, Message, TypedData};
use spoa_handlers::{
    chain::{Chain, chains},
    configuration::Configuration,
    file::{Loaded, Reading, load_text},
    finding::Report,
    kinds::KINDS,
    metric::{Registry, Sample},
    resource::{ResourcePlan, Resources},
};
use tempfile::tempdir;

use crate::{broken_files::environment, certificate::certificate};

/// The chains of a file, by their messages, what they count in, and what is said about the file.
fn read(text: &str, before: Option<&Resources>) -> (BTreeMap<String, Chain>, Resources, String) {
    let mut loaded = load_text(Path::new("kinds.toml"), text, &environment);
    let configuration = Configuration::read(&mut loaded);
    let Loaded { document, sources, findings } = &mut loaded;
    let mut reading = Reading { document, sources, findings };
    let plan = ResourcePlan::read(&configuration.secrets, &mut reading);
    let resources = Resources::open(plan, before, &mut reading);
    let chains = chains(&configuration.messages, KINDS, &resources, &mut reading);
    (chains, resources, Report::new(&loaded.findings, &loaded.sources).to_string())
}

/// The chains of a file that is right.
fn right(text: &str) -> BTreeMap<String, Chain> {
    let (chains, _, said) = read(text, None);
    assert_eq!(said, "");
    chains
}

/// What is said about a file that is wrong.
fn said(text: &str) -> String {
    read(text, None).2
}

/// The variables of the transaction after a message, by their names.
fn gets(chain: &Chain, message: &Message) -> BTreeMap<String, String> {
    let mut actions = Actions::new();
    chain.run(&message.as_ref(), &mut actions).unwrap();
    let set = actions.iter().filter_map(|action| match action {
        Action::SetVar { name, value, .. } => {
            let value = match value {
                TypedData::String(text) => String::from_utf8_lossy(text).into_owned(),
                other => other.to_string(),
            };
            Some((String::from_utf8_lossy(name).into_owned(), value))
        }
        Action::UnsetVar { .. } => None,
    });
    set.collect()
}

/// These variables after a message, one behind the other; one that is not there is empty.
fn shown(chain: &Chain, message: &Message, names: &[&str]) -> String {
    let got = gets(chain, message);
    let shown: Vec<_> =
        names.iter().map(|name| got.get(*name).map_or("", String::as_str)).collect();
    shown.join(" ")
}

fn from(ip: &str) -> Message {
    Message::new("m").arg("ip", ip.parse::<IpAddr>().unwrap())
}

const LIMIT: &str = "[handler.limit]\nkind = 'rate-limit'\nkey = 'ip'\nrate = '2/h'\n";
const LIMITED: &[&str] =
    &["action", "reason", "status", "retry_after", "limit.limited", "limit.remaining"];

#[test]
fn who_comes_too_often_is_denied_and_told_when_to_come_again() {
    let chains = right(&format!("{LIMIT}[message.m]\nrun = ['limit']\nunanswered = 'allow'\n"));
    let chain = &chains["m"];
    assert_eq!(shown(chain, &from("192.0.2.1"), LIMITED), "allow    false 1");
    assert_eq!(shown(chain, &from("192.0.2.1"), LIMITED), "allow    false 0");
    assert_eq!(shown(chain, &from("192.0.2.1"), LIMITED), "deny over_limit 429 1800 true 0");
    assert_eq!(shown(chain, &from("192.0.2.2"), LIMITED), "allow    false 1");
}

#[test]
fn without_its_key_a_limit_cannot_say_and_its_on_error_holds() {
    let chain = |kind: &str| {
        let text = format!(
            "[handler.limit]\n{kind}\nkey = 'ip'\non_error = 'deny'\n[message.m]\nrun = ['limit']\nunanswered = 'deny'\n"
        );
        right(&text).remove("m").unwrap()
    };
    for kind in [
        "kind = 'rate-limit'\nrate = '1/s'",
        "kind = 'ban'\ncount = 'status == 401'\nthreshold = 3\nwindow = '1m'\nlasts = '1m'",
    ] {
        let chain = chain(kind);
        assert_eq!(shown(&chain, &Message::new("m"), &["action", "reason"]), "deny failed");
        assert_eq!(shown(&chain, &from("192.0.2.1"), &["action"]), "allow");
        assert_eq!(chain.counts()[0].failed, 1);
    }
}

#[test]
fn a_network_of_ipv6_is_one_key() {
    let chains = right(&format!("{LIMIT}[message.m]\nrun = ['limit']\nunanswered = 'allow'\n"));
    let remaining = |ip: &str| shown(&chains["m"], &from(ip), &["limit.remaining"]);
    assert_eq!(remaining("2001:db8::1"), "1");
    assert_eq!(remaining("2001:db8::ffff:1"), "0");
    assert_eq!(remaining("2001:db8:0:1::1"), "1");
    let wide =
        "[handler.limit]\nkind = 'rate-limit'\nkey = 'ip'\nrate = '2/h'\nipv6_prefix = 128\n";
    let chains = right(&format!("{wide}[message.m]\nrun = ['limit']\nunanswered = 'allow'\n"));
    let remaining = |ip: &str| shown(&chains["m"], &from(ip), &["limit.remaining"]);
    assert_eq!((remaining("2001:db8::1"), remaining("2001:db8::2")), ("1".into(), "1".into()));
}

#[test]
fn a_message_that_lacks_a_part_of_the_key_is_not_counted_or_all_of_them_together() {
    let file = |on_missing: &str| {
        right(&format!(
            "[handler.limit]\nkind = 'rate-limit'\nkey = ['ip', 'host.lowerAscii()']\nrate = '1/h'\n\
             on_missing = '{on_missing}'\n[message.m]\nrun = ['limit']\nunanswered = 'allow'\n"
        ))
    };
    let skip = file("skip");
    for _ in 0..3 {
        let without = Message::new("m").arg("ip", TypedData::Null).arg("host", "a");
        assert_eq!(shown(&skip["m"], &without, &["action", "limit.limited"]), "allow ");
    }
    // A text that is not there is not the empty text.
    let plain = right(
        "[handler.limit]\nkind = 'rate-limit'\nkey = 'host'\nrate = '1/h'\n\
         [message.m]\nrun = ['limit']\nunanswered = 'allow'\n",
    );
    for _ in 0..3 {
        assert_eq!(shown(&plain["m"], &Message::new("m"), &["action", "limit.limited"]), "allow ");
    }
    let empty = Message::new("m").arg("host", "");
    assert_eq!(shown(&plain["m"], &empty, &["action", "limit.limited"]), "allow false");
    let one = file("one");
    let without = |host: &str| Message::new("m").arg("host", host);
    assert_eq!(shown(&one["m"], &without("A"), &["action"]), "allow");
    assert_eq!(shown(&one["m"], &without("a"), &["action"]), "deny");
    assert_eq!(shown(&one["m"], &without("b"), &["action"]), "allow");
}

#[test]
fn a_message_counts_for_what_it_costs() {
    let chains = right(
        "[handler.limit]\nkind = 'rate-limit'\nkey = 'ip'\nrate = '1/h'\nburst = 10\n\
         cost = 'body_size / 1024 + 1'\nstatus = 503\n[message.m]\nrun = ['limit']\nunanswered = 'allow'\n",
    );
    let sized = |size: i64| {
        let message = from("192.0.2.1").arg("body_size", size);
        shown(&chains["m"], &message, &["action", "status", "limit.remaining", "limit.limit"])
    };
    assert_eq!(sized(5_000), "allow  5 10");
    assert_eq!(sized(8_000), "deny 503 0 10");
    assert_eq!(sized(4_500), "allow  0 10");
    // What is negative costs nothing, and what is too large never passes.
    assert_eq!(sized(-5_000), "allow  0 10");
    let endless = from("192.0.2.9").arg("body_size", i64::MAX);
    let names = ["action", "reason", "retry_after"];
    assert_eq!(shown(&chains["m"], &endless, &names), "deny over_limit ");
}

#[test]
fn all_messages_that_run_a_limit_share_it_and_a_reload_keeps_it() {
    let text = |rate: &str, key: &str| {
        format!(
            "[handler.limit]\nkind = 'rate-limit'\nkey = '{key}'\nrate = '{rate}'\nburst = 2\n\
             [message.m]\nrun = ['limit']\nunanswered = 'allow'\n\
             [message.n]\nrun = ['limit']\nunanswered = 'allow'\n"
        )
    };
    let (chains, resources, _) = read(&text("2/h", "ip"), None);
    let remaining = |chain: &Chain| shown(chain, &from("192.0.2.1"), &["limit.remaining"]);
    assert_eq!(remaining(&chains["m"]), "1");
    assert_eq!(remaining(&chains["n"]), "0");
    let (again, resources, _) = read(&text("3/h", "ip"), Some(&resources));
    assert_eq!(shown(&again["m"], &from("192.0.2.1"), &["action"]), "deny");
    let (other, ..) = read(&text("1/h", "path"), Some(&resources));
    let message = from("192.0.2.1").arg("path", "/");
    assert_eq!(shown(&other["m"], &message, &["action"]), "allow");
}

#[test]
fn limits_that_are_written_in_place_are_those_of_their_messages() {
    let one = |name: &str| {
        format!(
            "[message.{name}]\nkind = 'rate-limit'\nkey = 'ip'\nrate = '2/h'\nunanswered = 'allow'\n"
        )
    };
    let chains = right(&format!("{}{}", one("m"), one("n")));
    let remaining = |chain: &Chain| shown(chain, &from("192.0.2.1"), &["rate_limit.remaining"]);
    assert_eq!((remaining(&chains["m"]), remaining(&chains["n"])), ("1".into(), "1".into()));
    assert_eq!((remaining(&chains["m"]), remaining(&chains["n"])), ("0".into(), "0".into()));
}

#[test]
fn a_limit_that_cannot_be_kept_is_a_finding() {
    for (setting, expected) in [
        ("key = []\nrate = '1/s'", "`key` has no part"),
        ("key = 'ipp'\nrate = '1/s'", "there is no variable `ipp`"),
        ("key = 'ip'\nrate = '5000000/s'", "this rate and burst cannot be kept"),
        ("key = 'ip'\nrate = '1/s'\nburst = 0", "this rate and burst cannot be kept"),
        ("key = 'ip'\nrate = '1/s'\nipv6_prefix = 0", "`ipv6_prefix` is not from 1 to 128"),
        ("key = 'ip'\nrate = '1/s'\nmax_keys = 0", "`max_keys` is not from 1 to"),
        ("key = 'ip'\nrate = '1/s'\nmax_keys = 4000000000", "`max_keys` is not from 1 to"),
        ("key = 'ip'\nrate = '1/s'\ncost = 'path'", "`cost` is a whole number, and this is"),
    ] {
        let said = said(&format!(
            "[handler.limit]\nkind = 'rate-limit'\n{setting}\n[message.m]\nrun = ['limit']\nunanswered = 'allow'\n"
        ));
        assert!(said.starts_with(&format!("error: {expected}")), "{setting}: {said}");
    }
}

const BAN: &str = "[handler.bad_logins]\nkind = 'ban'\nkey = 'ip'\ncount = 'status == 401'\n\
                   forgive = 'status == 200'\nthreshold = 3\nwindow = '1h'\nlasts = '10m'\n\
                   [message.response]\nrun = ['bad_logins']\nunanswered = 'allow'\n\
                   [message.request]\nrun = ['bad_logins']\nunanswered = 'allow'\n";

#[test]
fn responses_count_and_requests_are_denied() {
    let chains = right(BAN);
    let names = ["action", "reason", "status", "bad_logins.banned", "bad_logins.count"];
    let request = |ip: &str| shown(&chains["request"], &from(ip), &names);
    let response = |ip: &str, status: i64| {
        drop(gets(&chains["response"], &from(ip).arg("status", status)));
    };
    assert_eq!(request("192.0.2.1"), "allow   false 0");
    response("192.0.2.1", 401);
    response("192.0.2.1", 500);
    assert_eq!(request("192.0.2.1"), "allow   false 1");
    // A login that succeeds makes up for those that failed.
    response("192.0.2.1", 200);
    assert_eq!(request("192.0.2.1"), "allow   false 0");
    (0..3).for_each(|_| response("192.0.2.1", 401));
    assert_eq!(request("192.0.2.1"), "deny banned 403 true ");
    assert_eq!(request("192.0.2.2"), "allow   false 0");
    let message = from("192.0.2.1");
    let names = ["retry_after", "bad_logins.remaining"];
    assert_eq!(shown(&chains["request"], &message, &names), "600 600");
    let until: u64 = gets(&chains["request"], &message)["bad_logins.until"].parse().unwrap();
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    assert!((now + 500..now + 700).contains(&until), "{until}");
    // Without a key nobody is counted, and nobody is out.
    assert_eq!(shown(&chains["request"], &Message::new("m"), &["action"]), "allow");
}

#[test]
fn a_ban_that_cannot_be_kept_is_a_finding() {
    for (setting, expected) in [
        ("threshold = 0\nwindow = '1s'\nlasts = '1s'", "this ban cannot be kept"),
        ("threshold = 5000\nwindow = '1s'\nlasts = '1s'", "this ban cannot be kept"),
        ("threshold = 1\nwindow = '0s'\nlasts = '1s'", "this ban cannot be kept"),
        ("threshold = 1\nwindow = '1s'", "`ban` needs `lasts`"),
    ] {
        let said = said(&format!(
            "[handler.b]\nkind = 'ban'\nkey = 'ip'\ncount = 'true'\n{setting}\n[message.m]\nrun = ['b']\nunanswered = 'allow'\n"
        ));
        assert!(said.starts_with(&format!("error: {expected}")), "{setting}: {said}");
    }
}

fn cert(settings: &str) -> BTreeMap<String, Chain> {
    right(&format!(
        "[handler.peer]\nkind = 'client-cert'\n{settings}\n[message.m]\nrun = ['peer']\nunanswered = 'deny'\n"
    ))
}

fn with_cert(uris: &[&str]) -> Message {
    let names = uris.iter().map(|uri| SanType::URI((*uri).try_into().unwrap())).collect();
    Message::new("m").arg("cert", TypedData::Binary(&certificate(names)))
}

#[test]
fn a_certificate_becomes_variables() {
    let chains = cert("");
    let got = gets(&chains["m"], &with_cert(&["spiffe://example.com/billing", "https://b"]));
    for (name, expected) in [
        ("present", "true"),
        ("trusted", "true"),
        ("subject", "CN=billing,O=Example\\, Inc,C=AT"),
        ("cn", "billing"),
        ("organization", "Example, Inc"),
        ("serial", "ABCD01"),
        ("not_after", "1798761600"),
        ("uris", "spiffe://example.com/billing,https://b"),
    ] {
        assert_eq!(got[&format!("peer.{name}")], expected, "{name}");
    }
    assert!(!got.contains_key("peer.spiffe") && !got.contains_key("peer.dns"), "{got:?}");
}

#[test]
fn who_has_no_trusted_certificate_is_denied_where_one_is_required() {
    let trust = "trust = \"spiffe in ['spiffe://a/b', 'spiffe://a/c']\"\n";
    let names = ["action", "reason", "peer.present", "peer.trusted", "peer.error"];
    let malformed = || Message::new("m").arg("cert", TypedData::Binary(b"\x30\x03abc"));
    let absent = || Message::new("m").arg("cert", TypedData::Null);
    for (settings, message, expected) in [
        ("required = true", with_cert(&["spiffe://a/b"]), "allow  true true "),
        ("required = true", with_cert(&["spiffe://a/x"]), "deny untrusted true false "),
        ("required = true", malformed(), "deny malformed true false malformed"),
        ("required = true", absent(), "deny no_certificate false false "),
        ("required = true", Message::new("m"), "deny no_certificate false false "),
        ("", with_cert(&["spiffe://a/x"]), "allow  true false "),
        ("", absent(), "allow  false false "),
        ("on_error = 'deny'", malformed(), "deny failed true false malformed"),
        ("", malformed(), "allow  true false malformed"),
        ("deny = \"present && cn == 'billing'\"", with_cert(&[]), "deny certificate true false "),
    ] {
        let chains = cert(&format!("{trust}{settings}"));
        assert_eq!(shown(&chains["m"], &message, &names), expected, "{settings}");
    }
}

#[test]
fn a_certificate_that_a_condition_has_no_value_for_is_not_trusted() {
    let chains = cert("trust = \"uris[5] == 'spiffe://a/b'\"\nrequired = true");
    assert_eq!(
        shown(&chains["m"], &with_cert(&["spiffe://a/b"]), &["action", "reason"]),
        "deny untrusted"
    );
}

#[test]
fn an_echo_shows_what_came_and_nothing_of_it_ends_a_line() {
    let chains = right("[handler.came]\nkind = 'echo'\n[message.m]\nrun = ['came']\n");
    let message = from("192.0.2.1").arg("", "a\nb").arg("none", TypedData::Null);
    let got = gets(&chains["m"], &message);
    assert_eq!(got["came.arguments"], "3");
    assert_eq!(got["came.message"], "m(ip=192.0.2.1, \"a\\nb\", none=null)");
    let long = (0..200).fold(Message::new("m"), |message, _| message.arg("x", "é".repeat(100)));
    assert!(gets(&chains["m"], &long)["came.message"].len() <= 4 << 10);
}

/// The lines of an audit, as JSON and without their times, once there are as many.
fn lines(path: &Path, count: usize) -> Vec<serde_json::Value> {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let text = fs::read_to_string(path).unwrap_or_default();
        if text.lines().count() >= count {
            let lines = text.lines().map(|line| {
                let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
                let time = line.as_object_mut().unwrap().remove("time").unwrap();
                assert!(time.as_str().unwrap().ends_with('Z'), "{time}");
                line
            });
            return lines.collect();
        }
        assert!(Instant::now() < end, "{text}");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn an_audit_has_a_line_for_each_message_whoever_has_decided() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let chains = right(&format!(
        "[handler.trail]\nkind = 'audit'\nfile = '{}'\n\
         keep = ['ip', 'path', 'path.size() > 4', 'body_size', 'action', 'reason', 'by', 'shown.tags']\n\
         [handler.shown]\nkind = 'set'\nvalues = {{ tags = '{{method}}' }}\n\
         [handler.rules]\nkind = 'rules'\nrules = {{ if = \"path == '/x'\", then = 'deny', reason = 'hidden' }}\n\
         [message.m]\nrun = ['trail', 'shown', 'rules']\nunanswered = 'allow'\n",
        path.display()
    ));
    let denied = from("192.0.2.1").arg("path", "/x").arg("method", "GET").arg("body_size", 5);
    let got = gets(&chains["m"], &denied);
    assert_eq!((got["action"].as_str(), got["by"].as_str()), ("deny", "rules"));
    gets(&chains["m"], &Message::new("m").arg("path", "a\"},\n{\"action\":\"allow\u{1}"));
    let binary = Message::new("m\n").arg("path", TypedData::String(b"\xff\0"));
    gets(&chains["m"], &binary);
    let expected = [
        json!({ "message": "m", "ip": "192.0.2.1", "path": "/x", "path.size() > 4": false,
                "body_size": 5, "action": "deny", "reason": "hidden", "by": "rules",
                "shown.tags": "GET" }),
        json!({ "message": "m", "ip": null, "path": "a\"},\n{\"action\":\"allow\u{1}",
                "path.size() > 4": true, "body_size": null, "action": "allow", "reason": null,
                "by": null, "shown.tags": "" }),
        json!({ "message": "m\n", "ip": null, "path": "\u{fffd}\0", "path.size() > 4": false,
                "body_size": null, "action": "allow", "reason": null, "by": null,
                "shown.tags": "" }),
    ];
    assert_eq!(lines(&path, 3), expected);
}

#[test]
fn an_audit_hides_what_it_hashes_and_equal_values_stay_equal() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let secret = folder.path().join("secret");
    fs::write(&secret, "key").unwrap();
    let text = |key: &str| {
        format!(
            "[secrets]\naudit = {{ file = '{}' }}\n\
             [handler.trail]\nkind = 'audit'\nfile = '{}'\nkeep = ['ip']\nhash = 'ip'\n{key}\n\
             when = \"path != '/health'\"\n[message.m]\nrun = ['trail']\n",
            secret.display(),
            path.display()
        )
    };
    for key in ["hash_key = 'audit'", "hash_key = 'audit'", ""] {
        let chains = right(&text(key));
        for ip in ["192.0.2.1", "192.0.2.1", "192.0.2.2"] {
            gets(&chains["m"], &from(ip));
            gets(&chains["m"], &from(ip).arg("path", "/health"));
        }
        lines(&path, 3);
    }
    let hashes: Vec<_> = lines(&path, 9).into_iter().map(|line| line["ip"].clone()).collect();
    assert!(hashes.iter().all(|hash| hash.as_str().unwrap().len() == 32), "{hashes:?}");
    // The same key, the same hashes; the third file has one of the process.
    let count = |hash: &serde_json::Value| hashes.iter().filter(|own| *own == hash).count();
    assert_eq!((count(&hashes[0]), count(&hashes[2])), (4, 2), "{hashes:?}");
    let of_process: Vec<_> = hashes.iter().filter(|hash| count(hash) == 1).collect();
    assert_eq!(of_process.len(), 1, "{hashes:?}");
}

#[test]
fn a_long_value_is_cut_and_a_line_has_no_end_but_its_own() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let chains = right(&format!(
        "[handler.trail]\nkind = 'audit'\nfile = '{}'\nkeep = ['headers']\n[message.m]\nrun = ['trail']\n",
        path.display()
    ));
    gets(&chains["m"], &Message::new("m").arg("headers", "é\n".repeat(10_000)));
    let line = &lines(&path, 1)[0];
    assert!(line["headers"].as_str().unwrap().len() <= 4 << 10);
}

#[test]
fn an_audit_that_cannot_be_written_is_a_finding() {
    let folder = tempdir().unwrap();
    let here = folder.path().display();
    for (settings, expected) in [
        ("keep = ['ip']".to_owned(), "`audit` writes to a file or to the standard output"),
        ("keep = ['ip']\nstdout = true\nfile = 'a'".to_owned(), "`audit` writes to a file or to"),
        (format!("keep = ['ip']\nfile = '{here}'"), "the audit file cannot be opened: it is no"),
        (format!("keep = ['ip']\nfile = '{here}/no/a'"), "the audit file cannot be opened"),
        ("keep = ['ip']\nhash = ['path']\nstdout = true".to_owned(), "`hash` names `path`, which"),
        ("keep = ['ipp']\nstdout = true".to_owned(), "there is no variable `ipp`"),
        ("keep = ['ip']\nstdout = true\nqueue = '2GiB'".to_owned(), "`queue` is larger than 1GiB"),
    ] {
        let said =
            said(&format!("[handler.t]\nkind = 'audit'\n{settings}\n[message.m]\nrun = ['t']\n"));
        assert!(said.starts_with(&format!("error: {expected}")), "{settings}: {said}");
    }
}

#[test]
fn the_verdict_is_no_name_for_handlers_that_run_before_it() {
    let said = said(
        "[handler.r]\nkind = 'rules'\nrules = { if = \"action == 'deny'\", then = 'drop' }\n\
         [handler.t]\nkind = 'audit'\nkeep = ['action']\nstdout = true\n[message.m]\nrun = ['t', 'r']\n",
    );
    assert!(said.starts_with("error: there is no variable `action`"), "{said}");
}

fn family(name: &str) -> Vec<(Vec<String>, Sample)> {
    let families = Registry::of_process().families();
    families.into_iter().find(|family| family.name == name).unwrap().samples
}

#[test]
fn messages_are_counted_by_labels_and_by_the_verdict() {
    let chains = right(
        "[handler.seen]\nkind = 'metrics'\nmax_series = 3\n\
         metrics = [\n\
           { counter = 'kinds_requests_total', labels = { host = 'host.lowerAscii()', action = 'action' } },\n\
           { histogram = 'kinds_body_bytes', value = 'body_size', buckets = [10, 100] },\n\
         ]\n\
         [handler.rules]\nkind = 'rules'\nrules = { if = \"path == '/x'\", then = 'deny' }\n\
         [message.m]\nrun = ['seen', 'rules']\nunanswered = 'allow'\n",
    );
    let message = |host: &str, size: i64| {
        Message::new("m").arg("host", host).arg("body_size", size).arg("path", "/")
    };
    gets(&chains["m"], &message("A", 10));
    gets(&chains["m"], &message("a", 11));
    gets(&chains["m"], &message("a", 1_000).arg("path", "/x"));
    gets(&chains["m"], &Message::new("m").arg("path", "/x"));
    gets(&chains["m"], &message("flood-1", -1));
    gets(&chains["m"], &message("flood-2", 1));
    let samples: Vec<_> = family("kinds_requests_total")
        .into_iter()
        .map(|(labels, sample)| (labels.join(" "), sample))
        .collect();
    let counter = |labels: &str, count: f64| (labels.to_owned(), Sample::Counter(count));
    assert_eq!(
        samples,
        [
            counter(" deny", 1.0),
            counter("a allow", 3.0),
            counter("flood-1 allow", 1.0),
            counter("other other", 1.0)
        ]
    );
    let [(_, Sample::Histogram(buckets))] = &family("kinds_body_bytes")[..] else { panic!("one") };
    // A message without a body size adds nothing.
    assert_eq!((buckets.count, buckets.sum), (5, 1_021.0));
    assert_eq!(buckets.buckets, [(10.0, 3), (100.0, 4)]);
}

#[test]
fn a_metric_that_cannot_be_shown_is_a_finding() {
    for (metric, expected) in [
        ("help = 'x'", "a metric has no name"),
        ("counter = 'a_total', histogram = 'a'", "a metric is a counter and a histogram"),
        ("counter = 'a'", "the name of a counter ends in `_total`"),
        ("counter = '0_total'", "this is no name for a metric"),
        ("counter = 'spoa_a_total'", "names that begin with `spoa_`"),
        ("counter = 'a_total', labels = { le = 'ip' }", "this is no name for a label"),
        ("counter = 'a_total', labels = { 'a-b' = 'ip' }", "this is no name for a label"),
        ("counter = 'a_total', labels = { a = 'ipp' }", "there is no variable `ipp`"),
        ("counter = 'a_total', buckets = [1]", "a counter has no buckets"),
        ("counter = 'a_total', value = 'path'", "the value of a metric is a number, and this is"),
        ("histogram = 'a'", "a histogram needs a `value`"),
        ("histogram = 'a', value = 'port', buckets = [2, 1]", "`buckets` are up to 64 numbers"),
    ] {
        let said = said(&format!(
            "[handler.s]\nkind = 'metrics'\nmetrics = [{{ {metric} }}]\n[message.m]\nrun = ['s']\n"
        ));
        assert!(said.starts_with(&format!("error: {expected}")), "{metric}: {said}");
    }
}
