//! Handler: the trait through which the library calls handlers of every kind.

use async_trait::async_trait;

use super::{call::Call, reply::Reply};
use crate::{
    observe::LayerCount,
    spop::Actions,
    supervision::{Catch, FailureSignal, Panic, PanicGuard},
};

/// Answers calls, at once or later: a call in, a reply out.
///
/// The library calls handlers of every kind through this trait: functions,
/// [`HandlerActor`](crate::HandlerActor), [`ReadyHandler`](crate::ReadyHandler),
/// [`BlockingHandler`](crate::BlockingHandler) and raw actors. Implement it yourself if a handler
/// reads the frame in place and knows only then whether it answers at once, such as one with a
/// cache in front of a lookup. Register it with [`Route::handler`](crate::Route::handler).
///
/// Each arbiter has its own instance, which the registered factory makes, and makes again after a
/// panic. While a call runs, its arbiter does nothing else.
///
/// ```
/// use std::{cell::RefCell, collections::HashMap, rc::Rc};
///
/// use spoa_actors::{Actions, BoxError, Call, Handler, Registry, Reply, Route, TypedData, Var};
/// # async fn look_up(_: &[u8]) -> Result<i64, BoxError> { Ok(7) }
///
/// const SCORE: Var = Var::transaction("score");
///
/// /// Keeps the scores of the users that it has looked up.
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
///         if let Some(&score) = self.known.borrow().get(user) {
///             actions.append(Actions::new().set(SCORE, score));
///             return Reply::Answered;
///         }
///         // The frame is no longer there when the answer arrives.
///         let (user, known) = (user.to_vec(), Rc::clone(&self.known));
///         let answer = async move {
///             let score = look_up(&user).await?;
///             known.borrow_mut().insert(user, score);
///             Ok(Actions::new().set(SCORE, score))
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
    /// Answers one call, at once or later.
    ///
    /// An answer at once goes into `actions`, which is empty at first; [`Reply::now`] and
    /// [`Reply::later`] put it there. With any reply but [`Reply::Answered`] the list is dropped.
    fn call(&self, call: &Call<'_>, actions: &mut Actions) -> Reply;

    /// Called once after the last call, when the agent stops. Not called for an instance that has
    /// panicked.
    async fn stopping(&self) {}
}

/// Makes the next instance from a part that has outlived the last one.
pub(crate) type Handover = Box<dyn FnOnce(FailureSignal) -> Box<dyn Adapter>>;

/// What the library needs to know about a handler in addition.
#[async_trait(?Send)]
pub(crate) trait Adapter: Handler {
    /// Whether the handler queues its calls elsewhere, where they stay even if nobody waits for them
    /// any longer. Each queued call then holds a share of its permit.
    fn is_queued(&self) -> bool {
        false
    }

    /// Whether a new instance can work after a panic.
    fn is_renewable(&self) -> bool {
        true
    }

    /// What the next instance takes from this one, which has failed.
    fn handover(&self) -> Option<Handover> {
        None
    }

    /// What the layers around it did.
    fn layer_counts(&self) -> Vec<LayerCount> {
        Vec::new()
    }

    /// Stops the handler gracefully.
    async fn stop(&self) -> Result<(), Panic> {
        // Some implementations work before they return the future.
        Catch::new(async { self.stopping().await }).await
    }
}

/// A handler of the user's own, on its route.
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
        // A list of its own: it does not see the answers of others, and leaves nothing behind when it fails.
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
