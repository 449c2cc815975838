//! Layer: answers instead of a handler, changes its answers, or observes them.

use std::{fmt, rc::Rc};

use async_trait::async_trait;

use crate::{
    error::{BoxError, HandlerError},
    handler::{Adapter, Call, OwnedCall, Reply, fence},
    observe::LayerCount,
    spop::Actions,
    supervision::{FailureSignal, PanicGuard, Permit},
};

/// Stands around a handler: answers instead of it, changes its answers, or observes them.
///
/// Register a layer with [`Route::layer`](crate::Route::layer), or around all routes with
/// [`Registry::layer`](crate::Registry::layer). Each arbiter makes its own instance for each route, so
/// use `Cell`, `RefCell` and `Rc` for its state instead of a lock.
///
/// The deadline, the concurrency limit and the fallback of the route hold for the layers together with
/// the handler: they are outside of all layers.
///
/// | what panics | what the route answers | what is restarted |
/// |---|---|---|
/// | the handler | what the layer makes of [`HandlerError::Panicked`](crate::HandlerError::Panicked) | the handler; the layers keep their state |
/// | a layer | the fallback | the handler and all layers of the route |
///
/// State that must outlive a layer, or that all arbiters share, belongs into an `Arc` that the factory
/// captures. While a layer runs, its arbiter does nothing else.
///
/// ```
/// use std::cell::Cell;
///
/// use spoa_actors::{Actions, Call, Layer, Next, Registry, Reply, Route};
///
/// /// Answers every second call with nothing.
/// #[derive(Default)]
/// struct EverySecond {
///     calls: Cell<u64>,
/// }
///
/// impl Layer for EverySecond {
///     fn call(&self, call: &Call<'_>, next: Next<'_>, actions: &mut Actions) -> Reply {
///         self.calls.set(self.calls.get() + 1);
///         if self.calls.get() % 2 == 0 {
///             return Reply::Answered;
///         }
///         next.call(call, actions)
///     }
/// }
///
/// let route = Route::new(|| Actions::new()).layer(EverySecond::default);
/// let registry = Registry::new().on("check", route);
/// ```
#[async_trait(?Send)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a layer",
    label = "does not implement `Layer`"
)]
pub trait Layer: 'static {
    /// Answers one call, at once or later. `next` calls the handler or the next layer.
    ///
    /// An answer at once goes into `actions`, as for a [`Handler`](crate::Handler).
    fn call(&self, call: &Call<'_>, next: Next<'_>, actions: &mut Actions) -> Reply;

    /// Called once before the first call, after the handler has started.
    ///
    /// # Errors
    ///
    /// If the layer cannot work. The route then behaves as if its handler could not start.
    async fn started(&self) -> Result<(), BoxError> {
        Ok(())
    }

    /// Called once when the agent stops or a reload replaces the route, after the handler has stopped.
    /// Not called if the handler or a layer has panicked and is not restarted yet.
    async fn stopping(&self) {}

    /// What the layer has done since it was made, by event. It is in the statistics of the route, and in
    /// the metrics of `spoa-agent`.
    fn counts(&self) -> Vec<LayerCount> {
        Vec::new()
    }
}

/// The handler behind a layer, or the next layer, to call once and in place.
pub struct Next<'a> {
    chain: &'a Rc<Chain>,
    depth: usize,
    permit: Option<&'a Permit>,
}

impl Next<'_> {
    /// Calls the handler or the next layer. An answer at once is appended to `actions`; any other reply
    /// leaves them as they were.
    #[inline]
    pub fn call(self, call: &Call<'_>, actions: &mut Actions) -> Reply {
        let before = actions.encoded_len();
        let reply = self.chain.call(self.depth, &call.with_permit(self.permit), actions);
        if !matches!(reply, Reply::Answered) {
            actions.take_back(before);
        }
        reply
    }

    /// The same, to call later and as often as you like.
    #[must_use]
    pub fn keep(&self) -> KeptNext {
        let (chain, permit) = (Rc::clone(self.chain), self.permit.cloned());
        KeptNext { chain, depth: self.depth, permit }
    }
}

impl fmt::Debug for Next<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Next").field("depth", &self.depth).finish_non_exhaustive()
    }
}

/// A [`Next`] to call later: for a retry, a background refresh, or a call that several callers share.
///
/// It keeps its handler and layers alive. Hold it in the future of an answer, not in the state of a layer: a
/// call that outlives its answer has neither the deadline nor the concurrency limit of the route, and can run
/// after `stopping`.
#[derive(Clone)]
pub struct KeptNext {
    chain: Rc<Chain>,
    depth: usize,
    permit: Option<Permit>,
}

impl KeptNext {
    /// Calls the handler or the next layer when the future is polled for the first time.
    ///
    /// # Errors
    ///
    /// Those of the handler or the layer.
    pub fn call(
        &self,
        call: &OwnedCall,
    ) -> impl Future<Output = Result<Actions, HandlerError>> + 'static {
        let (next, call) = (self.clone(), call.clone());
        async move {
            let mut actions = Actions::new();
            let reply = call.with(|call| {
                let call = call.with_permit(next.permit.as_ref());
                next.chain.call(next.depth, &call, &mut actions)
            });
            match reply {
                Reply::Answered => Ok(actions),
                Reply::Failed(error) => Err(error),
                Reply::Later(answer) => {
                    // Its arguments are with the handler.
                    drop((next, call));
                    answer.await
                }
            }
        }
    }
}

impl fmt::Debug for KeptNext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeptNext").field("depth", &self.depth).finish_non_exhaustive()
    }
}

/// A handler and the layers around it.
pub(super) struct Chain {
    /// The innermost first.
    pub(super) layers: Rc<[PanicGuard<Box<dyn Layer>>]>,
    pub(super) handler: Box<dyn Adapter>,
    /// The signal of the handler.
    pub(super) signal: FailureSignal,
}

impl Chain {
    /// Calls the layer that has `depth - 1` layers behind it, or the handler at depth 0.
    #[inline]
    pub(super) fn call(
        self: &Rc<Self>,
        depth: usize,
        call: &Call<'_>,
        actions: &mut Actions,
    ) -> Reply {
        let layer = depth.checked_sub(1).and_then(|depth| Some((depth, self.layers.get(depth)?)));
        if let Some((depth, layer)) = layer {
            return layer.call(call, Next { chain: self, depth, permit: call.permit() }, actions);
        }
        // A fence of its own: layers receive the panic of a handler as an error, and keep their state.
        match fence::call(&self.signal, || self.handler.call(call, actions)) {
            Reply::Answered => Reply::Answered,
            Reply::Failed(error) => Reply::Failed(error),
            Reply::Later(answer) => Reply::Later(Box::pin(answer)),
        }
    }
}
