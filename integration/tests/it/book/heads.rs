//! Heads of the examples: what each tells to ask its agent is asked as it is written, and gets actions.

use std::fs;

use super::commands::{self, Step};
use super::page::repository;

/// How a command begins that asks an agent.
const ASK: &str = "cargo run -p spoa-agent -- call ";
/// What every answer with something in it has.
const ANSWER: &str = "set-var ";

/// The lines with `//!` of an example, without that.
fn head(name: &str) -> String {
    let path = repository().join("examples/src/bin").join(name);
    let text = fs::read_to_string(path).unwrap();
    let lines = text.lines().map_while(|line| line.strip_prefix("//!"));
    lines.map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(line))).collect()
}

/// The command of a head that starts its example.
fn server(head: &str, name: &str) -> Step {
    let end = format!("-p spoa-examples --bin {name}");
    let before = head.split_once(&end).map(|(before, _)| before);
    let begin = before.and_then(|before| before.rfind("cargo run")).unwrap();
    Step::server(&format!("{}{end}", &before.unwrap()[begin..]))
}

#[tokio::test]
async fn what_the_head_of_an_example_tells_to_ask_has_an_answer() {
    let (programs, known) = (commands::programs().await, commands::known_programs().await);
    let mut asked = Vec::new();
    for entry in fs::read_dir(repository().join("examples/src/bin")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let head = head(&name);
        let asks: Vec<_> = head.lines().filter(|line| line.starts_with(ASK)).collect();
        if asks.is_empty() {
            continue;
        }
        let mut scene = vec![server(&head, name.trim_end_matches(".rs"))];
        scene.extend(asks.iter().map(|ask| Step::client(ask, ANSWER)));
        for step in &scene {
            commands::build(step.command(), &known).await;
        }
        commands::run(&name, &scene, &programs).await;
        asked.push(name);
    }
    asked.sort();
    assert_eq!(asked, ["conformance.rs", "hello.rs", "raw_actor.rs", "unix_socket.rs"]);
}
