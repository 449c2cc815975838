//! Connections counted by the engine that they belong to.

use std::{collections::BTreeSet, num::NonZero};

use spoa_actors::{
    Agent, Limits,
    observe::{EngineStatistics, Statistics},
    spop::{EngineId, HaproxyHello},
    testing::{FakeHaproxy, InMemoryAgent, hello},
};

use tokio::net::TcpStream;

use crate::support::{Result, agent, registry, until};

async fn connect(agent: &InMemoryAgent, engine_id: &str) -> Result<FakeHaproxy> {
    let mut haproxy = agent.open();
    haproxy.hello(HaproxyHello { engine_id: Some(EngineId::new(engine_id)), ..hello() }).await?;
    Ok(haproxy)
}

/// How many connections of an engine are open, and how many there were.
fn of(seen: &Statistics, engine_id: &str) -> Option<(u64, u64)> {
    let is_it = |engine: &&EngineStatistics| engine.engine_id == engine_id;
    seen.engines.iter().find(is_it).map(|engine| (engine.open, engine.accepted))
}

/// All together.
fn sums(seen: &Statistics) -> (u64, u64) {
    let engines = seen.engines.iter();
    engines.fold((0, 0), |sum, engine| (sum.0 + engine.open, sum.1 + engine.accepted))
}

#[actix_rt::test]
async fn connections_are_counted_by_engine_from_their_hello_on() -> Result {
    let agent = agent().await;
    let _before_hello = agent.open();
    agent.open().healthcheck().await?;
    let one = connect(&agent, "one").await?;
    let _another = connect(&agent, "one").await?;
    let _two = connect(&agent, "two\n").await?;
    let mut nameless = agent.open();
    nameless.hello(HaproxyHello { engine_id: None, ..hello() }).await?;
    let seen = agent.statistics().await;
    assert_eq!((of(&seen, "one"), of(&seen, "two\\n")), (Some((2, 2)), Some((1, 1))));
    assert_eq!((of(&seen, "none"), of(&seen, "other")), (Some((1, 1)), None));
    assert_eq!(sums(&seen), (4, seen.hellos));
    drop(one);
    until(&agent, |seen| of(seen, "one") == Some((1, 2))).await;
    Ok(())
}

#[actix_rt::test]
async fn the_first_64_engines_keep_their_places_and_all_others_are_one() -> Result {
    let agent = agent().await;
    let mut open = Vec::new();
    for number in 0..64 {
        open.push(connect(&agent, &format!("engine-{number}")).await?);
    }
    drop(open.split_off(32));
    until(&agent, |seen| sums(seen).0 == 32).await;
    let mut late = Vec::new();
    for number in 60..70 {
        late.push(connect(&agent, &format!("engine-{number}")).await?);
    }
    let seen = agent.statistics().await;
    assert_eq!((seen.engines.len(), sums(&seen)), (65, (42, 74)));
    assert_eq!((of(&seen, "engine-63"), of(&seen, "engine-59")), (Some((1, 2)), Some((0, 1))));
    assert_eq!((of(&seen, "engine-64"), of(&seen, "other")), (None, Some((6, 6))));
    drop((open, late));
    until(&agent, |seen| sums(seen) == (0, 74)).await;
    Ok(())
}

#[actix_rt::test]
async fn an_engine_with_a_long_name_is_one_of_the_others() -> Result {
    let agent = agent().await;
    let _long = connect(&agent, &"a".repeat(129)).await?;
    let _just = connect(&agent, &"a".repeat(128)).await?;
    let seen = agent.statistics().await;
    assert_eq!((seen.engines.len(), of(&seen, "other")), (2, Some((1, 1))));
    Ok(())
}

#[actix_rt::test]
async fn engines_that_take_new_names_have_64_of_them_on_all_arbiters_for_good() -> Result {
    let agent = Agent::bind("127.0.0.1:0")?.arbiters(NonZero::new(3).unwrap());
    let agent = agent.start(registry()).await?;
    let mut names = BTreeSet::new();
    for scrape in 0..4 {
        for number in 0..50 {
            let stream = TcpStream::connect(agent.local_addresses()[0]).await?;
            let engine_id = Some(EngineId::new(format!("{scrape}-{number}")));
            FakeHaproxy::new(stream).hello(HaproxyHello { engine_id, ..hello() }).await?;
        }
        let seen = agent.statistics().await;
        assert_eq!(sums(&seen).1, 50 * (scrape + 1));
        names.extend(seen.engines.into_iter().map(|engine| engine.engine_id));
    }
    assert_eq!(names.len(), 65);
    agent.stop().await;
    Ok(())
}

#[actix_rt::test]
async fn an_engine_that_calls_itself_other_is_no_second_entry_of_that_name() -> Result {
    let agent = agent().await;
    let _haproxy = connect(&agent, "other").await?;
    let seen = agent.statistics().await;
    assert_eq!((seen.engines.len(), of(&seen, "other")), (1, Some((1, 1))));
    Ok(())
}

#[actix_rt::test]
async fn what_is_named_by_one_agent_is_so_in_the_sum_of_several() -> Result {
    let mut all = Statistics::default();
    for one in 0..3 {
        let agent = InMemoryAgent::start(registry(), Limits::default()).await?;
        let _common = connect(&agent, "common").await?;
        for number in 0..40 {
            connect(&agent, &format!("{one}-{number}")).await?;
        }
        until(&agent, |seen| sums(seen).0 == 1).await;
        all.add(&agent.statistics().await);
    }
    assert_eq!((all.engines.len(), sums(&all)), (121, (3, 123)));
    assert_eq!(of(&all, "common"), Some((3, 3)));
    assert_eq!(of(&all, "other"), None);
    Ok(())
}
