//! One NOTIFY with many messages: what it costs, and how many of them are handed to handlers.

use std::{
    future::poll_fn,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde::Deserialize;
use spoa_actors::{
    Actions, Limits, Message, Registry, Route, spop::Messages, testing::InMemoryAgent,
};
use tokio::time::{Instant, sleep};

use crate::support::{Answered, Log, Result, never, registry, variable};

/// How many messages of one NOTIFY are handed to their handlers.
const MOST: u64 = 1024;

#[derive(Deserialize)]
struct Milliseconds {
    ms: u64,
}

/// `sleep`, which counts how often it is polled.
fn counting_polls(polls: &Arc<AtomicU64>) -> Registry {
    let polls = Arc::clone(polls);
    let slept = async |polls: Arc<AtomicU64>, time: Milliseconds| -> Answered {
        let mut sleep = pin!(sleep(Duration::from_millis(time.ms)));
        poll_fn(|task| {
            polls.fetch_add(1, Ordering::Relaxed);
            sleep.as_mut().poll(task)
        })
        .await;
        Ok(variable("slept", 1))
    };
    Registry::new()
        .on("sleep", Route::new(move |time: Milliseconds| slept(Arc::clone(&polls), time)))
}

#[actix_rt::test]
async fn what_is_ready_is_polled_and_not_what_waits_beside_it_in_the_same_notify() -> Result {
    tokio::time::pause();
    let polls = Arc::default();
    let agent = InMemoryAgent::start(counting_polls(&polls), Limits::default()).await?;
    let mut haproxy = agent.connect().await?;
    // They are ready one by one, the last one first.
    let messages: Messages =
        (1..=200_u64).rev().map(|ms| Message::new("sleep").arg("ms", 2 * ms)).collect();
    let actions = haproxy.notify(messages).await?;
    assert_eq!(actions.iter().count(), 200);
    // Each in its place, to wait, and when it is ready.
    let polls = polls.load(Ordering::Relaxed);
    assert!(polls <= 3 * 200, "{polls} polls");
    Ok(())
}

/// Answers 1, or -1 unasked.
fn counted() -> Route {
    let one = |(): ()| -> Answered { Ok(variable("n", 1)) };
    Route::new(one).fallback(variable("n", -1))
}

fn all(count: u64, name: &'static str) -> impl Iterator<Item = Message> {
    (0..count).map(move |_| Message::new(name))
}

#[actix_rt::test]
async fn of_a_notify_with_too_many_messages_the_last_get_their_fallbacks_unasked() -> Result {
    let log = Log::default();
    let _listening = log.listen();
    let registry = Registry::new().on("counted", counted());
    let agent = InMemoryAgent::start(registry, Limits::default()).await?;
    let mut haproxy = agent.connect().await?;
    for beyond in [0, 6] {
        let actions = haproxy.notify(all(MOST + beyond, "counted").collect::<Messages>()).await?;
        let values: Vec<_> = actions.iter().map(|action| action.to_string()).collect();
        let answered = values.iter().take_while(|value| value.ends_with(" 1")).count() as u64;
        assert_eq!((answered, values.len() as u64), (MOST, MOST + beyond));
        assert!(values.iter().skip(MOST as usize).all(|value| value.ends_with(" -1")));
    }
    let outcomes = agent.statistics().await.messages;
    assert_eq!((outcomes.answered, outcomes.too_many_messages), (2 * MOST, 6));
    let lines = log.lines();
    let line = lines.iter().find(|line| line.contains("more than 1,024 messages")).unwrap();
    let advice = "; list at most 1024 messages for one event or spoe-group ";
    assert!(line.contains(advice), "{line}");
    Ok(())
}

#[actix_rt::test]
async fn a_notify_of_a_hundred_thousand_messages_is_answered_in_time_and_by_its_deadline() -> Result
{
    tokio::time::pause();
    let log = Log::default();
    let _listening = log.listen();
    let mut registry = registry().on("counted", counted());
    registry = registry.on("later", never().fallback(variable("later", -1)));
    let limits = Limits::default().max_frame_size(1 << 20);
    let agent = InMemoryAgent::start(registry, limits).await?;
    let mut haproxy = agent.open();
    let hello = spoa_actors::spop::HaproxyHello {
        max_frame_size: 1 << 20,
        ..spoa_actors::testing::hello()
    };
    haproxy.hello(hello).await?;
    let messages: Messages = all(1, "later").chain(all(100_000, "counted")).collect();
    let (began, asked) = (std::time::Instant::now(), Instant::now());
    let actions = haproxy.notify(messages).await?;
    // By a real clock: it took 45 s when all of them were looked at for each of them.
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert!(asked.elapsed() < Duration::from_millis(1100), "{:?}", asked.elapsed());
    assert_eq!(first(&actions), "set-var txn.later -1");
    let outcomes = agent.statistics().await.messages;
    assert_eq!((outcomes.answered, outcomes.deadline_exceeded), (MOST - 1, 1));
    // Each of them is somewhere.
    let seen = agent.statistics().await;
    assert_eq!(
        (outcomes.too_many_messages, seen.messages_unread),
        (16 * MOST, 100_001 - 17 * MOST)
    );
    let lines = log.lines();
    let line = lines.iter().find(|line| line.contains("dropped without their fallbacks")).unwrap();
    assert!(line.contains("peer=memory") && line.contains("messages=82593"), "{line}");
    Ok(())
}

fn first(actions: &Actions) -> String {
    actions.iter().next().map(|action| action.to_string()).unwrap_or_default()
}
