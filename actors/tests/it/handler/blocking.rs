//! Handlers on threads of their own. Time is real here: threads do not know the one of a test.

use std::{
    collections::HashSet,
    num::NonZero,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread::{self, ThreadId},
    time::Duration,
};

use spoa_actors::{
    Actions, BlockingHandler, Limits, Message, Messages, Origin, Registry, testing::InMemoryAgent,
};
use tokio::time::Instant;

use crate::support::{
    Answered, FALLBACK, Result, ask_score,
    numbered::answer,
    waiting::{Waiting, ask, ask_to, for_a_word, nothing, route, start, until_it_answers},
};

#[actix_rt::test]
async fn a_handler_that_blocks_stands_in_nobodys_way() -> Result {
    let (speak, wait) = for_a_word();
    let deadline = Duration::from_secs(20);
    let (_, mut haproxy) = start(route(1, wait).deadline(deadline)).await?;
    let blocked = haproxy.send_notify(ask(7).arg("wait", true)).await?;
    for _ in 0..10 {
        assert_eq!(haproxy.notify(ask_score()).await?.to_string(), "set-var sess.ip_score 20");
    }
    speak.send(()).unwrap();
    let ack = haproxy.ack().await?;
    assert_eq!((ack.stream_id, ack.frame_id), blocked);
    assert_eq!(ack.actions.to_string(), "set-var txn.n 7, set-var txn.instance 1");
    Ok(())
}

#[actix_rt::test]
async fn the_messages_of_one_read_are_shared_out_and_answered_in_order() -> Result {
    let (agent, mut haproxy) = start(route(3, nothing())).await?;
    let messages: Messages = (0..200).map(ask).collect();
    let actions = haproxy.notify(messages).await?.to_string();
    let numbers: Vec<i64> = actions
        .split(", ")
        .filter_map(|action| action.strip_prefix("set-var txn.n ")?.parse().ok())
        .collect();
    assert_eq!(numbers, (0..200).collect::<Vec<_>>());
    assert_eq!(agent.statistics().await.messages.answered, 200);
    Ok(())
}

#[actix_rt::test]
async fn a_thread_that_never_comes_back_costs_the_fallback_and_nothing_else() -> Result {
    let stuck = || loop {
        thread::park();
    };
    let deadline = Duration::from_millis(300);
    let (agent, mut haproxy) = start(route(2, Arc::new(stuck)).deadline(deadline)).await?;
    let asked = Instant::now();
    assert_eq!(answer(&mut haproxy, ask_to("wait")).await?, FALLBACK);
    assert!(asked.elapsed() >= deadline);
    for n in 0..20 {
        let actions = haproxy.notify(ask(n)).await?.to_string();
        assert!(actions.starts_with(&format!("set-var txn.n {n}")), "{actions}");
    }
    assert_eq!(agent.statistics().await.messages.deadline_exceeded, 1);
    Ok(())
}

#[actix_rt::test]
async fn a_message_whose_deadline_has_passed_reaches_no_thread() -> Result {
    let (speak, wait) = for_a_word();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let wait = move || {
        count.fetch_add(1, Ordering::Relaxed);
        wait();
    };
    let deadline = Duration::from_millis(100);
    let (_, mut haproxy) = start(route(1, Arc::new(wait)).deadline(deadline)).await?;
    for _ in 0..10 {
        haproxy.notify(ask(0).arg("wait", true)).await?;
    }
    drop(speak);
    // Whatever waits in front of it is done when this is answered.
    until_it_answers(&mut haproxy).await?;
    assert_eq!(asked.load(Ordering::Relaxed), 1, "the others were late before their turn");
    Ok(())
}

#[actix_rt::test]
async fn a_factory_that_panics_on_its_thread_is_an_error_at_the_start() {
    fn broken() -> Waiting {
        panic!("there is no key")
    }
    let one = NonZero::<usize>::MIN;
    let registry = Registry::new().on_blocking("block", one, broken);
    let error = InMemoryAgent::start(registry, Limits::default()).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("there is no key") && text.contains("blocking.rs"), "{text}");
}

/// Answers with its thread.
struct Where(mpsc::Sender<ThreadId>);

impl BlockingHandler for Where {
    type Args = ();

    fn handle(&mut self, (): (), _: &Origin) -> Answered {
        self.0.send(thread::current().id())?;
        Ok(Actions::new())
    }
}

#[actix_rt::test]
async fn it_runs_on_threads_that_are_not_the_arbiters() -> Result {
    let (report, reports) = mpsc::channel();
    let report = Mutex::new(report);
    let factory = move || Where(report.lock().unwrap().clone());
    let two = NonZero::new(2).unwrap();
    let registry = Registry::new().on_blocking("where", two, factory);
    let agent = InMemoryAgent::start(registry, Limits::default()).await?;
    let mut haproxy = agent.connect().await?;
    haproxy.notify((0..64).map(|_| Message::new("where")).collect::<Messages>()).await?;
    let threads: HashSet<_> = reports.try_iter().collect();
    assert!((1..=2).contains(&threads.len()), "{threads:?}");
    assert!(!threads.contains(&thread::current().id()));
    Ok(())
}
