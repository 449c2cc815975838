//! Outcome: what became of a message that has a route.

/// What became of one message that has a route.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Outcome {
    /// The handler answered.
    Answered,
    /// The arguments were not those that the handler asks for.
    BadArguments,
    /// The handler returned an error.
    Failed,
    /// The handler panicked.
    Panicked,
    /// There was no answer by the deadline; a later one was dropped.
    Late,
    /// Too many messages of the connection, or of the agent, waited for their answers.
    Overloaded,
    /// The route had as many calls in flight as it may.
    Full,
    /// The handler did not start, and was not asked.
    Down,
    /// The NOTIFY was larger than the limit, and not read; or it had more messages than are handed to
    /// handlers, and this was one of the last.
    Oversize,
    /// The actor behind the route had stopped.
    Gone,
}

/// What became of messages, by the names of [`Outcome`].
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "they are those of `Outcome`")]
pub struct Outcomes {
    pub answered: u64,
    pub bad_arguments: u64,
    pub failed: u64,
    pub panicked: u64,
    pub late: u64,
    pub overloaded: u64,
    pub full: u64,
    pub down: u64,
    pub oversize: u64,
    pub gone: u64,
}

impl Outcome {
    /// Each of them, the good one first.
    pub const ALL: [Self; 10] = [
        Self::Answered,
        Self::BadArguments,
        Self::Failed,
        Self::Panicked,
        Self::Late,
        Self::Overloaded,
        Self::Full,
        Self::Down,
        Self::Oversize,
        Self::Gone,
    ];

    /// One word for metrics and spans.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Answered => "ok",
            Self::BadArguments => "bad_arguments",
            Self::Failed => "error",
            Self::Panicked => "panicked",
            Self::Late => "late",
            Self::Overloaded => "overloaded",
            Self::Full => "full",
            Self::Down => "down",
            Self::Oversize => "oversize",
            Self::Gone => "gone",
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
            Outcome::Late => &mut self.late,
            Outcome::Overloaded => &mut self.overloaded,
            Outcome::Full => &mut self.full,
            Outcome::Down => &mut self.down,
            Outcome::Oversize => &mut self.oversize,
            Outcome::Gone => &mut self.gone,
        }
    }
}
