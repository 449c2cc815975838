//! Blocking: handlers that compute or block, on separate threads.

use std::{
    sync::{Arc, mpsc},
    thread,
};

use tokio::sync::oneshot;
use tracing::Span;

use super::{call::OwnedCall, reply::Answer};
use crate::{
    args::FromMessage,
    error::{BoxError, HandlerError},
    origin::Origin,
    spop::Actions,
    supervision::{Panic, PanicGuard, Permit, panics},
};

/// A handler that computes for long or blocks. It runs on a separate thread, so that other messages
/// do not wait for it.
///
/// Each thread has its own instance, made on that thread by the factory of
/// [`Registry::on_blocking`](crate::Registry::on_blocking). After a panic, the thread makes another one;
/// the other threads continue. Each arbiter has its own threads. A message goes to a free thread,
/// or waits for one; [`Route::concurrency`](crate::Route::concurrency) limits how many wait.
///
/// A call that never returns occupies its thread forever, and delays no message while another
/// thread is free. A stop does not wait for threads, and neither does a test with paused time: use
/// real time there.
///
/// ```
/// use std::num::NonZero;
///
/// use serde::Deserialize;
/// use spoa_actors::{Actions, BlockingHandler, BoxError, Origin, Registry, Var};
///
/// const STRONG: Var = Var::transaction("strong");
///
/// #[derive(Deserialize)]
/// struct Password {
///     hash: String,
/// }
///
/// #[derive(Default)]
/// struct Checker;
///
/// impl BlockingHandler for Checker {
///     type Args = Password;
///
///     fn handle(&mut self, password: Password, _: &Origin) -> Result<Actions, BoxError> {
///         let strong = password.hash.len() > 60; // and much work
///         Ok(Actions::new().set(STRONG, strong))
///     }
/// }
///
/// let threads = NonZero::new(2).ok_or("no threads")?;
/// let registry = Registry::new().on_blocking("check-password", threads, Checker::default);
/// # Ok::<(), BoxError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a blocking handler",
    label = "does not implement `BlockingHandler`"
)]
pub trait BlockingHandler: 'static {
    /// The type of the arguments, which are read on the thread; see [`FromMessage`].
    type Args: for<'a> FromMessage<'a>;

    /// Answers one message.
    ///
    /// [`Origin::remaining`] is the time left: later answers are dropped.
    ///
    /// # Errors
    ///
    /// The agent sends the route's fallback, and counts and logs the error. The handler continues.
    fn handle(&mut self, args: Self::Args, origin: &Origin) -> Result<Actions, BoxError>;
}

/// One message on its way to a thread.
pub(super) struct Job {
    pub(super) call: OwnedCall,
    /// The current span at the time of the call.
    pub(super) span: Span,
    pub(super) answer: oneshot::Sender<Answer>,
    /// Held until a thread has finished the message.
    pub(super) permit: Option<Permit>,
}

/// A job for a thread, which reports when it is free again.
pub(super) struct Task {
    pub(super) job: Job,
    pub(super) free: oneshot::Sender<Unheard>,
}

/// A panic whose caller stopped waiting.
pub(super) type Unheard = Option<Panic>;

/// Starts a thread with its own handler.
pub(super) async fn start_thread<H: BlockingHandler>(
    factory: Arc<dyn Fn() -> Result<H, BoxError> + Send + Sync>,
) -> Result<mpsc::Sender<Task>, BoxError> {
    let (tasks, given) = mpsc::channel::<Task>();
    let (started, starting) = oneshot::channel();
    let run = move || {
        let mut thread = Thread { handler: None, factory };
        let made = thread.make();
        let is_made = made.is_ok();
        // The receiver is dropped if the start was given up.
        if started.send(made).is_ok() && is_made {
            given.iter().for_each(|task| thread.work(task));
        }
    };
    thread::Builder::new().name("spoa-blocking".to_owned()).spawn(run)?;
    starting.await??;
    Ok(tasks)
}

/// One thread and its handler; `None` after a panic, until the next message.
struct Thread<H> {
    handler: Option<PanicGuard<H>>,
    factory: Arc<dyn Fn() -> Result<H, BoxError> + Send + Sync>,
}

impl<H: BlockingHandler> Thread<H> {
    fn make(&mut self) -> Result<(), BoxError> {
        let made = panics::catch(|| (self.factory)()).map_err(|panic| panic.to_string())?;
        self.handler = Some(PanicGuard::new(made?));
        Ok(())
    }

    fn work(&mut self, Task { job, free }: Task) {
        let answer = job.span.in_scope(|| self.answer(&job.call));
        // Before the answer is seen: its receiver may call again at once, or look at the span.
        drop((job.permit, job.span));
        let unheard = job.answer.send(answer).err().and_then(panic_of);
        let _ = free.send(unheard);
    }

    fn answer(&mut self, call: &OwnedCall) -> Answer {
        let answered = panics::catch(|| {
            let args = call.with(|call| call.args::<H::Args>())?;
            if self.handler.is_none() {
                let made = (self.factory)().map_err(HandlerError::Failed)?;
                self.handler = Some(PanicGuard::new(made));
            }
            let Some(handler) = &mut self.handler else { unreachable!("it was made") };
            handler.handle(args, call.origin()).map_err(HandlerError::Failed)
        });
        answered.unwrap_or_else(|panic| {
            self.handler = None;
            Err(HandlerError::Panicked(panic))
        })
    }
}

/// The panic in an answer that comes too late, or in its drop.
fn panic_of(answer: Answer) -> Option<Panic> {
    match answer {
        Err(HandlerError::Panicked(panic)) => Some(panic),
        answer => panics::catch(|| drop(answer)).err(),
    }
}
