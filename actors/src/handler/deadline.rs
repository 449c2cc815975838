//! Deadline: the deadline of a call, as an argument of a function.

use std::time::Duration;

use tokio::time::Instant;

/// The deadline of a call, as an argument of a function. Use it as the time limit of requests to
/// other services.
///
/// ```
/// use std::time::Duration;
///
/// use spoa_actors::{ActionError, Actions, BoxError, Deadline, Registry, Scope};
/// # async fn ask(_: Duration) -> Result<bool, BoxError> { Ok(true) }
///
/// async fn check(deadline: Deadline) -> Result<Actions, BoxError> {
///     let allowed = ask(deadline.remaining()).await?;
///     Ok(Actions::new().set_var(Scope::Transaction, "allowed", allowed)?)
/// }
///
/// let registry = Registry::new().on("check", check);
/// ```
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Deadline(pub(super) Instant);

impl Deadline {
    /// When the agent sends the fallback if the handler has not answered.
    #[must_use]
    pub fn instant(self) -> Instant {
        self.0
    }

    /// The time left until the deadline; zero after it.
    #[must_use]
    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }
}
