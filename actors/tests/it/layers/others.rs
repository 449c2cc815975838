//! The other layers that come with the library.

use std::{future::pending, sync::mpsc::sync_channel, time::Duration};

use async_trait::async_trait;
use spoa_actors::{
    Actions, HandlerActor, Limits, Message, Origin, ReadyHandler, Registry, Route, Tasks, Var,
    layers::{ArgumentType, Audit, Cache, Require, Rollout, Shadow, Timeout},
    observe::Outcome,
    testing::InMemoryAgent,
};
use tokio::time::{Instant, sleep};

use super::{Count, count_of, counted};
use crate::support::{Answered, FALLBACK, Result, Started, numbered::BeyondWords, until, variable};

const SCORE: Var = Var::session("score");
const MOMENT: Duration = Duration::from_millis(100);

fn score(score: i64) -> Actions {
    Actions::new().set(SCORE, score)
}

fn ask() -> Message {
    Message::new("ask")
}

async fn start(route: Route) -> Result<InMemoryAgent> {
    let route = route.fallback(variable("fallback", -1));
    Ok(InMemoryAgent::start(Registry::new().on("ask", route), Limits::default()).await?)
}

#[actix_rt::test]
async fn a_call_that_takes_too_long_is_answered_before_its_deadline() -> Result {
    tokio::time::pause();
    let never = || Route::new(async || pending::<Actions>().await);
    let timeout = || Timeout::after(MOMENT);
    for (route, expected) in [
        (never().layer(timeout), FALLBACK),
        (never().layer(move || timeout().answer(score(50))), "set-var sess.score 50"),
        (Route::new(async || score(1)).layer(timeout), "set-var sess.score 1"),
    ] {
        let agent = start(route).await?;
        let asked = Instant::now();
        let actions = agent.connect().await?.notify(ask()).await?;
        assert_eq!(actions.to_string(), expected);
        assert!(asked.elapsed() < Duration::from_millis(200), "{:?}", asked.elapsed());
    }
    Ok(())
}

#[actix_rt::test]
async fn a_call_without_its_arguments_never_reaches_the_handler() -> Result {
    let asked = Count::default();
    let counter = asked.clone();
    let route = Route::new(move |_: Message| {
        counter.add();
        score(1)
    });
    let require = || Require::arguments(["token"]).of_type("ip", ArgumentType::Address);
    let agent = start(route.layer(require)).await?;
    let mut haproxy = agent.connect().await?;
    let ip = std::net::Ipv4Addr::LOCALHOST;
    for wrong in [
        ask(),
        ask().arg("ip", ip),
        ask().arg("token", "a").arg("ip", "127.0.0.1"),
        ask().arg("token", Option::<bool>::None).arg("ip", ip),
    ] {
        assert_eq!(haproxy.notify(wrong).await?.to_string(), FALLBACK);
    }
    let right = ask().arg("token", "a").arg("ip", ip);
    assert_eq!(haproxy.notify(right).await?.to_string(), "set-var sess.score 1");
    let statistics = agent.statistics().await;
    assert_eq!((asked.get(), statistics.messages.bad_arguments), (1, 4));
    assert_eq!(counted(&agent, "refused").await, 4);
    Ok(())
}

#[actix_rt::test]
async fn a_share_of_the_calls_goes_to_the_new_handler_and_the_others_to_the_old_one() -> Result {
    let route = Route::new(|| score(2))
        .layer(|| Rollout::percent(10.0).by(["user"]).otherwise(|| score(1)));
    let agent = start(route).await?;
    let mut haproxy = agent.connect().await?;
    let mut new = Vec::new();
    for round in 0..2 {
        for number in 0..500 {
            let actions = haproxy.notify(ask().arg("user", number)).await?.to_string();
            match (actions == "set-var sess.score 2", round) {
                (true, 0) => new.push(number),
                (is_new, 1) => assert_eq!(is_new, new.contains(&number), "{number}"),
                _ => assert_eq!(actions, "set-var sess.score 1"),
            }
        }
    }
    assert!((25..=75).contains(&new.len()), "{}", new.len());
    let (inside, outside) = (counted(&agent, "in").await, counted(&agent, "out").await);
    assert_eq!((inside, outside), (2 * new.len() as u64, 1_000 - 2 * new.len() as u64));
    Ok(())
}

#[actix_rt::test]
async fn an_old_handler_that_panics_is_answered_for_and_restarted() -> Result {
    tokio::time::pause();
    let calls = Count::default();
    let old = move || {
        let calls = calls.clone();
        Route::new(move || {
            assert!(calls.add() > 0, "as it has to");
            score(1)
        })
    };
    let route = Route::new(|| score(2)).layer(move || Rollout::percent(0.0).otherwise(old()));
    let agent = start(route).await?;
    let mut haproxy = agent.connect().await?;
    assert_eq!(haproxy.notify(ask()).await?.to_string(), FALLBACK);
    assert_eq!(haproxy.notify(ask()).await?.to_string(), "set-var sess.score 1");
    sleep(Duration::from_secs(2)).await;
    assert_eq!(haproxy.notify(ask()).await?.to_string(), "set-var sess.score 1");
    Ok(())
}

/// Answers with the number of its instance.
struct Whole(i64);

impl ReadyHandler for Whole {
    type Args<'a> = Message;

    fn handle(&self, message: Message, _: &Origin) -> Answered {
        assert!(message.get("panic").is_none(), "as asked");
        Ok(score(self.0))
    }
}

#[actix_rt::test]
async fn an_old_handler_for_the_whole_agent_that_panics_is_another_one_then() -> Result {
    tokio::time::pause();
    let made = Count::default();
    let old = Route::shared(move || Whole(made.add() as i64));
    let layer = move || Rollout::percent(0.0).otherwise(old.clone());
    let agent = start(Route::new(|| score(2)).layer(layer)).await?;
    let mut haproxy = agent.connect().await?;
    assert_eq!(haproxy.notify(ask()).await?.to_string(), "set-var sess.score 0");
    assert_eq!(haproxy.notify(ask().arg("panic", true)).await?.to_string(), FALLBACK);
    sleep(Duration::from_secs(2)).await;
    assert_eq!(haproxy.notify(ask()).await?.to_string(), "set-var sess.score 1");
    Ok(())
}

#[actix_rt::test]
async fn an_error_that_panics_when_it_is_shown_restarts_no_layer() -> Result {
    let route = || Route::new(|| Err::<Actions, _>(BeyondWords));
    let cached = route().layer(|| Cache::by(["a"]).negative(Duration::from_secs(60)));
    let audited = route().layer(|| Audit::to(|_| {}));
    for (route, event) in [(cached, "hit"), (audited, "dropped")] {
        let agent = start(route).await?;
        let mut haproxy = agent.connect().await?;
        for _ in 0..2 {
            assert_eq!(haproxy.notify(ask()).await?.to_string(), FALLBACK);
        }
        let seen = agent.statistics().await;
        assert_eq!((seen.messages.failed, seen.handler_restarts), (2, 0), "{event}");
        assert!(count_of(&seen, event) > 0, "{event}");
    }
    Ok(())
}

#[actix_rt::test]
async fn another_handler_whose_restart_hangs_is_restarted_once_at_a_time() -> Result {
    tokio::time::pause();
    /// Starts once, and panics in each call.
    struct Hangs(Count);

    #[async_trait(?Send)]
    impl HandlerActor for Hangs {
        type Args = ();

        async fn started(&self, _: &Tasks) -> Started {
            if self.0.add() > 0 {
                pending::<()>().await;
            }
            Ok(())
        }

        async fn handle(&self, (): (), _: &Origin) -> Answered {
            panic!("as it has to")
        }
    }

    let starts = Count::default();
    let counter = starts.clone();
    let old = move || {
        let starts = counter.clone();
        Route::new(move || Hangs(starts.clone()))
    };
    let route = Route::new(|| score(2)).layer(move || Rollout::percent(0.0).otherwise(old()));
    let agent = start(route).await?;
    let mut haproxy = agent.connect().await?;
    for _ in 0..25 {
        assert_eq!(haproxy.notify(ask()).await?.to_string(), FALLBACK);
        sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(starts.get(), 2);
    // One that takes too long is given up.
    sleep(Duration::from_secs(30)).await;
    haproxy.notify(ask()).await?;
    sleep(Duration::from_secs(2)).await;
    assert_eq!(starts.get(), 3);
    Ok(())
}

#[actix_rt::test]
async fn a_shadow_is_compared_and_never_sent() -> Result {
    let shadow = |message: Message| {
        assert!(message.get("panic").is_none(), "as asked");
        if message.get("fail").is_some() {
            Err("as asked")
        } else {
            Ok(score(message.args().count() as i64))
        }
    };
    let agent = start(Route::new(|| score(1)).layer(move || Shadow::of(shadow))).await?;
    let mut haproxy = agent.connect().await?;
    for call in [ask().arg("a", 1), ask(), ask().arg("fail", 1), ask().arg("panic", 1)] {
        assert_eq!(haproxy.notify(call).await?.to_string(), "set-var sess.score 1");
    }
    until(&agent, |seen| {
        let count = |event| count_of(seen, event);
        (count("same"), count("different"), count("failed")) == (1, 1, 2)
    })
    .await;
    Ok(())
}

#[actix_rt::test]
async fn a_shadow_that_hangs_delays_nobody_and_is_bounded() -> Result {
    tokio::time::pause();
    let shadow = || Route::new(async || pending::<Actions>().await);
    let patience = Duration::from_secs(5);
    let layer = move || Shadow::of(shadow()).at_once(10).patience(patience);
    let agent = start(Route::new(|| score(1)).layer(layer)).await?;
    let mut haproxy = agent.connect().await?;
    let asked = Instant::now();
    for _ in 0..100 {
        assert_eq!(haproxy.notify(ask()).await?.to_string(), "set-var sess.score 1");
    }
    assert!(asked.elapsed() < MOMENT, "{:?}", asked.elapsed());
    assert_eq!(counted(&agent, "dropped").await, 90);
    sleep(patience + MOMENT).await;
    assert_eq!(counted(&agent, "failed").await, 10);
    Ok(())
}

#[actix_rt::test]
async fn each_call_is_audited_with_its_answer_and_what_finds_no_room_is_counted() -> Result {
    let (records, audit) = sync_channel(2);
    let route = Route::new(|message: Message| match message.get("fail") {
        Some(_) => Err("as asked"),
        None => Ok(score(1)),
    });
    let layer = move || Audit::channel(records.clone()).arguments(["path"]);
    let agent = start(route.layer(layer)).await?;
    let mut haproxy = agent.connect().await?;
    haproxy.notify(ask().arg("path", "/").arg("token", "secret")).await?;
    haproxy.notify(ask().arg("fail", true)).await?;
    haproxy.notify(ask()).await?;
    let answered = audit.recv().unwrap();
    assert_eq!(answered.messages[0].to_string(), "ask(path=\"/\")");
    assert_eq!((answered.outcome, answered.actions), (Outcome::Answered, score(1)));
    let failed = audit.recv().unwrap();
    assert_eq!(
        (failed.outcome, failed.messages[0].to_string().as_str()),
        (Outcome::Failed, "ask()")
    );
    assert!(failed.error.contains("as asked"), "{failed}");
    assert_eq!((counted(&agent, "recorded").await, counted(&agent, "dropped").await), (2, 1));
    Ok(())
}

#[actix_rt::test]
async fn an_audit_that_panics_changes_no_answer_and_a_late_call_is_audited_too() -> Result {
    tokio::time::pause();
    let (records, audit) = sync_channel(10);
    let layer = move || {
        let records = records.clone();
        Audit::to(move |record| {
            assert!(record.outcome != Outcome::Answered, "as it has to");
            records.send(record).unwrap();
        })
    };
    let route = Route::new(async |message: Message| {
        if message.get("wait").is_some() {
            pending::<()>().await;
        }
        score(1)
    });
    let agent = start(route.layer(layer).deadline(MOMENT)).await?;
    let mut haproxy = agent.connect().await?;
    assert_eq!(haproxy.notify(ask()).await?.to_string(), "set-var sess.score 1");
    assert_eq!(counted(&agent, "dropped").await, 1);
    assert_eq!(haproxy.notify(ask().arg("wait", true)).await?.to_string(), FALLBACK);
    let late = audit.try_recv().unwrap();
    assert_eq!(late.outcome, Outcome::DeadlineExceeded);
    assert!(late.took >= MOMENT, "{late}");
    Ok(())
}
