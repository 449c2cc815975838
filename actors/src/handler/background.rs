//! Background: the actor that owns the background work of a handler.

use actix::{Actor, ActorContext, Addr, AsyncContext, Context, Handler, WrapFuture};

use crate::supervision::{FailureSignal, Tasks};

/// The background work of a handler; ends when this is dropped.
pub(super) struct Work(Addr<Background>);

impl Work {
    /// Starts an actor on this arbiter.
    pub(super) fn start(signal: FailureSignal) -> (Tasks, Self) {
        let (tasks, run) = Tasks::new(signal);
        (tasks, Self::of(run))
    }

    /// Starts an actor on this arbiter that runs `run`.
    pub(super) fn of(run: impl Future<Output = ()> + 'static) -> Self {
        Self(Background::create(|ctx| {
            ctx.spawn(run.into_actor(&Background));
            Background
        }))
    }

    /// Ends the work; completes when it has ended.
    pub(super) async fn end(&self) {
        // An actor that has stopped has no work left.
        let _ = self.0.send(End).await;
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.0.do_send(End);
    }
}

struct Background;

impl Actor for Background {
    type Context = Context<Self>;
}

/// Ends the tasks.
struct End;

impl actix::Message for End {
    type Result = ();
}

impl Handler<End> for Background {
    type Result = ();

    fn handle(&mut self, _: End, ctx: &mut Context<Self>) {
        ctx.stop();
    }
}
