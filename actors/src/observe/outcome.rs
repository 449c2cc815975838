//! Outcome: what happened to a message that has a route.

/// What happened to one message that has a route.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Outcome {
    /// The handler answered.
    Answered,
    /// The arguments did not match the type that the handler takes.
    BadArguments,
    /// The handler returned an error.
    Failed,
    /// The handler panicked.
    Panicked,
    /// The deadline passed before the handler answered. A later answer is dropped.
    DeadlineExceeded,
    /// The connection, or the whole agent, had reached its limit of messages that wait for answers.
    AgentOverloaded,
    /// The route had reached its limit of calls in flight.
    RouteFull,
    /// The handler did not start, or failed too often. It was not called.
    CircuitOpen,
    /// The NOTIFY came in fragments and exceeds the size limit. The agent did not read it.
    TooLarge,
    /// The NOTIFY has more than 1,024 messages, and this one came after them. No handler was
    /// called.
    TooManyMessages,
    /// The actor behind the route had stopped.
    ActorStopped,
}

/// Counts messages by [`Outcome`].
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "they are those of `Outcome`")]
pub struct Outcomes {
    pub answered: u64,
    pub bad_arguments: u64,
    pub failed: u64,
    pub panicked: u64,
    pub deadline_exceeded: u64,
    pub agent_overloaded: u64,
    pub route_full: u64,
    pub circuit_open: u64,
    pub too_large: u64,
    pub too_many_messages: u64,
    pub actor_stopped: u64,
}

impl Outcome {
    /// All outcomes, `Answered` first.
    pub const ALL: [Self; 11] = [
        Self::Answered,
        Self::BadArguments,
        Self::Failed,
        Self::Panicked,
        Self::DeadlineExceeded,
        Self::AgentOverloaded,
        Self::RouteFull,
        Self::CircuitOpen,
        Self::TooLarge,
        Self::TooManyMessages,
        Self::ActorStopped,
    ];

    /// The name in metrics, spans, log lines and JSON: the variant in `snake_case`.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::BadArguments => "bad_arguments",
            Self::Failed => "failed",
            Self::Panicked => "panicked",
            Self::DeadlineExceeded => "deadline_exceeded",
            Self::AgentOverloaded => "agent_overloaded",
            Self::RouteFull => "route_full",
            Self::CircuitOpen => "circuit_open",
            Self::TooLarge => "too_large",
            Self::TooManyMessages => "too_many_messages",
            Self::ActorStopped => "actor_stopped",
        }
    }
}

impl Outcomes {
    /// How many messages had this outcome.
    #[must_use]
    pub fn of(&self, outcome: Outcome) -> u64 {
        let mut counts = *self;
        *counts.slot(outcome)
    }

    pub(super) fn count(&mut self, outcome: Outcome, times: u64) {
        *self.slot(outcome) += times;
    }

    pub(super) fn add(&mut self, other: &Self) {
        for outcome in Outcome::ALL {
            self.count(outcome, other.of(outcome));
        }
    }

    fn slot(&mut self, outcome: Outcome) -> &mut u64 {
        match outcome {
            Outcome::Answered => &mut self.answered,
            Outcome::BadArguments => &mut self.bad_arguments,
            Outcome::Failed => &mut self.failed,
            Outcome::Panicked => &mut self.panicked,
            Outcome::DeadlineExceeded => &mut self.deadline_exceeded,
            Outcome::AgentOverloaded => &mut self.agent_overloaded,
            Outcome::RouteFull => &mut self.route_full,
            Outcome::CircuitOpen => &mut self.circuit_open,
            Outcome::TooLarge => &mut self.too_large,
            Outcome::TooManyMessages => &mut self.too_many_messages,
            Outcome::ActorStopped => &mut self.actor_stopped,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `RouteFull`: `route_full`.
    fn snake_case(name: &str) -> String {
        let mut words = String::new();
        for letter in name.chars() {
            if letter.is_uppercase() && !words.is_empty() {
                words.push('_');
            }
            words.extend(letter.to_lowercase());
        }
        words
    }

    #[test]
    fn a_label_is_the_name_of_its_variant_and_of_its_count() {
        for outcome in Outcome::ALL {
            assert_eq!(outcome.label(), snake_case(&format!("{outcome:?}")));
            let mut counts = Outcomes::default();
            counts.count(outcome, 7);
            assert!(
                format!("{counts:?}").contains(&format!(" {}: 7", outcome.label())),
                "{counts:?}"
            );
        }
    }
}
