//! The handlers over the tables, as an agent calls them.

use std::{fs, net::IpAddr, path::Path, time::Duration};

use spoa_actors::{Message, Registry, Scope, TypedData, testing::FakeHaproxy};
use spoa_handlers::{
    data::{Followed, IpList, Mmdb, RowsFile, Source},
    handler::{GeoIp, IpReputation, Lookup, RateLimit},
    table::{GeoPath, Limit, Match},
    value::Rate,
};
use tempfile::tempdir;

fn source(path: &Path) -> Source {
    Source::new("test", [path.display().to_string()])
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// What an agent answers, in one line.
async fn answer(haproxy: &mut FakeHaproxy, message: Message) -> String {
    haproxy.notify(message).await.unwrap().to_string().replace(", ", "; ").replace('"', "")
}

#[actix_rt::test]
async fn an_address_by_any_name_gets_what_the_lists_say_of_it() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("own.netset");
    fs::write(&file, "192.0.2.0/24 80 tor,vpn\n198.51.100.1\n").unwrap();
    let lists = Followed::open(source(&file), IpList::default()).unwrap();
    let reputation = IpReputation::new(lists, Scope::Session, "").unwrap().default_score(5);
    let registry = Registry::new().on_ready("check", move || reputation.clone());
    let mut haproxy = FakeHaproxy::start(registry).await.unwrap();
    let listed = "set-var sess.listed true; set-var sess.score 80; set-var sess.tags tor,vpn; \
                  set-var sess.lists own; set-var sess.stale false";
    for name in ["ip", "src", "src_ip", "src-ip", "client_ip", ""] {
        let message = Message::new("check").arg(name, ip("192.0.2.1"));
        assert_eq!(answer(&mut haproxy, message).await, listed, "{name}");
    }
    let message = Message::new("check").arg("ip", TypedData::Null).arg("src", "::ffff:192.0.2.1");
    assert_eq!(answer(&mut haproxy, message).await, listed);
    for (address, expected) in [
        (
            "198.51.100.1",
            "set-var sess.listed true; set-var sess.score 5; set-var sess.lists own; set-var sess.stale false",
        ),
        (
            "203.0.113.1",
            "set-var sess.listed false; set-var sess.score 5; set-var sess.stale false",
        ),
    ] {
        let message = Message::new("check").arg("ip", ip(address));
        assert_eq!(answer(&mut haproxy, message).await, expected);
    }
    for value in ["host", "", "\u{1b}[2J"] {
        let message = Message::new("check").arg("ip", value);
        assert_eq!(answer(&mut haproxy, message).await, "set-var sess.error no_address");
    }
}

#[actix_rt::test]
async fn data_that_is_not_there_is_said_to_be_unknown() {
    let folder = tempdir().unwrap();
    let mut missing = source(&folder.path().join("missing"));
    missing.optional = true;
    let lists = Followed::open(missing.clone(), IpList::default()).unwrap();
    let reputation = IpReputation::new(lists, Scope::Transaction, "bad").unwrap();
    let geo = Followed::open(missing.clone(), Mmdb).unwrap();
    let geo = GeoIp::new(geo, Scope::Transaction, "geo").unwrap();
    let rows = Followed::open(missing, RowsFile::new(["host"])).unwrap();
    let lookup = Lookup::new(rows, ["host"], ["to"], Scope::Transaction, "row").unwrap();
    let registry = Registry::new()
        .on_ready("reputation", move || reputation.clone())
        .on_ready("geo", move || geo.clone())
        .on_ready("lookup", move || lookup.clone());
    let mut haproxy = FakeHaproxy::start(registry).await.unwrap();
    for (name, variable) in [("reputation", "bad"), ("geo", "geo"), ("lookup", "row")] {
        let message = Message::new(name).arg("ip", ip("192.0.2.1")).arg("host", "a");
        let expected = format!("set-var txn.{variable}.error no_data");
        assert_eq!(answer(&mut haproxy, message).await, expected);
    }
}

#[actix_rt::test]
async fn an_address_is_somewhere() {
    let database = |name| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mmdb").join(name);
    let mut files = source(&database("GeoIP2-City-Test.mmdb"));
    files.files.push(database("GeoLite2-ASN-Test.mmdb").display().to_string());
    let databases = Followed::open(files, Mmdb).unwrap();
    let geo = GeoIp::new(databases.clone(), Scope::Transaction, "geo").unwrap();
    let zone = GeoPath::new("location.time_zone").unwrap();
    let own = GeoIp::with_places(databases, Scope::Session, "", [("zone", vec![zone])]).unwrap();
    let registry = Registry::new()
        .on_ready("geo", move || geo.clone())
        .on_ready("own", move || own.clone().arguments(["client"]));
    let mut haproxy = FakeHaproxy::start(registry).await.unwrap();
    for (address, expected) in [
        (
            "81.2.69.142",
            "set-var txn.geo.found true; set-var txn.geo.country GB; set-var txn.geo.continent EU; \
             set-var txn.geo.region ENG; set-var txn.geo.city London; set-var txn.geo.stale false",
        ),
        (
            "1.128.0.0",
            "set-var txn.geo.found true; set-var txn.geo.asn 1221; \
             set-var txn.geo.as_org Telstra Pty Ltd; set-var txn.geo.stale false",
        ),
        ("10.0.0.1", "set-var txn.geo.found false; set-var txn.geo.stale false"),
    ] {
        let message = Message::new("geo").arg("ip", ip(address));
        assert_eq!(answer(&mut haproxy, message).await, expected);
    }
    let message = Message::new("own").arg("client", "81.2.69.142");
    let expected =
        "set-var sess.found true; set-var sess.zone Europe/London; set-var sess.stale false";
    assert_eq!(answer(&mut haproxy, message).await, expected);
}

#[actix_rt::test]
async fn a_row_is_found_by_its_key() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("rows.json");
    let json = r#"[{"net": "10.0.0.0/8", "site": "Ulm", "floor": 7, "share": 0.5, "open": true}]"#;
    fs::write(&file, json).unwrap();
    let mut by_net = RowsFile::new(["net"]);
    by_net.by = Match::Cidr;
    let rows = Followed::open(source(&file), by_net).unwrap();
    let columns = ["site", "floor", "share", "open", "none"];
    let lookup = Lookup::new(rows, ["ip"], columns, Scope::Transaction, "").unwrap();
    let registry = Registry::new().on_ready("check", move || lookup.clone());
    let mut haproxy = FakeHaproxy::start(registry).await.unwrap();
    let found = "set-var txn.found true; set-var txn.site Ulm; set-var txn.floor 7; \
                 set-var txn.share 0.5; set-var txn.open true; set-var txn.stale false";
    let message = Message::new("check").arg("ip", ip("10.1.2.3"));
    assert_eq!(answer(&mut haproxy, message).await, found);
    let message = Message::new("check").arg("ip", "10.1.2.3");
    assert_eq!(answer(&mut haproxy, message).await, found);
    let message = Message::new("check").arg("ip", "host");
    let not_found = "set-var txn.found false; set-var txn.stale false";
    assert_eq!(answer(&mut haproxy, message).await, not_found);
    let message = Message::new("check");
    assert_eq!(answer(&mut haproxy, message).await, "set-var txn.error no_key");
}

#[actix_rt::test]
async fn who_comes_too_often_is_limited() {
    let rate = Limit::new(Rate { count: 1, per: Duration::from_secs(3_600) }, 2).unwrap();
    let limit = RateLimit::new(["ip", "path"], rate, 1_000, Scope::Transaction, "limit").unwrap();
    let registry = Registry::new().on_ready("check", move || limit.clone());
    let mut haproxy = FakeHaproxy::start(registry).await.unwrap();
    let message = |address| Message::new("check").arg("ip", ip(address)).arg("path", "/login");
    let allowed = |remaining| {
        format!("set-var txn.limit.limited false; set-var txn.limit.remaining {remaining}")
    };
    // One network of IPv6 is one client, and an address in both forms is one.
    for addresses in [["2001:db8::1", "2001:db8::2"], ["192.0.2.1", "::ffff:192.0.2.1"]] {
        assert_eq!(answer(&mut haproxy, message(addresses[0])).await, allowed(1));
        assert_eq!(answer(&mut haproxy, message(addresses[1])).await, allowed(0));
        let limited = answer(&mut haproxy, message(addresses[0])).await;
        let expected = "set-var txn.limit.limited true; set-var txn.limit.remaining 0; \
                        set-var txn.limit.retry_after 3";
        assert!(limited.starts_with(expected), "{limited}");
    }
    assert_eq!(answer(&mut haproxy, message("2001:db8:0:1::1")).await, allowed(1));
    let other = Message::new("check").arg("ip", ip("192.0.2.1")).arg("path", "/");
    assert_eq!(answer(&mut haproxy, other).await, allowed(1));
    for missing in [Message::new("check").arg("ip", ip("192.0.2.1")), Message::new("check")] {
        assert_eq!(answer(&mut haproxy, missing).await, "set-var txn.limit.error no_key");
    }
}

#[test]
fn a_prefix_that_haproxy_would_refuse_is_an_error() {
    let rate = Limit::new(Rate { count: 1, per: Duration::from_secs(1) }, 1).unwrap();
    for prefix in ["a-b", "a b", "ä", &"a".repeat(300)] {
        assert!(RateLimit::new(["ip"], rate, 8, Scope::Transaction, prefix).is_err(), "{prefix}");
    }
}
