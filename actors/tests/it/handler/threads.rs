//! What becomes of the threads of a route when its handlers panic, are late, or never come back. Time
//! is real here.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Barrier, mpsc},
    thread,
    time::Duration,
};

use spoa_actors::Messages;
use tokio::time::{Instant, sleep};

use crate::support::{
    FALLBACK, Log, Result, answer_to,
    numbered::answer,
    until,
    waiting::{ask, ask_to, for_a_word, nothing, route, start, until_it_answers, watched},
};

/// Short, as it passes in real time.
const DEADLINE: Duration = Duration::from_millis(100);
const SECOND: Duration = Duration::from_secs(1);

#[actix_rt::test]
async fn a_panic_on_a_thread_leaves_the_fallback_and_restarts_the_handler() -> Result {
    let (agent, mut haproxy) = start(route(1, nothing())).await?;
    let messages = [ask(1), ask(2).arg("panic", true), ask(3), ask(-4)];
    let actions = haproxy.notify(messages).await?.to_string();
    assert!(actions.starts_with(&format!("set-var txn.n 1, set-var txn.instance 1, {FALLBACK}, ")));
    assert!(actions.contains("set-var txn.n 3") && actions.ends_with(FALLBACK), "{actions}");
    until(&agent, |seen| seen.handler_restarts == 1).await;
    let actions = haproxy.notify(ask(5)).await?.to_string();
    assert!(actions.starts_with("set-var txn.n 5"), "{actions}");
    assert!(!actions.ends_with("instance 1"), "{actions}");
    let outcomes = agent.statistics().await.messages;
    assert_eq!((outcomes.panicked, outcomes.failed), (1, 1));
    Ok(())
}

#[actix_rt::test]
async fn a_late_error_that_panics_in_its_end_costs_no_thread() -> Result {
    let (speak, wait) = for_a_word();
    let (route, threads) = watched(1, wait);
    let (agent, mut haproxy) = start(route.deadline(DEADLINE)).await?;
    let late = ask_to("wait").arg("trap", true);
    assert_eq!(answer(&mut haproxy, late).await?, FALLBACK);
    drop(speak);
    until_it_answers(&mut haproxy).await?;
    until(&agent, |seen| seen.background_panics == 1).await;
    assert_eq!(threads.try_iter().collect::<HashSet<_>>().len(), 1);
    Ok(())
}

#[actix_rt::test]
async fn a_panic_on_a_thread_after_the_deadline_is_counted_and_restarts_the_handler() -> Result {
    let (speak, wait) = for_a_word();
    let (agent, mut haproxy) = start(route(1, wait).deadline(DEADLINE)).await?;
    let late = ask_to("wait").arg("panic", true);
    assert_eq!(answer(&mut haproxy, late).await?, FALLBACK);
    drop(speak);
    until_it_answers(&mut haproxy).await?;
    until(&agent, |seen| seen.handler_restarts == 1).await;
    let seen = agent.statistics().await;
    assert_eq!((seen.background_panics, seen.messages.panicked), (1, 0));
    Ok(())
}

#[actix_rt::test]
async fn a_route_never_has_more_threads_than_it_was_given() -> Result {
    let (speak, wait) = for_a_word();
    let (route, threads) = watched(2, wait);
    let (_, mut haproxy) = start(route.deadline(DEADLINE / 2).restarts(100, SECOND)).await?;
    for _ in 0..10 {
        assert_eq!(answer(&mut haproxy, ask_to("wait")).await?, FALLBACK);
        assert_eq!(answer(&mut haproxy, ask_to("panic")).await?, FALLBACK);
    }
    drop(speak);
    until_it_answers(&mut haproxy).await?;
    assert_eq!(threads.try_iter().collect::<HashSet<_>>().len(), 2);
    Ok(())
}

#[actix_rt::test]
async fn a_route_over_its_budget_is_asked_all_the_same_and_comes_back_with_the_same_threads()
-> Result {
    let (route, threads) = watched(2, nothing());
    let (agent, mut haproxy) = start(route.restarts(1, SECOND)).await?;
    let first: HashSet<_> = threads.try_iter().collect();
    assert_eq!(first.len(), 2);
    for _ in 0..2 {
        assert_eq!(answer(&mut haproxy, ask_to("panic")).await?, FALLBACK);
    }
    until(&agent, |seen| seen.handlers_down == 1).await;
    let asked = Instant::now();
    assert!(answer(&mut haproxy, ask(1)).await?.starts_with("set-var txn.n 1"));
    assert!(asked.elapsed() < SECOND, "nobody waits for it: {:?}", asked.elapsed());
    while agent.statistics().await.handler_restarts < 2 {
        sleep(SECOND / 20).await;
    }
    let messages: Messages = (0..64).map(ask).collect();
    assert!(!haproxy.notify(messages).await?.to_string().contains("fallback"));
    assert!(threads.try_iter().collect::<HashSet<_>>().is_subset(&first));
    assert_eq!(agent.statistics().await.handlers_down, 1);
    Ok(())
}

#[actix_rt::test]
async fn a_stuck_call_costs_its_own_answer_and_no_other() -> Result {
    let (_speak, wait) = for_a_word();
    let (_, mut haproxy) = start(route(4, wait).deadline(SECOND)).await?;
    let messages: Messages = (0..40).map(|n| ask(n).arg("wait", n == 0)).collect();
    let actions = haproxy.notify(messages).await?.to_string();
    assert_eq!(actions.matches(FALLBACK).count(), 1, "{actions}");
    Ok(())
}

/// None of eight calls returns before there are eight.
#[actix_rt::test]
async fn every_thread_gets_the_same_share_of_equal_work() -> Result {
    let (threads, calls) = (Arc::new(Barrier::new(8)), 64);
    let (report, reports) = mpsc::channel();
    let wait = move || {
        threads.wait();
        report.send(thread::current().id()).unwrap();
    };
    let (agent, mut haproxy) = start(route(8, Arc::new(wait)).deadline(10 * SECOND)).await?;
    let messages: Messages = (0..calls).map(|n| ask(n).arg("wait", true)).collect();
    haproxy.notify(messages).await?;
    assert_eq!(agent.statistics().await.messages.answered, calls as u64);
    let mut shares = HashMap::new();
    reports.try_iter().for_each(|thread| *shares.entry(thread).or_insert(0) += 1);
    assert_eq!(shares.into_values().collect::<Vec<_>>(), [8; 8]);
    Ok(())
}

#[actix_rt::test]
async fn no_more_messages_wait_for_a_thread_than_their_route_has_room_for() -> Result {
    let (speak, wait) = for_a_word();
    let (agent, mut haproxy) = start(route(1, wait).concurrency(4).deadline(10 * SECOND)).await?;
    let stuck = haproxy.send_notify(ask_to("wait")).await?;
    let waiting: Messages = (0..200).map(ask).collect();
    haproxy.send_notify(waiting).await?;
    until(&agent, |seen| seen.messages.route_full == 197).await;
    drop(speak);
    assert!(answer_to(&mut haproxy, stuck).await?.starts_with("set-var txn.n 1"));
    let actions = haproxy.ack().await?.actions.to_string();
    assert_eq!(actions.matches(FALLBACK).count(), 197);
    Ok(())
}

#[actix_rt::test]
async fn good_requests_are_answered_by_threads_however_many_others_make_them_panic() -> Result {
    let (agent, mut haproxy) = start(route(2, nothing()).deadline(10 * SECOND)).await?;
    for n in 0..500 {
        haproxy.send_notify(ask_to("panic")).await?;
        haproxy.send_notify(ask_to("panic")).await?;
        let good = haproxy.send_notify(ask(n)).await?;
        for _ in 0..3 {
            let ack = haproxy.ack().await?;
            let is_good = (ack.stream_id, ack.frame_id) == good;
            assert_eq!(ack.actions.to_string() != FALLBACK, is_good, "{ack:?}");
        }
    }
    let seen = agent.statistics().await;
    assert_eq!((seen.messages.panicked, seen.handlers_down), (1000, 0));
    Ok(())
}

#[actix_rt::test]
async fn an_agent_stops_without_waiting_for_a_thread_that_is_stuck() -> Result {
    let (_speak, wait) = for_a_word();
    let (agent, mut haproxy) = start(route(1, wait).deadline(DEADLINE)).await?;
    assert_eq!(answer(&mut haproxy, ask_to("wait")).await?, FALLBACK);
    drop(haproxy);
    let asked = Instant::now();
    agent.stop().await;
    assert!(asked.elapsed() < SECOND, "{:?}", asked.elapsed());
    Ok(())
}

/// Every place is given back, however its call ends.
#[actix_rt::test]
async fn no_place_is_lost_over_panics_and_late_calls_on_threads() -> Result {
    let (speak, wait) = for_a_word();
    let route = route(2, wait).concurrency(3).restarts(usize::MAX, SECOND).deadline(DEADLINE);
    let (agent, mut haproxy) = start(route).await?;
    for wish in ["wait", "panic", "trap", "wait", "panic", "wait", "nothing"] {
        for _ in 0..2 {
            haproxy.send_notify([ask_to(wish), ask_to("panic")]).await?;
        }
        for _ in 0..2 {
            haproxy.ack().await?;
        }
    }
    assert!(agent.statistics().await.messages.route_full > 0, "the stuck ones hold their places");
    drop(speak);
    for _ in 0..100 {
        let actions = haproxy.notify([ask(1), ask(1), ask(1)]).await?;
        if !actions.to_string().contains(FALLBACK) {
            return Ok(());
        }
        sleep(DEADLINE / 2).await;
    }
    panic!("three calls find no room: {:?}", agent.statistics().await.messages);
}

#[actix_rt::test]
async fn a_place_is_given_back_before_the_answer_of_a_thread_is_seen() -> Result {
    let (agent, mut haproxy) =
        start(route(1, nothing()).concurrency(1).deadline(10 * SECOND)).await?;
    for _ in 0..5_000 {
        haproxy.notify(ask(1)).await?;
    }
    assert_eq!(agent.statistics().await.messages.answered, 5_000);
    Ok(())
}

#[actix_rt::test]
async fn a_late_panic_on_a_thread_is_counted_and_told_while_its_route_is_down() -> Result {
    let log = Log::default();
    let _listening = log.listen();
    let (speak, wait) = for_a_word();
    let route = route(2, wait).deadline(DEADLINE).restarts(0, SECOND);
    let (agent, mut haproxy) = start(route).await?;
    let late = ask_to("wait").arg("panic", true);
    assert_eq!(answer(&mut haproxy, late).await?, FALLBACK);
    assert_eq!(answer(&mut haproxy, ask_to("panic")).await?, FALLBACK);
    until(&agent, |seen| seen.handlers_down == 1).await;
    drop(speak);
    until_it_answers(&mut haproxy).await?;
    until(&agent, |seen| seen.background_panics == 1).await;
    assert!(log.lines().iter().any(|line| line.contains("background panic")));
    Ok(())
}
