//! Factory: makes the instances of a handler.

use std::pin::Pin;

use super::{
    actor_handler::HandlerActor, blocking::BlockingHandler, handler::Handler, ready::ReadyHandler,
};
use crate::error::BoxError;

/// A future that makes a handler.
pub(crate) type Making<H> = Pin<Box<dyn Future<Output = Result<H, BoxError>>>>;

/// Makes the handlers of a route: `Fn() -> H`, `Fn() -> Result<H, E>`, or an async function with
/// one of these results.
///
/// If it fails, the start of the handler fails: see [`HandlerActor::started`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not make a handler",
    label = "must be `Fn() -> H` or `Fn() -> Result<H, E>`, plain or async, `Send + Sync + 'static`",
    note = "`H` implements `HandlerActor`, `ReadyHandler`, `BlockingHandler` or `Handler`, as the route \
            demands; \
            `E` converts into `spoa_actors::BoxError`"
)]
pub trait Factory<Role, H, Kind>: Send + Sync + 'static {
    #[doc(hidden)]
    fn make(&self) -> Pin<Box<dyn Future<Output = Result<H, BoxError>>>>;
}

/// Makes the handlers of a route at once: `Fn() -> H` or `Fn() -> Result<H, E>`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not make a handler at once",
    label = "must be `Fn() -> H` or `Fn() -> Result<H, E>`, and `Send + Sync + 'static`"
)]
pub trait FactoryNow<Role, H, Kind>: Send + Sync + 'static {
    #[doc(hidden)]
    fn make_now(&self) -> Result<H, BoxError>;
}

/// The trait that a handler implements; distinguishes `Result<H, E>` from a handler.
#[doc(hidden)]
pub trait IsHandler<Role>: 'static {}

/// The roles of handlers.
#[doc(hidden)]
#[derive(Debug)]
pub struct IsActor;
#[doc(hidden)]
#[derive(Debug)]
pub struct IsReady;
#[doc(hidden)]
#[derive(Debug)]
pub struct IsBlocking;
#[doc(hidden)]
#[derive(Debug)]
pub struct IsOwn;

impl<H: HandlerActor> IsHandler<IsActor> for H {}
impl<H: ReadyHandler> IsHandler<IsReady> for H {}
impl<H: BlockingHandler> IsHandler<IsBlocking> for H {}
impl<H: Handler> IsHandler<IsOwn> for H {}

/// The kinds of factories.
#[doc(hidden)]
#[derive(Debug)]
pub struct Makes;
#[doc(hidden)]
#[derive(Debug)]
pub struct MayFail;
#[doc(hidden)]
#[derive(Debug)]
pub struct Now<Kind>(Kind);
#[doc(hidden)]
#[derive(Debug)]
pub struct Later<Kind>(Kind);

impl<F, Role, H> FactoryNow<Role, H, Makes> for F
where
    F: Fn() -> H + Send + Sync + 'static,
    H: IsHandler<Role>,
{
    fn make_now(&self) -> Result<H, BoxError> {
        Ok(self())
    }
}

impl<F, Role, H, E> FactoryNow<Role, H, MayFail> for F
where
    F: Fn() -> Result<H, E> + Send + Sync + 'static,
    H: IsHandler<Role>,
    E: Into<BoxError>,
{
    fn make_now(&self) -> Result<H, BoxError> {
        self().map_err(Into::into)
    }
}

impl<F, Role, H, Kind> Factory<Role, H, Now<Kind>> for F
where
    F: FactoryNow<Role, H, Kind>,
    H: IsHandler<Role>,
{
    fn make(&self) -> Making<H> {
        let made = self.make_now();
        Box::pin(async { made })
    }
}

impl<F, Made, Role, H> Factory<Role, H, Later<Makes>> for F
where
    F: Fn() -> Made + Send + Sync + 'static,
    Made: Future<Output = H> + 'static,
    H: IsHandler<Role>,
{
    fn make(&self) -> Making<H> {
        let made = self();
        Box::pin(async { Ok(made.await) })
    }
}

impl<F, Made, Role, H, E> Factory<Role, H, Later<MayFail>> for F
where
    F: Fn() -> Made + Send + Sync + 'static,
    Made: Future<Output = Result<H, E>> + 'static,
    H: IsHandler<Role>,
    E: Into<BoxError>,
{
    fn make(&self) -> Making<H> {
        let made = self();
        Box::pin(async { made.await.map_err(Into::into) })
    }
}
