//! Notify trace: the spans of one NOTIFY and of its calls.

use std::rc::Rc;

use opentelemetry::{
    Context, KeyValue,
    trace::{Link, SpanBuilder, SpanKind, Status, TraceContextExt},
};
use tokio::time::Instant;
use tracing::{Span, field::Empty};

use super::{
    connection_trace::{ConnectionTrace, wall_clock},
    trace_parent::{Format, TraceParent, b3, traceparent},
};
use crate::{
    error::HandlerError,
    handler::fence,
    observe::Outcome,
    origin::Origin,
    spop::{Actions, FrameId, MessagesRef, StreamId},
};

/// The largest ACK without its actions, in bytes: type, flags, and two ids.
const LARGEST_HEAD: usize = 25;

/// The trace of one NOTIFY. If it is dropped before [`end`](Self::end), the NOTIFY was cancelled.
pub(crate) struct NotifyTrace {
    connection: Rc<ConnectionTrace>,
    parent: Option<TraceParent>,
    ids: (StreamId, FrameId),
    arrived: Instant,
    /// The span, if the NOTIFY is sampled.
    span: Option<Context>,
    /// The outcome of the last message without an answer.
    failure: Option<Outcome>,
}

impl NotifyTrace {
    /// Decides whether a NOTIFY is sampled, and begins its span if it is.
    pub(crate) fn new(
        connection: &Rc<ConnectionTrace>,
        origin: &Origin,
        messages: &MessagesRef<'_>,
    ) -> Self {
        let (is_sampled, parent) = connection.traces.decide(messages);
        let (ids, arrived) = (origin.ids(), origin.arrived());
        let connection = Rc::clone(connection);
        let mut trace = Self { connection, parent, ids, arrived, span: None, failure: None };
        if is_sampled {
            trace.begin(Some(messages));
        }
        trace
    }

    /// Whether its calls become spans.
    #[inline]
    pub(crate) fn is_sampled(&self) -> bool {
        self.span.is_some()
    }

    /// Begins the span, from the arrival on.
    #[cold]
    fn begin(&mut self, messages: Option<&MessagesRef<'_>>) {
        let traces = &self.connection.traces;
        let parent = traces.parent_context(self.parent.as_ref(), messages);
        let connection = self.connection.span().span().span_context().clone();
        let mut attributes = self.connection.attributes();
        attributes.extend(self.id_attributes());
        if let Some(messages) = messages {
            attributes.push(KeyValue::new("messages", messages.clone().count() as i64));
        }
        let span = SpanBuilder::from_name("notify")
            .with_kind(SpanKind::Server)
            .with_start_time(wall_clock(self.arrived))
            .with_attributes(attributes)
            .with_links(vec![Link::with_context(connection)]);
        self.span = Some(traces.start(span, &parent));
    }

    /// The span of one call, entered whenever the handler runs; disabled if the NOTIFY is not
    /// sampled.
    #[cold]
    pub(crate) fn handle(&self, route: &str) -> Span {
        let Some(context) = &self.span else { return Span::none() };
        let (stream_id, frame_id) = self.ids;
        // Its parent is the context that is current here.
        let _current = context.clone().attach();
        tracing::info_span!(
            target: "spoa_actors::handle",
            "handle",
            route = route,
            stream_id = stream_id.0 as i64,
            frame_id = frame_id.0 as i64,
            trace_id = %context.span().span_context().trace_id(),
            error.type = Empty,
            otel.status_code = Empty,
            otel.status_description = Empty,
        )
    }

    /// A message got its fallback. If failures are always sampled, the NOTIFY is sampled from now
    /// on.
    #[cold]
    pub(crate) fn fail(
        &mut self,
        route: &str,
        error: &HandlerError,
        begun: Instant,
        handle: &Span,
    ) {
        let outcome = error.outcome();
        fence::shield(route, || {
            // The span begins in the past: the NOTIFY has not ended.
            if !self.is_sampled() && self.is_worth_a_span(outcome) {
                self.begin(None);
            }
            if handle.is_disabled() {
                // No handler was called, or the NOTIFY was not sampled by then.
                self.tell_afterwards(route, error, begun);
            } else {
                handle.record("error.type", outcome.label());
                handle.record("otel.status_code", "ERROR");
                handle.record("otel.status_description", error.to_string());
            }
        });
        self.failure = Some(outcome);
    }

    /// Not for messages that were not called because of overload: they would add to it.
    fn is_worth_a_span(&self, outcome: Outcome) -> bool {
        let is_overload =
            matches!(outcome, Outcome::AgentOverloaded | Outcome::RouteFull | Outcome::CircuitOpen);
        let traces = &self.connection.traces;
        !is_overload && traces.sampling.failures && traces.may_trace(self.parent.as_ref())
    }

    /// Makes the span of a call that has ended.
    fn tell_afterwards(&self, route: &str, error: &HandlerError, begun: Instant) {
        let Some(notify) = &self.span else { return };
        let mut attributes = vec![
            KeyValue::new("route", route.to_owned()),
            KeyValue::new("error.type", error.outcome().label()),
        ];
        attributes.extend(self.id_attributes());
        let span = SpanBuilder::from_name("handle")
            .with_start_time(wall_clock(begun))
            .with_attributes(attributes);
        let context = self.connection.traces.start(span, notify);
        context.span().set_status(Status::error(error.to_string()));
        context.span().end();
    }

    fn id_attributes(&self) -> [KeyValue; 2] {
        let (stream_id, frame_id) = self.ids;
        [
            KeyValue::new("stream_id", stream_id.0 as i64),
            KeyValue::new("frame_id", frame_id.0 as i64),
        ]
    }

    /// Appends the span's context to the actions, if the NOTIFY is sampled and the ACK has room for
    /// it.
    pub(crate) fn hand_back(&self, actions: &mut Actions, room: usize) {
        if let Some(mut variables) = self.variables() {
            // The answers of handlers come first: without room for the trace context, only the
            // trace is incomplete.
            variables.fit_to(room.saturating_sub(LARGEST_HEAD));
            actions.append(variables);
        }
    }

    fn variables(&self) -> Option<Actions> {
        let scope = self.connection.traces.handed_back?;
        let context = self.span.as_ref()?;
        let span = context.span();
        let span = span.span_context();
        if !span.is_valid() {
            return None;
        }
        let set = |actions: Actions, name: &[u8], value: String| {
            actions.set_var_unchecked(scope, name, value.as_str())
        };
        let mut actions = set(Actions::new(), b"traceparent", traceparent(span));
        let state = span.trace_state().header();
        if !state.is_empty() {
            actions = set(actions, b"tracestate", state);
        }
        if self.parent.is_some_and(|parent| parent.format == Format::B3) {
            actions = set(actions, b"b3", b3(span));
        }
        Some(actions)
    }

    /// The ACK leaves: ends the span.
    pub(crate) fn end(mut self, left_out: usize) {
        let Some(context) = self.span.take() else { return };
        let span = context.span();
        if left_out > 0 {
            span.set_attribute(KeyValue::new("left_out", left_out as i64));
        }
        if let Some(outcome) = self.failure {
            span.set_attribute(KeyValue::new("error.type", outcome.label()));
            span.set_status(Status::error("a message got its fallback"));
        }
        span.end();
    }
}

impl Drop for NotifyTrace {
    fn drop(&mut self) {
        if let Some(context) = self.span.take() {
            context.span().set_attribute(KeyValue::new("cancelled", true));
            context.span().end();
        }
    }
}
