//! Connections that become too old are ended by the agent while HAProxy keeps asking it.

use std::convert::Infallible;
use std::time::Duration;

use spoa_actors::{Limits, Registry, Route};
use spoa_integration::{Answer, Config, Haproxy, Load, SpoeLine, Version, on_every_haproxy};

use crate::scene::{self, ANSWER, REQUEST, SOON, endpoint, engine, error, set, shown, statistics};

/// HAProxy begins with about one connection for each.
const CLIENTS: usize = 30;
const AGE: Duration = Duration::from_secs(1);
/// Enough for some that carry many requests at a time: those that HAProxy opens later.
const RECYCLED: u64 = CLIENTS as u64 + 3;

/// Far beyond what an answer takes: the streams that the engine loses wait for so long.
const PROCESSING: Duration = Duration::from_secs(2);

/// Longer than the quiet time of an agent, and shorter than four of them.
const STANDSTILL: Duration = Duration::from_millis(150);
/// A NOTIFY that crosses a farewell cannot be saved: so many may, of all connections. (Where idle ones
/// ended, too, up to 20 were lost at a time.)
const CROSSED: u64 = 2;

/// What 2.6.12 may report when connections close under load.
const TIMED_OUT: u32 = 1;

fn greets_later() -> Route {
    let later = Route::new(async |(): ()| {
        tokio::time::sleep(Duration::from_millis(3)).await;
        set("greeting", "hello")
    });
    later.deadline(PROCESSING / 2)
}

fn outcome(answer: &Answer) -> String {
    format!("{} {} {}", answer.status, shown(answer)[0], error(answer))
}

/// How many requests the engine itself lost, as 2.6.12 does: they waited for a connection that it did
/// not open. Any other loss is the agent's.
async fn lost_by_the_engine(haproxy: &Haproxy, lost: u64) -> u64 {
    let lines = haproxy.logs().spoe_lines(SOON, lost as usize).await.unwrap();
    let bad: Vec<_> = lines.iter().filter(|line| line.status != 0).collect();
    let is_its_own = |line: &&&SpoeLine| line.status == TIMED_OUT && !line.is_sent();
    let own = bad.iter().filter(is_its_own).count() as u64;
    if lost > 0 {
        eprintln!("{}: {own} of {lost} lost by the engine itself: {bad:#?}", haproxy.version());
    }
    own
}

/// Has HAProxy stand still now and then, for longer than the quiet time.
async fn stumble(haproxy: &Haproxy) -> Infallible {
    loop {
        let standstill = haproxy.stand_still().unwrap();
        tokio::time::sleep(STANDSTILL).await;
        drop(standstill);
        tokio::time::sleep(STANDSTILL).await;
    }
}

/// Recycles connections under load, while HAProxy does `meanwhile`. Tells how many requests the agent
/// has lost.
async fn lost_by_recycling(
    version: Version,
    meanwhile: impl AsyncFn(&Haproxy) -> Infallible,
) -> u64 {
    let limits = Limits::default().max_connection_age(Some(AGE));
    let registry = Registry::new().on("greet", greets_later());
    let agent = scene::agent_within(limits, registry).await;
    let engine = engine(endpoint(&agent))
        .timeout_processing(PROCESSING)
        .agent_line("option dontlog-normal")
        .message("greet", "ip=src", REQUEST);
    let config = Config::new(version).engine(engine).frontend("option dontlog-normal");
    let config = scene::showing(config.frontend(ANSWER), &["var(txn.t.greeting)"]);
    let haproxy = scene::start(config).await;
    let load = Load::lasting(CLIENTS, 5 * SOON);
    let running = tokio::spawn({
        let (load, http) = (load.clone(), haproxy.http().clone());
        async move { load.run_by(&http, outcome).await.unwrap() }
    });
    let recycled = async {
        for recycled in [RECYCLED / 2, RECYCLED] {
            statistics(&agent, |seen| seen.connections_expired >= recycled).await;
        }
    };
    tokio::select! {
        never = meanwhile(&haproxy) => match never {},
        () = recycled => load.stop(),
    }
    let tally = running.await.unwrap();
    let lost = tally.total() - tally.of("200 hello ");
    let by_the_engine = lost_by_the_engine(&haproxy, lost).await;
    println!("{version}: {tally:?}");
    assert!(by_the_engine == 0 || version == Version::V2_6);
    let seen = agent.statistics().await;
    assert_eq!((seen.notifies, seen.notifies_cancelled), (seen.acks, 0), "{seen:#?}");
    lost - by_the_engine
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn checklist_33_connections_that_are_recycled_under_load_lose_nothing_but_what_crosses(
        version: Version
    ) {
        let lost = lost_by_recycling(version, async |_| std::future::pending().await).await;
        assert!(lost <= CROSSED, "{lost}");
    }
}

on_every_haproxy! {
    #[actix_rt::test]
    async fn connections_of_an_haproxy_that_stands_still_lose_nothing_but_what_crosses(
        version: Version
    ) {
        let _turn = scene::turn().await;
        let lost = lost_by_recycling(version, stumble).await;
        assert!(lost <= CROSSED, "{lost}");
    }
}
