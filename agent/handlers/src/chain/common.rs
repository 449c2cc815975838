//! The settings that every handler has.

use std::time::Duration;

use super::output::Outputs;
use crate::{file::Text, input::Sources};

words! {
    /// What happens to the decision of a handler.
    pub enum Mode, "a mode" {
        /// It counts.
        Enforce = "enforce",
        /// It is counted, and nothing else: for a rule that is tried.
        Observe = "observe",
        /// The handler is not run.
        Off = "off",
    }
}

words! {
    /// What happens if a handler cannot say.
    pub enum OnError, "one of `skip`, `allow` and `deny`" {
        /// The chain goes on without it.
        Skip = "skip",
        /// The verdict is `allow`.
        Allow = "allow",
        /// The verdict is `deny`.
        Deny = "deny",
    }
}

words! {
    /// What a decision of a handler does to its chain.
    pub enum Then, "one of `stop` and `continue`" {
        /// It is the verdict: the handlers behind it do not run.
        Stop = "stop",
        /// Nothing: the handler only finds, and those behind it run.
        Continue = "continue",
    }
}

settings! {
    /// The settings that every handler has.
    pub struct CommonSettings, "a handler" {
        /// A condition: the handler runs only if it holds.
        when: Option<Text>,
        /// What happens to its decision.
        mode: Mode = Mode::Enforce,
        /// What happens if it cannot say.
        on_error: OnError = OnError::Skip,
        /// What its decision does to the chain.
        then: Then = Then::Stop,
        /// How long it has, if it is a handler that answers later: as long as the message, unless it is set.
        timeout: Option<Duration>,
        /// Where its arguments come from, if not from those of their own names.
        args: Option<Sources>,
        /// Which of its variables HAProxy gets, and under which names: all, unless it is set.
        set: Option<Outputs>,
    }
}
