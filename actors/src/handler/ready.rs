//! Ready: handlers that answer at once, from where the message lies.

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

/// A handler that never waits: it looks something up, and answers.
///
/// Its arguments may borrow from the frame (`&'a str`, `&'a [u8]`, [`MessageRef`](crate::MessageRef)), however large it
/// is, and nothing is allocated for a call. Everything else is as for a
/// [`HandlerActor`](crate::HandlerActor): each arbiter has an instance of its own, made by the factory
/// that was registered with [`Registry::on_ready`](crate::Registry::on_ready), and made anew after a
/// panic.
///
/// While it is called, its arbiter does nothing else: what takes longer than some ten microseconds is
/// for a [`BlockingHandler`](crate::BlockingHandler), what waits is for a `HandlerActor`.
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
    /// What the message is read into; see [`FromMessage`].
    type Args<'a>: FromMessage<'a>;

    /// Called once, before the first message: to start work that goes on beside the messages, such as
    /// reading a file again when it has changed. What has to be awaited before the first message is for
    /// an async factory.
    ///
    /// # Errors
    ///
    /// If the handler cannot work: the agent does not start then, unless the route is
    /// [optional](crate::Route::optional).
    fn started(&self, tasks: &Tasks) -> Result<(), BoxError> {
        let _ = tasks;
        Ok(())
    }

    /// Answers one message.
    ///
    /// # Errors
    ///
    /// An error is an answer: the route's fallback is sent in its place, it is counted and logged,
    /// and the handler goes on.
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
        match H::Args::from_message(call.message()) {
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
