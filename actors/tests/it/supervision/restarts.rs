//! How long messages wait while a handler starts, and what goes on meanwhile.

use std::{cell::RefCell, num::NonZero, time::Duration};

use async_trait::async_trait;
use spoa_actors::{
    Agent, HandlerActor, Limits, Message, Origin, Registry, Route, Tasks,
    testing::{FakeHaproxy, InMemoryAgent},
};
use tokio::{
    net::TcpStream,
    sync::{mpsc, oneshot},
    time::{Instant, sleep},
};

use crate::support::{
    Answered, FALLBACK, Result, Started, answer_to,
    numbered::{Start, Wish, agent, answer, ask, instance, route, script},
    registry, stop, variable,
};

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// How many of the messages of a minute wait until they are late, if the handler does not come.
async fn late_within_a_minute(start: Start) -> Result<u64> {
    script([start; 100]);
    let agent = agent(route().optional()).await;
    let mut haproxy = agent.connect().await?;
    for _ in 0..600 {
        assert_eq!(answer(&mut haproxy, ask()).await?, FALLBACK);
        sleep(SECOND / 10).await;
    }
    let seen = agent.statistics().await;
    assert_eq!(seen.messages.deadline_exceeded + seen.messages.circuit_open, 600);
    assert_eq!(seen.handlers_down, 1);
    Ok(seen.messages.deadline_exceeded)
}

#[actix_rt::test]
async fn a_handler_whose_start_hangs_is_given_up_and_its_messages_wait_no_more() -> Result {
    tokio::time::pause();
    assert!(late_within_a_minute(Start::Hangs).await? <= 1);
    Ok(())
}

#[actix_rt::test]
async fn a_handler_whose_start_fails_slowly_is_given_up_and_its_messages_wait_no_more() -> Result {
    tokio::time::pause();
    assert!(late_within_a_minute(Start::FailsAfter(2000)).await? <= 1);
    Ok(())
}

#[actix_rt::test]
async fn messages_wait_for_a_slow_start_until_the_deadline_of_the_route_has_passed() -> Result {
    tokio::time::pause();
    script([Start::Fails, Start::Takes(5000)]);
    let agent = agent(route().deadline(SECOND).optional()).await;
    let mut haproxy = agent.connect().await?;
    let asked = Instant::now();
    sleep(SECOND / 2).await;
    assert_eq!(answer(&mut haproxy, ask()).await?, FALLBACK);
    let waited = asked.elapsed();
    assert!(waited.abs_diff(SECOND) < SECOND / 100, "those that wait are told: {waited:?}");
    let asked = Instant::now();
    for _ in 0..100 {
        assert_eq!(answer(&mut haproxy, ask()).await?, FALLBACK);
    }
    assert_eq!(asked.elapsed(), Duration::ZERO, "later ones do not wait");
    let seen = agent.statistics().await;
    assert_eq!((seen.handlers_down, seen.handler_restarts), (1, 0));
    assert_eq!((seen.messages.deadline_exceeded, seen.messages.circuit_open), (0, 101));

    sleep(4 * SECOND).await;
    assert_eq!(answer(&mut haproxy, ask()).await?, instance(2));
    let seen = agent.statistics().await;
    assert_eq!((seen.handlers_down, seen.handler_restarts), (1, 1));
    Ok(())
}

#[actix_rt::test]
async fn a_message_may_wait_through_any_number_of_starts() -> Result {
    tokio::time::pause();
    script([Start::Fails; 10_000]);
    let agent = agent(route().deadline(DAY).restarts(usize::MAX, DAY).optional()).await;
    let mut haproxy = agent.connect().await?.patience(DAY);
    assert_eq!(answer(&mut haproxy, ask()).await?, instance(10_001));
    assert_eq!(agent.statistics().await.handler_starts_failed, 10_000);
    Ok(())
}

#[actix_rt::test]
async fn who_has_panicked_stands_in_when_its_restart_takes_longer_than_a_moment() -> Result {
    tokio::time::pause();
    let agent = agent(route()).await;
    script([Start::Takes(5000)]);
    let mut haproxy = agent.connect().await?;
    assert_eq!(answer(&mut haproxy, ask().arg("panic", true)).await?, FALLBACK);
    for waited in [Duration::from_millis(25), Duration::ZERO] {
        let asked = Instant::now();
        assert_eq!(answer(&mut haproxy, ask()).await?, instance(1));
        assert!(asked.elapsed().abs_diff(waited) < SECOND / 200, "{:?}", asked.elapsed());
    }
    sleep(5 * SECOND).await;
    assert_eq!(answer(&mut haproxy, ask()).await?, instance(2));
    let seen = agent.statistics().await;
    assert_eq!((seen.handlers_down, seen.handler_restarts), (0, 1));
    Ok(())
}

#[actix_rt::test]
async fn a_start_whose_task_has_panicked_is_not_waited_for() -> Result {
    tokio::time::pause();
    let agent = agent(route()).await;
    let mut haproxy = agent.connect().await?;
    script([Start::PanicsInATask]);
    assert_eq!(answer(&mut haproxy, ask().arg("panic", true)).await?, FALLBACK);
    let asked = Instant::now();
    assert_eq!(answer(&mut haproxy, ask()).await?, instance(3));
    assert!(asked.elapsed() < SECOND / 10, "{:?}", asked.elapsed());
    Ok(())
}

#[actix_rt::test]
async fn optional_handlers_whose_starts_hang_do_not_hold_up_the_agent() -> Result {
    tokio::time::pause();
    script([Start::Hangs; 3]);
    let mut all = registry();
    for name in ["one", "two", "three"] {
        all = all.on(name, route().optional());
    }
    let asked = Instant::now();
    let agent = InMemoryAgent::start(all, Limits::default()).await?;
    assert_eq!(asked.elapsed(), Duration::ZERO);
    let mut haproxy = agent.connect().await?;
    for name in ["one", "two", "three"] {
        assert_eq!(answer(&mut haproxy, Message::new(name)).await?, FALLBACK);
    }
    assert!(asked.elapsed() < 2 * SECOND, "they wait for them together: {:?}", asked.elapsed());
    Ok(())
}

#[actix_rt::test]
async fn an_optional_handler_that_starts_the_first_time_is_not_counted_as_restarted() -> Result {
    tokio::time::pause();
    let agent = agent(route().optional()).await;
    let mut haproxy = agent.connect().await?;
    assert_eq!(answer(&mut haproxy, ask()).await?, instance(1));
    assert_eq!(agent.statistics().await.handler_restarts, 0);
    Ok(())
}

#[actix_rt::test]
async fn an_optional_handler_that_comes_late_answers_what_waits_for_it() -> Result {
    tokio::time::pause();
    script([Start::Fails, Start::Takes(300)]);
    let agent = agent(route().optional()).await;
    let mut haproxy = agent.connect().await?;
    let asked = Instant::now();
    let actions = haproxy.notify([ask(), ask(), ask()]).await?;
    assert_eq!(actions.to_string(), [instance(2), instance(2), instance(2)].join(", "));
    assert!(asked.elapsed() >= Duration::from_millis(300));
    let seen = agent.statistics().await;
    assert_eq!(
        (seen.messages.answered, seen.messages.deadline_exceeded, seen.messages.circuit_open),
        (3, 0, 0)
    );
    assert_eq!(seen.handlers_down, 0);
    Ok(())
}

/// Has a task of its own answer its messages, one after the other.
struct Batching {
    requests: mpsc::UnboundedSender<oneshot::Sender<i64>>,
    taken: RefCell<Option<mpsc::UnboundedReceiver<oneshot::Sender<i64>>>>,
}

impl Batching {
    fn new() -> Self {
        let (requests, taken) = mpsc::unbounded_channel();
        Self { requests, taken: RefCell::new(Some(taken)) }
    }
}

#[async_trait(?Send)]
impl HandlerActor for Batching {
    type Args = Wish;

    async fn started(&self, tasks: &Tasks) -> Started {
        let mut taken = self.taken.take().ok_or("it has started before")?;
        tasks.spawn(async move {
            while let Some(request) = taken.recv().await {
                sleep(Duration::from_millis(50)).await;
                // Who asked may have gone.
                let _ = request.send(7);
            }
        });
        Ok(())
    }

    async fn handle(&self, wish: Wish, _: &Origin) -> Answered {
        assert!(!wish.panic, "as asked");
        let (answer, answered) = oneshot::channel();
        self.requests.send(answer)?;
        Ok(variable("done", answered.await?))
    }
}

#[actix_rt::test]
async fn calls_in_flight_go_on_with_the_tasks_of_their_instance() -> Result {
    tokio::time::pause();
    let agent = agent(Route::new(Batching::new).fallback(variable("fallback", -1))).await;
    let mut haproxy = agent.connect().await?;
    let slow = haproxy.send_notify(ask()).await?;
    assert_eq!(answer(&mut haproxy, ask().arg("panic", true)).await?, FALLBACK);
    assert_eq!(answer_to(&mut haproxy, slow).await?, "set-var txn.done 7");
    assert_eq!(agent.statistics().await.handler_restarts, 1);
    Ok(())
}

#[actix_rt::test]
async fn an_agent_that_stops_while_a_handler_starts_answers_what_waits_for_it() -> Result {
    tokio::time::pause();
    for (start, answer_of_it) in [(Start::Takes(500), instance(2)), (Start::Hangs, FALLBACK.into())]
    {
        script([Start::Fails, start]);
        let agent = agent(route().optional()).await;
        let mut haproxy = agent.connect().await?;
        let waiting = haproxy.send_notify(ask()).await?;
        sleep(SECOND / 10).await;
        let asked = Instant::now();
        let stopping = stop(&agent);
        assert_eq!(answer_to(&mut haproxy, waiting).await?, answer_of_it);
        haproxy.receive().await?;
        drop(haproxy);
        assert_eq!(stopping.await.unwrap().notifies_cancelled, 0);
        assert!(asked.elapsed() < 2 * SECOND, "{:?}", asked.elapsed());
    }
    Ok(())
}

#[actix_rt::test]
async fn an_agent_that_stops_while_a_handler_is_down_stops_at_once() -> Result {
    tokio::time::pause();
    script([Start::Fails]);
    let agent = agent(route().optional().restarts(0, DAY)).await;
    let mut haproxy = agent.connect().await?;
    assert_eq!(answer(&mut haproxy, ask()).await?, FALLBACK);
    drop(haproxy);
    let asked = Instant::now();
    assert_eq!(agent.stop().await.handlers_down, 1);
    assert!(asked.elapsed() < SECOND, "{:?}", asked.elapsed());
    Ok(())
}

#[actix_rt::test]
async fn a_panic_on_one_arbiter_restarts_the_handler_of_that_one_only() -> Result {
    let agent = Agent::bind("127.0.0.1:0")?.arbiters(NonZero::new(2).unwrap());
    let agent = agent.start(Registry::new().on("number", route())).await?;
    let connect = async || -> Result<FakeHaproxy<TcpStream>> {
        FakeHaproxy::over(TcpStream::connect(agent.local_addresses()[0]).await?).await
    };
    let (mut one, mut other) = (connect().await?, connect().await?);
    for number in 1..=3 {
        assert_eq!(other.notify(ask()).await?.to_string(), instance(1));
        assert_eq!(one.notify(ask()).await?.to_string(), instance(number));
        assert_eq!(one.notify(ask().arg("panic", true)).await?.to_string(), FALLBACK);
    }
    assert_eq!(one.notify(ask()).await?.to_string(), instance(4));
    assert_eq!(other.notify(ask()).await?.to_string(), instance(1));
    drop((one, other));
    let seen = agent.stop().await;
    assert_eq!((seen.handler_restarts, seen.messages.panicked, seen.messages.answered), (3, 3, 8));
    Ok(())
}
