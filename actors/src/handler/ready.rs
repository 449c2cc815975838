//! Ready: handlers that answer at once, from where the message lies.

use super::{
    call::Call,
    handler::{Adapter, Handler},
    reply::Reply,
};
use crate::{
    args::FromMessage,
    error::{BoxError, HandlerError},
    origin::Origin,
    spop::Actions,
    supervision::PanicGuard,
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

    /// Answers one message.
    ///
    /// # Errors
    ///
    /// An error is an answer: the route's fallback is sent in its place, it is counted and logged,
    /// and the handler goes on.
    fn handle(&self, args: Self::Args<'_>, origin: &Origin) -> Result<Actions, BoxError>;
}

/// A ready handler on its route.
pub(crate) struct Ready<H>(PanicGuard<H>);

impl<H> Ready<H> {
    pub(crate) fn new(handler: H) -> Self {
        Self(PanicGuard::new(handler))
    }
}

impl<H: ReadyHandler> Handler for Ready<H> {
    #[inline]
    fn call(&self, call: &Call<'_>, actions: &mut Actions) -> Reply {
        match H::Args::from_message(call.message()) {
            Ok(args) => {
                let answer = self.0.handle(args, call.origin());
                Reply::now(answer.map_err(HandlerError::Failed), actions)
            }
            Err(error) => Reply::Failed(error.into()),
        }
    }
}

impl<H: ReadyHandler> Adapter for Ready<H> {}
