//! Thread pool: hands the messages of a route to its threads, and their answers back.
//!
//! A thread gets a message only when it is free, so that none is held up by another one; what waits,
//! waits here, where a message whose deadline has passed is dropped. Each holds a place of its route,
//! which bounds how many wait. The threads outlive a panic: each makes its handler anew.

use std::{
    collections::VecDeque,
    num::NonZero,
    sync::{Arc, mpsc as threads},
};

use futures_util::{StreamExt, future::try_join_all, stream::FuturesUnordered};
use tokio::sync::{mpsc, oneshot};
use tracing::Span;

use super::{
    blocking::{BlockingHandler, Job, Task, Unheard, start_thread},
    call::Call,
    handler::{Adapter, Handler, Handover},
    reply::Reply,
};
use crate::{
    error::{BoxError, HandlerError},
    spop::Actions,
    supervision::{Failure, FailureSignal},
};

/// The threads of one route on one arbiter.
pub(crate) struct Blocking {
    orders: mpsc::UnboundedSender<Command>,
    signal: FailureSignal,
}

/// What the feeder is told.
enum Command {
    Do(Job),
    /// There is a new instance, whose alarm this is.
    Raise(FailureSignal),
}

impl Blocking {
    /// Starts the threads; ready when each has made its handler.
    pub(crate) async fn start<H: BlockingHandler>(
        threads: NonZero<usize>,
        factory: Arc<dyn Fn() -> Result<H, BoxError> + Send + Sync>,
        signal: FailureSignal,
    ) -> Result<Self, BoxError> {
        let starts = (0..threads.get()).map(|_| start_thread(Arc::clone(&factory)));
        let free = try_join_all(starts).await?;
        let feeder = ThreadPool { free, waiting: VecDeque::new(), signal: signal.clone() };
        let (orders, taken) = mpsc::unbounded_channel();
        actix_rt::spawn(feeder.run(taken));
        Ok(Self { orders, signal })
    }
}

impl Handler for Blocking {
    fn call(&self, call: &Call<'_>, _: &mut Actions) -> Reply {
        let (answer, answered) = oneshot::channel();
        let (span, permit) = (Span::current(), call.permit().cloned());
        let job = Job { call: call.to_owned(), span, answer, permit };
        // Without a feeder the sender of the answer is dropped, which says so.
        let _ = self.orders.send(Command::Do(job));
        let signal = self.signal.clone();
        Reply::Later(Box::pin(async move {
            let answer = answered.await.unwrap_or(Err(HandlerError::ActorStopped));
            match answer {
                Err(HandlerError::Panicked(_)) => signal.raise(Failure::Call),
                Err(HandlerError::ActorStopped) => signal.raise(Failure::Gone),
                _ => {}
            }
            answer
        }))
    }
}

impl Adapter for Blocking {
    fn is_queued(&self) -> bool {
        true
    }

    fn handover(&self) -> Option<Handover> {
        let orders = self.orders.clone();
        (!orders.is_closed()).then(|| -> Handover {
            Box::new(|signal| {
                // It ends in a fault if there is no feeder any more.
                let _ = orders.send(Command::Raise(signal.clone()));
                Box::new(Self { orders, signal })
            })
        })
    }
}

/// Gives jobs to the threads.
struct ThreadPool {
    /// The thread that was busy last is the next one that is busy.
    free: Vec<threads::Sender<Task>>,
    waiting: VecDeque<Job>,
    signal: FailureSignal,
}

impl ThreadPool {
    /// Runs until the route has dropped its side and everything that was asked is answered.
    async fn run(mut self, mut orders: mpsc::UnboundedReceiver<Command>) {
        let mut busy = FuturesUnordered::new();
        let mut taken = Vec::new();
        let mut is_open = true;
        while is_open || !self.waiting.is_empty() || !busy.is_empty() {
            tokio::select! {
                // All at once: each job of a burst would otherwise cost a wake-up of its own.
                more = orders.recv_many(&mut taken, usize::MAX), if is_open => {
                    is_open = more > 0;
                    taken.drain(..).for_each(|order| self.take(order));
                }
                Some((thread, unheard)) = busy.next() => self.take_back(thread, unheard),
                else => break,
            }
            while let Some((thread, unheard)) = self.feed() {
                busy.push(async move { (thread, unheard.await) });
            }
            if self.free.is_empty() && busy.is_empty() {
                // No thread is left. Who waits hears of it.
                break;
            }
        }
    }

    fn take(&mut self, order: Command) {
        match order {
            Command::Do(job) => self.waiting.push_back(job),
            Command::Raise(signal) => self.signal = signal,
        }
    }

    /// Takes back a thread that is free; one that has ended says nothing.
    fn take_back<E>(&mut self, thread: threads::Sender<Task>, unheard: Result<Unheard, E>) {
        let Ok(unheard) = unheard else { return };
        self.free.push(thread);
        if let Some(panic) = unheard {
            self.signal.raise(Failure::Background(panic));
        }
    }

    /// Gives a free thread what waits longest, but for jobs whose callers have taken the fallback.
    fn feed(&mut self) -> Option<(threads::Sender<Task>, oneshot::Receiver<Unheard>)> {
        // From the front, which has waited longest. Those further behind are looked at when they come to
        // the front.
        while self.waiting.pop_front_if(|job| job.answer.is_closed()).is_some() {}
        // The one that was busy last: its handler is in the caches, and the others may sleep.
        let thread = self.free.pop_if(|_| !self.waiting.is_empty())?;
        let job = self.waiting.pop_front()?;
        let (free, is_free) = oneshot::channel();
        // A thread that has ended drops the job, which says so.
        let _ = thread.send(Task { job, free });
        Some((thread, is_free))
    }
}
