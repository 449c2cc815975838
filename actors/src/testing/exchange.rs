//! Exchange: SPOP without a stream.

use std::rc::Rc;

use bytes::BytesMut;
use tokio::time::Instant;

use crate::{
    arbiter::{AgentContext, ArbiterContext},
    connection::{Conversation, Flow},
    error::AgentError,
    limits::Limits,
    observe::{Counters, Statistics},
    origin::PeerAddress,
    route::{Registry, Routes},
    supervision::panics,
    trace::Traces,
};

/// Answers frames without a stream: bytes in, bytes out, at once and on this arbiter. Use it in
/// benchmarks, and in tests of what a frame costs.
pub struct Exchange {
    conversation: Conversation,
    shared: Rc<ArbiterContext>,
}

impl Exchange {
    /// Starts the handlers on this arbiter.
    ///
    /// # Errors
    ///
    /// Those of [`InMemoryAgent::start`](super::InMemoryAgent::start).
    pub async fn start(registry: Registry, limits: Limits) -> Result<Self, AgentError> {
        Self::start_by(registry, AgentContext::new(limits)).await
    }

    /// Starts the handlers on this arbiter, with [`Agent::traces`](crate::Agent::traces).
    ///
    /// # Errors
    ///
    /// Those of [`start`](Self::start).
    pub async fn start_traced(
        registry: Registry,
        limits: Limits,
        traces: Traces,
    ) -> Result<Self, AgentError> {
        Self::start_by(registry, AgentContext::new(limits).traced(Some(traces))).await
    }

    async fn start_by(registry: Registry, common: AgentContext) -> Result<Self, AgentError> {
        registry.check()?;
        common.check()?;
        panics::install_panic_hook();
        let counters = Rc::new(Counters::default());
        let (limits, names) = (&common.start_limits, common.limit_names);
        let given_up = common.start_given_up.cancelled();
        let routes = registry.start(limits, names, &Routes::default(), given_up).await?;
        let shared = Rc::new(ArbiterContext::new(routes, common, counters));
        let address = PeerAddress::InMemory;
        let conversation =
            Conversation::new(Rc::clone(&shared), address, "memory".into(), Instant::now());
        Ok(Self { conversation, shared })
    }

    /// Takes the complete frames from `input`, HELLO first, and appends the immediate answers to
    /// `output`. Returns false when the conversation is over.
    pub fn exchange(&mut self, input: &mut BytesMut, output: &mut BytesMut) -> bool {
        loop {
            match self.conversation.receive(input, output) {
                Flow::Paused => {}
                Flow::Over(_) => return false,
                Flow::Hungry | Flow::Full => return true,
            }
        }
    }

    /// The statistics so far.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        self.shared.statistics()
    }
}
