//! Next generation: prepares a new generation beside the current one, which it replaces, or is dropped.

use std::{cell::RefCell, convert::Infallible, rc::Rc, sync::Arc, time::Duration};

use actix::{Context, Handler};
use futures_util::future::join_all;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::timeout,
};

use super::Supervisor;
use crate::{
    arbiter::{ArbiterContext, Generation},
    error::AgentError,
    limits::Limits,
    route::Registry,
    trace::Traces,
};

/// What every arbiter makes its next generation from.
pub(crate) struct Blueprint {
    pub(crate) number: u64,
    pub(crate) registry: Registry,
    pub(crate) limits: Limits,
    /// How NOTIFYs become spans, if they do; the outer `None` leaves this unchanged.
    pub(crate) traces: Option<Option<Arc<Traces>>>,
}

/// Has an arbiter prepare a generation beside the one at work; answered at once. It is dropped again as soon
/// as nobody waits for `prepared`, or for what that holds.
pub(crate) struct Prepare {
    pub(crate) blueprint: Arc<Blueprint>,
    /// Completed when all handlers have started.
    pub(crate) prepared: oneshot::Sender<Result<Prepared, AgentError>>,
    /// Dropped when the arbiter uses the new generation, or has dropped it.
    pub(crate) at_work: mpsc::Sender<Infallible>,
}

/// A generation whose handlers have started. Dropping this drops them.
pub(crate) struct Prepared(oneshot::Sender<()>);

/// Background work of an arbiter: the last succession, and handlers that end.
#[derive(Clone, Default)]
pub(super) struct Successions(Rc<RefCell<Vec<JoinHandle<()>>>>);

impl Prepared {
    /// Replaces the current generation with this one. This cannot fail.
    pub(crate) fn commit(self) {
        // Without an arbiter there is nothing to replace.
        let _ = self.0.send(());
    }
}

impl actix::Message for Prepare {
    type Result = ();
}

impl Handler<Prepare> for Supervisor {
    type Result = ();

    fn handle(&mut self, prepare: Prepare, _: &mut Context<Self>) {
        // The previous succession is decided first, however late.
        let before = self.successor.take();
        let (shared, successions) = (Rc::clone(&self.shared), self.successions.clone());
        self.successor = Some(actix_rt::spawn(async move {
            if let Some(before) = before {
                let _ = before.await;
            }
            prepare.run(&shared, &successions).await;
        }));
    }
}

impl Prepare {
    async fn run(self, shared: &Rc<ArbiterContext>, successions: &Successions) {
        let Self { blueprint, mut prepared, at_work } = self;
        let Blueprint { number, registry, limits, traces } = &*blueprint;
        let before = shared.generation();
        let names = shared.common.limit_names;
        let started = registry.start(limits, names, &before.routes, prepared.closed()).await;
        let mut routes = match started {
            Ok(routes) => routes,
            Err(error) => return drop(prepared.send(Err(error))),
        };
        let (commit, committed) = oneshot::channel();
        let is_awaited = prepared.send(Ok(Prepared(commit))).is_ok();
        if !is_awaited || committed.await.is_err() {
            return routes.discard(&before.routes, limits.shutdown_timeout).await;
        }
        routes.succeed(&before.routes, &shared.counters);
        let traces = traces.clone().unwrap_or_else(|| before.traces.clone());
        let next = Generation { number: *number, routes, traces };
        shared.succeed(next, *limits);
        drop(at_work);
        successions.retire(&before, &shared.generation(), limits.shutdown_timeout);
    }
}

impl Successions {
    /// Ends the handlers of a generation that its successor has not taken over.
    fn retire(&self, before: &Generation, next: &Generation, limit: Duration) {
        let retirement = before.routes.retire(&next.routes);
        let mut all = self.0.borrow_mut();
        all.retain(|task| !task.is_finished());
        all.push(actix_rt::spawn(retirement.run(limit)));
    }

    /// Waits until all of it has ended, up to `limit`.
    pub(super) async fn end_within(&self, limit: Duration) {
        let all = self.0.take();
        // Those that take longer are dropped with the arbiter.
        let _ = timeout(limit, join_all(all)).await;
    }
}
