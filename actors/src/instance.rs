//! Instance: one handler on one arbiter, and the actor that owns its life.
//!
//! The handler is shared between its actor and its route. The actor owns the life (tasks, stop); a
//! message does not go through the actor's mailbox but is handed over in place, which costs neither
//! a hop nor a wake-up.

use std::rc::Rc;

use actix::{
    Actor, ActorContext, ActorFutureExt, Addr, AsyncContext, Context, Handler, ResponseActFuture,
    WrapFuture, fut,
};
use async_trait::async_trait;

use crate::{
    alarm::Alarm,
    args::FromMessage,
    error::{BoxError, HandlerError},
    handler::{Dispatch, HandlerActor, Reply},
    origin::Origin,
    panics::Catch,
    spop::Message,
    tasks::Tasks,
};

/// A started handler.
pub(crate) struct Instance<H: HandlerActor> {
    handler: Rc<H>,
    life: Addr<Life<H>>,
}

impl<H: HandlerActor> Instance<H> {
    /// Starts the handler's actor on this arbiter.
    pub(crate) async fn start(handler: H, alarm: Alarm) -> Result<Self, BoxError> {
        let handler = Rc::new(handler);
        let (tasks, run) = Tasks::new(alarm);
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
impl<H: HandlerActor> Dispatch for Instance<H> {
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

impl<H: HandlerActor> Drop for Instance<H> {
    fn drop(&mut self) {
        self.life.do_send(Abandon);
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
            if let Err(panic) = Catch::new(async { handler.stopping().await }).await {
                tracing::error!(%panic, "a handler panicked while it was stopping");
            }
        };
        Box::pin(stopping.into_actor(self).then(|(), _, ctx: &mut Context<Self>| {
            ctx.stop();
            fut::ready(())
        }))
    }
}

/// Ends the tasks of a handler that another has taken the place of.
struct Abandon;

impl actix::Message for Abandon {
    type Result = ();
}

impl<H: HandlerActor> Handler<Abandon> for Life<H> {
    type Result = ();

    fn handle(&mut self, _: Abandon, ctx: &mut Context<Self>) {
        ctx.terminate();
    }
}
