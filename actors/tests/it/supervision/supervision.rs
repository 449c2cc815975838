//! A handler that panics: what HAProxy gets, and how the handler comes back.

use std::time::Duration;

use async_trait::async_trait;
use spoa_actors::{
    AgentError, BoxError, HandlerActor, Limits, Origin, Registry, Route, status::Readiness,
    testing::InMemoryAgent,
};
use tokio::time::{Instant, sleep};

use crate::support::{
    Answered, FALLBACK, Result, exchange,
    numbered::{Start, Wish, agent, answer, ask, instance, route, script},
    until, variable,
};

#[actix_rt::test]
async fn a_handler_that_panics_leaves_its_fallback_at_once_and_is_restarted_from_its_factory()
-> Result {
    tokio::time::pause();
    let agent = agent(route()).await;
    let mut haproxy = agent.connect().await?;
    assert_eq!(answer(&mut haproxy, ask()).await?, instance(1));
    for number in 2..=4 {
        let wish = if number % 2 == 0 { "panic" } else { "panic_later" };
        let asked = Instant::now();
        assert_eq!(answer(&mut haproxy, ask().arg(wish, true)).await?, FALLBACK);
        assert_eq!(answer(&mut haproxy, ask()).await?, instance(number));
        assert!(asked.elapsed() < Duration::from_millis(25), "{:?}", asked.elapsed());
    }
    let seen = agent.statistics().await;
    assert_eq!(
        (seen.handler_restarts, seen.messages.panicked, seen.messages.deadline_exceeded),
        (3, 3, 0)
    );
    Ok(())
}

#[actix_rt::test]
async fn messages_that_come_while_a_handler_is_restarted_wait_for_it() -> Result {
    tokio::time::pause();
    let agent = agent(route()).await;
    script([Start::Takes(10)]);
    let mut haproxy = agent.connect().await?;
    let asked = Instant::now();
    let actions = haproxy.notify([ask().arg("panic", true), ask(), ask()]).await?;
    assert_eq!(actions.to_string(), [FALLBACK, &instance(2), &instance(2)].join(", "));
    assert!(asked.elapsed() >= Duration::from_millis(10));
    assert_eq!(agent.statistics().await.messages.deadline_exceeded, 0);
    Ok(())
}

#[actix_rt::test]
async fn calls_in_flight_go_on_with_the_instance_that_they_began_with() -> Result {
    tokio::time::pause();
    let agent = agent(route()).await;
    let mut haproxy = agent.connect().await?;
    let slow = haproxy.send_notify(ask().arg("ms", 50_u64)).await?;
    assert_eq!(answer(&mut haproxy, ask().arg("panic", true)).await?, FALLBACK);
    assert_eq!(answer(&mut haproxy, ask()).await?, instance(2));
    let ack = haproxy.ack().await?;
    assert_eq!(((ack.stream_id, ack.frame_id), ack.actions.to_string()), (slow, instance(1)));
    Ok(())
}

#[actix_rt::test]
async fn a_late_panic_of_an_instance_that_is_replaced_already_restarts_nothing() -> Result {
    tokio::time::pause();
    let agent = agent(route()).await;
    let mut haproxy = agent.connect().await?;
    for _ in 0..3 {
        haproxy.send_notify(ask().arg("panic_later", true).arg("ms", 50_u64)).await?;
    }
    for _ in 0..3 {
        assert_eq!(haproxy.ack().await?.actions.to_string(), FALLBACK);
    }
    assert_eq!(answer(&mut haproxy, ask()).await?, instance(2));
    assert_eq!(agent.statistics().await.messages.panicked, 3);
    Ok(())
}

#[actix_rt::test]
async fn a_panic_in_a_task_restarts_the_handler_too() -> Result {
    tokio::time::pause();
    let agent = agent(route()).await;
    let mut haproxy = agent.connect().await?;
    assert_eq!(answer(&mut haproxy, ask().arg("panic_in_a_task", true)).await?, instance(1));
    until(&agent, |seen| seen.handler_restarts == 1).await;
    assert_eq!(answer(&mut haproxy, ask()).await?, instance(2));
    assert_eq!(agent.statistics().await.background_panics, 1);
    Ok(())
}

/// The share of good requests that are answered, if each comes behind `poison` that panic: `rounds`
/// times, one millisecond after the other.
async fn share_answered(route: Route, poison: usize, rounds: usize) -> Result<f64> {
    let agent = agent(route).await;
    let mut haproxy = agent.connect().await?;
    let mut answered = 0;
    for _ in 0..rounds {
        for _ in 0..poison {
            haproxy.send_notify(ask().arg("panic", true)).await?;
        }
        let good = haproxy.send_notify(ask()).await?;
        for _ in 0..=poison {
            let ack = haproxy.ack().await?;
            if (ack.stream_id, ack.frame_id) == good {
                answered += usize::from(ack.actions.to_string() != FALLBACK);
            } else {
                assert_eq!(ack.actions.to_string(), FALLBACK);
            }
        }
        sleep(Duration::from_millis(1)).await;
    }
    let seen = agent.statistics().await;
    assert_eq!(seen.messages.panicked, (poison * rounds) as u64, "each is counted");
    assert_eq!((seen.messages.circuit_open, seen.handlers_down), (0, 0));
    Ok(answered as f64 / rounds as f64)
}

#[actix_rt::test]
async fn good_requests_are_answered_however_many_others_make_the_handler_panic() -> Result {
    tokio::time::pause();
    for poison in [1, 20] {
        assert_eq!(share_answered(route(), poison, 2_000).await?, 1.0, "1 to {poison}");
    }
    Ok(())
}

#[actix_rt::test]
async fn good_requests_are_answered_though_each_restart_takes_longer_than_the_deadline() -> Result {
    tokio::time::pause();
    let agent_starts = [Start::Succeeds].into_iter();
    script(agent_starts.chain([Start::Takes(3_000); 100]));
    assert_eq!(share_answered(route(), 1, 10_000).await?, 1.0);
    Ok(())
}

#[actix_rt::test]
async fn good_requests_are_answered_though_no_restart_succeeds() -> Result {
    tokio::time::pause();
    let agent = agent(route().restarts(2, Duration::from_secs(1))).await;
    script([Start::Fails; 100]);
    let mut haproxy = agent.connect().await?;
    let asked = Instant::now();
    for _ in 0..10_000 {
        assert_eq!(answer(&mut haproxy, ask().arg("panic", true)).await?, FALLBACK);
        assert_eq!(answer(&mut haproxy, ask()).await?, instance(1));
        sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(agent.observer().readiness().await, Readiness::Ready);
    let seen = agent.statistics().await;
    assert_eq!((seen.handlers_down, seen.messages.circuit_open), (1, 0));
    let once_a_window = 3 + asked.elapsed().as_secs();
    assert!(seen.handler_starts_failed <= once_a_window, "{}", seen.handler_starts_failed);
    Ok(())
}

#[actix_rt::test]
async fn an_instance_that_has_answered_may_panic_as_often_as_it_likes() -> Result {
    tokio::time::pause();
    let agent = agent(route().restarts(0, Duration::from_secs(10))).await;
    let mut haproxy = agent.connect().await?;
    for number in 1..=50 {
        assert_eq!(answer(&mut haproxy, ask()).await?, instance(number));
        assert_eq!(answer(&mut haproxy, ask().arg("panic", true)).await?, FALLBACK);
        sleep(Duration::from_secs(2)).await;
    }
    assert_eq!(agent.statistics().await.handlers_down, 0);
    Ok(())
}

#[actix_rt::test]
async fn an_error_of_a_handler_is_an_answer_and_wrong_arguments_are_none() -> Result {
    tokio::time::pause();
    for (first, given_up) in [(ask().arg("fail", true), 0), (ask().arg("ms", "many"), 1)] {
        script([]);
        let agent = agent(route().restarts(0, Duration::from_secs(10))).await;
        let mut haproxy = agent.connect().await?;
        assert_eq!(answer(&mut haproxy, first).await?, FALLBACK);
        assert_eq!(answer(&mut haproxy, ask().arg("panic", true)).await?, FALLBACK);
        sleep(Duration::from_secs(1)).await;
        assert_eq!(agent.statistics().await.handlers_down, given_up);
    }
    Ok(())
}

/// It is asked all the same: a panic costs no more than the fallback does.
#[actix_rt::test]
async fn over_its_budget_a_handler_is_restarted_once_a_window_until_it_answers() -> Result {
    tokio::time::pause();
    let agent = agent(route().restarts(2, Duration::from_secs(10))).await;
    let mut haproxy = agent.connect().await?;
    for _ in 0..3 {
        assert_eq!(answer(&mut haproxy, ask().arg("panic", true)).await?, FALLBACK);
        sleep(Duration::from_millis(20)).await;
    }
    for _ in 0..90 {
        assert_eq!(answer(&mut haproxy, ask().arg("panic", true)).await?, FALLBACK);
        sleep(Duration::from_millis(100)).await;
    }
    let seen = agent.statistics().await;
    assert_eq!((seen.messages.panicked, seen.messages.circuit_open), (93, 0));
    assert_eq!((seen.handler_restarts, seen.handlers_down), (2, 1));
    let down = Readiness::HandlerDown { message: "number".to_owned() };
    assert_eq!(agent.observer().readiness().await, down);

    let asked = Instant::now();
    assert_eq!(answer(&mut haproxy, ask()).await?, instance(3));
    assert!(asked.elapsed() < Duration::from_millis(5), "{:?}", asked.elapsed());
    assert_eq!(agent.observer().readiness().await, Readiness::Ready);
    sleep(Duration::from_millis(3_550)).await;
    assert_eq!(answer(&mut haproxy, ask()).await?, instance(4));
    Ok(())
}

#[actix_rt::test]
async fn messages_that_wait_for_a_handler_that_is_given_up_get_the_fallback_at_once() -> Result {
    tokio::time::pause();
    script([Start::FailsAfter(10); 2]);
    let agent = agent(route().optional().restarts(1, Duration::from_secs(10))).await;
    let mut haproxy = agent.connect().await?;
    let asked = Instant::now();
    for _ in 0..2 {
        for ack in exchange(&mut haproxy, [ask().into(), ask().into()]).await? {
            assert_eq!(ack.actions.to_string(), FALLBACK);
        }
    }
    assert!(asked.elapsed() < Duration::from_millis(50), "{:?}", asked.elapsed());
    assert_eq!(agent.statistics().await.messages.circuit_open, 4);
    Ok(())
}

#[actix_rt::test]
async fn a_start_that_fails_is_tried_again() -> Result {
    tokio::time::pause();
    script([Start::Fails, Start::FailsBeyondWords, Start::Panics, Start::PanicsInATask]);
    let agent = agent(route().optional()).await;
    let mut haproxy = agent.connect().await?;
    assert_eq!(answer(&mut haproxy, ask()).await?, instance(5));
    let seen = agent.statistics().await;
    assert_eq!((seen.handler_starts_failed, seen.handler_restarts), (4, 1));
    Ok(())
}

#[actix_rt::test]
async fn an_agent_starts_without_a_handler_whose_route_is_optional() -> Result {
    tokio::time::pause();
    for start in [Start::Fails, Start::Panics, Start::PanicsInATask] {
        script([start; 12]);
        let agent = agent(route().optional()).await;
        let mut haproxy = agent.connect().await?;
        sleep(Duration::from_secs(5)).await;
        assert_eq!(agent.statistics().await.handlers_down, 1);
        let asked = Instant::now();
        assert_eq!(answer(&mut haproxy, ask()).await?, FALLBACK);
        assert_eq!(asked.elapsed(), Duration::ZERO);
        // The eleventh start and the twelfth fail, each followed by 12.5 s at the most.
        sleep(Duration::from_secs(23)).await;
        assert!(answer(&mut haproxy, ask()).await?.starts_with("set-var txn.instance"));
    }
    Ok(())
}

#[actix_rt::test]
async fn a_start_that_hangs_is_given_up_in_time() {
    tokio::time::pause();
    script([Start::Hangs]);
    let registry = Registry::new().on("number", route());
    let limits = Limits::default().start_timeout(Duration::from_secs(3));
    let error = InMemoryAgent::start(registry, limits).await.unwrap_err();
    assert!(matches!(error, AgentError::Handler { .. }), "{error}");
    assert!(error.to_string().contains("3s"), "{error}");
}

#[actix_rt::test]
async fn a_function_has_nothing_to_renew_and_no_budget() -> Result {
    let panics = Route::new(|wish: Wish| {
        assert!(!wish.panic, "as asked");
        Ok::<_, BoxError>(variable("instance", 0))
    });
    let agent = agent(panics.fallback(variable("fallback", -1))).await;
    let mut haproxy = agent.connect().await?;
    for _ in 0..20 {
        assert_eq!(answer(&mut haproxy, ask().arg("panic", true)).await?, FALLBACK);
    }
    assert_eq!(answer(&mut haproxy, ask()).await?, instance(0));
    assert_eq!(agent.statistics().await.handler_restarts, 0);
    Ok(())
}

/// Panics when it is dropped.
struct Trap;

impl Drop for Trap {
    fn drop(&mut self) {
        panic!("it may panic when it is dropped");
    }
}

#[async_trait(?Send)]
impl HandlerActor for Trap {
    type Args = ();

    async fn handle(&self, (): (), _: &Origin) -> Answered {
        panic!("as asked")
    }
}

#[actix_rt::test]
async fn a_handler_that_panics_when_it_is_dropped_hurts_nobody() -> Result {
    let route = Route::new(|| Trap).fallback(variable("fallback", -1));
    let agent = agent(route).await;
    let mut haproxy = agent.connect().await?;
    for _ in 0..3 {
        assert_eq!(answer(&mut haproxy, ask()).await?, FALLBACK);
    }
    assert_eq!(agent.stop().await.connections_panicked, 0);
    Ok(())
}
