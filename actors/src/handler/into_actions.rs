//! What a function can return as its answer.

use crate::{error::BoxError, spop::Actions};

/// An answer of a function: actions, a result of them, or nothing.
///
/// ```
/// use spoa_actors::{Actions, BoxError, Registry, Var, handler_fn};
///
/// const NUMBER: Var = Var::transaction("number");
///
/// let registry = Registry::new()
///     .on("set", handler_fn(|(): ()| Actions::new().set(NUMBER, 1)))
///     .on("try", handler_fn(|(): ()| -> Result<Actions, BoxError> {
///         Ok(Actions::new().set(NUMBER, "2".parse::<i64>()?))
///     }))
///     .on("log", handler_fn(|(): ()| println!("a message has come")));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an answer to a message",
    label = "must be `Actions`, `()`, or an `Option` or a `Result` of them",
    note = "the error of a `Result` must convert into `BoxError`, as errors and texts do"
)]
pub trait IntoActions {
    /// The actions that are sent to HAProxy.
    ///
    /// # Errors
    ///
    /// If there is no answer: the fallback of the route is sent.
    fn into_actions(self) -> Result<Actions, BoxError>;
}

impl IntoActions for Actions {
    #[inline]
    fn into_actions(self) -> Result<Actions, BoxError> {
        Ok(self)
    }
}

/// No actions.
impl IntoActions for () {
    #[inline]
    fn into_actions(self) -> Result<Actions, BoxError> {
        Ok(Actions::new())
    }
}

/// `None` is no actions.
impl<A: IntoActions> IntoActions for Option<A> {
    #[inline]
    fn into_actions(self) -> Result<Actions, BoxError> {
        self.map_or_else(|| Ok(Actions::new()), A::into_actions)
    }
}

impl<A: IntoActions, E: Into<BoxError>> IntoActions for Result<A, E> {
    #[inline]
    fn into_actions(self) -> Result<Actions, BoxError> {
        self.map_err(Into::into)?.into_actions()
    }
}
