//! What most tests begin with: an agent of this library, and an HAProxy that asks it.

use std::num::NonZero;
use std::time::Duration;

use spoa_actors::{
    ActionError, Actions, Agent, FromMessage, Limits, Message, Registry, Route, RunningAgent,
    Scope, ToTypedData, observe::Statistics,
};
use spoa_integration::{Answer, Config, Endpoint, Engine, Haproxy, Version, until};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{Mutex, MutexGuard};

/// Long enough for a busy machine; only a failing test waits for so long.
pub(crate) const SOON: Duration = Duration::from_secs(10);

/// The event of most tests.
pub(crate) const REQUEST: &str = "on-frontend-http-request";

/// An answer without an application.
pub(crate) const ANSWER: &str = "http-request return status 200";

/// Longer than any handler of a test may be kept waiting, and shorter than the processing timeout.
const DEADLINE: Duration = Duration::from_secs(8);

/// Long enough for [`Engine::spop_check`] to see an agent down on a busy machine.
pub(crate) const NOTICE_PERIOD: Duration = Duration::from_secs(1);

/// For [`haproxy`]: to show nothing but the error.
pub(crate) const ERROR_ALONE: &[&str] = &[];

/// Waits until no other test that needs a core or more is at work, and keeps them waiting.
pub(crate) async fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::const_new(());
    TURN.lock().await
}

/// An agent with one arbiter, on a free port of loopback.
pub(crate) async fn agent(registry: Registry) -> RunningAgent {
    agent_within(Limits::default().notice_period(NOTICE_PERIOD), registry).await
}

/// The same with limits of its own.
pub(crate) async fn agent_within(limits: Limits, registry: Registry) -> RunningAgent {
    let agent = Agent::bind("127.0.0.1:0").unwrap().limits(limits).deadline(DEADLINE);
    agent.arbiters(NonZero::<usize>::MIN).start(registry).await.unwrap()
}

/// Where a TCP agent listens.
pub(crate) fn endpoint(agent: &RunningAgent) -> Endpoint {
    agent.local_addresses()[0].into()
}

/// The engine `t`: its variables are `txn.t.NAME`, and `txn.t.error` is its last error.
pub(crate) fn engine(agent: impl Into<Endpoint>) -> Engine {
    Engine::new("t").agent(agent).agent_line("option set-on-error error").timeout_processing(SOON)
}

/// An HAProxy with one engine that answers every request itself; see [`showing`] for the headers.
pub(crate) async fn haproxy(
    version: Version,
    engine: Engine,
    headers: &[impl AsRef<str>],
) -> Haproxy {
    let config = Config::new(version).engine(engine).frontend(ANSWER);
    start(showing(config, headers)).await
}

/// Starts HAProxy, which must have nothing to complain about.
pub(crate) async fn start(config: Config) -> Haproxy {
    let haproxy = config.start().await.unwrap();
    assert_eq!(haproxy.complaints(), Vec::<String>::new());
    haproxy
}

/// Has every response show what these expressions give, for [`shown`], and for [`error`] the
/// engine's last error: that is a bool in name only, hence `add(0)`.
pub(crate) fn showing(config: Config, expressions: &[impl AsRef<str>]) -> Config {
    let expressions = expressions.iter().enumerate();
    let error = "http-after-response set-header x-error \"%[var(txn.t.error),add(0)]\"";
    expressions.fold(config.frontend(error), |config, (index, expression)| {
        config.frontend(&format!(
            "http-after-response set-header x-{index} \"%[{}]\"",
            expression.as_ref()
        ))
    })
}

/// What the expressions of [`showing`] gave, in order; an expression without a value is empty.
pub(crate) fn shown(answer: &Answer) -> Vec<&str> {
    (0..).map_while(|index| answer.header(&format!("x-{index}"))).collect()
}

/// The engine's last error of this transaction; empty if there was none.
pub(crate) fn error(answer: &Answer) -> &str {
    answer.header("x-error").unwrap()
}

/// A route that answers with `txn.t.NAME` = `value`.
pub(crate) fn sets(name: &'static str, value: &'static str) -> Route {
    Route::new(move |(): ()| set(name, value))
}

/// One variable of the transaction.
pub(crate) fn set(name: &str, value: impl ToTypedData) -> Result<Actions, ActionError> {
    Actions::new().set_var(Scope::Transaction, name, value)
}

/// A route that hands over the messages as they came, and answers without actions.
pub(crate) fn recorder() -> (Route, UnboundedReceiver<Message>) {
    let (sender, receiver) = unbounded_channel();
    (records(sender, |message| message), receiver)
}

/// A route that hands over what `read` makes of a message.
pub(crate) fn records<A, T>(sender: UnboundedSender<T>, read: fn(A) -> T) -> Route
where
    A: for<'a> FromMessage<'a> + 'static,
    T: Send + 'static,
{
    Route::new(move |args: A| {
        let _ = sender.send(read(args));
        Ok::<_, ActionError>(Actions::new())
    })
}

/// The next thing that a handler handed over.
pub(crate) async fn next<T>(receiver: &mut UnboundedReceiver<T>) -> T {
    let next = tokio::time::timeout(SOON, receiver.recv()).await;
    next.unwrap().unwrap()
}

/// Waits until the agent's statistics are as wanted.
pub(crate) async fn statistics(
    agent: &RunningAgent,
    wanted: impl Fn(&Statistics) -> bool,
) -> Statistics {
    let mut last = Statistics::default();
    let found = until("the statistics are as wanted", SOON, async || {
        last = agent.statistics().await;
        wanted(&last).then(|| last.clone())
    })
    .await;
    found.unwrap_or_else(|failure| panic!("{failure}\n{last:#?}"))
}
