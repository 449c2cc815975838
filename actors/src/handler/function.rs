//! Function: a plain or async function as a handler.

use std::{marker::PhantomData, sync::Arc};

use async_trait::async_trait;
use futures_util::{FutureExt, future::Map};

use super::{
    background::Work,
    call::Call,
    call_slot::CallSlot,
    from_call::FromCall,
    handler::{Adapter, Handler},
    into_actions::IntoActions,
    reply::{Answer, Reply},
    setup::Setup,
    state::States,
};
use crate::{
    error::{BoxError, HandlerError},
    spop::Actions,
    supervision::{FailureSignal, Panic, PanicGuard},
};

/// A plain or async function as a handler; see [`Registry::on`](crate::Registry::on).
///
/// It takes up to eight arguments that implement [`FromCall`], and returns a type that implements
/// [`IntoActions`], at once or from a future.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a handler function",
    label = "must be `Send + Sync + 'static`, take what is `FromCall`, and answer `IntoActions`"
)]
pub trait HandlerFn<Args, Kind>: Send + Sync + 'static {
    /// What is prepared once for all calls.
    #[doc(hidden)]
    type Prepared: 'static;

    #[doc(hidden)]
    fn prepare(setup: &Setup<'_>) -> Result<Self::Prepared, BoxError>;

    /// Calls the function.
    #[doc(hidden)]
    fn call(&self, prepared: &Self::Prepared, call: &Call<'_>, actions: &mut Actions) -> Reply;
}

/// The kind of a plain function.
#[doc(hidden)]
#[derive(Debug)]
pub struct Plain;

/// The kind of an async function.
#[doc(hidden)]
#[derive(Debug)]
pub struct Asynchronous;

/// The call of an async function.
type FutureAnswer<Call> = Map<Call, fn(<Call as Future>::Output) -> Answer>;

#[inline(always)]
fn answer(answer: impl IntoActions) -> Answer {
    answer.into_actions().map_err(HandlerError::Failed)
}

macro_rules! functions {
    ($($arg:ident)*) => {
        #[allow(non_snake_case, unused_variables, reason = "a type and its value have one name")]
        impl<F, Answers, $($arg),*> HandlerFn<($($arg,)*), Plain> for F
        where
            F: Fn($($arg),*) -> Answers + Send + Sync + 'static,
            Answers: IntoActions,
            $($arg: FromCall,)*
        {
            type Prepared = ($($arg::Source,)*);

            fn prepare(setup: &Setup<'_>) -> Result<Self::Prepared, BoxError> {
                Ok(($($arg::prepare(setup)?,)*))
            }

                    #[inline(always)]
            fn call(
                &self,
                ($($arg,)*): &Self::Prepared,
                call: &Call<'_>,
                actions: &mut Actions,
            ) -> Reply {
                $(let $arg = match $arg::from_call($arg, call) {
                    Ok(argument) => argument,
                    Err(error) => return Reply::Failed(error),
                };)*
                Reply::now(answer(self($($arg),*)), actions)
            }
        }

        #[allow(non_snake_case, unused_variables, reason = "a type and its value have one name")]
        impl<F, Answers, $($arg),*> HandlerFn<($($arg,)*), Asynchronous> for F
        where
            F: Fn($($arg),*) -> Answers + Send + Sync + 'static,
            Answers: Future<Output: IntoActions> + 'static,
            $($arg: FromCall,)*
        {
            type Prepared = (CallSlot<FutureAnswer<Answers>>, ($($arg::Source,)*));

            fn prepare(setup: &Setup<'_>) -> Result<Self::Prepared, BoxError> {
                Ok((CallSlot::default(), ($($arg::prepare(setup)?,)*)))
            }

                    #[inline]
            fn call(
                &self,
                (slot, ($($arg,)*)): &Self::Prepared,
                call: &Call<'_>,
                actions: &mut Actions,
            ) -> Reply {
                $(let $arg = match $arg::from_call($arg, call) {
                    Ok(argument) => argument,
                    Err(error) => return Reply::Failed(error),
                };)*
                slot.poll_once(self($($arg),*).map(answer), actions)
            }
        }
    };
}

functions!();
functions!(A);
functions!(A B);
functions!(A B C);
functions!(A B C D);
functions!(A B C D E);
functions!(A B C D E G);
functions!(A B C D E G H);
functions!(A B C D E G H I);

/// A function on its route, with its prepared arguments.
pub(crate) struct Function<F: HandlerFn<Args, Kind>, Args, Kind> {
    /// Caught, because a state, or a captured value, can panic in its drop.
    function: PanicGuard<(Arc<F>, F::Prepared)>,
    work: Option<Work>,
    kind: PhantomData<fn(Args) -> Kind>,
}

impl<F: HandlerFn<Args, Kind>, Args, Kind> Function<F, Args, Kind> {
    /// Prepares the arguments.
    pub(crate) fn start(
        function: Arc<F>,
        states: &States,
        signal: &FailureSignal,
    ) -> Result<Self, BoxError> {
        let setup = Setup::new(states, signal);
        let function = PanicGuard::new((function, F::prepare(&setup)?));
        Ok(Self { function, work: setup.into_work(), kind: PhantomData })
    }
}

impl<F, Args, Kind> Handler for Function<F, Args, Kind>
where
    F: HandlerFn<Args, Kind>,
    Args: 'static,
    Kind: 'static,
{
    #[inline]
    fn call(&self, call: &Call<'_>, actions: &mut Actions) -> Reply {
        let (function, prepared) = &*self.function;
        function.call(prepared, call, actions)
    }
}

#[async_trait(?Send)]
impl<F, Args, Kind> Adapter for Function<F, Args, Kind>
where
    F: HandlerFn<Args, Kind>,
    Args: 'static,
    Kind: 'static,
{
    /// A function has neither state nor a factory.
    fn is_renewable(&self) -> bool {
        false
    }

    async fn stop(&self) -> Result<(), Panic> {
        if let Some(work) = &self.work {
            work.end().await;
        }
        Ok(())
    }
}
