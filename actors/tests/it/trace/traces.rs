//! NOTIFYs as spans: parents, sampling, what is handed back, and what handlers find.

use std::{num::NonZero, time::Duration};

use actix::{Actor, Context};
use async_trait::async_trait;
use opentelemetry::{
    Context as TraceContext, Value,
    baggage::BaggageExt,
    trace::{SpanId, SpanKind, Status, TraceContextExt, TracerProvider},
};
use opentelemetry_sdk::{
    propagation::BaggagePropagator,
    trace::{InMemorySpanExporter, Sampler, SdkTracerProvider, SpanData},
};
use spoa_actors::{
    Actions, BlockingHandler, BoxError, HandlerActor, Limits, MailboxCall, Message, Origin,
    Registry, Route, Sampling, Scope, Traces,
    spop::Frame,
    testing::{FakeHaproxy, InMemoryAgent},
};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::layer::SubscriberExt;

use crate::support::{self, Answered, Result};

const TRACE_ID: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

/// Everything that was exported.
struct Witness {
    exporter: InMemorySpanExporter,
    provider: SdkTracerProvider,
    _subscriber: DefaultGuard,
}

impl Witness {
    fn new() -> Self {
        let exporter = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder()
            .with_sampler(Sampler::AlwaysOn)
            .with_simple_exporter(exporter.clone())
            .build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        let subscriber = tracing_subscriber::registry().with(layer);
        let subscriber = support::subscribe(subscriber);
        Self { exporter, provider, _subscriber: subscriber }
    }

    fn traces(&self) -> Traces {
        Traces::new(self.provider.tracer("spoa-actors"))
    }

    fn spans(&self) -> Vec<SpanData> {
        self.exporter.get_finished_spans().unwrap()
    }

    fn names(&self) -> Vec<String> {
        self.spans().iter().map(|span| span.name.to_string()).collect()
    }

    /// Waits until a span of this name has ended.
    async fn until(&self, name: &str) {
        let ended = async {
            while !self.names().iter().any(|ended| ended == name) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), ended).await.unwrap();
    }

    /// The only span of this name.
    fn span(&self, name: &str) -> SpanData {
        let mut spans: Vec<_> = self.spans();
        spans.retain(|span| span.name == name);
        assert_eq!(spans.len(), 1, "of {name} there are {spans:?}");
        spans.remove(0)
    }
}

fn attribute<'a>(span: &'a SpanData, name: &str) -> Option<&'a Value> {
    span.attributes.iter().find(|attribute| attribute.key.as_str() == name).map(|a| &a.value)
}

fn traceparent(flags: &str) -> String {
    format!("00-{TRACE_ID}-{PARENT}-{flags}")
}

/// `score` with a parent whose flags these are.
fn ask_score(flags: &str) -> Message {
    support::ask_score().arg("traceparent", traceparent(flags).as_str())
}

async fn connect(registry: Registry, traces: Traces) -> Result<FakeHaproxy> {
    let agent = InMemoryAgent::start_traced(registry, Limits::default(), traces).await.unwrap();
    agent.connect().await
}

/// The value of a variable of an answer.
fn variable(actions: &Actions, name: &str) -> Option<String> {
    let text = actions.to_string();
    let (_, rest) = text.split_once(&format!("set-var txn.{name} \""))?;
    Some(rest.split('"').next().unwrap().to_owned())
}

#[actix_rt::test]
async fn a_request_is_one_trace_through_the_notify_into_the_handler_and_on() -> Result {
    let witness = Witness::new();
    let mut haproxy = connect(support::registry(), witness.traces()).await?;
    let message = ask_score("01").arg("tracestate", "vendor=1");
    let actions = haproxy.notify(message).await?;
    let (notify, handle) = (witness.span("notify"), witness.span("handle"));
    assert_eq!(notify.span_context.trace_id().to_string(), TRACE_ID);
    assert_eq!(
        (notify.parent_span_id.to_string(), notify.span_kind.clone()),
        (PARENT.to_owned(), SpanKind::Server)
    );
    assert_eq!(handle.span_context.trace_id(), notify.span_context.trace_id());
    assert_eq!(handle.parent_span_id, notify.span_context.span_id());
    assert_eq!(attribute(&notify, "stream_id"), Some(&Value::I64(1)));
    assert_eq!(attribute(&notify, "network.protocol.name"), Some(&"spop".into()));
    assert_eq!(attribute(&handle, "route"), Some(&"score".into()));
    assert_eq!((&notify.status, &handle.status), (&Status::Unset, &Status::Unset));
    let expected = format!("00-{TRACE_ID}-{}-01", notify.span_context.span_id());
    assert_eq!(variable(&actions, "traceparent"), Some(expected));
    assert_eq!(variable(&actions, "tracestate").as_deref(), Some("vendor=1"));
    assert!(actions.to_string().starts_with("set-var sess.ip_score 20, "), "{actions}");
    // The connection is a trace of its own, which ends with it.
    haproxy.disconnect().await?;
    witness.until("connection").await;
    let connection = witness.span("connection");
    assert_eq!(notify.links[0].span_context, connection.span_context);
    assert_ne!(connection.span_context.trace_id(), notify.span_context.trace_id());
    assert_eq!(attribute(&connection, "status_code"), Some(&Value::I64(0)));
    assert!(connection.start_time <= notify.start_time);
    Ok(())
}

#[actix_rt::test]
async fn what_the_parent_has_not_sampled_is_no_span_and_hands_nothing_back() -> Result {
    let witness = Witness::new();
    let mut haproxy = connect(support::registry(), witness.traces()).await?;
    let actions = haproxy.notify(ask_score("00")).await?;
    assert_eq!(actions.to_string(), "set-var sess.ip_score 20");
    haproxy.disconnect().await?;
    assert!(witness.spans().is_empty(), "{:?}", witness.names());
    Ok(())
}

#[actix_rt::test]
async fn without_a_parent_a_trace_begins_or_none_as_it_is_set() -> Result {
    let witness = Witness::new();
    let mut haproxy = connect(support::registry(), witness.traces()).await?;
    let invalid = support::ask_score().arg("traceparent", "00-nonsense");
    for message in [support::ask_score(), invalid] {
        haproxy.notify(message).await?;
        let notify = witness.span("notify");
        assert_eq!(notify.parent_span_id, SpanId::INVALID);
        witness.exporter.reset();
    }
    let mut haproxy = connect(support::registry(), witness.traces().only_with_parent()).await?;
    haproxy.notify(support::ask_score()).await?;
    haproxy.notify(Message::new("fail")).await?;
    assert!(witness.spans().is_empty(), "{:?}", witness.names());
    haproxy.notify(ask_score("01")).await?;
    assert_eq!(witness.span("notify").parent_span_id.to_string(), PARENT);
    Ok(())
}

#[actix_rt::test]
async fn arguments_may_have_other_names_and_b3_counts_where_there_is_no_traceparent() -> Result {
    let witness = Witness::new();
    let traces = witness
        .traces()
        .traceparent_argument("tp")
        .b3_argument("x")
        .hand_back(Some(Scope::Transaction));
    let mut haproxy = connect(support::registry(), traces).await?;
    let other = "11111111111111112222222222222222-3333333333333333-1";
    let message = support::ask_score().arg("x", other).arg("tp", traceparent("01").as_str());
    haproxy.notify(message).await?;
    assert_eq!(witness.span("notify").span_context.trace_id().to_string(), TRACE_ID);
    witness.exporter.reset();
    let actions = haproxy.notify(support::ask_score().arg("x", other)).await?;
    let notify = witness.span("notify");
    assert_eq!(notify.parent_span_id.to_string(), "3333333333333333");
    let expected = format!("11111111111111112222222222222222-{}-1", notify.span_context.span_id());
    assert_eq!(variable(&actions, "b3"), Some(expected));
    // A sender that samples nothing need not name a span.
    witness.exporter.reset();
    haproxy.notify(support::ask_score().arg("x", "0")).await?;
    assert!(witness.spans().is_empty(), "{:?}", witness.names());
    Ok(())
}

#[actix_rt::test]
async fn failures_are_always_seen_with_the_time_that_they_took() -> Result {
    tokio::time::pause();
    let witness = Witness::new();
    let sampling = Sampling::default().ratio(0.0);
    let mut haproxy = connect(support::registry(), witness.traces().sampling(sampling)).await?;
    for (name, outcome) in [
        ("fail", "failed"),
        ("panic", "panicked"),
        ("panic-later", "panicked"),
        ("never", "deadline_exceeded"),
    ] {
        haproxy.notify(support::ask_score()).await?;
        assert!(witness.spans().is_empty(), "{:?}", witness.names());
        haproxy.notify(Message::new(name).arg("traceparent", traceparent("00").as_str())).await?;
        let (notify, handle) = (witness.span("notify"), witness.span("handle"));
        assert_eq!(
            (notify.span_context.trace_id().to_string(), notify.parent_span_id.to_string()),
            (TRACE_ID.to_owned(), PARENT.to_owned())
        );
        assert_eq!(handle.parent_span_id, notify.span_context.span_id());
        for span in [&notify, &handle] {
            assert_eq!(attribute(span, "error.type"), Some(&outcome.into()), "{name}");
            assert!(matches!(span.status, Status::Error { .. }), "{name}");
        }
        let took = handle.end_time.duration_since(handle.start_time).unwrap();
        // Time is paused, and stands still but for who waits for the deadline.
        let expected = Duration::from_secs(u64::from(name == "never"));
        assert!(took >= expected, "{name} took {took:?}");
        witness.exporter.reset();
    }
    Ok(())
}

#[actix_rt::test]
async fn what_was_not_asked_for_overload_is_no_span_unless_it_is_sampled() -> Result {
    let witness = Witness::new();
    let traces = witness.traces().sampling(Sampling::default().ratio(0.0));
    let registry = Registry::new().on("never", support::never().concurrency(1));
    let mut haproxy = connect(registry, traces).await?;
    haproxy.send_notify(Message::new("never")).await?;
    let actions = haproxy.notify(Message::new("never")).await?;
    assert_eq!(actions.to_string(), "set-var txn.never -1");
    assert!(witness.spans().is_empty(), "{:?}", witness.names());
    Ok(())
}

#[actix_rt::test]
async fn failures_of_a_sampled_notify_are_told_in_its_spans() -> Result {
    let witness = Witness::new();
    let mut haproxy = connect(support::registry(), witness.traces()).await?;
    let messages = [Message::new("fail"), Message::new("panic-later"), support::ask_score()];
    let actions = haproxy.notify(messages).await?;
    assert!(variable(&actions, "traceparent").is_some(), "{actions}");
    let notify = witness.span("notify");
    assert!(matches!(notify.status, Status::Error { .. }));
    assert_eq!(attribute(&notify, "messages"), Some(&Value::I64(3)));
    let mut handles = witness.spans();
    handles.retain(|span| span.name == "handle");
    let types: Vec<_> = handles.iter().map(|span| attribute(span, "error.type").cloned()).collect();
    assert_eq!(types, [Some("failed".into()), None, Some("panicked".into())]);
    Ok(())
}

#[actix_rt::test]
async fn a_notify_that_nobody_waits_for_any_more_ends_as_cancelled() -> Result {
    let witness = Witness::new();
    let mut haproxy = connect(support::registry(), witness.traces()).await?;
    haproxy.send_notify(Message::new("never")).await?;
    haproxy.disconnect().await?;
    let notify = witness.span("notify");
    assert_eq!(attribute(&notify, "cancelled"), Some(&true.into()));
    witness.until("connection").await;
    assert_eq!(witness.names(), ["handle", "notify", "connection"]);
    Ok(())
}

#[actix_rt::test]
async fn a_message_may_have_a_ratio_of_its_own() -> Result {
    let witness = Witness::new();
    let sampling = Sampling::default().ratio(0.0);
    let sampling = sampling.message("score", 1.0).message("sleep", 0.0);
    let mut haproxy = connect(support::registry(), witness.traces().sampling(sampling)).await?;
    haproxy.notify(support::ask_sleep(0).arg("traceparent", traceparent("01").as_str())).await?;
    assert!(witness.spans().is_empty(), "{:?}", witness.names());
    haproxy.notify([support::ask_sleep(0), support::ask_score()]).await?;
    assert_eq!(witness.names(), ["handle", "handle", "notify"]);
    Ok(())
}

/// Logs and opens a span of its own, before and after it has waited.
struct Nesting;

#[async_trait(?Send)]
impl HandlerActor for Nesting {
    type Args = ();

    async fn handle(&self, (): (), _: &Origin) -> Answered {
        tracing::info!("before");
        tokio::task::yield_now().await;
        tracing::info_span!("lookup").in_scope(|| tracing::info!("inside"));
        tracing::info!("after");
        Ok(current("async")?)
    }
}

impl BlockingHandler for Nesting {
    type Args = ();

    fn handle(&mut self, (): (), _: &Origin) -> Answered {
        Ok(current("blocking")?)
    }
}

/// The span that an outgoing call would name as its parent, and the user of the baggage.
fn current(name: &str) -> std::result::Result<Actions, spoa_actors::ActionError> {
    let context = TraceContext::current();
    let span = context.span().span_context().span_id().to_string();
    let user = context.baggage().get("user").map(|user| user.as_str().to_owned());
    let actions = Actions::new().set_var(Scope::Transaction, name, span.as_str())?;
    actions.set_var(Scope::Transaction, "user", user.as_deref())
}

struct Raw;

impl Actor for Raw {
    type Context = Context<Self>;
}

impl actix::Handler<MailboxCall> for Raw {
    type Result = std::result::Result<Actions, BoxError>;

    fn handle(&mut self, call: MailboxCall, _: &mut Context<Self>) -> Self::Result {
        Ok(call.span().in_scope(|| current("raw"))?)
    }
}

fn nesting() -> Registry {
    Registry::new()
        .on("async", || Nesting)
        .on("function", Route::new(|(): ()| current("function")))
        .on_actor("raw", || Raw.start())
        .on("blocking", Route::blocking(NonZero::<usize>::MIN, || Nesting))
}

#[actix_rt::test]
async fn spans_and_events_of_a_handler_nest_across_its_awaits() -> Result {
    let witness = Witness::new();
    let mut haproxy = connect(nesting(), witness.traces()).await?;
    haproxy.notify(Message::new("async")).await?;
    let (handle, lookup) = (witness.span("handle"), witness.span("lookup"));
    let events = |span: &SpanData| -> Vec<String> {
        span.events.iter().map(|event| event.name.to_string()).collect()
    };
    assert_eq!(events(&handle), ["before", "after"]);
    assert_eq!(events(&lookup), ["inside"]);
    assert_eq!(lookup.parent_span_id, handle.span_context.span_id());
    Ok(())
}

#[actix_rt::test]
async fn a_handler_of_any_kind_finds_its_context() -> Result {
    for name in ["async", "function", "raw", "blocking"] {
        let witness = Witness::new();
        let traces = witness.traces().baggage("baggage", BaggagePropagator::new());
        let mut haproxy = connect(nesting(), traces).await?;
        let message = Message::new(name)
            .arg("baggage", "user=alice")
            .arg("traceparent", traceparent("01").as_str());
        let actions = haproxy.notify(message).await?;
        let handle = witness.span("handle");
        let expected = handle.span_context.span_id().to_string();
        assert_eq!(variable(&actions, name), Some(expected), "{name}");
        assert_eq!(variable(&actions, "user").as_deref(), Some("alice"), "{name}");
    }
    Ok(())
}

#[actix_rt::test]
async fn baggage_is_ignored_unless_it_is_asked_for() -> Result {
    let witness = Witness::new();
    let mut haproxy = connect(nesting(), witness.traces()).await?;
    let actions = haproxy.notify(Message::new("function").arg("baggage", "user=alice")).await?;
    assert_eq!(variable(&actions, "user"), None, "{actions}");
    Ok(())
}

#[actix_rt::test]
async fn a_message_that_is_not_even_asked_has_a_span_too() -> Result {
    let witness = Witness::new();
    let limits = Limits::default().messages_per_connection(1);
    let agent = InMemoryAgent::start_traced(support::registry(), limits, witness.traces()).await?;
    let mut haproxy = agent.connect().await?;
    haproxy.send_notify([support::ask_sleep(1), Message::new("never")]).await?;
    haproxy.ack().await?;
    let mut handles = witness.spans();
    handles.retain(|span| span.name == "handle");
    let types: Vec<_> = handles.iter().map(|span| attribute(span, "error.type").cloned()).collect();
    assert_eq!(types, [Some("agent_overloaded".into()), None]);
    Ok(())
}

#[actix_rt::test]
async fn variables_that_hand_a_context_back_leave_the_answers_their_room() -> Result {
    let witness = Witness::new();
    let mut haproxy = connect(support::registry(), witness.traces()).await?;
    let actions = haproxy.notify(support::ask_big(16_340)).await?;
    assert_eq!(actions.iter().count(), 1);
    // The state is left out before the parent is.
    let state = support::ask_big(16_250).arg("traceparent", traceparent("01").as_str());
    let actions = haproxy.notify(state.arg("tracestate", "vendor=1")).await?;
    assert!(variable(&actions, "traceparent").is_some());
    assert_eq!(variable(&actions, "tracestate"), None);
    // So it is for an answer that comes later.
    let later = support::ask_big_later(16_340, 1);
    assert_eq!(haproxy.notify(later).await?.iter().count(), 1);
    let left_out = |span: &SpanData| attribute(span, "left_out").cloned();
    assert!(witness.spans().iter().all(|span| left_out(span).is_none()));
    Ok(())
}

#[actix_rt::test]
async fn variables_that_hand_a_context_back_take_no_place_among_those_that_wait() -> Result {
    let witness = Witness::new();
    let limits = Limits::default().messages_per_connection(2);
    let agent = InMemoryAgent::start_traced(support::registry(), limits, witness.traces());
    let mut haproxy = agent.await.unwrap().connect().await?;
    haproxy.send_notify(Message::new("never")).await?;
    let (stream_id, _) = haproxy.send_notify(support::ask_score()).await?;
    let first = haproxy.receive().await?;
    assert!(matches!(&first, Frame::Ack(ack) if ack.stream_id == stream_id), "{first:?}");
    Ok(())
}
