//! From call: what a function can take as arguments.

use super::{call::Call, deadline::Deadline, setup::Setup, state::State};
use crate::{
    args::FromMessage,
    error::{BoxError, HandlerError},
    origin::Origin,
    supervision::Tasks,
};

/// An argument of a handler function, which takes up to eight.
///
/// | argument | has |
/// |---|---|
/// | a struct with serde's `Deserialize`, [`Message`](crate::Message) | the message's arguments; see [`FromMessage`] |
/// | `Option` of such a struct | `None` if the message has no value at all |
/// | [`State<T>`](State) | a clone of the registry's `T` |
/// | [`Deadline`] | the deadline of the call |
/// | [`Origin`] | the peer, the stream and the frame |
/// | [`Tasks`] | starts background work |
///
/// Several structs can take arguments of the same message. Arguments that you do not take cost
/// nothing. A type of your own is prepared once, when the handler starts, and made for each call:
///
/// ```
/// use std::time::Duration;
///
/// use spoa_actors::{
///     Actions, BoxError, Call, FromCall, HandlerError, Registry, Setup,
/// };
///
/// #[derive(Clone)]
/// struct Config {
///     margin: Duration,
/// }
///
/// /// How long to wait for another service.
/// struct Patience(Duration);
///
/// impl FromCall for Patience {
///     type Source = Config;
///
///     fn prepare(setup: &Setup<'_>) -> Result<Config, BoxError> {
///         setup.state()
///     }
///
///     fn from_call(config: &Config, call: &Call<'_>) -> Result<Self, HandlerError> {
///         Ok(Self(call.remaining().saturating_sub(config.margin)))
///     }
/// }
///
/// fn check(Patience(time): Patience) -> Option<Actions> {
///     (!time.is_zero()).then(Actions::new)
/// }
///
/// let config = Config { margin: Duration::from_millis(5) };
/// let registry = Registry::new().state(config).on("check", check);
/// ```
#[diagnostic::on_unimplemented(
    message = "a handler cannot take `{Self}`",
    label = "is neither made from a message (`serde::Deserialize`) nor a `FromCall`",
    note = "a type that borrows from the message is for a `ReadyHandler`"
)]
pub trait FromCall: Sized + 'static {
    /// What is prepared once for all calls on an arbiter.
    type Source: 'static;

    /// Prepares the source when the handler starts.
    ///
    /// # Errors
    ///
    /// If something is missing. The handler then does not start.
    fn prepare(setup: &Setup<'_>) -> Result<Self::Source, BoxError>;

    /// Makes the argument of one call.
    ///
    /// # Errors
    ///
    /// If the function cannot be called. The agent then sends the route's fallback.
    fn from_call(source: &Self::Source, call: &Call<'_>) -> Result<Self, HandlerError>;
}

impl<T: for<'a> FromMessage<'a> + 'static> FromCall for T {
    type Source = ();

    fn prepare(_: &Setup<'_>) -> Result<(), BoxError> {
        Ok(())
    }

    #[inline(always)]
    fn from_call((): &(), call: &Call<'_>) -> Result<Self, HandlerError> {
        Ok(call.args::<T>()?)
    }
}

impl<T: Clone + Send + Sync + 'static> FromCall for State<T> {
    type Source = T;

    fn prepare(setup: &Setup<'_>) -> Result<T, BoxError> {
        setup.state()
    }

    #[inline]
    fn from_call(value: &T, _: &Call<'_>) -> Result<Self, HandlerError> {
        Ok(Self(value.clone()))
    }
}

impl FromCall for Origin {
    type Source = ();

    fn prepare(_: &Setup<'_>) -> Result<(), BoxError> {
        Ok(())
    }

    #[inline]
    fn from_call((): &(), call: &Call<'_>) -> Result<Self, HandlerError> {
        Ok(call.origin().clone())
    }
}

impl FromCall for Deadline {
    type Source = ();

    fn prepare(_: &Setup<'_>) -> Result<(), BoxError> {
        Ok(())
    }

    #[inline]
    fn from_call((): &(), call: &Call<'_>) -> Result<Self, HandlerError> {
        Ok(Self(call.deadline()))
    }
}

impl FromCall for Tasks {
    type Source = Self;

    fn prepare(setup: &Setup<'_>) -> Result<Self, BoxError> {
        Ok(setup.tasks())
    }

    #[inline]
    fn from_call(tasks: &Self, _: &Call<'_>) -> Result<Self, HandlerError> {
        Ok(tasks.clone())
    }
}
