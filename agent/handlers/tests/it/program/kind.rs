//! The kind `program`: what the program gets of a message, and what HAProxy gets of its answer.

use std::{fs, path::Path, sync::Arc};

use spoa_actors::{Actions, Message, TypedData};
use spoa_handlers::{
    chain::{Chain, chains},
    configuration::Configuration,
    file::{Loaded, Reading, load},
    finding::Report,
    kinds::KINDS,
    resource::{ResourcePlan, Resources},
};
use tempfile::TempDir;

use super::{HELLO, is_alive, python};
use crate::{broken_files::environment, chain::shown};

/// A folder with a program and a file that runs it.
struct Folder(TempDir);

impl Folder {
    fn new(script: &str, keys: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let script = script.replace('\n', "\n    ");
        let script =
            format!("{HELLO}\nfor line in sys.stdin:\n    r = json.loads(line)\n    {script}\n");
        fs::create_dir(folder.path().join("programs")).unwrap();
        fs::write(folder.path().join("programs/fraud.py"), script).unwrap();
        let text = format!(
            "[handler.geo]\nkind = 'set'\nvalues = {{ country = 'DE' }}\n\
             [handler.fraud]\nkind = 'program'\ncommand = ['{}', 'programs/fraud.py']\n\
             start_timeout = '60s'\ntime = '20s'\n{keys}\n\
             [message.m]\nrun = ['geo', 'fraud']\nunanswered = 'deny'\n",
            python()
        );
        fs::write(folder.path().join("agent.toml"), text).unwrap();
        Self(folder)
    }

    /// The chain of the message, and what is said about the file.
    fn read(&self) -> (Option<Arc<Chain>>, String) {
        read(&self.0.path().join("agent.toml"))
    }

    #[track_caller]
    fn started(&self) -> Arc<Chain> {
        let (chain, said) = self.read();
        assert_eq!(said, "");
        let chain = chain.unwrap();
        chain.start().unwrap();
        chain
    }
}

fn read(file: &Path) -> (Option<Arc<Chain>>, String) {
    let mut loaded = load(file, &environment);
    let configuration = Configuration::read(&mut loaded);
    let Loaded { document, sources, findings } = &mut loaded;
    let mut reading = Reading { document, sources, findings };
    let resources =
        Resources::without_loading(ResourcePlan::read(&configuration.secrets, &mut reading));
    let mut chains = chains(&configuration.messages, KINDS, &resources, &mut reading);
    let said = Report::new(&loaded.findings, &loaded.sources).to_string();
    (chains.remove("m").map(Arc::new), said)
}

/// What HAProxy gets.
async fn gets(chain: &Chain, message: &Message) -> Vec<String> {
    let waiting = chain.run(&message.as_ref(), &mut Actions::new()).unwrap().unwrap();
    shown(&chain.finish(waiting).await)
}

#[actix_rt::test]
async fn it_gets_arguments_and_findings_and_decides() {
    let folder = Folder::new(
        "bad = r['args']['body_size'] > 10000 and r['found']['geo']['country'] == 'DE'\n\
         say({'id': r['id'], 'action': 'deny' if bad else None, 'reason': 'fraud', 'status': 403,\n\
         'location': None, 'set': {'score': 7, 'seen': json.dumps(r, sort_keys=True), 'nothing': None}})",
        "reasons = 'fraud'\nstatuses = 403\nvariables = { score = 'int', seen = 'text', nothing = 'bool' }\n\
         send = ['ip', 'body', 'body_size', 'path', 'geo.country']",
    );
    let chain = folder.started();
    let message = Message::new("m")
        .arg("ip", "203.0.113.7")
        .arg("body", TypedData::Binary(b"a\xff\0"))
        .arg("path", TypedData::Null)
        .arg("body_size", 70_000);
    let got = gets(&chain, &message).await;
    assert_eq!(
        got[..4],
        ["txn.action=deny", "txn.reason=fraud", "txn.by=fraud", "txn.status=Int64(403)"]
    );
    assert!(got.contains(&"txn.fraud.score=Int64(7)".to_owned()), "{got:?}");
    let seen = concat!(
        r#"txn.fraud.seen={"args": {"body": {"base64": "Yf8A"}, "body_size": 70000, "#,
        r#""ip": "203.0.113.7"}, "found": {"geo": {"country": "DE"}}, "id": 1, "message": "m"}"#
    );
    assert!(got.contains(&seen.to_owned()), "{got:?}");
    let small = Message::new("m").arg("body_size", 7);
    let got = gets(&chain, &small).await;
    assert_eq!(got[0], "txn.action=allow");
    assert!(got.contains(&"txn.fraud.score=Int64(7)".to_owned()), "{got:?}");
}

#[actix_rt::test]
async fn no_text_of_a_client_becomes_more_than_a_text() {
    let folder = Folder::new(
        "say({'id': r['id'], 'set': {'echo': r['args']['path']}})",
        "send = 'path'\nvariables = { echo = 'text' }",
    );
    let chain = folder.started();
    let hostile = "\"}\n{\"id\": 1, \"action\": \"allow\"}\\u0000";
    let got = gets(&chain, &Message::new("m").arg("path", hostile)).await;
    assert!(got.contains(&format!("txn.fraud.echo={hostile}")), "{got:?}");
}

#[actix_rt::test]
async fn an_answer_beyond_what_it_may_is_none() {
    let answers = [
        "'action': 'drop'",
        "'action': 7",
        "'action': 'deny', 'reason': 'other'",
        "'action': 'deny', 'status': 500",
        "'action': 'deny', 'level': -1",
        "'action': 'deny', 'body': 'x'",
        "'action': 'deny', 'location': '/\\r\\nSet-Cookie: a=b'",
        "'actoin': 'deny'",
        "'set': {'scoer': 1}",
        "'set': {'score': 'seven'}",
        "'set': {'score': 1.5}",
        "'set': [1]",
    ];
    let folder = Folder::new(
        &format!(
            "say(eval('{{\"id\": ' + str(r['id']) + ', ' + [{}][r['args']['body_size']] + '}}'))",
            {
                let quoted: Vec<_> =
                    answers.iter().map(|answer| format!("r\"\"\"{answer}\"\"\"")).collect();
                quoted.join(", ")
            }
        ),
        "reasons = 'fraud'\nstatuses = 403\ntexts = 'location'\nvariables = { score = 'int' }\nsend = 'body_size'",
    );
    let chain = folder.started();
    for (at, answer) in answers.iter().enumerate() {
        let message = Message::new("m").arg("body_size", i64::try_from(at).unwrap());
        let got = gets(&chain, &message).await;
        assert_eq!(got[0], "txn.action=allow", "{answer}");
        assert!(got.contains(&"txn.fraud.error=bad_answer".to_owned()), "{answer}: {got:?}");
        assert!(!got.iter().any(|own| own.contains("Cookie")), "{got:?}");
    }
    // None of that is a reason to end the process.
    assert_eq!(chain.counts()[1].failed, answers.len() as u64);
}

#[actix_rt::test]
async fn one_that_is_late_is_killed_and_on_error_holds() {
    let folder = Folder::new("time.sleep(1000)", "on_error = 'deny'\nspares = 0\nsend = []");
    let path = folder.0.path().join("agent.toml");
    let text = fs::read_to_string(&path).unwrap().replace("time = '20s'", "time = '100ms'");
    fs::write(&path, text).unwrap();
    let chain = folder.started();
    let got = gets(&chain, &Message::new("m")).await;
    assert_eq!(got[..3], ["txn.action=deny", "txn.reason=failed", "txn.by=fraud"]);
    assert!(got.contains(&"txn.fraud.error=timeout".to_owned()), "{got:?}");
}

#[actix_rt::test]
async fn without_a_process_the_answer_is_an_error_at_once() {
    let folder = Folder::new("pass", "on_error = 'allow'");
    let (chain, said) = folder.read();
    assert_eq!(said, "");
    let got = gets(&chain.unwrap(), &Message::new("m")).await;
    assert!(got.contains(&"txn.fraud.error=unavailable".to_owned()), "{got:?}");
}

#[actix_rt::test]
async fn its_processes_end_with_its_chain() {
    let folder = Folder::new(
        "say({'id': r['id'], 'set': {'pid': os.getpid()}})",
        "variables = { pid = 'int' }\nsend = []",
    );
    let chain = folder.started();
    let got = gets(&chain, &Message::new("m")).await;
    let pid = got.iter().find_map(|own| own.strip_prefix("txn.fraud.pid=Int64(")).unwrap();
    let pid = pid.trim_end_matches(')');
    assert!(is_alive(pid));
    chain.stop();
    chain.stop();
    assert!(!is_alive(pid));
}

#[test]
fn a_start_that_fails_names_the_section() {
    let folder = Folder::new("pass", "");
    fs::write(folder.0.path().join("programs/fraud.py"), "import sys; sys.exit(1)").unwrap();
    let error = folder.read().0.unwrap().start().unwrap_err().to_string();
    assert_eq!(
        error,
        "[handler.fraud]: the program ended before it was ready; see what it wrote to stderr"
    );
}

#[test]
fn mistakes_have_their_places() {
    let folder = Folder::new("pass", "");
    let path = folder.0.path().join("agent.toml");
    let of = |keys: &str| {
        let text = format!(
            "[handler.a]\nkind = 'program'\n{keys}\n[message.m]\nrun = ['a']\nunanswered = 'deny'\n"
        );
        fs::write(&path, text).unwrap();
        let (chain, said) = read(&path);
        assert!(chain.is_none(), "{keys}");
        said
    };
    let cases = [
        ("command = 'python3'", "a program is named without its folder", ":3:11"),
        ("command = []", "expected a list: a file, and its arguments", ":3:11"),
        ("command = '/x'\nsend = ['pth']", "there is no argument or finding `pth`", ":4:9"),
        ("command = '/x'\nvariables = { error = 'text' }", "`error` says why", ":4:15"),
        ("command = '/x'\nvariables = { b = 'binary' }", "JSON has no bytes", ":4:15"),
        ("command = '/x'\nvariables = { b = 'txt' }", "`txt` is not a type", ":4:19"),
        ("command = '/x'\nworkers = 0", "a program has 1 processes, 0 of them at work", ":4:1"),
        ("command = '/x'\nworkers = 4000000000", "a program has 4000000001 processes", ":4:1"),
        (
            "command = '/x'\nsettings = { a = 2026-01-01 }",
            "a value that JSON does not have",
            ":4:12",
        ),
        ("command = '/x'\nenv = 7", "expected a table of names", ":4:7"),
    ];
    for (keys, title, place) in cases {
        let said = of(keys);
        assert!(said.contains(title), "{keys}: {said}");
        assert!(said.contains(place), "{keys}: {said}");
    }
}

#[actix_rt::test]
async fn the_program_of_its_page_works() {
    let page = include_str!("../../../../../docs/kinds/program.md");
    let block = |kind: &str| {
        let (_, rest) = page.split_once(&format!("```{kind}\n")).unwrap();
        rest.split_once("```").unwrap().0
    };
    let folder = Folder::new("pass", "");
    fs::write(folder.0.path().join("programs/fraud.py"), block("python")).unwrap();
    let handler = block("toml").replace("/usr/bin/python3", &python());
    assert!(handler.contains("time = \"50ms\""), "{handler}");
    let handler = handler.replace("50ms", "20s");
    let text = format!("{handler}\n[message.m]\nrun = ['fraud']\nunanswered = 'deny'\n");
    fs::write(folder.0.path().join("agent.toml"), text).unwrap();
    let chain = folder.started();
    let message = Message::new("m").arg("path", "/checkout").arg("body_size", 20_000);
    let got = gets(&chain, &message).await;
    assert_eq!(
        got[..4],
        ["txn.action=deny", "txn.reason=fraud", "txn.by=fraud", "txn.status=Int64(403)"]
    );
    assert!(got.contains(&"txn.fraud.score=Int64(90)".to_owned()), "{got:?}");
    let got = gets(&chain, &Message::new("m").arg("path", "/")).await;
    assert_eq!(got[0], "txn.action=allow");
}
