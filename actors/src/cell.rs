//! The cell: one handler on one arbiter, and the actor that owns its life.
//!
//! The handler is shared between its actor and its route. The actor owns the life (start, tasks,
//! stop); a message does not go through the actor's mailbox but is handed over in place, which
//! costs neither a hop nor a wake-up.

use std::{panic::AssertUnwindSafe, rc::Rc};

use actix::{
    Actor, ActorContext, ActorFutureExt, Addr, AsyncContext, Context, Handler, ResponseActFuture,
    WrapFuture, fut,
};
use async_trait::async_trait;
use futures_util::FutureExt;

use crate::{
    args::FromMessage,
    error::{BoxError, HandlerError},
    handler::{Dispatch, HandlerActor, Reply},
    origin::Origin,
    spop::{Actions, Message},
    tasks::Tasks,
};

/// A started handler.
pub(crate) struct Cell<H: HandlerActor> {
    handler: Rc<H>,
    life: Addr<Life<H>>,
}

impl<H: HandlerActor> Cell<H> {
    /// Starts the handler's actor on this arbiter.
    pub(crate) async fn start(handler: H) -> Result<Self, BoxError> {
        let handler = Rc::new(handler);
        let (tasks, run) = Tasks::new();
        let mut run = Box::pin(run);
        // Tasks run from the first on: `started` may wait for one of them.
        tokio::select! {
            started = handler.started(&tasks) => started?,
            () = &mut run => {}
        }
        let life = Life { handler: Rc::clone(&handler) };
        let life = Life::create(|ctx| {
            ctx.spawn(run.into_actor(&life));
            life
        });
        Ok(Self { handler, life })
    }
}

#[async_trait(?Send)]
impl<H: HandlerActor> Dispatch for Cell<H> {
    fn dispatch(&self, message: Message, origin: &Origin) -> Reply {
        let args = match H::Args::from_message(message) {
            Ok(args) => args,
            Err(error) => return Reply::Now(Err(error.into())),
        };
        let handler = Rc::clone(&self.handler);
        let origin = origin.clone();
        Reply::poll_once(async move {
            handler.handle(args, &origin).await.map_err(HandlerError::Failed)
        })
    }

    async fn stop(&self) {
        // An actor that is gone already has nothing left to end.
        let _ = self.life.send(Stop).await;
    }
}

/// The actor that owns a handler's life.
struct Life<H: HandlerActor> {
    handler: Rc<H>,
}

impl<H: HandlerActor> Actor for Life<H> {
    type Context = Context<Self>;
}

/// Ends the handler in good order.
struct Stop;

impl actix::Message for Stop {
    type Result = ();
}

impl<H: HandlerActor> Handler<Stop> for Life<H> {
    type Result = ResponseActFuture<Self, ()>;

    fn handle(&mut self, _: Stop, _: &mut Context<Self>) -> Self::Result {
        let handler = Rc::clone(&self.handler);
        let stopping = async move {
            if AssertUnwindSafe(handler.stopping()).catch_unwind().await.is_err() {
                tracing::error!("a handler panicked while it was stopping");
            }
        };
        Box::pin(stopping.into_actor(self).then(|(), _, ctx: &mut Context<Self>| {
            ctx.stop();
            fut::ready(())
        }))
    }
}

/// The cell of a raw actix actor: each message goes through its mailbox.
pub(crate) struct Mailbox {
    recipient: actix::Recipient<Call>,
}

impl Mailbox {
    pub(crate) fn new(recipient: actix::Recipient<Call>) -> Self {
        Self { recipient }
    }
}

/// A message for a raw actix actor, registered with [`Registry::on_actor`](crate::Registry::on_actor).
///
/// An actor that panics or stops over it leaves the fallback, as does a deadline that passes while
/// the call waits in the mailbox; such a call is not delivered any more.
#[derive(Clone, Debug)]
pub struct Call {
    /// What HAProxy says.
    pub message: Message,
    /// Where it came from, and until when an answer is wanted.
    pub origin: Origin,
}

impl actix::Message for Call {
    type Result = Result<Actions, BoxError>;
}

impl Dispatch for Mailbox {
    fn dispatch(&self, message: Message, origin: &Origin) -> Reply {
        let request = self.recipient.send(Call { message, origin: origin.clone() });
        Reply::Later(Box::pin(async {
            match request.await {
                Ok(answer) => answer.map_err(HandlerError::Failed),
                Err(_) => Err(HandlerError::Gone),
            }
        }))
    }
}
