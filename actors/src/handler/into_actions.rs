//! Into actions: what a function can return.

use crate::{
    error::BoxError,
    spop::{Actions, ToTypedData, Var},
};

/// The result of a handler function.
///
/// | result | sets |
/// |---|---|
/// | [`Actions`] | these actions |
/// | `()`, `None` | nothing: HAProxy continues without a variable |
/// | `Some(answer)`, `Ok(answer)` | what the answer sets |
/// | `Err(error)` | the route's fallback; the error is counted and logged |
/// | `(VAR, value)` | one variable |
/// | `(one, other)`, up to four | what they set, in order |
///
/// The error is any type that converts into [`BoxError`], so you can use `?`.
///
/// ```
/// use spoa_actors::{Actions, BoxError, Registry, Var};
///
/// const NUMBER: Var = Var::transaction("number");
///
/// let registry = Registry::new()
///     .on("set", || (NUMBER, 1))
///     .on("set-more", || Actions::new().set(NUMBER, 1).set(Var::session("more"), true))
///     .on("try", || -> Result<_, BoxError> { Ok((NUMBER, "2".parse::<i64>()?)) })
///     .on("log", || println!("a message has come"));
/// ```
#[diagnostic::on_unimplemented(
    message = "a handler cannot answer with `{Self}`",
    label = "is not `Actions`, `()`, `(VAR, value)`, or an `Option`, a `Result` or a tuple of them",
    note = "set variables with `Actions::new().set(VAR, value)` or `(VAR, value)`",
    note = "the error of a `Result` must convert into `spoa_actors::BoxError`"
)]
pub trait IntoActions {
    /// The actions for the ACK.
    ///
    /// # Errors
    ///
    /// If there is no answer. The agent then sends the fallback.
    fn into_actions(self) -> Result<Actions, BoxError>;
}

impl IntoActions for Actions {
    #[inline(always)]
    fn into_actions(self) -> Result<Actions, BoxError> {
        Ok(self)
    }
}

impl IntoActions for () {
    #[inline]
    fn into_actions(self) -> Result<Actions, BoxError> {
        Ok(Actions::new())
    }
}

impl<T: IntoActions> IntoActions for Option<T> {
    #[inline]
    fn into_actions(self) -> Result<Actions, BoxError> {
        self.map_or_else(|| Ok(Actions::new()), T::into_actions)
    }
}

impl<T: IntoActions, E: Into<BoxError>> IntoActions for Result<T, E> {
    #[inline(always)]
    fn into_actions(self) -> Result<Actions, BoxError> {
        match self {
            Ok(answer) => answer.into_actions(),
            Err(error) => Err(error.into()),
        }
    }
}

impl<V: ToTypedData> IntoActions for (Var, V) {
    #[inline]
    fn into_actions(self) -> Result<Actions, BoxError> {
        let (var, value) = self;
        Ok(Actions::new().set(var, value))
    }
}

macro_rules! tuple {
    ($first:ident $($other:ident)+) => {
        impl<$first: IntoActions, $($other: IntoActions),+> IntoActions for ($first, $($other),+) {
            #[inline]
            #[allow(non_snake_case, reason = "a type and its value have one name")]
            fn into_actions(self) -> Result<Actions, BoxError> {
                let ($first, $($other),+) = self;
                let mut actions = $first.into_actions()?;
                $(actions.append($other.into_actions()?);)+
                Ok(actions)
            }
        }
    };
}

tuple!(A B);
tuple!(A B C);
tuple!(A B C D);
