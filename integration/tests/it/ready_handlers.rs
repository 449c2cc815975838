//! The handlers of `spoa-handlers` behind real HAProxy: lists, databases, tables and rates decide.

use std::{fs, path::Path, time::Duration};

use spoa_actors::{Registry, Scope};
use spoa_handlers::{
    data::{Followed, IpList, Mmdb, RowsFile, Source},
    handler::{GeoIp, IpReputation, Lookup, RateLimit},
    table::{Limit, Match},
    value::Rate,
};
use spoa_integration::{Config, Scratch, on_every_haproxy, until};

use crate::scene::{self, REQUEST, SOON};

fn source(path: &Path) -> Source {
    let mut source = Source::new("test", [path.display().to_string()]);
    source.every = Duration::from_millis(20);
    source
}

/// The four handlers, with what they look into in a folder.
fn registry(folder: &Path) -> Registry {
    fs::write(folder.join("bad.netset"), "# bad\n192.0.2.0/24 90 scanner,tor\n").unwrap();
    fs::write(folder.join("tenants.csv"), "host,backend\nexample.com,shop\n").unwrap();
    let databases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../agent/handlers/tests/mmdb");
    let lists = Followed::open(source(&folder.join("*.netset")), IpList::default()).unwrap();
    let geo = Followed::open(source(&databases.join("GeoIP2-City-Test.mmdb")), Mmdb).unwrap();
    let mut by_domain = RowsFile::new(["host"]);
    by_domain.by = Match::Domain;
    let tenants = Followed::open(source(&folder.join("tenants.csv")), by_domain).unwrap();
    let rate = Limit::new(Rate { count: 1, per: Duration::from_secs(3_600) }, 2).unwrap();

    let scope = Scope::Transaction;
    let reputation = IpReputation::new(lists, scope, "bad").unwrap();
    let geo = GeoIp::new(geo, scope, "geo").unwrap();
    let tenant = Lookup::new(tenants, ["host"], ["backend"], scope, "tenant").unwrap();
    let limit = RateLimit::new(["key"], rate, 1_000, scope, "limit").unwrap();
    Registry::new()
        .on_ready("check-client-ip", move || reputation.clone())
        .on_ready("geoip-lookup", move || geo.clone())
        .on_ready("check-tenant", move || tenant.clone())
        .on_ready("check-rate", move || limit.clone())
}

const RULES: [&str; 4] = [
    "http-request deny if { var(txn.t.bad.listed) -m bool }",
    "http-request return status 451 if { var(txn.t.geo.country) -m str JP }",
    "http-request return status 429 hdr retry-after %[var(txn.t.limit.retry_after)] if { var(txn.t.limit.limited) -m bool }",
    "http-request return status 200 hdr x-score %[var(txn.t.bad.score)] hdr x-country %[var(txn.t.geo.country)] \
     hdr x-city %[var(txn.t.geo.city)] hdr x-backend %[var(txn.t.tenant.backend)]",
];

on_every_haproxy! {
    #[actix_rt::test]
    async fn lists_databases_tables_and_rates_decide(version: Version) {
        let folder = Scratch::new().unwrap();
        let agent = scene::agent(registry(folder.path())).await;
        let engine = scene::engine(scene::endpoint(&agent))
            .message("check-client-ip", "src=hdr(x-client)", REQUEST)
            .message("geoip-lookup", "hdr(x-client)", REQUEST)
            .message("check-tenant", "host=hdr(x-tenant)", REQUEST)
            .message("check-rate", "key=hdr(x-key)", REQUEST);
        let config = RULES.iter().fold(Config::new(version).engine(engine), |config, rule| config.frontend(rule));
        let haproxy = scene::start(config).await;
        let http = haproxy.http();

        let british = http.get_with("/", "x-client", "81.2.69.142").await.unwrap();
        assert_eq!((british.status, british.header("x-score")), (200, Some("0")));
        assert_eq!(british.header("x-country"), Some("GB"));
        assert_eq!(british.header("x-city"), Some("London"));
        assert_eq!(http.get_with("/", "x-client", "2001:218::1").await.unwrap().status, 451);
        assert_eq!(http.get_with("/", "x-client", "192.0.2.7").await.unwrap().status, 403);

        let tenant = http.get_with("/", "x-tenant", "www.Example.com").await.unwrap();
        assert_eq!((tenant.status, tenant.header("x-backend")), (200, Some("shop")));

        for expected in [200, 200, 429] {
            let answer = http.get_with("/", "x-key", "a").await.unwrap();
            assert_eq!(answer.status, expected);
            let wait = answer.header("retry-after").and_then(|wait| wait.parse::<u32>().ok());
            assert_eq!(wait.is_some_and(|wait| wait > 3_000), expected == 429);
        }
        assert_eq!(http.get_with("/", "x-key", "b").await.unwrap().status, 200);

        // The operator adds a file, and the agent goes on without a restart.
        fs::write(folder.path().join("more.netset"), "81.2.69.0/24\n").unwrap();
        let denied = async || {
            let answer = http.get_with("/", "x-client", "81.2.69.142").await.unwrap();
            (answer.status == 403).then_some(())
        };
        until("the new list is in use", SOON, denied).await.unwrap();
    }
}
