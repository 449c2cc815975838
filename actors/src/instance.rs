//! Instance: one handler on one arbiter, and the actor that owns its tasks.
//!
//! A message does not go through the actor's mailbox but is handed over in place, which costs neither
//! a hop nor a wake-up.

use std::rc::Rc;

use actix::{Actor, ActorContext, Addr, AsyncContext, Context, Handler, WrapFuture};
use async_trait::async_trait;

use crate::{
    alarm::Alarm,
    args::FromMessage,
    bulkhead::Place,
    error::{BoxError, HandlerError},
    handler::{Dispatch, HandlerActor, Reply},
    origin::Origin,
    panics::{Catch, Panic, Shielded},
    spop::Message,
    tasks::Tasks,
};

/// A started handler.
pub(crate) struct Instance<H>(Rc<Working<H>>);

/// A handler and the actor of its tasks; it ends when the last call has its answer.
struct Working<H> {
    handler: Shielded<H>,
    life: Addr<Life>,
}

impl<H: HandlerActor> Instance<H> {
    /// Starts the handler's actor on this arbiter.
    pub(crate) async fn start(handler: H, alarm: Alarm) -> Result<Self, BoxError> {
        let handler = Shielded::new(handler);
        let (tasks, run) = Tasks::new(alarm);
        let mut run = Box::pin(run);
        // Tasks run from the first on: `started` may wait for one of them.
        tokio::select! {
            started = handler.started(&tasks) => started?,
            () = &mut run => {}
        }
        let life = Life::create(|ctx| {
            ctx.spawn(run.into_actor(&Life));
            Life
        });
        Ok(Self(Rc::new(Working { handler, life })))
    }
}

#[async_trait(?Send)]
impl<H: HandlerActor> Dispatch for Instance<H> {
    fn dispatch(&self, message: Message, origin: &Origin, _: Option<&Place>) -> Reply {
        let args = match H::Args::from_message(message) {
            Ok(args) => args,
            Err(error) => return Reply::Now(Err(error.into())),
        };
        let working = Rc::clone(&self.0);
        let origin = origin.clone();
        Reply::poll_once(async move {
            working.handler.handle(args, &origin).await.map_err(HandlerError::Failed)
        })
    }

    async fn stop(&self) -> Result<(), Panic> {
        // Not every implementation does all of its work in the future.
        let stopped = Catch::new(async { self.0.handler.stopping().await }).await;
        // An actor that is gone already has nothing left to end.
        let _ = self.0.life.send(End).await;
        stopped
    }
}

impl<H> Drop for Working<H> {
    fn drop(&mut self) {
        self.life.do_send(End);
    }
}

/// The actor that owns the tasks of a handler.
struct Life;

impl Actor for Life {
    type Context = Context<Self>;
}

/// Ends the tasks.
struct End;

impl actix::Message for End {
    type Result = ();
}

impl Handler<End> for Life {
    type Result = ();

    fn handle(&mut self, _: End, ctx: &mut Context<Self>) {
        ctx.stop();
    }
}
