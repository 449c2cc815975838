//! Connection trace: the common parts of one connection's spans.

use std::{cell::OnceCell, sync::Arc, time::SystemTime};

use opentelemetry::{
    Context, KeyValue, Value,
    trace::{SpanBuilder, SpanKind, TraceContextExt},
};
use tokio::time::Instant;

use super::traces::Traces;
use crate::{
    origin::{Peer, PeerAddress},
    spop::Capabilities,
};

/// The common parts of one connection's spans. Its own span begins with the first sampled NOTIFY,
/// so that connections without samples have no span.
pub(crate) struct ConnectionTrace {
    pub(crate) traces: Arc<Traces>,
    peer: Peer,
    max_frame_size: u32,
    capabilities: Capabilities,
    /// When the connection was accepted.
    since: Instant,
    span: OnceCell<Context>,
}

impl ConnectionTrace {
    /// The trace of a connection whose HELLO is agreed.
    pub(crate) fn new(
        traces: Arc<Traces>,
        peer: Peer,
        (max_frame_size, capabilities): (u32, Capabilities),
        since: Instant,
    ) -> Self {
        Self { traces, peer, max_frame_size, capabilities, since, span: OnceCell::new() }
    }

    /// The attributes of every span of this connection.
    pub(super) fn attributes(&self) -> Vec<KeyValue> {
        let mut attributes = vec![
            KeyValue::new("network.protocol.name", "spop"),
            KeyValue::new("network.protocol.version", "2.0"),
        ];
        match self.peer.address {
            PeerAddress::Tcp(address) => attributes.extend([
                KeyValue::new("network.transport", "tcp"),
                KeyValue::new("network.peer.address", address.ip().to_string()),
                KeyValue::new("network.peer.port", i64::from(address.port())),
            ]),
            PeerAddress::Unix => attributes.push(KeyValue::new("network.transport", "unix")),
            PeerAddress::InMemory => {}
        }
        if let Some(engine_id) = &self.peer.engine_id {
            attributes.push(KeyValue::new("engine_id", engine_id.to_string()));
        }
        attributes
    }

    /// The span of the connection.
    pub(super) fn span(&self) -> &Context {
        self.span.get_or_init(|| {
            let mut attributes = self.attributes();
            attributes.extend([
                KeyValue::new("max_frame_size", i64::from(self.max_frame_size)),
                KeyValue::new("capabilities", self.capabilities.to_string()),
            ]);
            let span = SpanBuilder::from_name("connection")
                .with_kind(SpanKind::Server)
                .with_start_time(wall_clock(self.since))
                .with_attributes(attributes);
            self.traces.start(span, &Context::new())
        })
    }

    /// Adds an attribute to the span of the connection, if there is one.
    pub(crate) fn tell(&self, key: &'static str, value: impl Into<Value>) {
        if let Some(context) = self.span.get() {
            context.span().set_attribute(KeyValue::new(key, value));
        }
    }
}

impl Drop for ConnectionTrace {
    fn drop(&mut self) {
        if let Some(context) = self.span.get() {
            context.span().end();
        }
    }
}

/// Converts a point in time to wall-clock time.
pub(super) fn wall_clock(instant: Instant) -> SystemTime {
    SystemTime::now() - instant.elapsed()
}
