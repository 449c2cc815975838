//! Tasks: background work of a handler.

use std::pin::Pin;

use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::sync::mpsc;

use super::{
    failure_signal::{Failure, FailureSignal},
    panics::Catch,
};

type Task = Pin<Box<dyn Future<Output = ()>>>;

/// Starts background work of a handler, such as refreshing a list every minute.
///
/// The work belongs to the handler and ends with it. If it panics, the handler is restarted. You
/// can clone and store `Tasks` to start work later.
///
/// ```
/// # use std::{cell::RefCell, rc::Rc, time::Duration};
/// # use async_trait::async_trait;
/// # use spoa_actors::{Actions, BoxError, HandlerActor, Origin, Tasks};
/// # async fn load() -> Vec<String> { Vec::new() }
/// struct Blocklist {
///     names: Rc<RefCell<Vec<String>>>,
/// }
///
/// #[async_trait(?Send)]
/// impl HandlerActor for Blocklist {
/// #   type Args = ();
/// #   async fn handle(&self, _: (), _: &Origin) -> Result<Actions, BoxError> { Ok(Actions::new()) }
///     async fn started(&self, tasks: &Tasks) -> Result<(), BoxError> {
///         let names = Rc::clone(&self.names);
///         tasks.spawn(async move {
///             loop {
///                 let loaded = load().await;
///                 *names.borrow_mut() = loaded;
///                 tokio::time::sleep(Duration::from_secs(60)).await;
///             }
///         });
///         Ok(())
///     }
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Tasks {
    starts: mpsc::UnboundedSender<Task>,
}

impl Tasks {
    /// Returns the starter of tasks, and the future that runs them.
    pub(crate) fn new(signal: FailureSignal) -> (Self, impl Future<Output = ()>) {
        let (starts, mut started) = mpsc::unbounded_channel::<Task>();
        let run = async move {
            let mut running = FuturesUnordered::new();
            loop {
                tokio::select! {
                    Some(task) = started.recv() => {
                        running.push(Catch::new(task));
                    }
                    Some(end) = running.next() => if let Err(panic) = end {
                        signal.raise(Failure::Background(panic));
                    },
                    else => break,
                }
            }
        };
        (Self { starts }, run)
    }

    /// Starts `task`.
    pub fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        // It fails only after the handler has ended; the task has no handler to serve then.
        let _ = self.starts.send(Box::pin(task));
    }
}
