//! The log of an agent without a subscriber: on stderr, until somebody listens.

use std::time::Duration;

use spoa_integration::{AgentProcess, Peer, until};
use tokio::time::sleep;

use crate::scene::SOON;

const PROGRAM: &str = env!("CARGO_BIN_EXE_quiet_agent");

/// What is logged of a message that has no handler, up to once a second.
const LINE: &str = "message without a route";

/// How such a line begins where nobody listens.
const UNHEARD: &str = "WARN spoa_actors: message without a route";

/// Asks for a message that has no handler until there are so many lines about it.
async fn lines(agent: &AgentProcess, peer: &mut Peer, count: usize) -> Vec<String> {
    let lines = until("a line about a message without a route", SOON, async || {
        peer.ask(1, "nobody").await.unwrap();
        let log = agent.log();
        let lines: Vec<_> =
            log.lines().filter(|line| line.contains(LINE)).map(str::to_owned).collect();
        (lines.len() >= count).then_some(lines)
    });
    lines.await.unwrap()
}

async fn a_subscriber_that_is_set_later_has_the_log(message: &str) {
    let agent = AgentProcess::start(PROGRAM).await.unwrap();
    let mut peer = Peer::connect(agent.address()).await.unwrap().greet().await.unwrap();
    let first = lines(&agent, &mut peer, 1).await;
    assert!(first[0].starts_with(UNHEARD), "{first:?}");
    assert!(
        first[0].contains(" spoe_message=nobody suppressed=0 routes=\"listen-process"),
        "{first:?}"
    );
    peer.ask(2, message).await.unwrap();
    let both = lines(&agent, &mut peer, 2).await;
    assert!(!both[1].starts_with(UNHEARD) && both[1].contains(" WARN spoa_actors::"), "{both:?}");
}

#[actix_rt::test]
async fn a_subscriber_that_is_set_for_the_process_later_has_the_log() {
    a_subscriber_that_is_set_later_has_the_log("listen-process").await;
}

#[actix_rt::test]
async fn a_subscriber_that_is_set_for_a_thread_later_has_its_log() {
    a_subscriber_that_is_set_later_has_the_log("listen-thread").await;
}

#[actix_rt::test]
async fn a_subscriber_that_takes_nothing_silences_the_log() {
    let agent = AgentProcess::start_with_argument(PROGRAM, "silent").await.unwrap();
    let mut peer = Peer::connect(agent.address()).await.unwrap().greet().await.unwrap();
    peer.ask(1, "nobody").await.unwrap();
    // Its line would be before the ACK.
    assert_eq!(agent.log(), "");
    sleep(Duration::from_millis(100)).await;
    assert_eq!(agent.log(), "");
}
