//! The kinds over data sets, as chains run them: what they find, what they decide, and what they do when they
//! cannot say.

use std::{collections::BTreeMap, fs, net::IpAddr, path::Path, thread, time::Duration};

use spoa_actors::{Action, Actions, Message, TypedData};
use spoa_handlers::{
    chain::{Chain, chains},
    configuration::{self, Configuration},
    file::{Loaded, Reading, load, load_text},
    finding::Report,
    kinds::KINDS,
    resource::{FixedEntry, ResourcePlan, Resources},
    table::Cell,
};
use tempfile::{TempDir, tempdir};

use crate::{broken_files::environment, snapshots};

/// The chains of all messages, what they look at, and what is said about the file.
fn read(
    mut loaded: Loaded,
    open: impl FnOnce(ResourcePlan, &mut Reading<'_>) -> Resources,
) -> (BTreeMap<String, Chain>, Resources, String) {
    let configuration = Configuration::read(&mut loaded);
    let Loaded { document, sources, findings } = &mut loaded;
    let mut reading = Reading { document, sources, findings };
    let plan = ResourcePlan::read(&configuration.secrets, &mut reading);
    let resources = open(plan, &mut reading);
    let chains = chains(&configuration.messages, KINDS, &resources, &mut reading);
    let said = Report::new(&loaded.findings, &loaded.sources).to_string();
    (chains, resources, said)
}

fn opened(plan: ResourcePlan, reading: &mut Reading<'_>) -> Resources {
    Resources::open(plan, None, reading)
}

/// A chain of one handler over files in a folder.
struct Case {
    folder: TempDir,
    chain: Chain,
    /// Those of other messages.
    others: BTreeMap<String, Chain>,
    resources: Resources,
}

impl Case {
    /// `[handler.h]` and the sections behind it.
    fn new(files: &[(&str, &str)], sections: &str) -> Self {
        let folder = tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        Self::in_folder(folder, sections)
    }

    fn in_folder(folder: TempDir, sections: &str) -> Self {
        let text =
            format!("[handler.h]\n{sections}\n[message.m]\nrun = ['h']\nunanswered = 'deny'\n");
        let loaded = load_text(&folder.path().join("agent.toml"), &text, &environment);
        let (mut others, resources, said) = read(loaded, opened);
        assert_eq!(said, "");
        Self { folder, chain: others.remove("m").unwrap(), others, resources }
    }

    /// What HAProxy gets: `action reason`, and the handler's variables as `name=value`.
    fn gets(&self, message: &Message) -> (String, Vec<String>) {
        let mut actions = Actions::new();
        self.chain.run(&message.as_ref(), &mut actions).unwrap();
        let (mut action, mut reason, mut own) = (String::new(), String::new(), Vec::new());
        for set in actions.iter() {
            let Action::SetVar { name, value, .. } = set else { continue };
            let value = match value {
                TypedData::String(text) => String::from_utf8_lossy(text).into_owned(),
                TypedData::Bool(value) => value.to_string(),
                TypedData::Int64(value) => value.to_string(),
                other => format!("{other:?}"),
            };
            match str::from_utf8(name).unwrap() {
                "action" => action = value,
                "reason" => reason = format!(" {value}"),
                name => own.extend(name.strip_prefix("h.").map(|name| format!("{name}={value}"))),
            }
        }
        (format!("{action}{reason}"), own)
    }

    /// The same for an address.
    fn of(&self, address: &str) -> (String, Vec<String>) {
        self.gets(&Message::new("m").arg("ip", address.parse::<IpAddr>().unwrap()))
    }

    fn verdict(&self, address: &str) -> String {
        self.of(address).0
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }
}

fn database(folder: &TempDir, name: &str) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mmdb").join(name);
    fs::copy(from, folder.path().join(name)).unwrap();
}

fn databases() -> TempDir {
    let folder = tempdir().unwrap();
    for name in ["Country", "ASN"] {
        database(&folder, &format!("GeoLite2-{name}-Test.mmdb"));
    }
    folder
}

const LISTS: &str = "[data.bad]\nkind = 'ip-list'\nfile = 'bad.netset'\nscore = 40\n\
                     [data.own]\nkind = 'ip-list'\nfile = 'own.txt'\n";

#[test]
fn ip_reputation_says_what_all_lists_say_and_denies_by_it() {
    let case = Case::new(
        &[
            ("bad.netset", "192.0.2.0/24\n198.51.100.7 10\n"),
            ("own.txt", "192.0.2.7 90 vpn,ban\n203.0.113.1 99\n"),
        ],
        &format!(
            "kind = 'ip-reputation'\ndata = ['bad', 'own']\ndeny = \"score >= 95 || 'ban' in tags\"\nstatus = 451\n{LISTS}"
        ),
    );
    let (verdict, own) = case.of("192.0.2.7");
    assert_eq!(verdict, "deny listed");
    let expected =
        ["listed=true", "score=90", "tags=ban,vpn", "list=bad", "lists=bad,own", "stale=false"];
    assert_eq!(own, expected);
    assert_eq!(case.verdict("203.0.113.1"), "deny listed");
    let (verdict, own) = case.of("192.0.2.8");
    assert_eq!(verdict, "allow");
    assert_eq!(own, ["listed=true", "score=40", "list=bad", "lists=bad", "stale=false"]);
    assert_eq!(case.of("::ffff:198.51.100.7").1[..2], ["listed=true", "score=10"]);
    let (verdict, own) = case.of("198.51.100.8");
    assert_eq!(
        (verdict.as_str(), own),
        ("allow", ["listed=false", "score=0", "stale=false"].map(str::to_owned).to_vec())
    );
    let mut actions = Actions::new();
    case.chain.run(&Message::new("m").arg("ip", "192.0.2.7").as_ref(), &mut actions).unwrap();
    let status = actions.iter().any(|set| {
        matches!(set, Action::SetVar { name: b"status", value: TypedData::Int64(451), .. })
    });
    assert!(status, "a text with an address is taken, and the status is set");
    assert_eq!(case.chain.decides().statuses, [(configuration::Action::Deny, 451)]);
}

#[test]
fn who_is_in_a_list_of_those_allowed_is_allowed_whatever_the_others_say() {
    let case = Case::new(
        &[("bad.netset", "192.0.2.0/24\n"), ("own.txt", "192.0.2.7\n")],
        &format!(
            "kind = 'ip-reputation'\ndata = 'bad'\nallow_data = 'own'\ndeny = 'listed'\n\
             allow = \"score < 50 && path == '/health'\"\n{LISTS}"
        ),
    );
    assert_eq!(case.verdict("192.0.2.7"), "allow allowed");
    assert_eq!(case.verdict("192.0.2.8"), "deny listed");
    let health = Message::new("m").arg("ip", "192.0.2.8").arg("path", "/health");
    assert_eq!(case.gets(&health).0, "allow allowed");
    assert_eq!(case.verdict("198.51.100.1"), "allow");
}

#[test]
fn a_handler_that_cannot_say_says_why_and_does_as_on_error_says() {
    let optional = "[data.bad]\nkind = 'ip-list'\nfile = 'bad.netset'\noptional = true\nevery = '100ms'\n\
                    [data.own]\nkind = 'ip-list'\nfile = 'own.txt'\n";
    let section = |on_error: &str| {
        format!(
            "kind = 'ip-reputation'\ndata = ['bad', 'own']\ndeny = 'listed'\non_error = '{on_error}'\n{optional}"
        )
    };
    let own = [("own.txt", "192.0.2.7\n")];
    for (on_error, expected) in
        [("skip", "allow"), ("allow", "allow failed"), ("deny", "deny failed")]
    {
        let case = Case::new(&own, &section(on_error));
        // A list that is there has it, whatever the one that is missing would say.
        assert_eq!(case.verdict("192.0.2.7"), "deny listed");
        let (verdict, own) = case.of("192.0.2.8");
        assert_eq!((verdict.as_str(), own), (expected, vec!["error=no_data".to_owned()]));
        for message in [
            Message::new("m"),
            Message::new("m").arg("ip", TypedData::Null),
            Message::new("m").arg("ip", "no address\n"),
            Message::new("m").arg("ip", TypedData::Binary(&[0xff; 3])),
        ] {
            let (verdict, own) = case.gets(&message);
            assert_eq!((verdict.as_str(), own), (expected, vec!["error=no_address".to_owned()]));
        }
    }
    let case = Case::new(&own, &section("deny"));
    assert_eq!(case.verdict("192.0.2.8"), "deny failed");
    case.write("bad.netset", "192.0.2.9\n");
    until(|| case.verdict("192.0.2.8") == "allow");
    assert_eq!(case.verdict("192.0.2.9"), "deny listed");
}

/// Waits until something is so, for a minute.
#[track_caller]
fn until(is_so: impl Fn() -> bool) {
    for _ in 0..6_000 {
        if is_so() {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("waited for a minute");
}

#[test]
fn a_chain_takes_a_list_that_was_swapped_and_keeps_the_last_good_one() {
    let case = Case::new(
        &[("bad.netset", "192.0.2.1\n192.0.2.2\n192.0.2.3\n"), ("own.txt", "")],
        &format!(
            "kind = 'ip-reputation'\ndata = 'bad'\ndeny = 'listed'\n{}",
            LISTS
                .replace("score", "every = '100ms'\nscore")
                .replace("[data.own]\nkind = 'ip-list'\nfile = 'own.txt'\n", "")
        ),
    );
    assert_eq!(case.verdict("192.0.2.1"), "deny listed");
    let new = case.folder.path().join("new");
    fs::write(&new, "192.0.2.1\n192.0.2.4\n").unwrap();
    fs::rename(&new, case.folder.path().join("bad.netset")).unwrap();
    until(|| case.verdict("192.0.2.4") == "deny listed");
    assert_eq!(case.verdict("192.0.2.2"), "allow");
    // A list that lost all but nothing is not believed.
    case.write("bad.netset", "# truncated");
    until(|| !case.resources.states()[0].is_up);
    assert_eq!(case.verdict("192.0.2.4"), "deny listed");
    assert!(case.of("192.0.2.4").1.contains(&"stale=true".to_owned()));
    case.resources.data("bad").unwrap().reload(true).unwrap();
    assert_eq!(case.verdict("192.0.2.4"), "allow");
}

#[test]
fn while_data_is_stale_a_handler_does_as_its_section_says() {
    let stale = |on_stale: &str| {
        let case = Case::new(
            &[("bad.netset", "192.0.2.1\n")],
            &format!(
                "kind = 'ip-reputation'\ndata = 'bad'\ndeny = 'listed'\non_stale = '{on_stale}'\n\
                 [data.bad]\nkind = 'ip-list'\nfile = 'bad.netset'\nmax_age = '1ms'\nevery = '100ms'\n"
            ),
        );
        until(|| case.of("192.0.2.1").1.contains(&"stale=true".to_owned()));
        ["192.0.2.1", "192.0.2.2"].map(|address| case.verdict(address))
    };
    assert_eq!(stale("use"), ["deny listed", "allow"]);
    assert_eq!(stale("allow"), ["allow stale", "allow stale"]);
    assert_eq!(stale("deny"), ["deny stale", "deny stale"]);
}

const GEO: &str = "[data.geo]\nkind = 'mmdb'\nfiles = ['GeoLite2-*-Test.mmdb']\n";

#[test]
fn geoip_says_where_an_address_is_and_denies_by_it() {
    let case = Case::in_folder(
        databases(),
        &format!(
            "kind = 'geoip'\ndata = 'geo'\ndeny = \"country == 'GB' || asn == 1221\"\n\
             lookups = {{ european = {{ path = 'country.is_in_european_union', type = 'bool' }}, \
             name = ['country.names.de', 'country.names.en'], number = {{ path = 'country.geoname_id', type = 'int' }} }}\n{GEO}"
        ),
    );
    let (verdict, own) = case.of("2.125.160.216");
    assert_eq!(verdict, "deny country");
    let expected = [
        "country=GB",
        "continent=EU",
        "found=true",
        "private=false",
        "stale=false",
        "name=Vereinigtes Königreich",
        "number=2635167",
    ];
    let own: Vec<_> =
        own.iter().map(String::as_str).filter(|own| !own.starts_with("european")).collect();
    assert_eq!(own, expected);
    let (verdict, own) = case.of("1.128.0.0");
    assert_eq!(verdict, "deny country");
    assert!(
        own.contains(&"asn=1221".to_owned())
            && own.iter().any(|own| own.starts_with("as_org=Telstra")),
        "{own:?}"
    );
    let (verdict, own) = case.of("192.0.2.1");
    assert_eq!(
        (verdict.as_str(), own),
        ("allow", ["found=false", "private=false", "stale=false"].map(str::to_owned).to_vec())
    );
}

#[test]
fn the_reason_of_geoip_is_what_its_condition_looks_at() {
    let reason = |deny: &str, address: &str| {
        let section = format!("kind = 'geoip'\ndata = 'geo'\ndeny = \"{deny}\"\n{GEO}");
        Case::in_folder(databases(), &section).verdict(address)
    };
    assert_eq!(reason("asn == 1221 || as_org.contains('x')", "1.128.0.0"), "deny network");
    assert_eq!(reason("!anonymous", "1.128.0.0"), "deny anonymous");
    assert_eq!(reason("!(country in ['DE'])", "1.128.0.0"), "deny country");
    assert_eq!(reason("asn == 1221 && path == ''", "1.128.0.0"), "deny country");
}

#[test]
fn geoip_does_not_judge_private_addresses_unless_it_is_to() {
    let verdicts = |private: &str| {
        let section = format!(
            "kind = 'geoip'\ndata = 'geo'\ndeny = \"!(country in ['SE'])\"\n{private}\n{GEO}"
        );
        let case = Case::in_folder(databases(), &section);
        assert!(case.of("10.0.0.1").1.contains(&"private=true".to_owned()));
        ["10.0.0.1", "fd00::1", "192.0.2.1", "89.160.20.112"].map(|address| case.verdict(address))
    };
    assert_eq!(verdicts(""), ["allow", "allow", "deny country", "allow"]);
    let judged = ["deny country", "deny country", "deny country", "allow"];
    assert_eq!(verdicts("private = 'judge'"), judged);
}

#[test]
fn a_default_of_a_database_that_is_missing_denies_nobody() {
    let section = |on_error: &str| {
        format!(
            "kind = 'geoip'\ndata = 'later'\ndeny = \"!(country in ['DE'])\"\non_error = '{on_error}'\n\
             [data.later]\nkind = 'mmdb'\nfile = 'later.mmdb'\noptional = true\n"
        )
    };
    let verdict = |on_error: &str| Case::new(&[], &section(on_error)).verdict("203.0.113.7");
    assert_eq!(verdict("skip"), "allow");
    assert_eq!(verdict("deny"), "deny failed");
}

#[test]
fn without_its_key_a_required_row_is_not_there() {
    let section = "kind = 'lookup'\ndata = 'keys'\nkey = 'path'\ncolumns = ['name']\nrequired = true\n\
                   [data.keys]\nkind = 'table'\nfile = 'keys.csv'\nkey = 'key'\n";
    let case = Case::new(&[("keys.csv", "key,name\n/a,one\n")], section);
    assert_eq!(case.gets(&Message::new("m").arg("path", "/a")).0, "allow");
    assert_eq!(case.gets(&Message::new("m").arg("path", "/b")).0, "deny no_row");
    for message in [Message::new("m"), Message::new("m").arg("path", "")] {
        assert_eq!(case.gets(&message).0, "deny no_key");
    }
}

#[test]
fn a_database_that_is_missing_leaves_what_the_others_say() {
    let sections = "kind = 'geoip'\ndata = ['geo', 'later']\ndeny = \"country == 'GB'\"\nallow = 'asn == 0'\non_error = 'deny'\n\
                    [data.geo]\nkind = 'mmdb'\nfile = 'GeoLite2-Country-Test.mmdb'\n\
                    [data.later]\nkind = 'mmdb'\nfile = 'later.mmdb'\noptional = true\nevery = '100ms'\n";
    let case = Case::in_folder(databases(), sections);
    assert_eq!(case.verdict("2.125.160.216"), "deny country");
    // That nothing is known of the network allows nothing.
    let (verdict, own) = case.of("89.160.20.112");
    assert_eq!(verdict, "deny failed");
    assert!(own.contains(&"country=SE".to_owned()) && own.contains(&"error=no_data".to_owned()));
    assert_eq!(case.verdict("10.0.0.1"), "allow");
    // One that is broken is not taken.
    case.write("later.mmdb", "half of a database");
    until(|| {
        case.resources.states()[1]
            .last_error
            .as_ref()
            .is_some_and(|why| why.contains("no intact database"))
    });
    assert_eq!(case.verdict("89.160.20.112"), "deny failed");
    fs::copy(
        case.folder.path().join("GeoLite2-ASN-Test.mmdb"),
        case.folder.path().join("later.mmdb"),
    )
    .unwrap();
    until(|| case.verdict("89.160.20.112") == "allow");
}

const TENANTS: (&str, &str) = (
    "tenants.csv",
    "host,plan,limit,is_open\nexample.com,gold,7,true\nexample.org,,0,false\nwww.example.com,free,,\n",
);

fn tenants(settings: &str, data: &str) -> Case {
    Case::new(
        &[TENANTS],
        &format!(
            "kind = 'lookup'\ndata = 'tenants'\nkey = 'host'\n{settings}\n\
             [data.tenants]\nkind = 'table'\nfile = 'tenants.csv'\nkey = 'host'\n{data}\n"
        ),
    )
}

fn host(host: &str) -> Message {
    Message::new("m").arg("host", host)
}

#[test]
fn lookup_has_the_columns_of_its_row_as_variables_of_their_types() {
    let types = "columns = { plan = 'text', limit = 'int', is_open = 'bool' }";
    let case = tenants(
        "default = { plan = 'none', limit = 1 }\ndeny = \"limit > 5 && is_open\"\nallow = \"plan == 'free'\"",
        types,
    );
    let found = |of: &str| case.gets(&host(of));
    let strings = |own: &[&str]| own.iter().map(|own| (*own).to_owned()).collect::<Vec<_>>();
    let expected = strings(&["found=true", "stale=false", "plan=gold", "limit=7", "is_open=true"]);
    assert_eq!(found("example.com"), ("deny row".to_owned(), expected));
    let expected = strings(&["found=true", "stale=false", "limit=0", "is_open=false"]);
    assert_eq!(found("example.org"), ("allow".to_owned(), expected));
    assert_eq!(found("www.example.com").0, "allow allowed");
    let expected = strings(&["found=false", "stale=false", "plan=none", "limit=1"]);
    assert_eq!(found("example.net"), ("allow".to_owned(), expected));
    assert_eq!(case.gets(&Message::new("m")).1, ["error=no_key"]);

    // Without types, what is in CSV is text.
    let case = tenants("columns = ['limit']\ndeny = \"limit == '7'\"", "match = 'domain'");
    assert_eq!(case.gets(&host("a.b.EXAMPLE.com.")).0, "deny row");
    assert_eq!(case.gets(&host("a.www.example.com")).1, ["found=true", "stale=false"]);
}

#[test]
fn a_key_without_a_row_is_denied_if_it_is_required() {
    let case = tenants("required = true\nstatus = 421", "");
    assert_eq!(case.gets(&host("example.com")).0, "allow");
    assert_eq!(case.gets(&host("example.net")).0, "deny no_row");
    assert_eq!(case.chain.decides().statuses, [(configuration::Action::Deny, 421)]);
}

#[test]
fn a_key_is_an_address_a_prefix_or_has_several_parts() {
    let rows = "[data.rows]\nkind = 'table'\nfile = 'rows.json'\n";
    let case = |json: &str, handler: &str, data: &str| {
        let section = format!("kind = 'lookup'\ndata = 'rows'\n{handler}\n{rows}{data}\n");
        Case::new(&[("rows.json", json)], &section)
    };
    let sites = case(
        "{\"10.0.0.0/8\": {\"site\": \"all\", \"vlan\": 1}, \"10.1.0.0-10.1.255.255\": {\"site\": \"one\", \"vlan\": 2.5}}",
        "key = 'ip'\ndeny = 'vlan > 2.0'",
        "key = 'net'\nmatch = 'cidr'",
    );
    assert_eq!(
        sites.of("10.1.2.3"),
        (
            "deny row".to_owned(),
            ["found=true", "stale=false", "site=one", "vlan=2.5"].map(str::to_owned).to_vec()
        )
    );
    assert_eq!(sites.of("10.2.2.3").1[2..], ["site=all", "vlan=1"]);
    assert_eq!(sites.of("2001:db8::1").1[0], "found=false");
    let text =
        case("[{\"n\": \"192.0.2.0/24\", \"x\": true}]", "key = 'ua'", "key = 'n'\nmatch = 'cidr'");
    assert_eq!(text.gets(&Message::new("m").arg("ua", " 192.0.2.7 ")).1[2], "x=true");
    assert_eq!(text.gets(&Message::new("m").arg("ua", "curl")).1, ["error=no_key"]);
    let paths = case(
        "[{\"path\": \"/api\", \"to\": \"api\"}, {\"path\": \"/api/v2\", \"to\": \"next\"}]",
        "key = \"path.lowerAscii()\"",
        "key = 'path'\nmatch = 'prefix'",
    );
    assert_eq!(paths.gets(&Message::new("m").arg("path", "/API/v2/x")).1[2], "to=next");
    assert_eq!(paths.gets(&Message::new("m").arg("path", "/apis")).1[2], "to=api");
    let parts = case(
        "[{\"m\": \"GET\", \"p\": 443, \"ok\": true}]",
        "key = ['method', 'port']\nargs = {}",
        "key = ['m', 'p']",
    );
    assert_eq!(
        parts.gets(&Message::new("m").arg("method", "GET").arg("port", 443)).1[2],
        "ok=true"
    );
    assert_eq!(
        parts.gets(&Message::new("m").arg("method", "GET").arg("port", 80)).1[0],
        "found=false"
    );
    assert_eq!(parts.gets(&Message::new("m").arg("method", "GET")).1, ["error=no_key"]);
}

#[test]
fn what_a_client_sends_is_a_key_and_nothing_else() {
    let case = tenants("", "");
    for hostile in
        ["example.com\0x", "*", "../../etc/passwd", "${HOME}", "'; --", "\u{202e}example.com"]
    {
        let (verdict, own) = case.gets(&host(hostile));
        assert_eq!((verdict.as_str(), own[0].as_str()), ("allow", "found=false"), "{hostile}");
    }
    let long = "x".repeat(1 << 16);
    assert_eq!(case.gets(&host(&long)).1[0], "found=false");
    let (_, own) = case.gets(&Message::new("m").arg("host", TypedData::Binary(b"\xff\xfe")));
    assert_eq!(own[0], "found=false");
}

#[test]
fn handlers_behind_see_what_was_found_as_its_type() {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("l.txt"), "192.0.2.1 90 tor,vpn\n").unwrap();
    fs::write(folder.path().join(TENANTS.0), TENANTS.1).unwrap();
    let text = "[handler.rep]\nkind = 'ip-reputation'\ndata = 'l'\n\
                [handler.row]\nkind = 'lookup'\ndata = 't'\nkey = [\"rep.list == 'l' ? 'example.com' : host\"]\n\
                [handler.rules]\nkind = 'rules'\nrules = [ { if = \"rep.tags.exists(tag, tag == 'tor') && row.limit > 5 && rep.score == 90\", then = 'deny', reason = 'all' } ]\n\
                [data.l]\nkind = 'ip-list'\nfile = 'l.txt'\n\
                [data.t]\nkind = 'table'\nfile = 'tenants.csv'\nkey = 'host'\ncolumns = { limit = 'int' }\n\
                [message.m]\nrun = ['rep', 'row', 'rules']\nunanswered = 'deny'\n";
    let loaded = load_text(&folder.path().join("agent.toml"), text, &environment);
    let (mut others, resources, said) = read(loaded, opened);
    assert_eq!(said, "");
    let case = Case { folder, chain: others.remove("m").unwrap(), others, resources };
    assert_eq!(case.verdict("192.0.2.1"), "deny all");
    assert_eq!(case.verdict("192.0.2.2"), "allow");
}

#[test]
fn a_test_has_its_own_entries_in_place_of_those_of_files() {
    let text = "[handler.a]\nkind = 'ip-reputation'\ndata = 'list'\ndeny = \"score > 50 && 'vpn' in tags\"\n\
                [handler.h]\nkind = 'geoip'\ndata = 'geo'\ndeny = \"country == 'FR' || asn == 64496\"\n\
                [handler.c]\nkind = 'lookup'\ndata = 'rows'\nkey = ['host', 'method']\ndeny = 'limit > 5'\n\
                [data.list]\nkind = 'ip-list'\nfile = 'missing'\n\
                [data.geo]\nkind = 'mmdb'\nfile = 'missing'\n\
                [data.rows]\nkind = 'table'\nfile = 'missing'\nkey = ['host', 'method']\ncolumns = { limit = 'int' }\n\
                [message.m]\nrun = ['a', 'h', 'c']\nunanswered = 'deny'\n";
    let entry = |key: &str, values: &[(&str, Cell)]| FixedEntry {
        key: key.to_owned(),
        values: values.iter().map(|(name, cell)| ((*name).to_owned(), cell.clone())).collect(),
    };
    let open = |plan: ResourcePlan, _: &mut Reading<'_>| {
        let mut resources = Resources::without_loading(plan);
        let bad =
            [entry("192.0.2.0/24", &[("score", Cell::Integer(90)), ("tags", "vpn, tor".into())])];
        resources.replace_data("list", &bad).unwrap();
        let places = [
            entry("198.51.100.0/24", &[("country", "FR".into())]),
            entry(
                "203.0.113.1",
                &[("asn", Cell::Integer(64_496)), ("country.iso_code", "DE".into())],
            ),
        ];
        resources.replace_data("geo", &places).unwrap();
        resources.replace_data("rows", &[entry("a GET", &[("limit", "7".into())])]).unwrap();
        let wrong = [
            (
                "list",
                entry("192.0.2.1", &[("score", Cell::Integer(101))]),
                "`192.0.2.1`: 101 is no score from 0 to 100",
            ),
            (
                "list",
                entry("192.0.2.1", &[("country", "FR".into())]),
                "`192.0.2.1`: a list knows `score` and `tags`, and no `country`",
            ),
            (
                "rows",
                entry("a GET", &[("limit", "x".into())]),
                "`a GET`: the column `limit` is of the type int",
            ),
            ("rows", entry("a GET", &[("plan", "x".into())]), "`a GET`: there is no column `plan`"),
            ("other", entry("a", &[]), "there is no `[data.other]`"),
        ];
        for (name, entry, expected) in wrong {
            assert_eq!(resources.replace_data(name, &[entry]).unwrap_err(), expected);
        }
        resources
    };
    let (mut others, resources, said) =
        read(load_text(Path::new("t.toml"), text, &environment), open);
    assert_eq!(said, "");
    let case =
        Case { folder: tempdir().unwrap(), chain: others.remove("m").unwrap(), others, resources };
    assert_eq!(case.verdict("192.0.2.7"), "deny listed");
    assert_eq!(case.verdict("198.51.100.7"), "deny country");
    assert_eq!(case.of("203.0.113.1").1[0], "country=DE");
    assert_eq!(case.verdict("203.0.113.1"), "deny country");
    let row = Message::new("m").arg("ip", "203.0.113.9").arg("host", "a").arg("method", "GET");
    assert_eq!(case.gets(&row).0, "deny row");
}

#[test]
fn without_loading_nothing_is_said_about_what_is_in_the_files() {
    let text = "[handler.h]\nkind = 'lookup'\ndata = 't'\nkey = 'host'\n\
                [handler.r]\nkind = 'rules'\nrules = { if = \"h.plan == 'x'\", then = 'deny' }\n\
                [data.t]\nkind = 'table'\nfile = 'missing.csv'\nkey = 'host'\n\
                [message.m]\nrun = ['h', 'r']\nunanswered = 'deny'\n";
    let loaded = load_text(Path::new("agent.toml"), text, &environment);
    let (_, _, said) = read(loaded, |plan, _| Resources::without_loading(plan));
    assert_eq!(said, "");
}

#[test]
fn a_broken_handler_over_data_gets_exactly_what_stands_beside_it() {
    snapshots::compare("broken_data_kinds", 4, |path| read(load(path, &environment), opened).2);
}

#[test]
fn an_address_of_which_nothing_is_known_allocates_nothing() {
    let folder = databases();
    fs::write(folder.path().join("bad.netset"), "192.0.2.0/24 90\n").unwrap();
    fs::write(folder.path().join(TENANTS.0), TENANTS.1).unwrap();
    let case = Case::in_folder(
        folder,
        "kind = 'ip-reputation'\ndata = 'bad'\ndeny = 'score > 50'\n\
         [data.bad]\nkind = 'ip-list'\nfile = 'bad.netset'\n\
         [data.geo]\nkind = 'mmdb'\nfile = 'GeoLite2-Country-Test.mmdb'\n\
         [data.t]\nkind = 'table'\nfile = 'tenants.csv'\nkey = 'host'\ncolumns = { limit = 'int' }\n\
         [handler.g]\nkind = 'geoip'\ndata = 'geo'\ndeny = \"country == 'KP'\"\n\
         [handler.t]\nkind = 'lookup'\ndata = 't'\nkey = 'host'\n\
         [message.n]\nrun = ['g']\nunanswered = 'deny'\n\
         [message.o]\nrun = ['t']\nunanswered = 'deny'\n",
    );
    let message =
        Message::new("m").arg("ip", IpAddr::from([198, 51, 100, 1])).arg("host", "example.com");
    for chain in [&case.chain].into_iter().chain(case.others.values()) {
        let mut actions = Actions::new();
        chain.run(&message.as_ref(), &mut actions).unwrap();
        let mut actions = Actions::new();
        let allocated = allocation_counter::measure(|| {
            chain.run(&message.as_ref(), &mut actions).unwrap();
        });
        // The list of actions itself grows.
        let mut other = Actions::new();
        let grown = allocation_counter::measure(|| {
            for set in actions.iter() {
                other = match set {
                    Action::SetVar { scope, name, value } => std::mem::take(&mut other)
                        .set_var(scope, str::from_utf8(name).unwrap(), value)
                        .unwrap(),
                    Action::UnsetVar { scope, name } => std::mem::take(&mut other)
                        .unset_var(scope, str::from_utf8(name).unwrap())
                        .unwrap(),
                };
            }
        });
        assert!(
            allocated.count_total <= grown.count_total,
            "{} beside {}",
            allocated.count_total,
            grown.count_total
        );
    }
}
