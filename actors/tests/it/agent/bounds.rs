//! Settings with a bound: what lies just within it is taken, what lies just beyond is refused by name.

use std::time::Duration;

use opentelemetry::trace::noop::NoopTracer;
use spoa_actors::{
    Actions, Agent, AgentError, Limit, Limits, Listen, Registry, Route, Sampling, Traces,
    testing::{Exchange, InMemoryAgent},
};

const NANOSECOND: Duration = Duration::from_nanos(1);
const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const BEYOND_A_DAY: Duration = DAY.saturating_add(NANOSECOND);

/// What an error calls a setting, and the agent with a value of it.
type Setting<T> = (&'static str, T);

type SetRoute = fn(Route) -> Route;

/// Limits that are taken, and limits that are refused: every field has a row, as its `Limit` has.
macro_rules! limits {
    ($($field:ident: [$($good:expr),+] and not [$($bad:expr),+];)+) => {{
        let taken = vec![$($((concat!("Limits::", stringify!($field)), Limits::default().$field($good))),+),+];
        // The names in lines of the log are those of the fields, too.
        let names = [$(concat!("Limits::", stringify!($field))),+];
        assert_eq!(Limit::ALL.map(Limit::path), names);
        let refused = vec![$($((concat!("Limits::", stringify!($field)), Limits::default().$field($bad))),+),+];
        (taken, refused)
    }};
}

fn limits() -> (Vec<Setting<Limits>>, Vec<Setting<Limits>>) {
    limits! {
        deadline: [NANOSECOND, DAY] and not [Duration::ZERO, BEYOND_A_DAY, Duration::MAX];
        connections: [1, usize::MAX] and not [0];
        excess_connections: [1, usize::MAX] and not [0];
        handshakes: [1, usize::MAX] and not [0];
        messages_per_connection: [1, usize::MAX] and not [0];
        messages: [1, usize::MAX] and not [0];
        max_frame_size: [256, 256 << 20] and not [0, 255];
        max_reassembled_size: [1, 256 << 20] and not [0];
        max_fragmented_ack: [1, usize::MAX] and not [0];
        hello_timeout: [NANOSECOND, DAY] and not [Duration::ZERO, BEYOND_A_DAY];
        read_timeout: [NANOSECOND, DAY] and not [Duration::ZERO, BEYOND_A_DAY];
        memory: [4 << 20, usize::MAX] and not [0, (4 << 20) - 1];
        output_buffer: [1, usize::MAX] and not [0];
        write_timeout: [NANOSECOND, DAY] and not [Duration::ZERO, BEYOND_A_DAY];
        refusal_delay: [Duration::ZERO, DAY] and not [BEYOND_A_DAY];
        max_connection_age: [None, NANOSECOND, Some(DAY)]
            and not [Some(Duration::ZERO), Some(BEYOND_A_DAY)];
        start_timeout: [NANOSECOND, DAY] and not [Duration::ZERO, BEYOND_A_DAY];
        notice_period: [Duration::ZERO, DAY] and not [BEYOND_A_DAY];
        shutdown_timeout: [NANOSECOND, DAY] and not [Duration::ZERO, BEYOND_A_DAY];
    }
}

/// An agent that listens nowhere: its settings are looked at before that is.
async fn judged(agent: Agent, registry: Registry) -> AgentError {
    agent.start(registry).await.unwrap_err()
}

fn is_taken(error: &AgentError) -> bool {
    matches!(error, AgentError::NoListener)
}

/// Whether it is refused by this name, in words that say what it must be.
fn is_refused(error: &AgentError, name: &str) -> bool {
    let AgentError::BadLimit { limit, requirement } = error else { return false };
    *limit == name && error.to_string() == format!("{name} must be {requirement}")
}

#[actix_rt::test]
async fn every_limit_is_taken_within_its_bounds_and_refused_by_name_beyond() {
    let (taken, refused) = limits();
    for (name, limits) in taken {
        let error = judged(Agent::new().limits(limits), Registry::new()).await;
        assert!(is_taken(&error), "{name}: {error}");
    }
    for (name, limits) in refused {
        let error = judged(Agent::new().limits(limits), Registry::new()).await;
        assert!(is_refused(&error, name), "{name}: {error}");
        // The agents of tests take what the real one takes.
        let error = InMemoryAgent::start(Registry::new(), limits).await.unwrap_err();
        assert!(is_refused(&error, name), "{name}: {error}");
        let error = Exchange::start(Registry::new(), limits).await.map(drop).unwrap_err();
        assert!(is_refused(&error, name), "{name}: {error}");
    }
}

#[actix_rt::test]
async fn the_memory_is_at_least_the_largest_frame_and_the_largest_reassembled_notify() {
    let with = |frame, notify| {
        Limits::default().max_frame_size(frame).max_reassembled_size(notify).memory(1 << 20)
    };
    for limits in [with(1 << 20, 1), with(256, 1 << 20)] {
        let error = judged(Agent::new().limits(limits), Registry::new()).await;
        assert!(is_taken(&error), "{error}");
    }
    for limits in [with((1 << 20) + 1, 1), with(256, (1 << 20) + 1)] {
        let error = judged(Agent::new().limits(limits), Registry::new()).await;
        assert!(is_refused(&error, "Limits::memory"), "{error}");
    }
}

#[actix_rt::test]
async fn a_limit_is_called_what_the_agent_calls_it() {
    let agent = Agent::new().limits(Limits::default().memory(1000));
    let agent = agent.limit_names(|limit| match limit {
        Limit::Memory => "--max-memory",
        Limit::MaxFrameSize => "--max-frame-size",
        other => other.path(),
    });
    assert_eq!(
        judged(agent, Registry::new()).await.to_string(),
        "--max-memory must be at least 4194304 bytes, the larger of --max-frame-size and \
         Limits::max_reassembled_size"
    );
}

#[actix_rt::test]
async fn every_setting_of_a_route_is_taken_within_its_bounds_and_refused_by_name_beyond() {
    const MOST_CALLS: usize = usize::MAX >> 3;
    let route = || Route::new(|(): ()| Ok::<_, AgentError>(Actions::new()));
    let taken: [Route; 8] = [
        route(),
        route().deadline(NANOSECOND),
        route().deadline(DAY),
        route().concurrency(1),
        route().concurrency(MOST_CALLS),
        route().restarts(0, SECOND),
        route().restarts(usize::MAX, DAY),
        route().deadline_argument(""),
    ];
    for (number, route) in taken.into_iter().enumerate() {
        let error = judged(Agent::new(), Registry::new().on("m", route)).await;
        assert!(is_taken(&error), "{number}: {error}");
    }
    let refused: [Setting<SetRoute>; 6] = [
        ("Route::deadline", |route| route.deadline(Duration::ZERO)),
        ("Route::deadline", |route| route.deadline(BEYOND_A_DAY)),
        ("Route::concurrency", |route| route.concurrency(0)),
        ("Route::concurrency", |route| route.concurrency(MOST_CALLS + 1)),
        ("window of Route::restarts", |route| route.restarts(1, SECOND - NANOSECOND)),
        ("window of Route::restarts", |route| route.restarts(1, BEYOND_A_DAY)),
    ];
    for (name, set) in refused {
        let behind_a_good_one = Registry::new().on("good", route()).on("bad", set(route()));
        for registry in [behind_a_good_one, Registry::new().catch_all(set(route()))] {
            let error = judged(Agent::new(), registry).await;
            assert!(is_refused(&error, name), "{name}: {error}");
        }
    }
}

#[actix_rt::test]
async fn a_ratio_of_sampling_lies_between_0_and_1_whomever_it_is_for() {
    let of_all = |ratio| Sampling::default().ratio(ratio);
    let of_a_message = |ratio| Sampling::default().message("good", 0.5).message("m", ratio);
    let agent = |sampling| Agent::new().traces(Traces::new(NoopTracer::new()).sampling(sampling));
    for ratio in [0.0, f64::MIN_POSITIVE, 1.0] {
        for sampling in [of_all(ratio), of_a_message(ratio)] {
            let error = judged(agent(sampling), Registry::new()).await;
            assert!(is_taken(&error), "{ratio}: {error}");
        }
    }
    for ratio in [-f64::MIN_POSITIVE, 1.0 + f64::EPSILON, f64::NAN, f64::INFINITY] {
        for sampling in [of_all(ratio), of_a_message(ratio)] {
            let error = judged(agent(sampling), Registry::new()).await;
            assert!(is_refused(&error, "ratio of sampling"), "{ratio}: {error}");
        }
    }
}

#[test]
fn the_mode_of_a_unix_socket_is_permission_bits_and_nothing_is_made_with_others() {
    let path = std::env::temp_dir().join(format!("spoa-bounds-{}", std::process::id()));
    for mode in [0o1000, 0o4777, u32::MAX] {
        let error = Agent::new().listen_on(Listen::unix(&path).mode(mode)).unwrap_err();
        assert!(is_refused(&error, "mode of a UNIX socket"), "{mode:o}: {error}");
        assert!(!path.exists());
    }
    for mode in [0, 0o777] {
        let agent = Agent::new().listen_on(Listen::unix(&path).mode(mode)).unwrap();
        assert!(path.exists());
        drop(agent);
    }
}
