//! Actor handler: one handler on one arbiter, and the actor that owns its tasks.
//!
//! A message does not go through the actor's mailbox but is handed over in place, which costs neither
//! a hop nor a wake-up.

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
/// Each arbiter has an instance of its own, made by the factory that was registered, so its state
/// is `Cell`, `RefCell` and `Rc`, never a lock. Calls interleave at every `.await`, hence `&self`;
/// futures never leave their arbiter, hence `?Send`.
///
/// One that panics is restarted from its factory. Messages that come meanwhile wait for the new
/// instance for up to 25 ms; if its start takes longer, the old one answers them until then, and goes on
/// with the calls that wait for an answer. What panics is logged, and not
/// printed by the panic hook of the process: an agent that starts puts a hook of its own in front of
/// the one it finds.
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
    /// What the message is read into; see [`FromMessage`].
    type Args: for<'a> FromMessage<'a> + 'static;

    /// Called once, before the first message: to load what the handler needs, and to start work
    /// that goes on beside the messages.
    ///
    /// It is called again for every instance that takes the place of one that has panicked.
    ///
    /// # Errors
    ///
    /// If the handler cannot work: the agent does not start then, unless the route is
    /// [optional](crate::Route::optional).
    async fn started(&self, tasks: &Tasks) -> Result<(), BoxError> {
        let _ = tasks;
        Ok(())
    }

    /// Answers one message.
    ///
    /// # Errors
    ///
    /// An error is an answer: the route's fallback is sent in its place, it is counted and logged,
    /// and the handler goes on.
    async fn handle(&self, args: Self::Args, origin: &Origin) -> Result<Actions, BoxError>;

    /// Called once when the agent ends in good order, after the last message; not for an instance
    /// that has panicked.
    async fn stopping(&self) {}
}

/// A started handler. `Ask` makes the future of a call.
struct ActorHandler<H, Ask, Asked> {
    working: Rc<Running<H>>,
    ask: Ask,
    spare: CallSlot<Asked>,
}

/// A handler and the actor of its tasks; it ends when the last call has its answer.
struct Running<H> {
    handler: PanicGuard<H>,
    work: Work,
}

/// Starts a handler, and its actor, on this arbiter.
pub(crate) async fn start<H: HandlerActor>(
    handler: H,
    signal: FailureSignal,
) -> Result<Box<dyn Adapter>, BoxError> {
    let handler = PanicGuard::new(handler);
    let (tasks, run) = Tasks::new(signal);
    let mut run = Box::pin(run);
    // Tasks run from the first on: `started` may wait for one of them.
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
        match H::Args::from_message(call.message()) {
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
        // Not every implementation does all of its work in the future.
        let stopped = Catch::new(async { self.working.handler.stopping().await }).await;
        self.working.work.end().await;
        stopped
    }
}
