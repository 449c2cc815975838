//! Deadline: until when an answer is wanted, as an argument of a function.

use std::time::Duration;

use tokio::time::Instant;

/// Until when the answer is wanted, as an argument of a function: the time limit for whatever the
/// function asks elsewhere.
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
    /// When the fallback will be sent if there is no answer by then.
    #[must_use]
    pub fn instant(self) -> Instant {
        self.0
    }

    /// How much time is left: zero when it is over.
    #[must_use]
    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }
}
