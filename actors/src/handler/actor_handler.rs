//! Actor handler: one handler on one arbiter, and the actor that owns its tasks.
//!
//! A message does not go through the actor's mailbox: it is handled in place, which costs no
//! wake-up.

use std::rc::Rc;

use async_trait::async_trait;

use super::{
    background::Work,
    call::Call,
    call_slot::CallSlot,
    handler::{Adapter, Handler},
    reply::{Answer, Reply},
};
use crate::{
    args::FromMessage,
    error::{BoxError, HandlerError},
    origin::Origin,
    spop::Actions,
    supervision::{Catch, FailureSignal, Panic, PanicGuard, Tasks},
};

/// An actor that answers the messages of one name.
///
/// Each arbiter has its own instance, made by the registered factory. So its state is in `Cell`,
/// `RefCell` and `Rc`, without locks. Calls interleave at every `.await`, hence `&self`. Futures
/// never leave their arbiter, hence `?Send`.
///
/// If it panics, it is restarted from its factory. Messages that arrive meanwhile wait up to 25 ms
/// for the new instance. If the start takes longer, the old instance answers them until then, and
/// continues the calls that wait for an answer. Panics are logged. The process's panic hook does
/// not print them, because an agent that starts installs its own hook before the existing one.
///
/// ```
/// use async_trait::async_trait;
/// use serde::Deserialize;
/// use spoa_actors::{Actions, BoxError, HandlerActor, Origin, Var};
/// use std::net::IpAddr;
///
/// const SCORE: Var = Var::session("ip_score");
///
/// #[derive(Deserialize)]
/// struct Client {
///     ip: IpAddr,
/// }
///
/// struct IpReputation;
///
/// #[async_trait(?Send)]
/// impl HandlerActor for IpReputation {
///     type Args = Client;
///
///     async fn handle(&self, client: Client, _: &Origin) -> Result<Actions, BoxError> {
///         let score = if client.ip.is_loopback() { 20 } else { 10 };
///         Ok(Actions::new().set(SCORE, score))
///     }
/// }
/// ```
#[async_trait(?Send)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a handler",
    label = "does not implement `HandlerActor`"
)]
pub trait HandlerActor: 'static {
    /// The type of the arguments; see [`FromMessage`].
    type Args: for<'a> FromMessage<'a> + 'static;

    /// Called once, before the first message. Load what the handler needs, and start background
    /// work.
    ///
    /// It is called again for every instance that replaces one that panicked.
    ///
    /// # Errors
    ///
    /// If the handler cannot work. The agent then does not start, unless the route is
    /// [optional](crate::Route::optional).
    async fn started(&self, tasks: &Tasks) -> Result<(), BoxError> {
        let _ = tasks;
        Ok(())
    }

    /// Answers one message.
    ///
    /// # Errors
    ///
    /// The agent sends the route's fallback, and counts and logs the error. The handler continues.
    async fn handle(&self, args: Self::Args, origin: &Origin) -> Result<Actions, BoxError>;

    /// Called once when the agent stops gracefully, after the last message; not for an instance
    /// that panicked.
    async fn stopping(&self) {}
}

/// A started handler. `Ask` makes the future of a call.
struct ActorHandler<H, Ask, Asked> {
    working: Rc<Running<H>>,
    ask: Ask,
    spare: CallSlot<Asked>,
}

/// A handler and the actor of its tasks; ends after the answer to the last call.
struct Running<H> {
    handler: PanicGuard<H>,
    work: Work,
}

/// Starts a handler and its actor on this arbiter.
pub(crate) async fn start<H: HandlerActor>(
    handler: H,
    signal: FailureSignal,
) -> Result<Box<dyn Adapter>, BoxError> {
    let handler = PanicGuard::new(handler);
    let (tasks, run) = Tasks::new(signal);
    let mut run = Box::pin(run);
    // Tasks run from the beginning: `started` can wait for one of them.
    tokio::select! {
        started = handler.started(&tasks) => started?,
        () = &mut run => {}
    }
    let work = Work::of(run);
    let ask = |working: Rc<Running<H>>, args: H::Args, origin: Origin| async move {
        working.handler.handle(args, &origin).await.map_err(HandlerError::Failed)
    };
    let working = Rc::new(Running { handler, work });
    Ok(Box::new(ActorHandler { working, ask, spare: CallSlot::default() }))
}

impl<H, Ask, Asked> Handler for ActorHandler<H, Ask, Asked>
where
    H: HandlerActor,
    Ask: Fn(Rc<Running<H>>, H::Args, Origin) -> Asked + 'static,
    Asked: Future<Output = Answer> + 'static,
{
    fn call(&self, call: &Call<'_>, actions: &mut Actions) -> Reply {
        match call.args::<H::Args>() {
            Ok(args) => {
                let asked = (self.ask)(Rc::clone(&self.working), args, call.origin().clone());
                self.spare.poll_once(asked, actions)
            }
            Err(error) => Reply::Failed(error.into()),
        }
    }
}

#[async_trait(?Send)]
impl<H, Ask, Asked> Adapter for ActorHandler<H, Ask, Asked>
where
    H: HandlerActor,
    Ask: Fn(Rc<Running<H>>, H::Args, Origin) -> Asked + 'static,
    Asked: Future<Output = Answer> + 'static,
{
    async fn stop(&self) -> Result<(), Panic> {
        // Some implementations work before they return the future.
        let stopped = Catch::new(async { self.working.handler.stopping().await }).await;
        self.working.work.end().await;
        stopped
    }
}
