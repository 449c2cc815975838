//! Chains: what handlers see of each other, what they decide, and what HAProxy gets.

use std::{net::IpAddr, path::Path};

use spoa_actors::{Action, Actions, Message, TypedData};
use spoa_handlers::{
    chain::{Chain, chains},
    configuration::{self, Configuration},
    file::{Loaded, Reading, load, load_text},
    finding::Report,
    kinds::KINDS,
    resource::{ResourcePlan, Resources},
};

use crate::{broken_files::environment, snapshots};

/// The chain of the message `m`, and what is said about the file.
fn read(mut loaded: Loaded) -> (Option<Chain>, String) {
    let configuration = Configuration::read(&mut loaded);
    let Loaded { document, sources, findings } = &mut loaded;
    let mut reading = Reading { document, sources, findings };
    let resources =
        Resources::without_loading(ResourcePlan::read(&configuration.secrets, &mut reading));
    let mut chains = chains(&configuration.messages, KINDS, &resources, &mut reading);
    (chains.remove("m"), Report::new(&loaded.findings, &loaded.sources).to_string())
}

/// The chain of a file that is right.
fn chain(text: &str) -> Chain {
    let (chain, said) = read(load_text(Path::new("chain.toml"), text, &environment));
    assert_eq!(said, "");
    chain.unwrap()
}

/// The variables that HAProxy gets, as `scope.name=value`; what is unset has no `=`.
fn gets(chain: &Chain, message: &Message) -> Vec<String> {
    let mut actions = Actions::new();
    chain.run(&message.as_ref(), &mut actions).unwrap();
    shown(&actions)
}

pub(crate) fn shown(actions: &Actions) -> Vec<String> {
    let shown = actions.iter().map(|action| match action {
        Action::SetVar { scope, name, value } => {
            let value = match value {
                TypedData::String(text) => String::from_utf8_lossy(text).into_owned(),
                other => format!("{other:?}"),
            };
            format!("{scope}.{}={value}", String::from_utf8_lossy(name))
        }
        Action::UnsetVar { scope, name } => format!("{scope}.{}", String::from_utf8_lossy(name)),
    });
    shown.collect()
}

fn request() -> Message {
    Message::new("m")
        .arg("ip", IpAddr::from([203, 0, 113, 7]))
        .arg("method", "GET")
        .arg("path", "/admin/users")
        .arg("query", TypedData::Null)
        .arg("body_size", 70_000)
}

const RULES: &str = r#"
[handler.shown]
kind = "set"
values = { version = 3, is_tested = true, note = "{method} {path} of {ip}", plan = "free" }

[handler.rules]
kind = "rules"
rules = [
    { if = "path == '/login'", then = "allow" },
    { if = "shown.plan == 'free' && body_size > 65536", then = "deny", status = 413, reason = "too_large" },
    { if = "true", then = "challenge", level = 2 },
]
"#;

#[test]
fn a_chain_ends_in_one_verdict() {
    let text =
        format!("{RULES}\n[message.m]\nrun = [\"shown\", \"rules\"]\nunanswered = \"deny\"\n");
    let chain = chain(&text);
    assert_eq!(
        gets(&chain, &request()),
        [
            "txn.action=deny",
            "txn.reason=too_large",
            "txn.by=rules",
            "txn.status=Int64(413)",
            "txn.level",
            "txn.shown.version=Int64(3)",
            "txn.shown.is_tested=Bool(true)",
            "txn.shown.note=GET /admin/users of 203.0.113.7",
            "txn.shown.plan=free",
        ]
    );
    let small = Message::new("m").arg("ip", "203.0.113.7").arg("method", "GET").arg("path", "/");
    assert_eq!(
        gets(&chain, &small)[..5],
        [
            "txn.action=challenge",
            "txn.reason=rule",
            "txn.by=rules",
            "txn.status",
            "txn.level=Int64(2)"
        ]
    );
    let login = Message::new("m").arg("path", "/login");
    let allowed = gets(&chain, &login);
    assert_eq!(allowed[..3], ["txn.action=allow", "txn.reason=rule", "txn.by=rules"]);
    // Without an address there is no note; the rest is there.
    assert!(!allowed.iter().any(|variable| variable.starts_with("txn.shown.note")), "{allowed:?}");
    assert!(allowed.contains(&"txn.shown.plan=free".to_owned()));
}

#[test]
fn without_a_decision_the_request_is_allowed_and_nothing_old_stays() {
    let chain = chain(
        "[handler.a]\nkind = 'rules'\nrules = { if = \"path == '/x'\", then = 'deny' }\n\
         [message.m]\nrun = ['a']\nunanswered = 'allow'\n",
    );
    let nothing = ["txn.action=allow", "txn.reason", "txn.by", "txn.status", "txn.level"];
    assert_eq!(gets(&chain, &request()), nothing);
    assert_eq!(gets(&chain, &Message::new("m")), nothing);
}

#[test]
fn handlers_side_by_side_do_not_see_each_other() {
    let file = |run: &str| {
        format!(
            "[handler.one]\nkind = 'set'\nvalues = {{ is = true }}\n\
             [handler.two]\nkind = 'rules'\nrules = {{ if = 'one.is', then = 'drop' }}\n\
             [message.m]\nrun = {run}\nunanswered = 'deny'\n"
        )
    };
    assert_eq!(gets(&chain(&file("['one', 'two']")), &request())[0], "txn.action=drop");
    let (chain, said) = read(load_text(Path::new("a"), &file("[['one', 'two']]"), &environment));
    assert!(chain.is_none());
    assert!(said.starts_with("error: there is no variable `one.is`"), "{said}");
}

#[test]
fn the_first_of_those_side_by_side_decides() {
    let rule = |name: &str, action: &str| {
        format!(
            "[handler.{name}]\nkind = 'rules'\nrules = {{ if = 'true', then = '{action}', reason = '{name}' }}\n"
        )
    };
    let text = format!(
        "{}{}{}[message.m]\nrun = [['b', 'a'], 'c']\nunanswered = 'allow'\n",
        rule("a", "deny"),
        rule("b", "tarpit"),
        rule("c", "drop")
    );
    let chain = chain(&text);
    assert_eq!(gets(&chain, &request())[..3], ["txn.action=tarpit", "txn.reason=b", "txn.by=b"]);
    let counts: Vec<_> =
        chain.counts().iter().map(|own| (own.name.clone(), own.run, own.decided)).collect();
    let expected = [("b", 1, 1), ("a", 1, 1), ("c", 0, 0)].map(|(n, r, d)| (n.to_owned(), r, d));
    assert_eq!(counts, expected);
}

#[test]
fn a_handler_runs_only_when_its_condition_holds() {
    let text = "[handler.a]\nkind = 'set'\nwhen = \"method == 'POST'\"\nvalues = { is = true }\n\
                [handler.b]\nkind = 'set'\nwhen = \"!a.is && !has(a.is)\"\nvalues = { was = 1 }\n\
                [handler.c]\nkind = 'set'\nmode = 'off'\nvalues = { never = 1 }\n\
                [message.m]\nrun = ['a', 'b', 'c']\n";
    let chain = chain(text);
    assert_eq!(gets(&chain, &request())[5..], ["txn.b.was=Int64(1)"]);
    assert_eq!(
        gets(&chain, &Message::new("m").arg("method", "POST"))[5..],
        ["txn.a.is=Bool(true)"]
    );
    let skipped: Vec<_> = chain.counts().iter().map(|own| own.skipped).collect();
    assert_eq!(skipped, [1, 1, 0]);
}

#[test]
fn a_handler_that_observes_decides_nothing() {
    let text = "[handler.a]\nkind = 'rules'\nmode = 'observe'\nrules = { if = 'true', then = 'deny' }\n\
                [message.m]\nrun = ['a']\n";
    let chain = chain(text);
    assert_eq!(gets(&chain, &request())[0], "txn.action=allow");
    assert_eq!((chain.counts()[0].observed, chain.counts()[0].decided), (1, 0));
}

#[test]
fn a_handler_that_cannot_say_does_what_its_section_says() {
    for (on_error, mode, expected) in [
        ("skip", "enforce", ["txn.action=allow", "txn.reason"]),
        ("allow", "enforce", ["txn.action=allow", "txn.reason=failed"]),
        ("deny", "enforce", ["txn.action=deny", "txn.reason=failed"]),
        ("deny", "observe", ["txn.action=allow", "txn.reason"]),
    ] {
        for failing in [
            "rules = { if = 'ip.isLoopback()', then = 'drop' }",
            "when = 'ip.isLoopback()'\nrules = { if = 'true', then = 'drop' }",
        ] {
            let text = format!(
                "[handler.a]\nkind = 'rules'\non_error = '{on_error}'\nmode = '{mode}'\n{failing}\n\
                 [message.m]\nrun = ['a']\nunanswered = 'allow'\n"
            );
            let chain = chain(&text);
            assert_eq!(gets(&chain, &Message::new("m"))[..2], expected, "{on_error} {failing}");
            assert_eq!(chain.counts()[0].failed, 1);
            assert_eq!(
                gets(&chain, &Message::new("m").arg("ip", "127.0.0.1"))[..1],
                [if mode == "observe" { "txn.action=allow" } else { "txn.action=drop" }]
            );
        }
    }
}

#[test]
fn a_handler_that_only_finds_decides_nothing_by_on_error_either() {
    let text = "[handler.a]\nkind = 'rules'\non_error = 'deny'\nthen = 'continue'\n\
                rules = { if = 'ip.isLoopback()', then = 'drop' }\n\
                [handler.b]\nkind = 'rules'\non_error = 'deny'\nmode = 'observe'\n\
                rules = { if = 'ip.isLoopback()', then = 'drop' }\n\
                [message.m]\nrun = ['a', 'b']\nunanswered = 'deny'\n";
    let chain = chain(text);
    assert_eq!(gets(&chain, &Message::new("m"))[0], "txn.action=allow");
    let counts = chain.counts();
    assert_eq!((counts[0].failed, counts[1].failed, counts[1].observed), (1, 1, 1));
}

#[test]
fn variables_go_out_under_the_names_that_the_file_says() {
    let set = |set: &str| {
        let text = format!(
            "[handler.a]\nkind = 'set'\nvalues = {{ x = 1, y = 'two' }}\n{set}\n[message.m]\nrun = ['a']\n"
        );
        gets(&chain(&text), &request())[5..].to_vec()
    };
    assert_eq!(set(""), ["txn.a.x=Int64(1)", "txn.a.y=two"]);
    assert_eq!(set("set = ['y']"), ["txn.a.y=two"]);
    assert_eq!(set("set = 'none'"), [""; 0]);
    assert_eq!(
        set("set = { \"sess.ip_score\" = 'x', fail = 'y' }"),
        ["sess.ip_score=Int64(1)", "txn.fail=two"]
    );
}

#[test]
fn arguments_come_by_name_by_position_and_out_of_texts() {
    let shown = |args: &str, value: &str, message: Message| {
        let text = format!(
            "[handler.a]\nkind = 'set'\nvalues = {{ x = '{{{value}}}' }}\n\
             [message.m]\nrun = ['a']\nargs = {args}\n"
        );
        gets(&chain(&text), &message)[5..].join(" ")
    };
    let ip = IpAddr::from([192, 0, 2, 1]);
    let unnamed = || Message::new("m").arg("", "first").arg("n", 1).arg("", ip);
    assert_eq!(shown("{ ip = '$2' }", "ip", unnamed()), "txn.a.x=192.0.2.1");
    assert_eq!(shown("{ ip = '$3' }", "ip", unnamed()), "");
    assert_eq!(shown("{ ip = ['src-ip', '$1', '$2'] }", "ip", unnamed()), "txn.a.x=192.0.2.1");
    let other = "{ who = { from = 'n', type = 'int', default = 7 } }";
    assert_eq!(shown(other, "who + 1", unnamed()), "txn.a.x=2");
    assert_eq!(shown(other, "arg.who", Message::new("m")), "txn.a.x=7");
    assert_eq!(shown("{ fixed = { value = 5 } }", "fixed * 2", Message::new("m")), "txn.a.x=10");
    let null = Message::new("m").arg("n", TypedData::Null);
    assert_eq!(shown(other, "who", null), "txn.a.x=7");

    let headers = "host: a\r\nauthorization: Basic dXNlcjpwYXNz\r\ncookie: sid=\"1\"; b=2\r\n\r\n";
    let block = Message::new("m").arg("h", headers);
    let user = "{ who = { from = { from = 'h', header = 'Authorization' }, basic_user = true } }";
    assert_eq!(shown(user, "who", block.clone()), "txn.a.x=user");
    let sid = "{ who = { from = { from = 'h', header = 'cookie' }, cookie = 'sid' } }";
    assert_eq!(shown(sid, "who", block.clone()), "txn.a.x=1");
    let none = "{ who = { from = { from = 'h', header = 'x' }, cookie = 'sid' } }";
    // What is not there has the default of its type.
    assert_eq!(shown(none, "who", block), "txn.a.x=");
    let tenant = "{ who = { from = 'path', pattern = '^/t/([^/]+)' } }";
    assert_eq!(shown(tenant, "who", Message::new("m").arg("path", "/t/blue/x")), "txn.a.x=blue");
    let json = "{ who = { from = 'body', json = 'user.id', type = 'int' } }";
    let body = Message::new("m").arg("body", TypedData::Binary(br#"{"user":{"id":12}}"#));
    assert_eq!(shown(json, "who", body), "txn.a.x=12");
}

#[test]
fn all_messages_take_an_argument_from_where_args_says() {
    let text = "[args]\nip = 'src'\nwho = { from = 'x', default = 'nobody' }\n\
                [handler.a]\nkind = 'set'\nvalues = { x = '{ip} {who}' }\n\
                [message.m]\nrun = ['a']\nargs = { ip = 'client' }\n\
                [message.n]\nrun = ['a']\n";
    let shown = gets(&chain(text), &Message::new("m").arg("src", "::1").arg("client", "::2"));
    assert_eq!(shown[5..], ["txn.a.x=::2 nobody"]);
}

#[test]
fn a_message_without_a_required_argument_is_not_for_its_chain() {
    let text = "[handler.a]\nkind = 'set'\nvalues = { x = 1 }\n\
                [message.m]\nrun = ['a']\nargs = { ip = { from = 'src', required = true } }\n";
    let chain = chain(text);
    let mut actions = Actions::new();
    let error = chain.run(&Message::new("m").as_ref(), &mut actions).unwrap_err();
    assert_eq!(error.to_string(), "the message has no argument `ip`, which its chain requires");
    assert_eq!(gets(&chain, &Message::new("m").arg("src", "::1"))[5..], ["txn.a.x=Int64(1)"]);
    let taken: Vec<_> = chain.arguments().flat_map(|input| input.arguments()).collect();
    assert_eq!(taken, ["src"]);
}

#[test]
fn variables_go_out_as_the_types_that_haproxy_tests() {
    let set = |set: &str, path: &str| {
        let text = format!(
            "[handler.a]\nkind = 'set'\nwhen = \"path != '/no'\"\nset = {set}\n\
             values = {{ yes = true, no = false, one = 1, text = 'true', n = '12' }}\n\
             [message.m]\nrun = ['a']\n"
        );
        gets(&chain(&text), &Message::new("m").arg("path", path))[5..].join(" ")
    };
    for (form, expected) in [
        ("from = 'yes'", "txn.x=Bool(true)"),
        ("from = 'yes', type = 'int'", "txn.x=Int64(1)"),
        ("from = 'yes', type = 'text'", "txn.x=true"),
        ("from = 'no', no = 'unset'", "txn.x"),
        ("from = 'no', no = 'unset', type = 'text'", "txn.x"),
        ("from = 'one', type = 'bool'", "txn.x=Bool(true)"),
        ("from = 'text', type = 'bool'", "txn.x=Bool(true)"),
        ("from = 'n', type = 'int'", "txn.x=Int64(12)"),
        ("from = 'text', type = 'int'", "txn.x"),
    ] {
        assert_eq!(set(&format!("{{ x = {{ {form} }} }}"), "/"), expected, "{form}");
    }
    let default = "{ x = { from = 'one', default = '50', type = 'int' } }";
    assert_eq!(set(default, "/no"), "txn.x=Int64(50)");
    assert_eq!(set("{ x = 'one' }", "/no"), "txn.x");
}

#[test]
fn a_rule_says_where_a_redirect_leads_and_nothing_of_it_stays() {
    let text = "[handler.r]\nkind = 'rules'\nrules = [\n\
                { if = \"path == '/old'\", then = 'redirect', location = 'https://{host}/new', cookie = 'seen=1; Path=/' },\n\
                { if = \"path == '/slow'\", then = 'deny', status = 429, retry_after = '30' }]\n\
                [message.m]\nrun = ['r']\nunanswered = 'allow'\n";
    let chain = chain(text);
    let details = |path: &str| {
        gets(&chain, &Message::new("m").arg("path", path).arg("host", "a.b"))[5..].to_vec()
    };
    let all = ["txn.location=https://a.b/new", "txn.cookie=seen=1; Path=/", "txn.retry_after"];
    assert_eq!(details("/old"), all);
    assert_eq!(details("/slow"), ["txn.location", "txn.cookie", "txn.retry_after=30"]);
    assert_eq!(details("/"), ["txn.location", "txn.cookie", "txn.retry_after"]);
    let decides = chain.decides();
    assert_eq!(decides.statuses, [(configuration::Action::Deny, 429)]);
    assert_eq!(decides.texts.len(), 3);
}

#[test]
fn a_rule_without_a_decision_sets_variables_and_the_first_value_counts() {
    let text = "[handler.r]\nkind = 'rules'\nrules = [\n\
                { if = \"path.startsWith('/api')\", set = { pool = 'api', weight = 2 } },\n\
                { if = \"path == '/api/x'\", then = 'deny', set = { pool = 'x', why = '{method}' } },\n\
                { if = 'true', set = { pool = 'web' } }]\n\
                [message.m]\nrun = ['r']\nunanswered = 'allow'\n";
    let chain = chain(text);
    let found = |path: &str| {
        let message = Message::new("m").arg("path", path).arg("method", "PUT");
        let gets = gets(&chain, &message);
        (gets[0].clone(), gets[5..].join(" "))
    };
    assert_eq!(found("/"), ("txn.action=allow".to_owned(), "txn.r.pool=web".to_owned()));
    let api = "txn.r.pool=api txn.r.weight=Int64(2)".to_owned();
    assert_eq!(found("/api"), ("txn.action=allow".to_owned(), api.clone()));
    assert_eq!(found("/api/x"), ("txn.action=deny".to_owned(), format!("{api} txn.r.why=PUT")));
}

#[test]
fn a_handler_may_be_written_in_its_message() {
    let text = "[message.m]\nkind = 'set'\nvalues = { x = '{ip}' }\nset = { \"sess.score\" = 'x' }\n\
                args = { ip = 'src' }\ndeadline = '5ms'\n";
    let chain = chain(text);
    let message = Message::new("m").arg("src", "192.0.2.9");
    assert_eq!(gets(&chain, &message)[5..], ["sess.score=192.0.2.9"]);
    assert_eq!(chain.counts()[0].name, "set");
}

#[test]
fn a_message_without_a_verdict_sends_what_its_handlers_find_and_defaults_in_place_of_a_late_answer()
{
    let text = "[message.m]\nkind = 'set'\nvalues = { score = 7 }\nwhen = \"path != '/no'\"\n\
                set = { \"sess.score\" = { from = 'score', type = 'int', default = '50' } }\nverdict = false\n";
    let chain = chain(text);
    assert_eq!(gets(&chain, &Message::new("m")), ["sess.score=Int64(7)"]);
    assert_eq!(gets(&chain, &Message::new("m").arg("path", "/no")), ["sess.score=Int64(50)"]);
    assert_eq!(shown(&chain.fallback().unwrap()), ["sess.score=Int64(50)"]);
}

#[test]
fn without_a_fallback_the_verdict_is_what_unanswered_says() {
    for (unanswered, expected) in [("allow", "txn.action=allow"), ("deny", "txn.action=deny")] {
        let text = format!(
            "[handler.r]\nkind = 'rules'\nrules = {{ if = 'true', then = 'drop' }}\n\
             [message.m]\nrun = ['r']\nunanswered = '{unanswered}'\n"
        );
        let fallback = shown(&chain(&text).fallback().unwrap());
        assert_eq!(fallback[..3], [expected, "txn.reason=unanswered", "txn.by=fallback"]);
    }
}

#[test]
fn a_rule_that_holds_decides_also_if_its_texts_cannot_be_written() {
    let text = "[handler.r]\nkind = 'rules'\nrules = [\n\
                { if = \"path.size() > 9000\", set = { long = '{path}' } },\n\
                { if = \"path.startsWith('/login')\", then = 'redirect', location = 'https://login/?rd={path}' },\n\
                { if = \"path.startsWith('/x')\", then = 'allow', cookie = 'seen={path}' }]\n\
                [message.m]\nrun = ['r']\nunanswered = 'deny'\n";
    let chain = chain(text);
    let gets = |path: &str| gets(&chain, &Message::new("m").arg("path", path));
    assert_eq!(gets("/login")[0], "txn.action=redirect");
    // A redirect that leads nowhere is none, and the request does not go on.
    assert_eq!(gets(&format!("/login{}", "x".repeat(9000)))[0], "txn.action=deny");
    assert_eq!(gets("/login\r\nset-cookie: a=b")[0], "txn.action=deny");
    let split = gets("/x\r\nset-cookie: a=b");
    assert_eq!(split[0], "txn.action=allow");
    assert!(split.contains(&"txn.cookie".to_owned()), "{split:?}");
}

#[test]
fn nothing_of_an_earlier_message_stays_in_a_variable_that_the_file_names() {
    let text = "[handler.a]\nkind = 'rules'\nrules = { if = \"path == '/in'\", set = { user = 'me' } }\n\
                set = { \"sess.user\" = 'user' }\n[message.m]\nrun = ['a']\n";
    let chain = chain(text);
    let last = |path: &str| gets(&chain, &Message::new("m").arg("path", path)).pop().unwrap();
    assert_eq!(last("/in"), "sess.user=me");
    assert_eq!(last("/"), "sess.user");
}

#[test]
fn a_host_is_the_same_however_a_client_writes_it() {
    let text = "[handler.r]\nkind = 'rules'\nrules = { if = \"host == 'x.example.com'\", then = 'deny' }\n\
                [message.m]\nrun = ['r']\nunanswered = 'deny'\nargs = { host = ['h', 'host'] }\n";
    let chain = chain(text);
    for (name, host) in
        [("host", "x.example.com"), ("h", "X.Example.com:443"), ("host", "X.EXAMPLE.COM")]
    {
        assert_eq!(
            gets(&chain, &Message::new("m").arg(name, host))[0],
            "txn.action=deny",
            "{host}"
        );
    }
}

#[test]
fn what_does_not_fit_into_an_ack_is_left_out_and_counted() {
    let long = "x".repeat(8000);
    let text = format!(
        "[handler.a]\nkind = 'set'\nvalues = {{ a = '{long}', b = '{long}', c = 1 }}\n\
         [handler.r]\nkind = 'rules'\nrules = {{ if = 'true', then = 'deny' }}\n\
         [message.m]\nrun = ['a', 'r']\nunanswered = 'deny'\n"
    );
    let chain = chain(&text);
    let gets = gets(&chain, &request());
    assert_eq!(gets[0], "txn.action=deny");
    let names: Vec<_> = gets[5..].iter().map(|own| own.split('=').next().unwrap()).collect();
    assert_eq!(names, ["txn.a.a", "txn.a.c"]);
    assert_eq!(chain.dropped(), 1);

    let many: Vec<_> = (0..300).map(|at| format!("v{at} = {at}")).collect();
    let text = format!(
        "[handler.a]\nkind = 'set'\nvalues = {{ {} }}\n[message.m]\nrun = ['a']\n",
        many.join(", ")
    );
    let chain = self::chain(&text);
    assert_eq!(self::gets(&chain, &request()).len(), 255);
    assert_eq!(chain.dropped(), 50);
}

#[test]
fn a_fallback_is_a_verdict() {
    let text = "[handler.a]\nkind = 'set'\nvalues = { x = 1 }\n[message.m]\nrun = ['a']\n\
                fallback = { action = 'deny', status = 503 }\n";
    let fallback = chain(text).fallback().unwrap();
    let expected = [
        "txn.action=deny",
        "txn.reason=unanswered",
        "txn.by=fallback",
        "txn.status=Int64(503)",
        "txn.level",
    ];
    assert_eq!(shown(&fallback), expected);
}

#[test]
fn what_a_client_sends_is_a_value_and_nothing_else() {
    let text = "[handler.a]\nkind = 'set'\nvalues = { note = '{path}', same = '{{path}}' }\n\
                [handler.r]\nkind = 'rules'\nrules = { if = \"path.contains('}') && path == '{ip}'\", then = 'deny' }\n\
                [message.m]\nrun = ['a', 'r']\nunanswered = 'deny'\n";
    let chain = chain(text);
    let hostile = Message::new("m").arg("path", "' || true || '{ip}${HOME}");
    assert_eq!(
        gets(&chain, &hostile)[5..],
        ["txn.a.note=' || true || '{ip}${HOME}", "txn.a.same={path}"]
    );
    assert_eq!(gets(&chain, &hostile)[0], "txn.action=allow");
    let binary = Message::new("m").arg("path", TypedData::String(b"\xff\0"));
    assert_eq!(gets(&chain, &binary)[5], "txn.a.note=\u{fffd}\0");
}

#[test]
fn a_broken_chain_gets_exactly_what_stands_beside_it() {
    snapshots::compare("broken_chains", 15, |path| read(load(path, &environment)).1);
}

#[test]
fn a_page_of_a_kind_has_all_that_can_be_said_about_it() {
    for kind in KINDS {
        let description = kind.description();
        let page = description.to_string();
        let summary = format!("# {}  {}", description.name, description.summary);
        assert!(page.replace('\n', " ").starts_with(&summary), "{page}");
        for setting in description.settings {
            assert!(page.contains(&format!("| `{}` |", setting.name)), "{page}");
        }
        // Its example is right.
        let name = description.example.split(['.', ']']).nth(1).unwrap();
        let text = format!(
            "{}\n[message.m]\nrun = ['{name}']\nunanswered = 'deny'\n",
            description.example
        );
        drop(chain(&text));
    }
}

/// How much memory is taken, beside what the answer itself takes.
fn takes(chain: &Chain, message: &Message) -> u64 {
    let mut actions = Actions::new();
    let run = allocation_counter::measure(|| {
        chain.run(&message.as_ref(), &mut actions).unwrap();
    });
    let mut same = Actions::new();
    let answer = allocation_counter::measure(|| {
        for action in actions.iter() {
            let (all, name) = (std::mem::take(&mut same), |name| str::from_utf8(name).unwrap());
            same = match action {
                Action::SetVar { scope, name: own, value } => all.set_var(scope, name(own), value),
                Action::UnsetVar { scope, name: own } => all.unset_var(scope, name(own)),
            }
            .unwrap();
        }
    });
    run.count_total.saturating_sub(answer.count_total)
}

#[test]
fn a_chain_that_answers_at_once_takes_no_memory_beside_its_answer() {
    let values: Vec<_> = (0..14).map(|at| format!("v{at} = 'constant'")).collect();
    let chain = chain(&format!(
        "[handler.shown]\nkind = 'set'\nvalues = {{ {} }}\n\
         [handler.rules]\nkind = 'rules'\n\
         rules = {{ if = \"shown.v1 == 'other' || path.startsWith('/x')\", then = 'deny' }}\n\
         [handler.limit]\nkind = 'rate-limit'\nkey = 'ip'\nrate = '1000/s'\n\
         [message.m]\nrun = ['shown', ['rules', 'limit']]\nunanswered = 'deny'\n",
        values.join(", ")
    ));
    let denied = Message::new("m").arg("ip", IpAddr::from([203, 0, 113, 7])).arg("path", "/x");
    for message in [request(), denied] {
        gets(&chain, &message);
        assert_eq!(takes(&chain, &message), 0);
    }
}

#[test]
fn a_status_that_haproxy_cannot_answer_with_is_a_finding() {
    let text = |rule: &str| {
        format!(
            "[handler.r]\nkind = 'rules'\nrules = [{{ if = \"path == '/'\", {rule} }}]\n\
             [message.m]\nrun = ['r']\nunanswered = 'allow'\n"
        )
    };
    for (rule, expected) in [
        ("then = 'deny', status = 199", Some("HAProxy cannot answer with the status 199")),
        ("then = 'deny', status = 600", Some("HAProxy cannot answer with the status 600")),
        ("then = 'deny', status = 200", None),
        ("then = 'deny', status = 599", None),
        (
            "then = 'redirect', location = '/', status = 304",
            Some("HAProxy cannot redirect with the status 304"),
        ),
        ("then = 'redirect', location = '/', status = 308", None),
    ] {
        let (chain, said) = read(load_text(Path::new("chain.toml"), &text(rule), &environment));
        assert_eq!(chain.is_some(), expected.is_none(), "{rule}: {said}");
        assert!(said.contains(expected.unwrap_or_default()), "{rule}: {said}");
    }
}
