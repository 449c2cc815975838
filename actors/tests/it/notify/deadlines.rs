//! Deadlines: after them the fallback is sent, and what comes late is dropped.

use std::{
    cell::Cell,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::BytesMut;
use serde::Deserialize;
use spoa_actors::{
    Actions, BoxError, HandlerActor, Limits, Message, Messages, Origin, Registry, Route,
    spop::{FrameId, StreamId},
    testing::{FakeHaproxy, InMemoryAgent},
};
use tokio::time::Instant;

use crate::support::{
    Result, ask_score, ask_sleep, encoded_notify, never, registry, until, variable,
};

async fn answered_after(haproxy: &mut FakeHaproxy, message: Message) -> Result<(Actions, u128)> {
    let asked = Instant::now();
    let actions = haproxy.notify(message).await?;
    Ok((actions, asked.elapsed().as_millis()))
}

#[actix_rt::test]
async fn checklist_19_after_the_deadline_the_fallback_is_sent_and_the_late_result_dropped() -> Result
{
    tokio::time::pause();
    let limits = Limits::default().deadline(Duration::from_millis(500));
    let agent = InMemoryAgent::start(registry(), limits).await?;
    let mut haproxy = agent.connect().await?;
    let (actions, ms) = answered_after(&mut haproxy, Message::new("never")).await?;
    assert_eq!(actions.to_string(), "set-var txn.never -1");
    assert!((500..520).contains(&ms), "{ms}");
    let (actions, ms) = answered_after(&mut haproxy, ask_sleep(600)).await?;
    assert!(actions.is_empty() && (500..520).contains(&ms), "{ms}");
    let (actions, ms) = answered_after(&mut haproxy, ask_sleep(400)).await?;
    assert_eq!(actions.to_string(), "set-var txn.slept 400");
    assert!((400..420).contains(&ms), "{ms}");
    assert_eq!(agent.statistics().await.messages.deadline_exceeded, 2);
    Ok(())
}

#[actix_rt::test]
async fn a_route_may_have_a_deadline_of_its_own_and_it_counts_message_by_message() -> Result {
    tokio::time::pause();
    let registry = registry()
        .on("impatient", never().deadline(Duration::from_millis(50)))
        .on("patient", never().deadline(Duration::from_secs(3)));
    let mut haproxy = FakeHaproxy::start(registry).await?;
    let (_, ms) = answered_after(&mut haproxy, Message::new("impatient")).await?;
    assert!((50..70).contains(&ms), "{ms}");
    let (_, ms) = answered_after(&mut haproxy, Message::new("patient")).await?;
    assert!((3000..3020).contains(&ms), "{ms}");

    let asked = Instant::now();
    let both = haproxy.notify([Message::new("impatient"), ask_sleep(200)]).await?;
    assert_eq!(both.to_string(), "set-var txn.never -1, set-var txn.slept 200");
    assert!((200..220).contains(&asked.elapsed().as_millis()));
    Ok(())
}

#[actix_rt::test]
async fn of_one_notify_every_message_has_its_own_deadline() -> Result {
    tokio::time::pause();
    let registry = registry().on("impatient", never().deadline(Duration::from_millis(50)));
    let agent = InMemoryAgent::start(registry, Limits::default()).await?;
    let mut haproxy = agent.connect().await?;
    let asked = Instant::now();
    let messages = [Message::new("never"), Message::new("impatient"), Message::new("never")];
    let actions = haproxy.notify(messages).await?;
    assert_eq!(actions.iter().count(), 3);
    assert!((1000..1020).contains(&asked.elapsed().as_millis()), "{:?}", asked.elapsed());
    assert_eq!(agent.statistics().await.messages.deadline_exceeded, 3);
    Ok(())
}

#[actix_rt::test]
async fn one_that_never_answers_delays_no_other() -> Result {
    tokio::time::pause();
    let mut haproxy = FakeHaproxy::start(registry()).await?;
    for _ in 0..400 {
        haproxy.send_notify(Message::new("never")).await?;
    }
    let asked = Instant::now();
    for _ in 0..100 {
        let (stream_id, _) = haproxy.send_notify(ask_score()).await?;
        assert_eq!(haproxy.ack().await?.stream_id, stream_id);
    }
    assert!(asked.elapsed() < Duration::from_millis(10), "{:?}", asked.elapsed());
    for _ in 0..400 {
        assert_eq!(haproxy.ack().await?.actions.to_string(), "set-var txn.never -1");
    }
    Ok(())
}

#[actix_rt::test]
async fn a_deadline_holds_for_a_peer_that_does_not_read_too() -> Result {
    tokio::time::pause();
    let limits = Limits::default().output_buffer(1000);
    let agent = InMemoryAgent::start(registry(), limits).await?;
    let mut haproxy = agent.connect().await?;
    for _ in 0..20 {
        haproxy.send_notify(Message::new("never")).await?;
    }
    until(&agent, |seen| seen.notifies_in_flight >= 20).await;
    for _ in 0..5 {
        haproxy.send_notify(crate::support::ask_big(16_000)).await?;
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    let statistics = agent.statistics().await;
    assert!(statistics.acks < 25, "the output is not clogged");
    assert_eq!(statistics.messages.deadline_exceeded, 20);
    Ok(())
}

#[derive(Deserialize)]
struct Milliseconds {
    ms: u64,
}

/// `work` keeps its arbiter busy for so long, and counts its calls.
fn working(calls: &Arc<AtomicU64>) -> Registry {
    let calls = Arc::clone(calls);
    let work = move |time: Milliseconds| {
        calls.fetch_add(1, Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(time.ms));
        Ok::<_, BoxError>(variable("worked", 1))
    };
    Registry::new().on("work", Route::new(work).fallback(variable("worked", -1)))
}

fn ask_work(ms: u64) -> Message {
    Message::new("work").arg("ms", ms)
}

/// Sends NOTIFYs of one message each in one write, and says what was answered to each.
async fn answers(haproxy: &mut FakeHaproxy, messages: &[Message]) -> Result<Vec<String>> {
    let mut all = BytesMut::new();
    for (stream, message) in (1..).zip(messages) {
        all.extend(encoded_notify((StreamId(stream), FrameId(1)), message.clone()));
    }
    haproxy.send_bytes(&all).await?;
    let mut answers = Vec::new();
    for _ in messages {
        answers.push(haproxy.ack().await?.actions.to_string());
    }
    Ok(answers)
}

const LIMIT: Duration = Duration::from_millis(50);
const WORKED: &str = "set-var txn.worked 1";
const TOO_LATE: &str = "set-var txn.worked -1";

#[actix_rt::test]
async fn what_is_over_its_time_when_its_turn_comes_gets_its_fallback_unasked() -> Result {
    let calls = Arc::<AtomicU64>::default();
    let limits = Limits::default().deadline(LIMIT);
    let agent = InMemoryAgent::start(working(&calls), limits).await?;
    let mut haproxy = agent.connect().await?;
    // The answer to the first one is there, but too late.
    let answers = answers(&mut haproxy, &vec![ask_work(60); 10]).await?;
    assert_eq!(answers, [TOO_LATE; 10]);
    assert_eq!(calls.load(Ordering::Relaxed), 1);
    let outcomes = agent.statistics().await.messages;
    assert_eq!((outcomes.answered, outcomes.deadline_exceeded), (0, 10));
    // It is not behind any more.
    assert_eq!(haproxy.notify(ask_work(0)).await?.to_string(), WORKED);
    Ok(())
}

#[actix_rt::test]
async fn a_call_that_takes_long_behind_quick_ones_is_noticed_too() -> Result {
    let calls = Arc::<AtomicU64>::default();
    let limits = Limits::default().deadline(LIMIT);
    let agent = InMemoryAgent::start(working(&calls), limits).await?;
    let mut haproxy = agent.connect().await?;
    for quick in [1, 5] {
        calls.store(0, Ordering::Relaxed);
        let mut times = [0; 40];
        times[quick] = 60;
        let answers = answers(&mut haproxy, &times.map(ask_work)).await?;
        // It is noticed when it returns, or up to 15 calls later.
        let calls = calls.load(Ordering::Relaxed) as usize;
        assert!((quick + 1..=quick + 16).contains(&calls), "{calls} calls");
        let (in_time, late) = answers.split_at(calls - 1);
        assert_eq!(in_time, vec![WORKED; calls - 1]);
        assert_eq!(late, vec![TOO_LATE; 41 - calls]);
    }
    Ok(())
}

#[actix_rt::test]
async fn what_was_read_together_has_arrived_together_however_late_its_turn_comes() -> Result {
    let calls = Arc::<AtomicU64>::default();
    let limits = Limits::default().deadline(LIMIT);
    let agent = InMemoryAgent::start(working(&calls), limits).await?;
    let mut haproxy = agent.connect().await?;
    answers(&mut haproxy, &vec![ask_work(20); 20]).await?;
    // Each in a turn of its own. On a busy machine there are fewer.
    let calls = calls.load(Ordering::Relaxed);
    assert!(calls <= 3, "{calls} of 20 were asked within {LIMIT:?}, with 20 ms each");
    let outcomes = agent.statistics().await.messages;
    assert_eq!(outcomes.answered + outcomes.deadline_exceeded, 20);
    assert!(outcomes.answered < 3, "{outcomes:?}");
    Ok(())
}

#[actix_rt::test]
async fn an_ack_that_is_ready_leaves_while_others_wait_for_their_turn() -> Result {
    let calls = Arc::<AtomicU64>::default();
    let agent = InMemoryAgent::start(working(&calls), Limits::default()).await?;
    let mut haproxy = agent.connect().await?;
    let mut all = BytesMut::new();
    for stream in 1..=10 {
        all.extend(encoded_notify((StreamId(stream), FrameId(1)), ask_work(20)));
    }
    haproxy.send_bytes(&all).await?;
    for stream in 1..=10 {
        assert_eq!(haproxy.ack().await?.stream_id, StreamId(stream));
        let calls = calls.load(Ordering::Relaxed);
        assert!(calls <= stream + 1, "{calls} were asked before the ACK to {stream} was there");
    }
    Ok(())
}

#[actix_rt::test]
async fn when_the_first_message_takes_all_the_time_the_others_are_not_asked() -> Result {
    let calls = Arc::<AtomicU64>::default();
    let limits = Limits::default().deadline(LIMIT);
    let agent = InMemoryAgent::start(working(&calls), limits).await?;
    let mut haproxy = agent.connect().await?;
    let messages: Messages = (0..100).map(|_| ask_work(60)).collect();
    let actions = haproxy.notify(messages).await?;
    assert!(actions.iter().all(|action| action.to_string() == TOO_LATE));
    let outcomes = agent.statistics().await.messages;
    assert_eq!((calls.load(Ordering::Relaxed), outcomes.deadline_exceeded), (1, 100));
    Ok(())
}

#[actix_rt::test]
async fn an_answer_that_comes_late_in_the_poll_that_brings_it_is_late() -> Result {
    let work = async |(): ()| {
        tokio::task::yield_now().await;
        std::thread::sleep(Duration::from_millis(60));
        Ok::<_, BoxError>(variable("worked", 1))
    };
    let route = Route::new(work).fallback(variable("worked", -1)).deadline(LIMIT);
    let agent = InMemoryAgent::start(Registry::new().on("work", route), Limits::default()).await?;
    let mut haproxy = agent.connect().await?;
    assert_eq!(haproxy.notify(Message::new("work")).await?.to_string(), TOO_LATE);
    let outcomes = agent.statistics().await.messages;
    assert_eq!((outcomes.answered, outcomes.deadline_exceeded), (0, 1));
    Ok(())
}

/// Tells when a call is dropped before its end.
struct Abandoned(Rc<Cell<u32>>);

impl Drop for Abandoned {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

/// Tells how much time it was given, and waits for ever.
struct Watched {
    given: Rc<Cell<Duration>>,
    abandoned: Rc<Cell<u32>>,
}

#[async_trait(?Send)]
impl HandlerActor for Watched {
    type Args = ();

    async fn handle(&self, (): (), origin: &Origin) -> std::result::Result<Actions, BoxError> {
        let _abandoned = Abandoned(Rc::clone(&self.abandoned));
        self.given.set(origin.remaining());
        std::future::pending().await
    }
}

thread_local! {
    static GIVEN: Rc<Cell<Duration>> = Rc::default();
    static ABANDONED: Rc<Cell<u32>> = Rc::default();
}

fn watched() -> Route {
    Route::new(|| Watched { given: GIVEN.with(Rc::clone), abandoned: ABANDONED.with(Rc::clone) })
        .fallback(variable("late", 1))
}

#[actix_rt::test]
async fn a_handler_knows_how_much_time_is_left_and_its_late_call_is_dropped() -> Result {
    tokio::time::pause();
    let mut haproxy = FakeHaproxy::start(Registry::new().on("watched", watched())).await?;
    let (actions, _) = answered_after(&mut haproxy, Message::new("watched")).await?;
    assert_eq!(actions.to_string(), "set-var txn.late 1");
    let given = GIVEN.with(|given| given.get());
    assert!(given <= Duration::from_secs(1) && given > Duration::from_millis(980), "{given:?}");
    assert_eq!(ABANDONED.with(|abandoned| abandoned.get()), 1);
    Ok(())
}

#[actix_rt::test]
async fn the_calls_of_a_connection_that_is_gone_are_dropped() -> Result {
    tokio::time::pause();
    let agent =
        InMemoryAgent::start(Registry::new().on("watched", watched()), Limits::default()).await?;
    let mut haproxy = agent.connect().await?;
    haproxy.send_notify([Message::new("watched"), Message::new("watched")]).await?;
    until(&agent, |seen| seen.notifies_in_flight > 0).await;
    drop(haproxy);
    until(&agent, |seen| seen.connections_open == 0).await;
    assert_eq!(ABANDONED.with(|abandoned| abandoned.get()), 2);
    assert_eq!(agent.statistics().await.notifies_in_flight, 0);
    Ok(())
}
