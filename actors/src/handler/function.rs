//! Functions as handlers, plain and async.

use std::{marker::PhantomData, sync::Arc};

use super::{
    call::Call,
    handler::{Adapter, Handler},
    into_actions::IntoActions,
    reply::Reply,
};
use crate::{args::FromMessage, error::HandlerError, spop::Actions};

/// A plain or async function as a handler: see [`handler_fn`](crate::handler_fn).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a handler function",
    label = "must be `Fn(Args) -> A`, plain or async, and `Send + Sync + 'static`; `A` is `IntoActions`"
)]
pub trait HandlerFn<Args, Kind>: Send + Sync + 'static {
    /// How the library calls it.
    #[doc(hidden)]
    fn call(&self, args: Args, actions: &mut Actions) -> Reply;
}

/// The kind of a function that answers at once.
#[doc(hidden)]
#[derive(Debug)]
pub struct Plain;

/// The kind of a function that answers with a future.
#[doc(hidden)]
#[derive(Debug)]
pub struct Asynchronous;

impl<F, Args, A> HandlerFn<Args, Plain> for F
where
    F: Fn(Args) -> A + Send + Sync + 'static,
    A: IntoActions,
{
    #[inline]
    fn call(&self, args: Args, actions: &mut Actions) -> Reply {
        Reply::now(self(args).into_actions().map_err(HandlerError::Failed), actions)
    }
}

impl<F, Args, Answers> HandlerFn<Args, Asynchronous> for F
where
    F: Fn(Args) -> Answers + Send + Sync + 'static,
    Answers: Future<Output: IntoActions> + 'static,
{
    fn call(&self, args: Args, actions: &mut Actions) -> Reply {
        let answer = self(args);
        let call = async { answer.await.into_actions().map_err(HandlerError::Failed) };
        Reply::later(call, actions)
    }
}

/// A function on its route.
pub(crate) struct Function<F, Args, Kind> {
    function: F,
    kind: PhantomData<fn(Args) -> Kind>,
}

impl<F, Args, Kind> Function<F, Args, Kind> {
    pub(crate) fn new(function: F) -> Self {
        Self { function, kind: PhantomData }
    }
}

impl<F, Args, Kind> Handler for Arc<Function<F, Args, Kind>>
where
    F: HandlerFn<Args, Kind>,
    Args: for<'a> FromMessage<'a> + 'static,
    Kind: 'static,
{
    #[inline]
    fn call(&self, call: &Call<'_>, actions: &mut Actions) -> Reply {
        match Args::from_message(call.message()) {
            Ok(args) => self.function.call(args, actions),
            Err(error) => Reply::Failed(error.into()),
        }
    }
}

impl<F, Args, Kind> Adapter for Arc<Function<F, Args, Kind>>
where
    F: HandlerFn<Args, Kind>,
    Args: for<'a> FromMessage<'a> + 'static,
    Kind: 'static,
{
    /// A function has no state, and no factory either.
    fn is_renewable(&self) -> bool {
        false
    }
}
