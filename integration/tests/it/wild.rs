//! Agents that others have published, each replaced by a file alone: `HAProxy`'s side is theirs, as far as the rules
//! and the SPOE file go. Written from the table of what they take and give, with timeouts for a busy machine.

use std::{fs, net::IpAddr, path::Path};

use spoa_integration::{Config, Engine, HttpClient, Scratch, Version, on_every_haproxy};

use crate::{
    described,
    scene::{self, endpoint, shown},
};

/// An agent that was published.
struct Wild {
    name: &'static str,
    /// Lines of its spoe-agent section beside those that all have, then its messages.
    spoe: &'static str,
    /// What haproxy.cfg does.
    rules: &'static [&'static str],
    /// The variables that the test looks at.
    shown: &'static [&'static str],
    /// The file that replaces it.
    file: &'static str,
    asks: &'static [Ask],
}

/// A request, and what becomes of it.
struct Ask {
    /// Where the client is; behind a comma the value of the header `foo`.
    from: &'static str,
    path: &'static str,
    /// 0 if HAProxy closes the connection.
    status: u16,
    shown: &'static [&'static str],
}

const fn ask(
    from: &'static str,
    path: &'static str,
    status: u16,
    shown: &'static [&'static str],
) -> Ask {
    Ask { from, path, status, shown }
}

const GOOD: &str = "127.0.0.1";
const BAD: &str = "127.0.0.2";

/// Scores as those agents have them.
const SCORES: &str = "address,score\n127.0.0.1,90\n127.0.0.2,10\n";

const WILD: &[Wild] = &[
    Wild {
        name: "SPOE.txt: a score of the address, by its name",
        spoe: "messages get-ip-reputation\noption var-prefix iprep\n\
               spoe-message get-ip-reputation\nargs ip=src\nevent on-client-session",
        rules: &["tcp-request content reject if { var(sess.iprep.ip_score) -m int lt 20 }"],
        shown: &["var(sess.iprep.ip_score)"],
        file: "[data.scores]\nkind = 'ip-list'\nfile = 'scores.csv'\ncolumns = { address = 'address', score = 'score' }\n\
               [handler.reputation]\nkind = 'ip-reputation'\ndata = 'scores'\ndefault_score = 50\n\
               set = { 'sess.ip_score' = 'score' }\n\
               [message.get-ip-reputation]\nrun = ['reputation']\n",
        asks: &[
            ask(GOOD, "/", 200, &["90"]),
            ask(BAD, "/", 0, &[]),
            ask("127.0.0.3", "/", 200, &["50"]),
        ],
    },
    Wild {
        name: "spoa_example in C: a score, of an address without a name",
        spoe: "messages check-client-ip\noption var-prefix iprep\n\
               spoe-message check-client-ip\nargs src\nevent on-client-session",
        rules: &["tcp-request content reject if { var(sess.iprep.ip_score) -m int lt 20 }"],
        shown: &["var(sess.iprep.ip_score)"],
        file: "[handler.reputation]\nkind = 'rules'\nrules = [\n\
                 { if = \"ip == ip('127.0.0.2')\", set = { ip_score = 10 } },\n\
                 { if = 'true', set = { ip_score = 60 } },\n]\n\
               set = { 'sess.ip_score' = 'ip_score' }\n\
               [message.check-client-ip]\nrun = ['reputation']\nargs = { ip = '$1' }\n",
        asks: &[ask(GOOD, "/", 200, &["60"]), ask(BAD, "/", 0, &[])],
    },
    Wild {
        name: "the one in .NET: a score for the front page alone",
        spoe: "messages check-client-ip\noption var-prefix iprep\n\
               spoe-message check-client-ip\nargs ip=src\nevent on-frontend-http-request if { path / }",
        rules: &[],
        shown: &["var(sess.iprep.ip_score)"],
        file: "[handler.score]\nkind = 'rules'\nrules = [\n\
                 { if = \"ip == ip('127.0.0.2')\", set = { value = 20 } },\n\
                 { if = 'true', set = { value = 10 } },\n]\n\
               set = { 'sess.ip_score' = 'value' }\n\
               [message.check-client-ip]\nrun = ['score']\n",
        asks: &[
            ask(GOOD, "/", 200, &["10"]),
            ask(BAD, "/", 200, &["20"]),
            ask(GOOD, "/x", 200, &[""]),
        ],
    },
    Wild {
        name: "haproxytech's in .NET: a message and an argument of its own",
        spoe: "messages my-message-name\noption var-prefix iprep\n\
               spoe-message my-message-name\nargs ip=src anotherarg=str(abc)\nevent on-frontend-http-request if { path / }",
        rules: &[],
        shown: &["var(sess.iprep.ip_score)"],
        file: "[handler.score]\nkind = 'set'\nwhen = \"anotherarg == 'abc'\"\nvalues = { value = 77 }\n\
               set = { 'sess.ip_score' = 'value' }\n\
               [message.my-message-name]\nrun = ['score']\nargs = { anotherarg = 'anotherarg' }\n",
        asks: &[ask(GOOD, "/", 200, &["77"])],
    },
    Wild {
        name: "the one in PHP: the variable is `score`",
        spoe: "messages get-ip-reputation\noption var-prefix iprep\n\
               spoe-message get-ip-reputation\nargs ip=src\nevent on-client-session",
        rules: &["http-response set-header x-high yes if { var(sess.iprep.score) -m int gt 20 }"],
        shown: &["var(sess.iprep.score)", "res.hdr(x-high)"],
        file: "[data.scores]\nkind = 'ip-list'\nfile = 'scores.csv'\ncolumns = { address = 'address', score = 'score' }\n\
               [handler.reputation]\nkind = 'ip-reputation'\ndata = 'scores'\nset = { 'sess.score' = 'score' }\n\
               [message.get-ip-reputation]\nrun = ['reputation']\n",
        asks: &[ask(GOOD, "/", 200, &["90"]), ask(BAD, "/", 200, &["10"])],
    },
    Wild {
        name: "the one in Kotlin: the argument is `src`",
        spoe: "messages check-client-ip\noption var-prefix iprep\n\
               spoe-message check-client-ip\nargs src=src\nevent on-client-session",
        rules: &[],
        shown: &["var(sess.iprep.ip_score)"],
        file: "[data.scores]\nkind = 'ip-list'\nfile = 'scores.csv'\ncolumns = { address = 'address', score = 'score' }\n\
               [handler.reputation]\nkind = 'ip-reputation'\ndata = 'scores'\nargs = { ip = 'src' }\n\
               set = { 'sess.ip_score' = 'score' }\n\
               [message.check-client-ip]\nrun = ['reputation']\n",
        asks: &[ask(GOOD, "/", 200, &["90"])],
    },
    Wild {
        name: "csdn: the address is a text in a header",
        spoe: "messages get-ip-reputation\noption var-prefix iprep\n\
               spoe-message get-ip-reputation\nargs ip=req.hdr(foo)\nevent on-frontend-http-request",
        rules: &["http-request return status 403 if { var(txn.iprep.ip_score) -m int lt 20 }"],
        shown: &["var(txn.iprep.ip_score)"],
        file: "[data.scores]\nkind = 'ip-list'\nfile = 'scores.csv'\ncolumns = { address = 'address', score = 'score' }\n\
               [handler.reputation]\nkind = 'ip-reputation'\ndata = 'scores'\n\
               set = { ip_score = { from = 'score', default = '50' } }\n\
               [message.get-ip-reputation]\nrun = ['reputation']\n",
        asks: &[
            ask("127.0.0.1,127.0.0.1", "/", 200, &["90"]),
            ask("127.0.0.1,127.0.0.2", "/", 403, &["10"]),
            ask("127.0.0.1,no address", "/", 200, &["50"]),
            ask(GOOD, "/", 200, &["50"]),
        ],
    },
    Wild {
        name: "spop: a request is logged, and gets a text back",
        spoe: "messages check-client-ip log-request\noption var-prefix spop\noption continue-on-error\n\
               spoe-message check-client-ip\nargs ip=src\nevent on-client-session\n\
               spoe-message log-request\nargs ip=src country=hdr(x-country) user_agent=hdr(user-agent)\n\
               event on-frontend-http-request",
        rules: &["http-after-response set-header x-mine %[var(txn.spop.my_var)]"],
        shown: &["var(sess.spop.ip_score)", "var(txn.spop.my_var)"],
        file: "[handler.score]\nkind = 'set'\nvalues = { value = 42 }\nset = { 'sess.ip_score' = 'value' }\n\
               [handler.answer]\nkind = 'set'\nvalues = { text = 'tequila' }\nset = { my_var = 'text' }\n\
               [handler.log]\nkind = 'audit'\nfile = 'requests.jsonl'\nkeep = ['ip', 'country', 'user_agent']\n\
               [message.check-client-ip]\nrun = ['score']\n\
               [message.log-request]\nrun = ['answer', 'log']\nargs = { country = 'country', user_agent = 'user_agent' }\n",
        asks: &[ask(GOOD, "/", 200, &["42", "tequila"])],
    },
    Wild {
        name: "WebFail2Ban: who comes too often is banned",
        spoe: "messages check-ip\noption var-prefix ip\noption set-on-error error\n\
               spoe-message check-ip\nargs src_ip=src\nevent on-client-session if TRUE",
        rules: &["http-request deny if { var(txn.ip.banned) -m int 1 }"],
        shown: &["var(txn.ip.banned)"],
        file: "[handler.jail]\nkind = 'ban'\nkey = 'src_ip'\ncount = 'true'\nthreshold = 3\nwindow = '1h'\nlasts = '1h'\n\
               set = { banned = { from = 'banned', type = 'int' } }\n\
               [message.check-ip]\nrun = ['jail']\nunanswered = 'allow'\n\
               args = { src_ip = { from = 'src_ip', type = 'ip' } }\n",
        asks: &[
            ask(BAD, "/", 200, &["0"]),
            ask(BAD, "/", 200, &["0"]),
            ask(BAD, "/", 403, &["1"]),
            ask(GOOD, "/", 200, &["0"]),
        ],
    },
    Wild {
        name: "firehol's: lists of bad addresses, by a group",
        spoe: "groups check\noption var-prefix fh\noption pipelining\n\
               spoe-message check-client-ip\nargs ip=src\n\
               spoe-group check\nmessages check-client-ip",
        rules: &[
            "http-request send-spoe-group wild check",
            "http-request deny if { var(sess.fh.ip_bad) -m int eq 1 }",
        ],
        shown: &["var(sess.fh.ip_bad)"],
        file: "[data.firehol]\nkind = 'ip-list'\nfile = 'firehol.netset'\n\
               [handler.firehol]\nkind = 'ip-reputation'\ndata = 'firehol'\nset = { 'sess.ip_bad' = 'listed' }\n\
               [message.check-client-ip]\nrun = ['firehol']\n",
        asks: &[ask(GOOD, "/", 200, &["0"]), ask(BAD, "/", 403, &["1"])],
    },
    Wild {
        name: "geoip-spoa: the network of the client decides",
        spoe: "groups geoip\noption var-prefix geoip\n\
               spoe-message geoip-lookup\nargs ip=req.hdr_ip(foo)\n\
               spoe-group geoip\nmessages geoip-lookup",
        rules: &[
            "http-request send-spoe-group wild geoip",
            "http-request deny if { req.hdr(foo) -m found } !{ var(txn.geoip.asn) -m int eq 1221 }",
        ],
        shown: &[
            "var(txn.geoip.asn)",
            "var(txn.geoip.org)",
            "var(txn.geoip.country)",
            "var(txn.geoip.city)",
        ],
        file: "[data.geo]\nkind = 'mmdb'\nfiles = ['GeoLite2-ASN-Test.mmdb', 'GeoIP2-City-Test.mmdb']\n\
               [handler.geo]\nkind = 'geoip'\ndata = 'geo'\n\
               set = { asn = 'asn', org = { from = 'as_org', default = '' }, country = { from = 'country', default = '' }, city = { from = 'city', default = '' } }\n\
               [message.geoip-lookup]\nrun = ['geo']\n",
        asks: &[
            ask("127.0.0.1,1.128.0.1", "/", 200, &["1221", "Telstra Pty Ltd", "", ""]),
            ask("127.0.0.1,81.2.69.142", "/", 403, &["", "", "GB", "London"]),
            ask(GOOD, "/", 200, &["", "", "", ""]),
        ],
    },
    Wild {
        name: "maxmind of haproxy-spoa-hub: any path of any database, under any name",
        spoe: "groups geo\noption var-prefix maxmind\n\
               spoe-message geoip-enrich\nargs ip=req.hdr_ip(foo)\n\
               spoe-group geo\nmessages geoip-enrich",
        rules: &[
            "http-request send-spoe-group wild geo",
            "http-request deny if { var(txn.maxmind.client_country) -m str RU GB }",
        ],
        shown: &["var(txn.maxmind.client_country)", "var(txn.maxmind.zone)"],
        file: "[data.geo]\nkind = 'mmdb'\nfile = 'GeoIP2-City-Test.mmdb'\n\
               [handler.geo]\nkind = 'geoip'\ndata = 'geo'\nlookups = { zone = 'location.time_zone' }\n\
               set = { client_country = 'country', zone = 'zone' }\n\
               [message.geoip-enrich]\nrun = ['geo']\n",
        asks: &[
            ask("127.0.0.1,81.2.69.142", "/", 403, &["GB", "Europe/London"]),
            ask("127.0.0.1,89.160.20.112", "/", 200, &["SE", "Europe/Stockholm"]),
        ],
    },
    Wild {
        name: "krrg: a text of an address and a host",
        spoe: "messages earth-to-mars\noption var-prefix mars\n\
               spoe-message earth-to-mars\nargs src=src req_host=req.hdr(foo)\nevent on-frontend-http-request",
        rules: &["http-after-response set-header x-from %[var(txn.mars.transmission_src)]"],
        shown: &["var(txn.mars.transmission_src)"],
        file: "[handler.mars]\nkind = 'set'\nvalues = { text = 'earth {src} to {req_host}' }\n\
               set = { transmission_src = 'text' }\n\
               [message.earth-to-mars]\nrun = ['mars']\nargs = { src = 'src', req_host = { from = 'req_host', default = 'mars' } }\n",
        asks: &[
            ask("127.0.0.1,olympus", "/", 200, &["earth 127.0.0.1 to olympus"]),
            ask(BAD, "/", 200, &["earth 127.0.0.2 to mars"]),
        ],
    },
    Wild {
        name: "spoe-forge: a variable of the request, unless it is for the icon",
        spoe: "messages test-ping\noption var-prefix forge\n\
               spoe-message test-ping\nacl is_favicon path /favicon.ico\nargs ua=req.hdr(foo)\n\
               event on-frontend-http-request if !is_favicon",
        rules: &["http-request set-var(txn.arg) var(req.forge.spoe_arg)"],
        shown: &["var(txn.arg)"],
        file: "[handler.ping]\nkind = 'set'\nvalues = { text = 'ua was: {ua}' }\nset = { 'req.spoe_arg' = 'text' }\n\
               [message.test-ping]\nrun = ['ping']\n",
        asks: &[
            ask("127.0.0.1,curl", "/", 200, &["ua was: curl"]),
            ask(GOOD, "/", 200, &["ua was:"]),
            ask("127.0.0.1,curl", "/favicon.ico", 200, &[""]),
        ],
    },
    Wild {
        name: "haproxy-go: the agent writes the body",
        spoe: "messages engine-req\noption var-prefix e\n\
               spoe-message engine-req\nargs id=unique-id method=method path=path query=query version=req.ver \
               headers=req.hdrs body=req.body ip=src\nevent on-frontend-http-request",
        rules: &[
            "http-request return status 200 content-type text/plain lf-string %[var(txn.e.body)] if { var(txn.e.body) -m found }",
        ],
        shown: &["var(txn.e.body)"],
        file: "[handler.page]\nkind = 'set'\nvalues = { text = '{method} {path}?{query} of {ip}' }\nset = { body = 'text' }\n\
               [message.engine-req]\nrun = ['page']\n",
        asks: &[ask(GOOD, "/a?b=1", 200, &["GET /a?b=1 of 127.0.0.1"])],
    },
    Wild {
        name: "decision: texts for a yes, and what the rules return",
        spoe: "groups decide\noption var-prefix d\n\
               spoe-message decide_request\nargs src=src path=path ua=req.hdr(foo)\n\
               spoe-group decide\nmessages decide_request",
        rules: &[
            "http-request send-spoe-group wild decide",
            "http-request deny deny_status 429 if { var(txn.d.deny) -m str -i true }",
        ],
        shown: &["var(txn.d.reason)", "var(txn.d.deny)"],
        file: "[handler.policy]\nkind = 'rules'\nrules = [\n\
                 { if = \"ua.contains('bot')\", set = { is_denied = true, why = 'rate_bot' } },\n\
                 { if = 'true', set = { is_denied = false, why = 'default' } },\n]\n\
               set = { deny = { from = 'is_denied', type = 'text' }, reason = 'why' }\n\
               [message.decide_request]\nrun = ['policy']\n",
        asks: &[
            ask("127.0.0.1,a bot", "/", 429, &["rate_bot", "true"]),
            ask(GOOD, "/", 200, &["default", "false"]),
        ],
    },
];

/// The files that these agents look into.
fn data(folder: &Path) {
    fs::write(folder.join("scores.csv"), SCORES).unwrap();
    fs::write(folder.join("firehol.netset"), "# bad\n127.0.0.2\n192.0.2.0/24\n").unwrap();
    let databases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../agent/handlers/tests/mmdb");
    for name in ["GeoLite2-ASN-Test.mmdb", "GeoIP2-City-Test.mmdb"] {
        fs::copy(databases.join(name), folder.join(name)).unwrap();
    }
}

async fn serves(wild: &Wild, version: Version) {
    let scratch = Scratch::new().unwrap();
    data(scratch.path());
    let agent = scene::agent(described::registry(scratch.path(), wild.file)).await;
    let spoe = format!(
        "[wild]\nspoe-agent wild\nuse-backend wild-agents\nlog global\ntimeout hello 2s\n\
         timeout idle 2m\ntimeout processing 10s\n{}\n",
        wild.spoe
    );
    let engine = Engine::new("wild").text(spoe).agent(endpoint(&agent));
    let config = Config::new(version).engine(engine);
    let config = wild.rules.iter().fold(config, |config, rule| config.frontend(rule));
    let shows = wild.shown.iter().enumerate().fold(config, |config, (at, what)| {
        config.frontend(&format!("http-after-response set-header x-{at} \"%[{what}]\""))
    });
    let haproxy = scene::start(shows.frontend(scene::ANSWER)).await;
    for ask in wild.asks {
        let (from, header) =
            ask.from.split_once(',').map_or((ask.from, None), |(f, h)| (f, Some(h)));
        let from: IpAddr = from.parse().unwrap();
        let http = HttpClient::from(from, haproxy.http().address()).unwrap();
        let answer = match header {
            Some(value) => http.get_with(ask.path, "foo", value).await,
            None => http.get(ask.path).await,
        };
        let asked = format!("{}: {} {} {version:?}", wild.name, ask.from, ask.path);
        if ask.status == 0 {
            assert!(answer.is_err(), "{asked}: {answer:?}");
            continue;
        }
        let answer = answer.unwrap();
        assert_eq!(answer.status, ask.status, "{asked}");
        let shown = shown(&answer);
        assert_eq!(shown[..ask.shown.len()], *ask.shown, "{asked}");
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn a_published_agent_is_replaced_by_a_file_alone(version: Version) {
        for wild in WILD {
            serves(wild, version).await;
        }
    }
}
