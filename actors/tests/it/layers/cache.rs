//! The cache: one question for equal calls, at a time and one after the other.

use std::{future::pending, time::Duration};

use futures_util::future::{join, join_all};
use spoa_actors::{
    Actions, BoxError, Limits, Message, Registry, Route, Var,
    layers::Cache,
    testing::{ClientError, InMemoryAgent},
};
use tokio::time::{advance, sleep};

use super::{Count, counted};
use crate::support::{FALLBACK, Result, variable};

const NUMBER: Var = Var::transaction("number");
const TTL: Duration = Duration::from_secs(5);
const MOMENT: Duration = Duration::from_millis(100);

fn by_token() -> Cache {
    Cache::by(["token"]).ttl(TTL)
}

fn ask(token: &str) -> Message {
    Message::new("ask").arg("token", token).arg("other", "of no account")
}

/// Answers with how often it was asked before, after a moment if the argument `wait` says so.
fn numbering(asked: &Count) -> Route {
    let asked = asked.clone();
    Route::new(move |message: Message| {
        let number = asked.add();
        async move {
            if message.get("wait").is_some() {
                sleep(MOMENT).await;
            }
            if message.get("panic").is_some() {
                panic!("as asked");
            }
            if message.get("fail").is_some() {
                return Err::<Actions, BoxError>("as asked".into());
            }
            Ok(Actions::new().set(NUMBER, number))
        }
    })
}

async fn start(route: Route) -> Result<InMemoryAgent> {
    let route = route.fallback(variable("fallback", -1)).concurrency(2_000);
    let limits = Limits::default().messages_per_connection(4_000);
    Ok(InMemoryAgent::start(Registry::new().on("ask", route), limits).await?)
}

#[actix_rt::test]
async fn equal_calls_are_answered_once_until_the_answer_is_too_old() -> Result {
    tokio::time::pause();
    let asked = Count::default();
    let agent = start(numbering(&asked).layer(by_token)).await?;
    let mut haproxy = agent.connect().await?;
    for (token, expected) in [("a", 0), ("a", 0), ("b", 1), ("a", 0), ("b", 1)] {
        let actions = haproxy.notify(ask(token)).await?;
        assert_eq!(actions.to_string(), format!("set-var txn.number {expected}"));
    }
    advance(TTL).await;
    assert_eq!(haproxy.notify(ask("a")).await?.to_string(), "set-var txn.number 2");
    assert_eq!((counted(&agent, "hit").await, counted(&agent, "miss").await), (3, 3));
    Ok(())
}

/// The answers to a thousand equal calls at a time, which four connections ask.
async fn a_thousand(agent: &InMemoryAgent, call: Message) -> Result<Vec<String>> {
    let asked = (0..4).map(async |_| {
        let mut haproxy = agent.connect().await?;
        Ok::<_, ClientError>(haproxy.notify(vec![call.clone(); 250]).await?.to_string())
    });
    let mut answers = Vec::new();
    for actions in join_all(asked).await {
        answers.extend(actions?.split(", ").map(str::to_owned));
    }
    Ok(answers)
}

#[actix_rt::test]
async fn a_thousand_equal_calls_at_a_time_ask_once() -> Result {
    tokio::time::pause();
    let asked = Count::default();
    let agent = start(numbering(&asked).layer(by_token)).await?;
    let answers = a_thousand(&agent, ask("a").arg("wait", true)).await?;
    assert_eq!(answers, vec!["set-var txn.number 0"; 1_000]);
    assert_eq!((asked.get(), counted(&agent, "joined").await), (1, 999));
    Ok(())
}

#[actix_rt::test]
async fn who_waits_for_a_call_that_fails_or_panics_gets_the_fallback_and_the_next_asks_again()
-> Result {
    tokio::time::pause();
    for (wish, panicked) in [("fail", 0), ("panic", 1)] {
        let asked = Count::default();
        let agent = start(numbering(&asked).layer(by_token)).await?;
        let answers = a_thousand(&agent, ask("a").arg("wait", true).arg(wish, true)).await?;
        assert_eq!(answers, vec![FALLBACK; 1_000], "{wish}");
        assert_eq!(asked.get(), 1, "{wish}");
        let messages = agent.statistics().await.messages;
        assert_eq!((messages.panicked, messages.failed), (panicked, 1_000 - panicked), "{wish}");
        let actions = agent.connect().await?.notify(ask("a")).await?;
        assert_eq!(actions.to_string(), "set-var txn.number 1", "{wish}");
    }
    Ok(())
}

#[actix_rt::test]
async fn who_can_wait_longer_than_the_first_still_gets_its_answer() -> Result {
    tokio::time::pause();
    let asked = Count::default();
    let route = numbering(&asked).layer(by_token).deadline_argument("budget");
    let agent = start(route).await?;
    let (mut one, mut other) = (agent.connect().await?, agent.connect().await?);
    let call = |budget: u64| ask("a").arg("wait", true).arg("budget", budget);
    let (first, second) = join(one.notify(call(20)), other.notify(call(900))).await;
    assert_eq!(first?.to_string(), FALLBACK);
    assert_eq!((second?.to_string().as_str(), asked.get()), ("set-var txn.number 0", 1));
    Ok(())
}

#[actix_rt::test]
async fn calls_that_nobody_waits_for_any_more_are_made_again() -> Result {
    tokio::time::pause();
    let asked = Count::default();
    let counter = asked.clone();
    let never = Route::new(move || {
        counter.add();
        async { pending::<Actions>().await }
    });
    let agent = start(never.layer(by_token).deadline(MOMENT)).await?;
    let mut haproxy = agent.connect().await?;
    for number in 1..=3 {
        assert_eq!(haproxy.notify(ask("a")).await?.to_string(), FALLBACK);
        assert_eq!(asked.get(), number);
    }
    Ok(())
}

#[actix_rt::test]
async fn a_call_that_never_ends_does_not_keep_those_that_come_after_its_deadline() -> Result {
    tokio::time::pause();
    let asked = Count::default();
    let counter = asked.clone();
    let first_hangs = Route::new(move || {
        let number = counter.add();
        async move {
            if number == 0 {
                pending::<()>().await;
            }
            sleep(MOMENT).await;
            Actions::new().set(NUMBER, number)
        }
    });
    let agent = start(first_hangs.layer(by_token).deadline(5 * MOMENT)).await?;
    let mut haproxy = agent.connect().await?;
    // At every time, somebody waits for the first call.
    for _ in 0..20 {
        haproxy.send_notify([ask("a")]).await?;
        sleep(MOMENT).await;
    }
    let mut answers = Vec::new();
    for _ in 0..20 {
        answers.push(haproxy.ack().await?.actions.to_string());
    }
    let late = answers.iter().filter(|answer| *answer == FALLBACK).count();
    assert_eq!((late, asked.get()), (5, 2), "{answers:?}");
    assert_eq!(answers.last().unwrap(), "set-var txn.number 1");
    Ok(())
}

#[actix_rt::test]
async fn an_error_is_kept_only_if_that_is_asked_for() -> Result {
    tokio::time::pause();
    let second = Duration::from_secs(1);
    for (cache, expected) in [(by_token as fn() -> Cache, 3), (|| by_token().negative(TTL), 1)] {
        let asked = Count::default();
        let agent = start(numbering(&asked).layer(cache)).await?;
        let mut haproxy = agent.connect().await?;
        for _ in 0..3 {
            let actions = haproxy.notify(ask("a").arg("fail", true)).await?;
            assert_eq!(actions.to_string(), FALLBACK);
            advance(second).await;
        }
        assert_eq!(asked.get(), expected);
    }
    Ok(())
}

#[actix_rt::test]
async fn a_key_that_is_too_long_is_asked_for_every_time() -> Result {
    let asked = Count::default();
    let agent = start(numbering(&asked).layer(by_token)).await?;
    let mut haproxy = agent.connect().await?;
    let long = "x".repeat(5_000);
    for _ in 0..3 {
        haproxy.notify(ask(&long)).await?;
    }
    assert_eq!((asked.get(), counted(&agent, "bypassed").await), (3, 3));
    Ok(())
}

#[actix_rt::test]
async fn no_more_answers_are_kept_than_there_is_room_for() -> Result {
    let asked = Count::default();
    let agent = start(numbering(&asked).layer(|| by_token().entries(10))).await?;
    let mut haproxy = agent.connect().await?;
    for number in 0..100 {
        haproxy.notify(ask(&number.to_string())).await?;
    }
    haproxy.notify(ask("99")).await?;
    assert_eq!((asked.get(), counted(&agent, "evicted").await), (100, 90));
    haproxy.notify(ask("0")).await?;
    assert_eq!(asked.get(), 101);
    Ok(())
}

#[actix_rt::test]
async fn a_handler_that_panics_leaves_the_cache_as_it_is() -> Result {
    let asked = Count::default();
    let agent = start(numbering(&asked).layer(by_token)).await?;
    let mut haproxy = agent.connect().await?;
    haproxy.notify(ask("a")).await?;
    haproxy.notify(ask("b").arg("panic", true)).await?;
    assert_eq!(haproxy.notify(ask("a")).await?.to_string(), "set-var txn.number 0");
    Ok(())
}
