//! What the agent has seen of each route.

use std::time::Duration;

use spoa_actors::{
    Limits, Message, Registry, Route, TypedData,
    observe::{ArgumentSeen, Outcome, RouteStatistics},
    testing::InMemoryAgent,
};

use crate::support::{Result, ask_score, ask_sleep, never, registry, variable};

async fn route(agent: &InMemoryAgent, message: &str) -> RouteStatistics {
    let routes = agent.statistics().await.routes;
    routes.into_iter().find(|route| route.route == message).unwrap()
}

#[actix_rt::test]
async fn every_outcome_of_a_route_is_counted_with_its_time() -> Result {
    tokio::time::pause();
    let agent = InMemoryAgent::start(registry(), Limits::default()).await?;
    let mut haproxy = agent.connect().await?;
    haproxy.notify(vec![ask_score(); 5]).await?;
    haproxy.notify(Message::new("score")).await?;
    haproxy.notify(ask_sleep(300)).await?;
    haproxy.notify([Message::new("never"), Message::new("panic-later")]).await?;
    let score = route(&agent, "score").await;
    assert_eq!((score.count(Outcome::Answered), score.count(Outcome::BadArguments)), (5, 1));
    assert_eq!(score.latencies.iter().count(), 2);
    let sleep = route(&agent, "sleep").await.latencies;
    let slept = sleep.of(Outcome::Answered).unwrap();
    assert!((Duration::from_millis(300)..Duration::from_millis(310)).contains(&slept.sum()));
    let never = route(&agent, "never").await;
    let late = never.latencies.of(Outcome::DeadlineExceeded).unwrap();
    assert_eq!((late.count(), late.sum() >= never.deadline), (1, true));
    assert_eq!((never.fallback.as_str(), never.is_required), ("set-var txn.never -1", true));
    assert_eq!(route(&agent, "panic-later").await.count(Outcome::Panicked), 1);
    let totals = agent.statistics().await.messages;
    assert_eq!((totals.answered, totals.of(Outcome::DeadlineExceeded), totals.panicked), (6, 1, 1));
    Ok(())
}

#[actix_rt::test]
async fn calls_in_flight_and_instances_are_seen_while_they_last() -> Result {
    let registry = Registry::new().on("never", never().concurrency(3));
    let agent = InMemoryAgent::start(registry, Limits::default()).await?;
    let mut haproxy = agent.connect().await?;
    haproxy.send_notify([Message::new("never"), Message::new("never")]).await?;
    // HELLO's answer says nothing of it: the agent is asked until it has read the NOTIFY.
    let mut seen = route(&agent, "never").await;
    while seen.concurrency == 0 {
        seen = route(&agent, "never").await;
    }
    assert_eq!((seen.concurrency, seen.concurrency_limit), (2, 3));
    assert_eq!((seen.instances.up, seen.instances.down, seen.instances.restarting), (1, 0, 0));
    Ok(())
}

#[actix_rt::test]
async fn arguments_are_seen_by_name_and_type_of_a_message_after_each_look() -> Result {
    let registry = Registry::new()
        .on("any", Route::new(|_: Message| Ok::<_, std::convert::Infallible>(variable("ok", 1))));
    let agent = InMemoryAgent::start(registry, Limits::default()).await?;
    let mut haproxy = agent.connect().await?;
    assert_eq!(route(&agent, "any").await.arguments, []);
    let ask = |name: &str| Message::new("any").arg(name, "secret").arg("", TypedData::Null);
    let names = |arguments: &[ArgumentSeen]| -> Vec<_> {
        arguments.iter().map(|arg| (arg.name.clone(), arg.kind, arg.length)).collect()
    };
    haproxy.notify(ask("one\n")).await?;
    let seen = names(&route(&agent, "any").await.arguments);
    assert_eq!(seen, [("one\\n".to_owned(), "string", Some(6)), (String::new(), "null", None)]);
    for name in ["two", "three"] {
        haproxy.notify(ask(name)).await?;
    }
    assert_eq!(route(&agent, "any").await.arguments[0].name, "two");
    Ok(())
}
