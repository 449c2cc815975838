//! Blocking: handlers that compute or block, on threads of their own.
//!
//! A feeder on the arbiter takes all messages of one read together and gives each idle thread its
//! share; what waits, waits with the feeder, where a message whose deadline has passed is dropped.

use std::{
    num::NonZero,
    sync::{Arc, mpsc as threads},
    thread,
};

use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::sync::{mpsc, oneshot};

use crate::{
    alarm::{Alarm, Fault},
    args::FromMessage,
    error::{BoxError, HandlerError},
    handler::{Answer, Dispatch, Reply},
    origin::Origin,
    panics::{self, Panic},
    spop::{Actions, Message},
};

/// How many messages one thread is given at a time: those behind one that takes long wait for it.
const SHARE: usize = 16;

/// A handler that computes for long or blocks: it has a thread of its own, so that nobody else waits
/// for it.
///
/// Each thread has an instance of its own, made on that thread by the factory that was registered
/// with [`Registry::on_blocking`](crate::Registry::on_blocking).
///
/// ```
/// use std::num::NonZero;
///
/// use serde::Deserialize;
/// use spoa_actors::{Actions, BlockingHandler, BoxError, Origin, Registry, Scope};
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
///         Ok(Actions::none().set_var(Scope::Transaction, "strong", strong)?)
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
    type Args: FromMessage;

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

/// The threads of one route on one arbiter.
pub(crate) struct Blocking {
    jobs: mpsc::UnboundedSender<Job>,
    alarm: Alarm,
}

/// One message on its way to a thread.
struct Job {
    message: Message,
    origin: Origin,
    answer: oneshot::Sender<Answer>,
}

/// What a thread takes at a time; it says when it is done.
struct Batch {
    jobs: Vec<Job>,
    done: oneshot::Sender<()>,
}

impl Blocking {
    /// Starts the threads; ready when each has made its handler.
    pub(crate) async fn start<H: BlockingHandler>(
        threads: NonZero<usize>,
        factory: Arc<dyn Fn() -> H + Send + Sync>,
        alarm: Alarm,
    ) -> Result<Self, BoxError> {
        let mut feeder = Feeder::default();
        for _ in 0..threads.get() {
            feeder.idle.push(start_thread(Arc::clone(&factory)).await?);
        }
        let (jobs, waiting) = mpsc::unbounded_channel();
        actix_rt::spawn(feeder.run(waiting));
        Ok(Self { jobs, alarm })
    }
}

impl Dispatch for Blocking {
    fn dispatch(&self, message: Message, origin: &Origin) -> Reply {
        let (answer, answered) = oneshot::channel();
        let job = Job { message, origin: origin.clone(), answer };
        // Without a feeder the sender of the answer is dropped, which says so.
        let _ = self.jobs.send(job);
        let alarm = self.alarm.clone();
        Reply::Later(Box::pin(async move {
            let answer = answered.await.unwrap_or(Err(HandlerError::Gone));
            match answer {
                Err(HandlerError::Panicked(_)) => alarm.raise(Fault::Call),
                Err(HandlerError::Gone) => alarm.raise(Fault::Gone),
                _ => {}
            }
            answer
        }))
    }
}

/// Gives jobs to the threads.
#[derive(Default)]
struct Feeder {
    idle: Vec<threads::Sender<Batch>>,
    waiting: Vec<Job>,
}

impl Feeder {
    /// Runs until the route has dropped its side and everything that was asked is answered.
    async fn run(mut self, mut jobs: mpsc::UnboundedReceiver<Job>) {
        let mut busy = FuturesUnordered::new();
        let mut is_open = true;
        while is_open || !self.waiting.is_empty() || !busy.is_empty() {
            tokio::select! {
                more = jobs.recv_many(&mut self.waiting, usize::MAX), if is_open => {
                    is_open = more > 0;
                }
                Some(thread) = busy.next() => self.idle.extend(thread),
                else => break,
            }
            // Its caller has taken the fallback.
            self.waiting.retain(|job| !job.answer.is_closed());
            while let Some((thread, done)) = self.feed() {
                busy.push(async move { done.await.is_ok().then_some(thread) });
            }
        }
    }

    /// Gives an idle thread its share.
    fn feed(&mut self) -> Option<(threads::Sender<Batch>, oneshot::Receiver<()>)> {
        if self.waiting.is_empty() {
            return None;
        }
        let share = self.waiting.len().div_ceil(self.idle.len().max(1)).min(SHARE);
        let thread = self.idle.pop()?;
        let jobs = self.waiting.drain(..share).collect();
        let (done, is_done) = oneshot::channel();
        // A thread that has ended drops the jobs, which says so.
        let _ = thread.send(Batch { jobs, done });
        Some((thread, is_done))
    }
}

/// Starts a thread with a handler of its own.
async fn start_thread<H: BlockingHandler>(
    factory: Arc<dyn Fn() -> H + Send + Sync>,
) -> Result<threads::Sender<Batch>, BoxError> {
    let (batches, waiting) = threads::channel::<Batch>();
    let (started, starting) = oneshot::channel();
    let run = move || {
        let mut thread = Thread { handler: None, factory };
        let made = thread.make();
        let is_made = made.is_ok();
        // Nobody waits for it if the start was given up.
        if started.send(made).is_ok() && is_made {
            waiting.iter().for_each(|batch| thread.work(batch));
        }
    };
    thread::Builder::new().name("spoa-blocking".to_owned()).spawn(run)?;
    starting.await?.map_err(|panic| panic.to_string())?;
    Ok(batches)
}

/// One thread and its handler; there is none after a panic, until the next message.
struct Thread<H> {
    handler: Option<H>,
    factory: Arc<dyn Fn() -> H + Send + Sync>,
}

impl<H: BlockingHandler> Thread<H> {
    fn make(&mut self) -> Result<(), Panic> {
        panics::catch(|| (self.factory)()).map(|handler| self.handler = Some(handler))
    }

    fn work(&mut self, batch: Batch) {
        for job in batch.jobs {
            if !job.answer.is_closed() {
                let answer = self.answer(job.message, &job.origin);
                // Its caller may have taken the fallback meanwhile.
                let _ = job.answer.send(answer);
            }
        }
        let _ = batch.done.send(());
    }

    fn answer(&mut self, message: Message, origin: &Origin) -> Answer {
        let answered = panics::catch(|| {
            let args = H::Args::from_message(message)?;
            let handler = self.handler.get_or_insert_with(|| (self.factory)());
            handler.handle(args, origin).map_err(HandlerError::Failed)
        });
        answered.unwrap_or_else(|panic| {
            let broken = self.handler.take();
            // What it says in its end concerns nobody any more.
            let _ = panics::catch(|| drop(broken));
            Err(HandlerError::Panicked(panic))
        })
    }
}
