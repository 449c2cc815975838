//! Traces: turns NOTIFYs into OpenTelemetry spans.

use std::{fmt, str};

use opentelemetry::{
    Context, InstrumentationScope,
    global::{self, BoxedTracer},
    propagation::{Extractor, TextMapPropagator},
    trace::{Span, SpanBuilder, TraceContextExt, TraceState, Tracer},
};

use super::{
    sampling::{Ratio, Sampling},
    trace_parent::{Format, TraceParent},
};
use crate::{
    error::AgentError,
    limits::check,
    spop::{Arg, MessageRef, MessagesRef, Scope, TypedData},
};

/// Turns NOTIFYs into OpenTelemetry spans. Pass it to [`Agent::traces`](crate::Agent::traces).
///
/// ```text
/// connection                 of an HAProxy connection, begun with its first sampled NOTIFY
/// notify                     child of the span that the message names; linked to its connection
/// └─ handle                  the call of one handler; what it logs, and its own spans, are in it
/// ```
///
/// The spans `connection` and `notify` are made by an OpenTelemetry tracer. `handle` is a span of
/// the crate `tracing`, and joins the trace if the subscriber has the layer of
/// `tracing-opentelemetry` (with its context activation, which is on by default). Set the SDK's
/// sampler to always sample: [`Sampling`] has already dropped the other NOTIFYs.
///
/// HAProxy passes the parent, for example with `args traceparent=req.hdr(traceparent)
/// tracestate=req.fhdr(tracestate)`. `hdr` would return only the part after the last comma of
/// `tracestate`. Pass the returned context on to the server:
///
/// ```text
/// http-request set-header traceparent %[var(txn.iprep.traceparent)] if { var(txn.iprep.traceparent) -m found }
/// ```
///
/// A NOTIFY that is not sampled returns no context, so the header stays as the client sent it.
pub struct Traces {
    tracer: BoxedTracer,
    traceparent: Option<String>,
    tracestate: Option<String>,
    b3: Option<String>,
    baggage: Option<(String, Box<dyn TextMapPropagator + Send + Sync>)>,
    pub(super) sampling: Sampling,
    is_only_with_parent: bool,
    pub(super) handed_back: Option<Scope>,
}

impl Traces {
    /// Makes spans with this tracer.
    pub fn new<T, S>(tracer: T) -> Self
    where
        T: Tracer<Span = S> + Send + Sync + 'static,
        S: Span + Send + Sync + 'static,
    {
        Self::of(BoxedTracer::new(Box::new(tracer)))
    }

    /// Makes spans with the current global tracer provider.
    #[must_use]
    pub fn global() -> Self {
        let scope = InstrumentationScope::builder("spoa-actors");
        let scope = scope.with_version(env!("CARGO_PKG_VERSION"));
        Self::of(global::tracer_with_scope(scope.build()))
    }

    fn of(tracer: BoxedTracer) -> Self {
        Self {
            tracer,
            traceparent: Some("traceparent".to_owned()),
            tracestate: Some("tracestate".to_owned()),
            b3: None,
            baggage: None,
            sampling: Sampling::default(),
            is_only_with_parent: false,
            handed_back: Some(Scope::Transaction),
        }
    }

    /// Sets the name of the argument with the W3C `traceparent` [default: `traceparent`].
    #[must_use]
    pub fn traceparent_argument(mut self, name: impl Into<String>) -> Self {
        self.traceparent = Some(name.into());
        self
    }

    /// Sets the name of the argument with the W3C `tracestate` [default: `tracestate`].
    #[must_use]
    pub fn tracestate_argument(mut self, name: impl Into<String>) -> Self {
        self.tracestate = Some(name.into());
        self
    }

    /// Ignores `traceparent` and `tracestate`.
    #[must_use]
    pub fn without_traceparent(mut self) -> Self {
        self.traceparent = None;
        self.tracestate = None;
        self
    }

    /// Reads a single B3 header from the argument with this name, if there is no `traceparent`
    /// [default: none].
    #[must_use]
    pub fn b3_argument(mut self, name: impl Into<String>) -> Self {
        self.b3 = Some(name.into());
        self
    }

    /// Reads the W3C `baggage` from the argument with this name, with this propagator, such as the
    /// SDK's `BaggagePropagator`. Handlers get it in their context. By default, baggage is ignored,
    /// because any client can send it.
    #[must_use]
    pub fn baggage(
        mut self,
        argument: impl Into<String>,
        propagator: impl TextMapPropagator + Send + Sync + 'static,
    ) -> Self {
        self.baggage = Some((argument.into(), Box::new(propagator)));
        self
    }

    /// Starts no trace for a NOTIFY without a parent [default: starts one].
    #[must_use]
    pub fn only_with_parent(mut self) -> Self {
        self.is_only_with_parent = true;
        self
    }

    /// Sets which NOTIFYs are sampled [default: those without a parent, and those whose parent is
    /// sampled].
    #[must_use]
    pub fn sampling(mut self, sampling: Sampling) -> Self {
        self.sampling = sampling;
        self
    }

    /// Sets the scope in which a sampled NOTIFY returns its context as variables: `traceparent`,
    /// `tracestate` if there is one, and `b3` if the parent came in that form. `None` returns
    /// nothing [default: the transaction].
    #[must_use]
    pub fn hand_back(mut self, scope: Option<Scope>) -> Self {
        self.handed_back = scope;
        self
    }

    /// Refuses what cannot work.
    pub(crate) fn check(&self) -> Result<(), AgentError> {
        check("ratio of sampling", self.sampling.are_parts(), "from 0 to 1")
    }

    /// Whether to sample a NOTIFY, and its parent.
    pub(super) fn decide(&self, messages: &MessagesRef<'_>) -> (bool, Option<TraceParent>) {
        let mut parent = None;
        let mut ratio = Ratio::NEVER;
        let mut is_denied = false;
        for message in messages.clone() {
            ratio = ratio.or(self.sampling.ratio_of(message.name()));
            parent = parent.or_else(|| self.parent(&message, &mut is_denied));
        }
        let is_denied = is_denied && parent.is_none() && self.sampling.parent_based;
        let may_trace = !is_denied && self.may_trace(parent.as_ref());
        (may_trace && self.sampling.decide(parent.as_ref(), ratio), parent)
    }

    /// Whether a NOTIFY with this parent can have a trace.
    pub(super) fn may_trace(&self, parent: Option<&TraceParent>) -> bool {
        parent.is_some() || !self.is_only_with_parent
    }

    /// The parent that a message names. Without one, the message can still forbid a trace.
    fn parent(&self, message: &MessageRef<'_>, is_denied: &mut bool) -> Option<TraceParent> {
        let mut b3 = None;
        for arg in message.args() {
            if is_called(&arg, self.traceparent.as_deref()) {
                let parent = arg.value.as_bytes().and_then(TraceParent::from_traceparent);
                if parent.is_some() {
                    return parent;
                }
            } else if is_called(&arg, self.b3.as_deref()) {
                b3 = arg.value.as_bytes();
            }
        }
        *is_denied |= b3 == Some(b"0");
        b3.and_then(TraceParent::from_b3)
    }

    /// The context of a span with this parent.
    pub(super) fn parent_context(
        &self,
        parent: Option<&TraceParent>,
        messages: Option<&MessagesRef<'_>>,
    ) -> Context {
        let mut context = Context::new();
        let find =
            |name: &str| messages.into_iter().flat_map(Clone::clone).find_map(|m| text(&m, name));
        if let Some(parent) = parent {
            let state = match parent.format {
                Format::TraceContext => self.tracestate.as_deref().and_then(find),
                Format::B3 => None,
            };
            // An invalid one is dropped, as the standard requires.
            let state: TraceState = state.and_then(|text| text.parse().ok()).unwrap_or_default();
            context = context.with_remote_span_context(parent.span_context(state));
        }
        if let Some((argument, propagator)) = &self.baggage
            && let Some(text) = find(argument)
        {
            context = propagator.extract_with_context(&context, &Baggage(text));
        }
        context
    }

    pub(super) fn start(&self, span: SpanBuilder, parent: &Context) -> Context {
        parent.with_span(self.tracer.build_with_context(span, parent))
    }
}

fn is_called(arg: &Arg<'_>, name: Option<&str>) -> bool {
    name.is_some_and(|name| name.as_bytes() == arg.name)
}

/// The value of a text argument.
fn text<'a>(message: &MessageRef<'a>, name: &str) -> Option<&'a str> {
    match message.get(name) {
        Some(TypedData::String(text)) => str::from_utf8(text).ok(),
        _ => None,
    }
}

/// A baggage header for a propagator, whatever its argument is called.
struct Baggage<'a>(&'a str);

impl Extractor for Baggage<'_> {
    fn get(&self, _: &str) -> Option<&str> {
        Some(self.0)
    }

    fn keys(&self) -> Vec<&str> {
        vec!["baggage"]
    }
}

impl fmt::Debug for Traces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Traces")
            .field("sampling", &self.sampling)
            .field("is_only_with_parent", &self.is_only_with_parent)
            .field("handed_back", &self.handed_back)
            .finish_non_exhaustive()
    }
}
