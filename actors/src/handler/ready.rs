//! Ready: handlers that answer at once, with arguments read in place.

use async_trait::async_trait;

use super::{
    background::Work,
    call::Call,
    handler::{Adapter, Handler},
    reply::Reply,
};
use crate::{
    args::FromMessage,
    error::{BoxError, HandlerError},
    origin::Origin,
    spop::Actions,
    supervision::{FailureSignal, Panic, PanicGuard, Tasks},
};

/// A handler that answers without waiting, for example from a table.
///
/// Its arguments can borrow from the frame (`&'a str`, `&'a [u8]`,
/// [`MessageRef`](crate::MessageRef)), and nothing is allocated for a call. As for a
/// [`HandlerActor`](crate::HandlerActor), each arbiter has its own instance, made by the factory of
/// [`Registry::on_ready`](crate::Registry::on_ready), and restarted after a panic.
///
/// While it is called, its arbiter does nothing else. If a call takes longer than about 10 µs, use
/// a
/// [`BlockingHandler`](crate::BlockingHandler). If it waits, use a `HandlerActor`.
///
/// ```
/// use std::{cell::Cell, net::IpAddr};
///
/// use serde::Deserialize;
/// use spoa_actors::{Actions, BoxError, Origin, ReadyHandler, Registry, Var};
///
/// const ALLOWED: Var = Var::transaction("allowed");
///
/// #[derive(Deserialize)]
/// struct Request<'a> {
///     ip: IpAddr,
///     #[serde(borrow)]
///     path: &'a str,
/// }
///
/// #[derive(Default)]
/// struct Gate {
///     asked: Cell<u64>,
/// }
///
/// impl ReadyHandler for Gate {
///     type Args<'a> = Request<'a>;
///
///     fn handle(&self, request: Request<'_>, _: &Origin) -> Result<Actions, BoxError> {
///         self.asked.set(self.asked.get() + 1);
///         let allowed = request.ip.is_loopback() || !request.path.starts_with("/admin");
///         Ok(Actions::new().set(ALLOWED, allowed))
///     }
/// }
///
/// let registry = Registry::new().on_ready("check-request", Gate::default);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a ready handler",
    label = "does not implement `ReadyHandler`"
)]
pub trait ReadyHandler: 'static {
    /// The type of the arguments; see [`FromMessage`].
    type Args<'a>: FromMessage<'a>;

    /// Called once, before the first message, to start background work, such as reading a file
    /// again when it has changed. To await something before the first message, use an async
    /// factory.
    ///
    /// # Errors
    ///
    /// If the handler cannot work. The agent then does not start, unless the route is
    /// [optional](crate::Route::optional).
    fn started(&self, tasks: &Tasks) -> Result<(), BoxError> {
        let _ = tasks;
        Ok(())
    }

    /// Answers one message.
    ///
    /// # Errors
    ///
    /// The agent sends the route's fallback, and counts and logs the error. The handler continues.
    fn handle(&self, args: Self::Args<'_>, origin: &Origin) -> Result<Actions, BoxError>;
}

/// A ready handler on its route.
pub(crate) struct Ready<H> {
    handler: PanicGuard<H>,
    work: Work,
}

impl<H: ReadyHandler> Ready<H> {
    pub(crate) fn start(handler: H, signal: FailureSignal) -> Result<Self, BoxError> {
        let handler = PanicGuard::new(handler);
        let (tasks, work) = Work::start(signal);
        handler.started(&tasks)?;
        Ok(Self { handler, work })
    }
}

impl<H: ReadyHandler> Handler for Ready<H> {
    #[inline]
    fn call(&self, call: &Call<'_>, actions: &mut Actions) -> Reply {
        match call.args::<H::Args<'_>>() {
            Ok(args) => {
                let answer = self.handler.handle(args, call.origin());
                Reply::now(answer.map_err(HandlerError::Failed), actions)
            }
            Err(error) => Reply::Failed(error.into()),
        }
    }
}

#[async_trait(?Send)]
impl<H: ReadyHandler> Adapter for Ready<H> {
    async fn stop(&self) -> Result<(), Panic> {
        self.work.end().await;
        Ok(())
    }
}
