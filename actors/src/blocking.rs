//! Blocking: handlers that compute or block, on threads of their own.
//!
//! A feeder on the arbiter takes all messages of one read together and gives each idle thread its
//! share; what waits, waits with the feeder, where a message whose deadline has passed is dropped.
//! The threads outlive a panic: each makes its handler anew.

use std::{
    collections::VecDeque,
    num::NonZero,
    sync::{Arc, mpsc as threads},
    thread,
};

use async_trait::async_trait;

use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::sync::{mpsc, oneshot};

use crate::{
    alarm::{Alarm, Fault},
    args::FromMessage,
    bulkhead::Place,
    error::{BoxError, HandlerError},
    handler::{Answer, Dispatch, Heir, Reply},
    origin::Origin,
    panics::{self, Panic, Shielded},
    spop::{Actions, Message},
};

/// How many messages one thread is given at a time at the most: those behind one that takes long wait
/// for it.
const SHARE: usize = 16;
/// Into how many shares for each idle thread the waiting messages are divided.
const SHARES: usize = 4;

/// A handler that computes for long or blocks: it has a thread of its own, so that nobody else waits
/// for it.
///
/// Each thread has an instance of its own, made on that thread by the factory that was registered
/// with [`Registry::on_blocking`](crate::Registry::on_blocking), and made anew after a panic; messages
/// wait meanwhile as for a [`HandlerActor`](crate::HandlerActor). Each arbiter has threads of its own.
///
/// A call that never returns keeps its thread for ever, and up to 15 messages behind it until their
/// deadlines. The end of the agent waits for no thread. A test with paused time does not wait for a
/// thread either: let time be real there.
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
    orders: mpsc::UnboundedSender<Order>,
    alarm: Alarm,
}

/// What the feeder is told.
enum Order {
    Do(Job),
    /// There is a new instance, whose alarm this is.
    Raise(Alarm),
}

/// One message on its way to a thread.
struct Job {
    message: Message,
    origin: Origin,
    answer: oneshot::Sender<Answer>,
    /// Held until a thread is done with it.
    place: Option<Place>,
}

/// What a thread takes at a time; it says when it is done.
struct Batch {
    jobs: Vec<Job>,
    done: oneshot::Sender<Done>,
}

/// What a thread has to say of a batch.
#[derive(Default)]
struct Done {
    /// Panics whose callers did not wait for them any more.
    unheard: Vec<Panic>,
}

impl Blocking {
    /// Starts the threads; ready when each has made its handler.
    pub(crate) async fn start<H: BlockingHandler>(
        threads: NonZero<usize>,
        factory: Arc<dyn Fn() -> H + Send + Sync>,
        alarm: Alarm,
    ) -> Result<Self, BoxError> {
        let mut idle = Vec::new();
        for _ in 0..threads.get() {
            idle.push(start_thread(Arc::clone(&factory)).await?);
        }
        let feeder = Feeder { idle, waiting: VecDeque::new(), alarm: alarm.clone() };
        let (orders, taken) = mpsc::unbounded_channel();
        actix_rt::spawn(feeder.run(taken));
        Ok(Self { orders, alarm })
    }
}

#[async_trait(?Send)]
impl Dispatch for Blocking {
    fn dispatch(&self, message: Message, origin: &Origin, place: Option<&Place>) -> Reply {
        let (answer, answered) = oneshot::channel();
        let job = Job { message, origin: origin.clone(), answer, place: place.cloned() };
        // Without a feeder the sender of the answer is dropped, which says so.
        let _ = self.orders.send(Order::Do(job));
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

    fn is_queued(&self) -> bool {
        true
    }

    fn heir(&self) -> Option<Heir> {
        let orders = self.orders.clone();
        (!orders.is_closed()).then(|| -> Heir {
            Box::new(|alarm| {
                // It ends in a fault if there is no feeder any more.
                let _ = orders.send(Order::Raise(alarm.clone()));
                Box::new(Self { orders, alarm })
            })
        })
    }
}

/// Gives jobs to the threads.
struct Feeder {
    idle: Vec<threads::Sender<Batch>>,
    waiting: VecDeque<Job>,
    alarm: Alarm,
}

impl Feeder {
    /// Runs until the route has dropped its side and everything that was asked is answered.
    async fn run(mut self, mut orders: mpsc::UnboundedReceiver<Order>) {
        let mut busy = FuturesUnordered::new();
        let mut taken = Vec::new();
        let mut is_open = true;
        while is_open || !self.waiting.is_empty() || !busy.is_empty() {
            tokio::select! {
                more = orders.recv_many(&mut taken, usize::MAX), if is_open => {
                    is_open = more > 0;
                    taken.drain(..).for_each(|order| self.take(order));
                }
                Some((thread, done)) = busy.next() => self.take_back(thread, done),
                else => break,
            }
            if self.idle.is_empty() {
                if busy.is_empty() {
                    // No thread is left. Who waits hears of it.
                    break;
                }
                // Their callers have taken the fallback.
                self.waiting.retain(|job| !job.answer.is_closed());
            }
            while let Some((thread, done)) = self.feed() {
                busy.push(async move { (thread, done.await) });
            }
        }
    }

    fn take(&mut self, order: Order) {
        match order {
            Order::Do(job) => self.waiting.push_back(job),
            Order::Raise(alarm) => self.alarm = alarm,
        }
    }

    /// Takes back a thread that is done; one that has ended says nothing.
    fn take_back<E>(&mut self, thread: threads::Sender<Batch>, done: Result<Done, E>) {
        let Ok(Done { unheard }) = done else { return };
        self.idle.push(thread);
        for panic in unheard {
            self.alarm.raise(Fault::Aside(panic));
        }
    }

    /// Gives an idle thread its share.
    fn feed(&mut self) -> Option<(threads::Sender<Batch>, oneshot::Receiver<Done>)> {
        if self.waiting.is_empty() {
            return None;
        }
        let shares = self.idle.len() * SHARES;
        let thread = self.idle.pop()?;
        let share = (self.waiting.len() / shares).clamp(1, SHARE);
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
    handler: Option<Shielded<H>>,
    factory: Arc<dyn Fn() -> H + Send + Sync>,
}

impl<H: BlockingHandler> Thread<H> {
    fn make(&mut self) -> Result<(), Panic> {
        panics::catch(|| (self.factory)())
            .map(|handler| self.handler = Some(Shielded::new(handler)))
    }

    fn work(&mut self, batch: Batch) {
        let mut done = Done::default();
        for job in batch.jobs {
            if job.answer.is_closed() {
                continue;
            }
            let answer = self.answer(job.message, &job.origin);
            // Before the answer is seen: who has it may ask again at once.
            drop(job.place);
            if let Err(unwanted) = job.answer.send(answer) {
                done.unheard.extend(panic_of(unwanted));
            }
        }
        let _ = batch.done.send(done);
    }

    fn answer(&mut self, message: Message, origin: &Origin) -> Answer {
        let answered = panics::catch(|| {
            let args = H::Args::from_message(message)?;
            let handler = self.handler.get_or_insert_with(|| Shielded::new((self.factory)()));
            handler.handle(args, origin).map_err(HandlerError::Failed)
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
