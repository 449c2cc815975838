//! Lists, databases and tables of a file, behind real HAProxy: what they find and decide, and what happens when they
//! cannot say; and published configurations of agents for addresses, with their side of HAProxy as it is.

use std::fs;
use std::path::Path;

use reqwest::{Method, RequestBuilder};
use spoa_integration::{
    Config, Engine, Scratch, SpoaAgent, SpoaAgentOptions, on_every_haproxy, until,
};

use crate::scene::{self, ANSWER, REQUEST, SOON};

const FILE: &str = r#"
[data.lists]
kind = "ip-list"
files = "*.netset"
every = "100ms"

[data.later]
kind = "ip-list"
file = "later.txt"
optional = true
every = "100ms"

[data.geo]
kind = "mmdb"
files = ["GeoIP2-City-Test.mmdb", "GeoLite2-ASN-Test.mmdb"]

[data.tenants]
kind = "table"
file = "tenants.csv"
key = "host"
match = "domain"
columns = { backend = "text", limit = "int", is_closed = "bool" }

[handler.bad]
kind = "ip-reputation"
data = "lists"
deny = "score >= 80 && !('office' in tags)"

[handler.geo]
kind = "geoip"
data = "geo"
deny = "country == 'JP' || asn == 1221"
status = 451

[handler.tenant]
kind = "lookup"
data = "tenants"
key = "host"
default = { backend = "web" }
deny = "is_closed"
status = 410

[handler.strict]
kind = "ip-reputation"
when = "path == '/strict'"
data = "later"
on_error = "deny"

[message.check-request]
run = [["bad", "geo", "tenant"], "strict"]
deadline = "5s"
unanswered = "deny"
"#;

const ARGS: &str = "ip=req.hdr_ip(x-client) host=req.hdr(x-tenant) path=path";

const RULES: &[&str] = &[
    "http-request return status 503 if { var(txn.t.error) -m found }",
    "http-request return status 451 if { var(txn.t.action) -m str deny } { var(txn.t.status) -m int 451 }",
    "http-request return status 410 if { var(txn.t.action) -m str deny } { var(txn.t.status) -m int 410 }",
    "http-request deny if { var(txn.t.action) -m str deny }",
    ANSWER,
];

const SHOWN: &[&str] = &[
    "var(txn.t.reason)",
    "var(txn.t.by)",
    "var(txn.t.bad.tags)",
    "var(txn.t.geo.city)",
    "var(txn.t.tenant.backend)",
    "var(txn.t.tenant.limit)",
    "var(txn.t.bad.error)",
    "var(txn.t.geo.error)",
    "var(txn.t.tenant.error)",
];

/// What stands in front of a test: a folder with the databases.
fn folder() -> Scratch {
    let folder = Scratch::new().unwrap();
    let databases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../agent/handlers/tests/mmdb");
    for name in ["GeoIP2-City-Test.mmdb", "GeoLite2-ASN-Test.mmdb"] {
        fs::copy(databases.join(name), folder.join(name)).unwrap();
    }
    folder
}

/// The agent as a program, with this file.
async fn agent(folder: &Scratch, name: &str, file: &str) -> SpoaAgent {
    let path = folder.write(name, file).unwrap();
    let options = format!("--worker-threads 1 --config {}", path.display());
    SpoaAgentOptions::default().options(&options).start().await.unwrap()
}

/// A request: client, tenant and path; and its answer: a status, and what is shown of it.
type Case = ((&'static str, &'static str, &'static str), u16, [&'static str; 9]);

const CASES: &[Case] = &[
    (("81.2.69.142", "www.Example.com", "/"), 200, ["", "", "", "London", "shop", "7", "", "", ""]),
    (("192.0.2.7", "", "/"), 403, ["listed", "bad", "scanner,tor", "", "", "", "", "", "no_key"]),
    (("192.0.2.8", "else", "/"), 200, ["", "", "office,scanner,tor", "", "web", "", "", "", ""]),
    (("2001:218::1", "", "/"), 451, ["country", "geo", "", "", "", "", "", "", "no_key"]),
    (("1.128.0.0", "", "/"), 451, ["country", "geo", "", "", "", "", "", "", "no_key"]),
    (("10.0.0.1", "example.org", "/"), 410, ["row", "tenant", "", "", "blog", "", "", "", ""]),
    (("", "example.com", "/"), 200, ["", "", "", "", "shop", "7", "no_address", "no_address", ""]),
    (("none", "' || 'a", "/"), 200, ["", "", "", "", "web", "", "no_address", "no_address", ""]),
    (("10.0.0.1", "", "/strict"), 403, ["failed", "strict", "", "", "", "", "", "", "no_key"]),
];

on_every_haproxy! {
    #[actix_rt::test]
    async fn lists_databases_and_tables_of_a_file_decide_in_one_chain(version: Version) {
        let folder = folder();
        folder.write("a.netset", "# bad\n192.0.2.0/24 90 scanner,tor\n").unwrap();
        folder.write("b.netset", "192.0.2.8 95 office\n").unwrap();
        folder.write("tenants.csv", "host,backend,limit,is_closed\nexample.com,shop,7,\nexample.org,blog,,true\n").unwrap();
        let agent = agent(&folder, "agent.toml", FILE).await;
        let engine = scene::engine(&agent).message("check-request", ARGS, REQUEST);
        let config = Config::new(version).engine(engine);
        let config = RULES.iter().fold(config, |config, rule| config.frontend(rule));
        let haproxy = scene::start(scene::showing(config, SHOWN)).await;
        let http = haproxy.http();
        for ((client, tenant, path), status, expected) in CASES {
            let headers = [("x-client", *client), ("x-tenant", *tenant)];
            let headers = headers.into_iter().filter(|(_, value)| !value.is_empty());
            let with = |request| headers.fold(request, |request: RequestBuilder, (name, value)| request.header(name, value));
            let answer = http.send(Method::GET, path, with).await.unwrap();
            let shown = scene::shown(&answer);
            assert_eq!((answer.status, &shown[..]), (*status, &expected[..]), "{client} {tenant} {path}");
        }

        // The operator adds files, and the agent goes on without a restart.
        folder.write("more.netset", "81.2.69.0/24 80\n").unwrap();
        folder.write("later.txt", "198.51.100.1\n").unwrap();
        let denied = async || {
            let british = http.get_with("/", "x-client", "81.2.69.142").await.unwrap();
            let strict = http.get_with("/strict", "x-client", "10.0.0.1").await.unwrap();
            (british.status == 403 && strict.status == 200).then_some(())
        };
        until("the new lists are in use", SOON, denied).await.unwrap();
    }
}

/// A published configuration, as the page has it.
struct Published {
    /// Whose it is.
    heading: String,
    /// The name of the message, its arguments and its event; without an event, a group sends it.
    message: [String; 3],
    /// The file that answers it.
    file: String,
}

/// What rules look at, and what they find: `PREFIX` is the engine's.
type Asked = &'static [(&'static str, &'static str)];

/// By the headings of the page.
const ASKED: &[(&str, Asked)] = &[
    ("Scores by name, as in SPOE.txt", &[("var(sess.PREFIX.ip_score)", "20")]),
    ("Scores by position, as in spoa_example", &[("var(sess.PREFIX.ip_score)", "20")]),
    ("A position among others, as in spoa_server", &[("var(sess.PREFIX.ip_score)", "20")]),
    ("Banned or not, as in WebFail2Ban", &[("var(txn.PREFIX.banned),add(1)", "1")]),
    ("FireHOL's lists", &[("var(sess.PREFIX.ip_bad)", "1")]),
    (
        "geoip-spoa",
        &[
            ("var(txn.PREFIX.country)", "GB"),
            ("var(txn.PREFIX.city)", "London"),
            ("var(txn.PREFIX.continent)", "EU"),
            ("var(txn.PREFIX.org),length", "0"),
        ],
    ),
    (
        "Any value of a database, as in haproxy-spoa-hub",
        &[
            ("var(txn.PREFIX.COUNTRY)", "GB"),
            ("var(txn.PREFIX.timezone)", "Europe/London"),
            ("var(txn.PREFIX.accuracy),add(1)", "11"),
        ],
    ),
];

/// Words of a page, and what stands there in others.
type Words = &'static [(&'static str, &'static str)];

/// Others that send what one of the page's agents gets, by its heading: the words that differ.
const ALIKE: &[(&str, Words, Asked)] = &[
    (
        "Scores by name, as in SPOE.txt",
        &[("ip_score", "score")],
        &[("var(sess.PREFIX.score)", "20")],
    ),
    (
        "Scores by name, as in SPOE.txt",
        &[
            ("get-ip-reputation", "check-client-ip"),
            ("ip=src", "src=src"),
            ("default_score", "args = { ip = \"src\" }\ndefault_score"),
        ],
        &[("var(sess.PREFIX.ip_score)", "20")],
    ),
    (
        "Scores by name, as in SPOE.txt",
        &[("ip=src", "ip=req.hdr(foo)"), ("on-client-session", REQUEST)],
        &[("var(sess.PREFIX.ip_score)", "90")],
    ),
    (
        "Scores by name, as in SPOE.txt",
        &[
            ("get-ip-reputation", "my-message-name"),
            ("ip=src", "ip=src anotherarg=str(abc)"),
            ("on-client-session", REQUEST),
        ],
        &[("var(sess.PREFIX.ip_score)", "20")],
    ),
];

/// What the page shows below its headings.
fn published() -> Vec<Published> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/coming-from/address-agents.md");
    let page = fs::read_to_string(path).unwrap();
    let parts = page.split("\n## ").skip(1);
    parts.map(Published::of).collect()
}

impl Published {
    fn of(part: &str) -> Self {
        let block = |kind: &str| {
            let (_, rest) = part.split_once(&format!("```{kind}\n")).unwrap();
            rest.split_once("```").unwrap().0
        };
        let line = |begin: &str| {
            let mut lines = block("haproxy").lines().map(str::trim);
            lines.find_map(|line| line.strip_prefix(begin)).unwrap_or_default().to_owned()
        };
        Self {
            heading: part.lines().next().unwrap().to_owned(),
            message: [line("spoe-message "), line("args "), line("event ")],
            file: block("toml").to_owned(),
        }
    }

    /// The same with other words.
    fn with(&self, words: &[(&str, &str)]) -> Self {
        let replace = |text: &String| {
            words.iter().fold(text.clone(), |text, (from, to)| text.replace(from, to))
        };
        let message = self.message.each_ref().map(replace);
        Self { heading: self.heading.clone(), message, file: replace(&self.file) }
    }

    fn engine(&self, name: &str, agent: &SpoaAgent) -> Engine {
        let [message, args, event] = &self.message;
        let engine = Engine::new(name).agent(agent).timeout_processing(SOON);
        let engine = engine.message(message, args, event);
        if event.is_empty() { engine.group("ask", message) } else { engine }
    }
}

/// What the page shows and what is like it, with what is asked.
fn all() -> Vec<(Published, Asked)> {
    let page = published();
    let of = |heading: &str| page.iter().find(|own| own.heading == heading).unwrap();
    let alike = ALIKE.iter().map(|(heading, words, asked)| (of(heading).with(words), *asked));
    let shown = ASKED.iter().map(|(heading, asked)| (of(heading).with(&[]), *asked));
    assert_eq!(page.len(), ASKED.len());
    shown.chain(alike).collect()
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn published_agents_for_addresses_are_replaced_by_a_file_alone(version: Version) {
        let folder = folder();
        folder.write("scores.txt", "127.0.0.0/8 20\n192.0.2.7 90\n").unwrap();
        folder.write("banned.txt", "192.0.2.7\n").unwrap();
        fs::create_dir(folder.join("attacks")).unwrap();
        folder.write("attacks/local.netset", "127.0.0.0/8\n").unwrap();
        let (mut config, mut agents) = (Config::new(version), Vec::new());
        let (mut shown, mut expected) = (Vec::new(), Vec::new());
        for (number, (published, asked)) in all().into_iter().enumerate() {
            let name = format!("e{number}");
            let agent = agent(&folder, &format!("{name}.toml"), &published.file).await;
            config = config.engine(published.engine(&name, &agent));
            agents.push(agent);
            if published.message[2].is_empty() {
                config = config.frontend(&format!("http-request send-spoe-group {name} ask"));
            }
            for (asked, answer) in asked {
                shown.push(asked.replace("PREFIX", &name));
                expected.push(format!("{}: {answer}", shown[shown.len() - 1]));
            }
        }
        let config = config.frontend(ANSWER);
        let config = shown.iter().enumerate().fold(config, |config, (at, shown)| {
            config.frontend(&format!("http-after-response set-header x-{at} \"%[{shown}]\""))
        });
        let haproxy = scene::start(config).await;
        let with = |request: RequestBuilder| request.header("foo", "192.0.2.7").header("x-client", "81.2.69.142");
        let answer = haproxy.http().send(Method::GET, "/", with).await.unwrap();
        let got = shown.iter().zip(scene::shown(&answer));
        let got: Vec<_> = got.map(|(shown, got)| format!("{shown}: {got}")).collect();
        assert_eq!(got, expected);
    }
}
