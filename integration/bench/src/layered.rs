//! Layered: a handler with one thing more than another, so that the difference is the cost of that thing.

use clap::ValueEnum;

/// What answers, and with what around it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Layered {
    /// A `ReadyHandler` without layers.
    Ready,
    /// The same behind `Require`.
    Require,
    /// The same behind `Timeout`.
    Timeout,
    /// The same behind `Rollout`, which sends all calls to it.
    Rollout,
    /// The same behind `Cache`, which has the answer.
    Cache,
    /// The same behind `Audit`, whose records are dropped.
    Audit,
    /// The same, one for the whole agent.
    Shared,
    /// A function that takes a struct.
    Function,
    /// The same with `State<T>`.
    State,
    /// The same with `Origin`.
    Origin,
    /// The same with `Deadline`.
    Deadline,
    /// The same with all three.
    All,
    /// Two messages, each with a function of its own.
    Apart,
    /// Two messages, one function for both.
    Together,
}

impl Layered {
    /// The name of the option's value.
    #[must_use]
    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// What it is compared with; itself if it has nothing more.
    #[must_use]
    pub fn plain(self) -> Self {
        match self {
            Self::Ready | Self::Require | Self::Timeout | Self::Rollout => Self::Ready,
            Self::Cache | Self::Audit | Self::Shared => Self::Ready,
            Self::Function | Self::State | Self::Origin | Self::Deadline | Self::All => {
                Self::Function
            }
            Self::Apart | Self::Together => Self::Apart,
        }
    }
}
