//! Blocking: handlers that compute or block, on threads of their own.

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

/// A handler that computes for long or blocks: it has a thread of its own, so that nobody else waits
/// for it.
///
/// Each thread has an instance of its own, made on that thread by the factory that was registered
/// with [`Registry::on_blocking`](crate::Registry::on_blocking), and made anew after a panic; the other
/// threads go on meanwhile. Each arbiter has threads of its own. A message goes to a thread that is
/// free, or waits for the first one that is; [`Route::concurrency`](crate::Route::concurrency) bounds how
/// many wait.
///
/// A call that never returns keeps its thread forever, and holds up no other message while there is
/// another thread. The end of the agent waits for no thread. A test with paused time does not wait for a
/// thread either: let time be real there.
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
    /// What the message is read into, on the thread; see [`FromMessage`].
    type Args: for<'a> FromMessage<'a>;

    /// Answers one message.
    ///
    /// [`Origin::remaining`] tells how much time is left: the answer is not wanted any more after it.
    ///
    /// # Errors
    ///
    /// An error is an answer: the route's fallback is sent in its place, it is counted and logged,
    /// and the handler goes on.
    fn handle(&mut self, args: Self::Args, origin: &Origin) -> Result<Actions, BoxError>;
}

/// One message on its way to a thread.
pub(super) struct Job {
    pub(super) call: OwnedCall,
    /// The span that was current when it was handed over.
    pub(super) span: Span,
    pub(super) answer: oneshot::Sender<Answer>,
    /// Held until a thread is done with it.
    pub(super) permit: Option<Permit>,
}

/// What a thread takes at a time; it says when it is free again.
pub(super) struct Task {
    pub(super) job: Job,
    pub(super) free: oneshot::Sender<Unheard>,
}

/// A panic whose caller did not wait for it any more.
pub(super) type Unheard = Option<Panic>;

/// Starts a thread with a handler of its own.
pub(super) async fn start_thread<H: BlockingHandler>(
    factory: Arc<dyn Fn() -> Result<H, BoxError> + Send + Sync>,
) -> Result<mpsc::Sender<Task>, BoxError> {
    let (tasks, given) = mpsc::channel::<Task>();
    let (started, starting) = oneshot::channel();
    let run = move || {
        let mut thread = Thread { handler: None, factory };
        let made = thread.make();
        let is_made = made.is_ok();
        // Nobody waits for it if the start was given up.
        if started.send(made).is_ok() && is_made {
            given.iter().for_each(|task| thread.work(task));
        }
    };
    thread::Builder::new().name("spoa-blocking".to_owned()).spawn(run)?;
    starting.await??;
    Ok(tasks)
}

/// One thread and its handler; there is none after a panic, until the next message.
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
        // Before the answer is seen: who has it may ask again at once, or look at the span.
        drop((job.permit, job.span));
        let unheard = job.answer.send(answer).err().and_then(panic_of);
        let _ = free.send(unheard);
    }

    fn answer(&mut self, call: &OwnedCall) -> Answer {
        let answered = panics::catch(|| {
            let args = H::Args::from_message(call.message().as_ref())?;
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

/// The panic in an answer that comes too late, or in its end.
fn panic_of(answer: Answer) -> Option<Panic> {
    match answer {
        Err(HandlerError::Panicked(panic)) => Some(panic),
        answer => panics::catch(|| drop(answer)).err(),
    }
}
