//! Feeder: hands the messages of a route to its threads, and their answers back.
//!
//! It takes all messages of one read together and gives each idle thread its share; what waits, waits
//! here, where a message whose deadline has passed is dropped. The threads outlive a panic: each
//! makes its handler anew.

use std::{
    collections::VecDeque,
    num::NonZero,
    sync::{Arc, mpsc as threads},
};

use async_trait::async_trait;
use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::sync::{mpsc, oneshot};
use tracing::Span;

use crate::{
    alarm::{Alarm, Fault},
    blocking::{Batch, BlockingHandler, Done, Job, start_thread},
    bulkhead::Place,
    error::{BoxError, HandlerError},
    handler::{Dispatch, Heir, Reply},
    origin::Origin,
    spop::{Actions, MessageRef},
};

/// How many messages one thread is given at a time at the most: those behind one that takes long wait
/// for it.
const SHARE: usize = 16;
/// Into how many shares for each idle thread the waiting messages are divided.
const SHARES: usize = 4;

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
    fn dispatch(
        &self,
        message: &MessageRef<'_>,
        origin: &Origin,
        place: Option<&Place>,
        _: &mut Actions,
    ) -> Reply {
        let message = message.to_message();
        let (answer, answered) = oneshot::channel();
        let (origin, span, place) = (origin.clone(), Span::current(), place.cloned());
        let job = Job { message, origin, span, answer, place };
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
            self.alarm.raise(Fault::Background(panic));
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
