//! Reloads of layers, of functions with states, of routes for several messages, and of optional routes.

use std::{
    cell::Cell,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use async_trait::async_trait;
use spoa_actors::{
    Actions, BoxError, Call, Layer, Limits, Message, Messages, Next, Registry, Reply, Route, State,
    Tasks,
    layers::Cache,
    testing::{FakeHaproxy, InMemoryAgent},
};
use tokio::time::{sleep, timeout};

use crate::support::{
    Result,
    lives::{self, Fault, Lives, answered, ask},
    variable,
};

const MOMENT: Duration = Duration::from_millis(20);

async fn start(registry: Registry) -> Result<(InMemoryAgent, FakeHaproxy)> {
    let agent = InMemoryAgent::start(registry, Limits::default()).await?;
    let haproxy = agent.connect().await?;
    Ok((agent, haproxy))
}

async fn answer(haproxy: &mut FakeHaproxy, name: &str) -> Result<String> {
    Ok(haproxy.notify(ask(name, 0)).await?.to_string())
}

/// Waits until it is so.
async fn until(is_so: impl Fn() -> bool) {
    let wait = async {
        while !is_so() {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(Duration::from_secs(30), wait).await.expect("it comes to be so");
}

/// How many layers of one kind have started, and stopped.
#[derive(Clone, Default)]
struct Layers(Arc<[AtomicUsize; 2]>);

/// Adds how often it was called.
struct Numbering {
    calls: Cell<i64>,
    layers: Layers,
}

impl Layers {
    fn numbering(&self) -> impl Fn() -> Numbering + Send + Sync + 'static {
        let layers = self.clone();
        move || Numbering { calls: Cell::new(0), layers: layers.clone() }
    }

    fn counts(&self) -> (usize, usize) {
        let [started, stopped] = &*self.0;
        (started.load(SeqCst), stopped.load(SeqCst))
    }
}

#[async_trait(?Send)]
impl Layer for Numbering {
    fn call(&self, call: &Call<'_>, next: Next<'_>, actions: &mut Actions) -> Reply {
        self.calls.set(self.calls.get() + 1);
        actions.append(variable("layer", self.calls.get()));
        next.call(call, actions)
    }

    async fn started(&self) -> std::result::Result<(), BoxError> {
        self.layers.0[0].fetch_add(1, SeqCst);
        Ok(())
    }

    async fn stopping(&self) {
        self.layers.0[1].fetch_add(1, SeqCst);
    }
}

/// Answers at once with the number of the call, which is that of all its instances.
fn counting() -> Route {
    let calls = AtomicI64::new(0);
    Route::new(move |(): ()| variable("calls", calls.fetch_add(1, SeqCst) + 1))
}

#[actix_rt::test]
async fn a_layer_lives_on_with_its_route_and_another_one_is_another_handler() -> Result {
    let [layers, others] = [(); 2].map(|()| Layers::default());
    let route = counting().layer(layers.numbering());
    let (agent, mut haproxy) = start(Registry::new().on("a", route.clone())).await?;
    assert_eq!(answer(&mut haproxy, "a").await?, "set-var txn.layer 1, set-var txn.calls 1");
    let deadline = route.clone().deadline(Duration::from_millis(700));
    agent.reload(Registry::new().on("a", deadline)).await.unwrap();
    assert_eq!(answer(&mut haproxy, "a").await?, "set-var txn.layer 2, set-var txn.calls 2");
    assert_eq!(layers.counts(), (1, 0));

    // One more around it: both are new.
    let more = route.clone().layer(others.numbering());
    agent.reload(Registry::new().on("a", more)).await.unwrap();
    let answer = answer(&mut haproxy, "a").await?;
    assert_eq!(answer, "set-var txn.layer 1, set-var txn.layer 1, set-var txn.calls 3");
    until(|| layers.counts() == (2, 1)).await;
    assert_eq!(others.counts(), (1, 0));
    agent.reload(Registry::new()).await.unwrap();
    until(|| layers.counts() == (2, 2) && others.counts() == (1, 1)).await;
    Ok(())
}

#[actix_rt::test]
async fn a_layer_of_the_registry_lives_on_with_its_clone_and_a_new_one_restarts_every_handler()
-> Result {
    let [layers, others] = [(); 2].map(|()| Layers::default());
    let lives = Lives::default();
    let registry = Registry::new().on("a", lives.route(1)).on("b", lives.route(1));
    let layered = registry.clone().layer(layers.numbering());
    let (agent, mut haproxy) = start(layered.clone()).await?;
    for number in 1..=3 {
        let expected = format!("set-var txn.layer {number}, {}", answered(1, number));
        assert_eq!(answer(&mut haproxy, "a").await?, expected);
        // A route that is added gets its own.
        agent.reload(layered.clone().on("c", lives.route(1))).await.unwrap();
        let expected = format!("set-var txn.layer 1, {}", answered(1, 1));
        assert_eq!(answer(&mut haproxy, "c").await?, expected);
    }
    until(|| layers.counts() == (5, 2) && lives.stopped() == 2).await;
    agent.reload(registry.clone().layer(others.numbering())).await.unwrap();
    let expected = format!("set-var txn.layer 1, {}", answered(1, 1));
    assert_eq!(answer(&mut haproxy, "a").await?, expected);
    until(|| layers.counts() == (5, 5) && lives.alive() == 2).await;
    agent.reload(registry).await.unwrap();
    assert_eq!(answer(&mut haproxy, "a").await?, answered(1, 1));
    until(|| others.counts() == (2, 2) && lives.alive() == 2).await;
    Ok(())
}

#[actix_rt::test]
async fn a_cache_keeps_its_answers_with_its_route_and_begins_anew_with_another() -> Result {
    let cached = |route: Route| route.layer(|| Cache::by(["n"]).ttl(Duration::from_secs(60)));
    let (route, other) = (cached(counting()), cached(counting()));
    let (agent, mut haproxy) = start(Registry::new().on("a", route.clone())).await?;
    let answer = async |haproxy: &mut FakeHaproxy, n: i64| {
        Result::Ok(haproxy.notify(Message::new("a").arg("n", n)).await?.to_string())
    };
    let hits = async || {
        let statistics = agent.statistics().await;
        let route = statistics.routes.iter().find(|route| route.route == "a").unwrap();
        route.layers.iter().find(|layer| layer.event == "hit").unwrap().count
    };
    assert_eq!(answer(&mut haproxy, 7).await?, "set-var txn.calls 1");
    let settings = route.concurrency(7).fallback(variable("fallback", 2));
    agent.reload(Registry::new().on("a", settings)).await.unwrap();
    assert_eq!(answer(&mut haproxy, 7).await?, "set-var txn.calls 1");
    assert_eq!(answer(&mut haproxy, 8).await?, "set-var txn.calls 2");
    assert_eq!(hits().await, 1);
    agent.reload(Registry::new().on("a", other)).await.unwrap();
    assert_eq!(answer(&mut haproxy, 8).await?, "set-var txn.calls 1");
    assert_eq!(answer(&mut haproxy, 7).await?, "set-var txn.calls 2");
    Ok(())
}

#[actix_rt::test]
async fn a_route_for_several_messages_is_taken_over_and_exchanged_for_routes_of_their_own() -> Result
{
    let counting = || {
        let calls = AtomicI64::new(0);
        Route::new(move |messages: Messages| {
            let calls = calls.fetch_add(1, SeqCst) + 1;
            async move {
                sleep(MOMENT).await;
                let mut answer = variable("messages", messages.len() as i64);
                answer.append(variable("calls", calls));
                answer
            }
        })
    };
    let both = counting();
    let registry = Registry::new().on_notify(["a", "b"], both.clone());
    let (agent, mut haproxy) = start(registry.clone()).await?;
    let ask_both = || [Message::new("a"), Message::new("b")];
    let answer = async |haproxy: &mut FakeHaproxy| {
        haproxy.send_notify(ask_both()).await?;
        Result::Ok(haproxy.ack().await?.actions.to_string())
    };
    let answered =
        |messages, calls| format!("set-var txn.messages {messages}, set-var txn.calls {calls}");
    assert_eq!(answer(&mut haproxy).await?, answered(2, 1));
    let get = registry.get("a+b").unwrap().clone().concurrency(7);
    agent.reload(registry.clone().replace("a+b", get)).await.unwrap();
    assert_eq!(answer(&mut haproxy).await?, answered(2, 2));
    // One more message, hence another name of the route: another handler, but the same function.
    let three = Registry::new().on_notify(["a", "b", "c"], both.clone());
    agent.reload(three).await.unwrap();
    assert_eq!(answer(&mut haproxy).await?, answered(2, 3));

    // A call in flight stays one call; those after it are two.
    haproxy.send_notify(ask_both()).await?;
    sleep(MOMENT / 4).await;
    let [one, other] = [(); 2].map(|()| Lives::default());
    let single = Registry::new().on("a", one.route(1)).on("b", other.route(2));
    agent.reload(single.clone()).await.unwrap();
    let first = haproxy.ack().await?.actions.to_string();
    assert_eq!(first, answered(2, 4));
    let lone = |version| lives::answered(version, 1);
    assert_eq!(answer(&mut haproxy).await?, format!("{}, {}", lone(1), lone(2)));

    // And back: neither message of a NOTIFY is asked for twice, or not at all.
    agent.reload(registry.replace("a+b", counting())).await.unwrap();
    assert_eq!(answer(&mut haproxy).await?, answered(2, 1));
    assert_eq!(answer(&mut haproxy).await?, answered(2, 2));
    agent.reload(single.clone()).await.unwrap();
    assert_eq!(answer(&mut haproxy).await?, format!("{}, {}", lone(1), lone(2)));
    until(|| one.alive() == 1 && other.alive() == 1).await;
    // A name that both have is refused.
    let error = agent.reload(single.on_notify(["b", "c"], counting())).await.unwrap_err();
    assert!(error.to_string().starts_with("message \"b\" has two routes"), "{error}");
    Ok(())
}

/// A state, and the tasks of functions that end.
#[derive(Clone)]
struct Number(i64);

struct Ends(Arc<AtomicUsize>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

#[actix_rt::test]
async fn a_function_lives_on_with_its_state_and_restarts_with_another() -> Result {
    let ended = Arc::new(AtomicUsize::new(0));
    let begun = Arc::new(AtomicUsize::new(0));
    let seen = (Arc::clone(&begun), Arc::clone(&ended));
    // Its first call begins a task, which ends with the function.
    let function = Route::new(move |State(Number(number)): State<Number>, tasks: Tasks| {
        seen.0.fetch_add(1, SeqCst);
        let ends = Ends(Arc::clone(&seen.1));
        tasks.spawn(async move {
            std::future::pending::<()>().await;
            drop(ends);
        });
        variable("number", number)
    });
    let kept = Lives::default();
    let registry = Registry::new().on("a", function).on("kept", kept.route(1));
    let stateful = registry.clone().state(Number(1));
    let (agent, mut haproxy) = start(stateful.clone()).await?;
    assert_eq!(answer(&mut haproxy, "a").await?, "set-var txn.number 1");
    for version in 0..3 {
        agent.reload(stateful.clone().on("b", Lives::default().route(version))).await.unwrap();
        assert_eq!(answer(&mut haproxy, "a").await?, "set-var txn.number 1");
    }
    sleep(MOMENT).await;
    assert_eq!((begun.load(SeqCst), ended.load(SeqCst)), (4, 0));
    // Another state: the function restarts, the handler that takes none lives on.
    agent.reload(stateful.clone().state(Number(2))).await.unwrap();
    assert_eq!(answer(&mut haproxy, "a").await?, "set-var txn.number 2");
    until(|| ended.load(SeqCst) == 4).await;
    // Without the state it does not start, and the other one goes on.
    let error = agent.reload(registry).await.unwrap_err().to_string();
    assert!(error.contains("\"a\" could not start: it takes `State<"), "{error}");
    assert_eq!(answer(&mut haproxy, "a").await?, "set-var txn.number 2");
    assert_eq!((begun.load(SeqCst), ended.load(SeqCst)), (6, 4));
    assert_eq!(answer(&mut haproxy, "kept").await?, answered(1, 1));
    assert_eq!((kept.started(), kept.stopped()), (1, 0));
    Ok(())
}

#[actix_rt::test]
async fn an_optional_handler_that_hangs_goes_as_soon_as_its_route_is_removed() -> Result {
    tokio::time::pause();
    let (hangs, fails) = (Lives::default(), Lives::default());
    let (agent, mut haproxy) = start(Registry::new()).await?;
    let moment = |route: Route| route.optional().deadline(MOMENT);
    let registry = Registry::new()
        .on("hangs", moment(hangs.faulty(1, Fault::Hangs)))
        .on("fails", moment(fails.faulty(1, Fault::Fails).restarts(0, Duration::from_secs(3600))));
    agent.reload(registry.clone()).await.unwrap();
    for name in ["hangs", "fails"] {
        assert_eq!(answer(&mut haproxy, name).await?, "set-var txn.fallback 1");
    }
    assert_eq!((hangs.alive(), fails.alive()), (1, 0));
    // It is taken over as it is.
    agent.reload(registry).await.unwrap();
    sleep(MOMENT).await;
    assert_eq!(hangs.alive(), 1);
    let begun = tokio::time::Instant::now();
    agent.reload(Registry::new()).await.unwrap();
    // Neither the limit of a start nor the pause before a restart is waited for.
    until(|| hangs.alive() == 0 && hangs.holders() == 1 && fails.holders() == 1).await;
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    assert_eq!((hangs.started(), hangs.stopped()), (0, 0));
    let statistics = agent.statistics().await;
    let hung = statistics.routes.iter().find(|route| route.route == "hangs").unwrap();
    assert_eq!((hung.starts_failed, hung.is_removed), (0, true));
    Ok(())
}

#[actix_rt::test]
async fn a_handler_that_was_taken_over_waits_for_the_calls_of_all_its_generations() -> Result {
    tokio::time::pause();
    let lives = Lives::default();
    let route = lives.route(1).deadline(Duration::from_secs(10));
    let (agent, mut haproxy) = start(Registry::new().on("a", route.clone())).await?;
    haproxy.send_notify([ask("a", 5000)]).await?;
    sleep(MOMENT).await;
    let short = route.deadline(Duration::from_secs(1));
    agent.reload(Registry::new().on("a", short)).await.unwrap();
    agent.reload(Registry::new()).await.unwrap();
    sleep(Duration::from_secs(2)).await;
    assert_eq!((lives.stopped(), lives.alive()), (0, 1), "its first call is in flight");
    assert_eq!(haproxy.ack().await?.actions.to_string(), answered(1, 1));
    until(|| lives.stopped() == 1 && lives.alive() == 0).await;
    Ok(())
}
