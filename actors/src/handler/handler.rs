//! Handler: the one way in which the library calls whatever answers.

use async_trait::async_trait;

use super::{call::Call, reply::Reply};
use crate::{
    spop::Actions,
    supervision::{Catch, FailureSignal, Panic, PanicGuard},
};

/// A call in, a reply out: what stands behind a route.
///
/// Functions, [`HandlerActor`](crate::HandlerActor)s, [`ReadyHandler`](crate::ReadyHandler)s,
/// [`BlockingHandler`](crate::BlockingHandler)s and raw actors are all called through it. Implement it
/// yourself, and register it with [`Route::handler`](crate::Route::handler), for a handler that reads the
/// call where it lies and answers now or later, as it finds out: one that asks somebody else only
/// for what it does not know.
///
/// Each arbiter has an instance of its own, made by the factory that was registered, and made anew after
/// a panic. While it is called, its arbiter does nothing else.
///
/// ```
/// use std::{cell::RefCell, collections::HashMap, rc::Rc};
///
/// use spoa_actors::{Actions, BoxError, Call, Handler, Registry, Reply, Route, Scope, TypedData};
/// # async fn look_up(_: &[u8]) -> Result<i64, BoxError> { Ok(7) }
///
/// /// Remembers the scores that it has looked up.
/// #[derive(Default)]
/// struct Scores {
///     known: Rc<RefCell<HashMap<Vec<u8>, i64>>>,
/// }
///
/// impl Handler for Scores {
///     fn call(&self, call: &Call<'_>, actions: &mut Actions) -> Reply {
///         let Some(TypedData::String(user)) = call.message().get("user") else {
///             return Reply::Answered;
///         };
///         let set = |score| Actions::new().set_var(Scope::Transaction, "score", score);
///         if let Some(&score) = self.known.borrow().get(user) {
///             return Reply::now(set(score), actions);
///         }
///         // The frame is gone by the time the answer comes.
///         let (user, known) = (user.to_vec(), Rc::clone(&self.known));
///         let answer = async move {
///             let score = look_up(&user).await?;
///             known.borrow_mut().insert(user, score);
///             Ok(set(score)?)
///         };
///         Reply::later(answer, actions)
///     }
/// }
///
/// let registry = Registry::new().on("score-user", Route::handler(Scores::default));
/// ```
#[async_trait(?Send)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a handler",
    label = "does not implement `Handler`"
)]
pub trait Handler: 'static {
    /// Answers one call, now or later.
    ///
    /// An answer that is there is put into `actions`, which is empty at first: [`Reply::now`] and
    /// [`Reply::later`] do so. What was put there is dropped with any other reply.
    fn call(&self, call: &Call<'_>, actions: &mut Actions) -> Reply;

    /// Called once when the agent ends in good order, after the last call; not for an instance that has
    /// panicked.
    async fn stopping(&self) {}
}

/// What makes the next instance from something that has outlived the last one.
pub(crate) type Handover = Box<dyn FnOnce(FailureSignal) -> Box<dyn Adapter>>;

/// What the library has to know of a handler besides.
#[async_trait(?Send)]
pub(crate) trait Adapter: Handler {
    /// Whether calls are queued somewhere else, where they stay even if nobody waits any more. Each
    /// takes a share in the permit of its call with it.
    fn is_queued(&self) -> bool {
        false
    }

    /// Whether a new instance could do better than one that has panicked.
    fn is_renewable(&self) -> bool {
        true
    }

    /// What the next instance takes over from this one, which has failed.
    fn handover(&self) -> Option<Handover> {
        None
    }

    /// Ends the handler in good order.
    async fn stop(&self) -> Result<(), Panic> {
        // Not every implementation does all of its work in the future.
        Catch::new(async { self.stopping().await }).await
    }
}

/// A handler of the user's on its route.
pub(crate) struct Own<H>(PanicGuard<H>);

impl<H> Own<H> {
    pub(crate) fn new(handler: H) -> Self {
        Self(PanicGuard::new(handler))
    }
}

#[async_trait(?Send)]
impl<H: Handler> Handler for Own<H> {
    #[inline]
    fn call(&self, call: &Call<'_>, actions: &mut Actions) -> Reply {
        // What others have answered is not for it to see, nor what it has left without an answer for them.
        let mut own = Actions::new();
        let reply = self.0.call(call, &mut own);
        if let Reply::Answered = reply {
            actions.append(own);
        }
        reply
    }

    async fn stopping(&self) {
        self.0.stopping().await;
    }
}

impl<H: Handler> Adapter for Own<H> {}
