//! Actor handler: one handler on one arbiter, and the actor that owns its tasks.
//!
//! A message does not go through the actor's mailbox but is handed over in place, which costs neither
//! a hop nor a wake-up.

use std::{cell::Cell, pin::Pin, rc::Rc, task::Poll};

use actix::{Actor, ActorContext, Addr, AsyncContext, Context, Handler, WrapFuture};
use async_trait::async_trait;
use futures_util::{FutureExt, future::Fuse};

use super::handler::{Answer, Dispatch, HandlerActor, Reply};
use crate::{
    args::FromMessage,
    error::{BoxError, HandlerError},
    origin::Origin,
    spop::{Actions, MessageRef},
    supervision::{Catch, FailureSignal, Panic, PanicGuard, Permit, Tasks},
};

/// A started handler. `Ask` makes the future of a call, which is `Call`.
struct ActorHandler<H, Ask, Call> {
    working: Rc<Running<H>>,
    ask: Ask,
    spare: CallSlot<Call>,
}

/// A handler and the actor of its tasks; it ends when the last call has its answer.
struct Running<H> {
    handler: PanicGuard<H>,
    life: Addr<Life>,
}

/// Starts a handler, and its actor, on this arbiter.
pub(crate) async fn start<H: HandlerActor>(
    handler: H,
    signal: FailureSignal,
) -> Result<Box<dyn Dispatch>, BoxError> {
    let handler = PanicGuard::new(handler);
    let (tasks, run) = Tasks::new(signal);
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
    let ask = |working: Rc<Running<H>>, args: H::Args, origin: Origin| async move {
        working.handler.handle(args, &origin).await.map_err(HandlerError::Failed)
    };
    let working = Rc::new(Running { handler, life });
    Ok(Box::new(ActorHandler { working, ask, spare: CallSlot::default() }))
}

#[async_trait(?Send)]
impl<H, Ask, Call> Dispatch for ActorHandler<H, Ask, Call>
where
    H: HandlerActor,
    Ask: Fn(Rc<Running<H>>, H::Args, Origin) -> Call,
    Call: Future<Output = Answer> + 'static,
{
    fn dispatch(
        &self,
        message: &MessageRef<'_>,
        origin: &Origin,
        _: Option<&Permit>,
        actions: &mut Actions,
    ) -> Reply {
        match H::Args::from_message(*message) {
            Ok(args) => {
                let call = (self.ask)(Rc::clone(&self.working), args, origin.clone());
                self.spare.poll_once(call, actions)
            }
            Err(error) => Reply::Failed(error.into()),
        }
    }

    async fn stop(&self) -> Result<(), Panic> {
        // Not every implementation does all of its work in the future.
        let stopped = Catch::new(async { self.working.handler.stopping().await }).await;
        // An actor that is gone already has nothing left to end.
        let _ = self.working.life.send(End).await;
        stopped
    }
}

/// The memory of the last call that was ready at once, for the next one.
struct CallSlot<Call>(Cell<Option<Pin<Box<Fuse<Call>>>>>);

impl<Call: Future<Output = Answer> + 'static> CallSlot<Call> {
    /// Polls a call once; only one that is not ready keeps its memory.
    fn poll_once(&self, call: Call, actions: &mut Actions) -> Reply {
        let call = call.fuse();
        let mut place = match self.0.take() {
            Some(mut place) => {
                place.set(call);
                place
            }
            None => Box::pin(call),
        };
        match Reply::poll_once(place.as_mut(), actions) {
            Poll::Ready(reply) => {
                self.0.set(Some(place));
                reply
            }
            Poll::Pending => Reply::Later(place),
        }
    }
}

impl<Call> Default for CallSlot<Call> {
    fn default() -> Self {
        Self(Cell::new(None))
    }
}

impl<H> Drop for Running<H> {
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
