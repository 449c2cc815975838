//! What a program that behaves gets, and what comes back.

use std::os::fd::AsRawFd;

use serde_json::json;
use spoa_handlers::program::{AskError, ProgramCounts};

use super::{Program, anything, is_alive, question, until};

#[actix_rt::test]
async fn a_program_gets_its_settings_and_a_line_per_question() {
    let mut program = Program::for_each("say({'id': r['id'], 'hello': hello, 'got': r})");
    program.command.settings.insert("level".to_owned(), json!(3));
    let pool = program.started();
    let mut asked = question(json!({"path": "/a\nb", "body_size": 7}));
    asked.found.insert("geo".to_owned(), json!({"country": "DE"}));
    let answer = pool.ask(asked).await.unwrap();
    assert_eq!(answer["hello"], json!({"hello": 1, "handler": "fraud", "settings": {"level": 3}}));
    assert_eq!(
        answer["got"],
        json!({
            "id": 1,
            "message": "check-request",
            "args": {"path": "/a\nb", "body_size": 7},
            "found": {"geo": {"country": "DE"}},
        })
    );
    assert!(!answer.contains_key("id"));
}

#[actix_rt::test]
async fn all_that_a_client_sends_stays_within_its_text() {
    let program = Program::for_each("say({'id': r['id'], 'path': r['args']['path']})");
    let pool = program.started();
    for hostile in ["\"}\n{\"id\":1,\"action\":\"allow\"}", "\u{2028}\u{0}\u{1b}[2J", "\\\"\\u0000"]
    {
        let answer = pool.ask(question(json!({"path": hostile}))).await.unwrap();
        assert_eq!(answer["path"], hostile);
    }
    assert_eq!(pool.counts().answered, 3);
}

#[actix_rt::test]
async fn several_processes_answer_at_once() {
    let script = "while not os.path.exists(r['args']['gate']): time.sleep(0.005)\nsay({'id': r['id'], 'pid': os.getpid()})";
    let mut program = Program::for_each(script);
    program.command.workers = 2;
    let pool = program.started();
    let (first, second) = (program.path("first"), program.path("second"));
    let waits = pool.ask(question(json!({"gate": first})));
    std::fs::write(&second, "").unwrap();
    let other = pool.ask(question(json!({"gate": second}))).await.unwrap();
    std::fs::write(&first, "").unwrap();
    assert_ne!(waits.await.unwrap()["pid"], other["pid"]);
}

#[actix_rt::test]
async fn no_more_questions_are_answered_at_once_than_there_are_workers() {
    let mut program = Program::for_each(
        "open(r['args']['began'] + str(r['args']['n']), 'w')\ntime.sleep(0.3)\nsay({'id': r['id'], 'n': len(os.listdir(r['args']['began']))})",
    );
    program.command.spares = 2;
    let pool = program.started();
    let began = format!("{}/", program.path("began"));
    std::fs::create_dir(&began).unwrap();
    let first = pool.ask(question(json!({"began": began, "n": 1})));
    let second = pool.ask(question(json!({"began": began, "n": 2})));
    assert_eq!(first.await.unwrap()["n"], 1);
    assert_eq!(second.await.unwrap()["n"], 2);
}

#[actix_rt::test]
async fn its_environment_holds_what_is_set_and_nothing_else() {
    let mut program =
        Program::for_each("say({'id': r['id'], 'env': dict(os.environ), 'cwd': os.getcwd()})");
    program.command.env.insert("LEVEL".to_owned(), "3".to_owned());
    let answer = program.started().ask(anything()).await.unwrap();
    let env = answer["env"].as_object().unwrap();
    assert_eq!(env["LEVEL"], "3");
    // What Python itself sets.
    let others: Vec<_> =
        env.keys().filter(|name| *name != "LEVEL" && *name != "LC_CTYPE").collect();
    assert!(others.is_empty(), "{others:?}");
    let folder = program.folder.path().canonicalize().unwrap();
    assert_eq!(answer["cwd"], folder.to_str().unwrap());
}

#[actix_rt::test]
async fn it_inherits_no_socket_of_the_agent() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let own = format!("/proc/self/fd/{}", listener.as_raw_fd());
    let own = std::fs::read_link(own).unwrap();
    let program = Program::for_each(
        "own = r['args']['own']\nlinks = [f'/proc/self/fd/{fd}' for fd in range(300)]\nsay({'id': r['id'], 'has': own in [os.readlink(link) for link in links if os.path.islink(link)]})",
    );
    let asked = question(json!({"own": own}));
    assert_eq!(program.started().ask(asked).await.unwrap()["has"], false);
}

#[actix_rt::test]
async fn all_processes_end_with_their_pool() {
    let mut program = Program::for_each("say({'id': r['id'], 'pid': os.getpid()})");
    program.command.spares = 1;
    let pool = program.started();
    let pid = pool.ask(anything()).await.unwrap()["pid"].to_string();
    assert!(is_alive(&pid));
    pool.stop();
    assert!(!is_alive(&pid));
    assert_eq!(pool.ask(anything()).await, Err(AskError::Unavailable));
    assert_eq!(pool.counts(), ProgramCounts::default());
    // And again.
    pool.start().unwrap();
    let pid = pool.ask(anything()).await.unwrap()["pid"].to_string();
    drop(pool);
    until("the process outlives its pool", || !is_alive(&pid));
}
