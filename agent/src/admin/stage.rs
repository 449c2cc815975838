//! Stage: how far the agent has come, and whether it should be asked.

use std::fmt;

use spoa_actors::status::Readiness;

/// How far the agent has come.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) enum Stage {
    /// It does not listen yet.
    #[default]
    Starting,
    /// It listens, or stops.
    Started(Readiness),
}

impl Stage {
    pub(super) fn is_ready(&self) -> bool {
        *self == Self::Started(Readiness::Ready)
    }

    /// One word for it, in `snake_case`.
    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Started(Readiness::Ready) => "ready",
            Self::Started(Readiness::Draining) => "draining",
            Self::Started(Readiness::HandlerDown { .. }) => "handler_down",
            Self::Started(Readiness::Unresponsive) => "unresponsive",
            Self::Started(_) => "not_ready",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Starting => f.write_str("handlers start, and no connection is accepted yet"),
            Self::Started(readiness) => readiness.fmt(f),
        }
    }
}
