//! Thread pool: passes the messages of a route to its threads, and their answers back.
//!
//! A thread gets a message only when it is free, so that no message waits behind another one. Other
//! messages wait here, and are dropped when their deadline passes. Each holds a permit of its
//! route, which limits how many wait. The threads outlive a panic, and make another handler.

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
    commands: mpsc::UnboundedSender<Command>,
    signal: FailureSignal,
}

/// A command for the thread pool.
enum Command {
    Do(Job),
    /// There is a new instance, with this failure signal.
    Raise(FailureSignal),
}

impl Blocking {
    /// Starts the threads; completes when each has made its handler.
    pub(crate) async fn start<H: BlockingHandler>(
        threads: NonZero<usize>,
        factory: Arc<dyn Fn() -> Result<H, BoxError> + Send + Sync>,
        signal: FailureSignal,
    ) -> Result<Self, BoxError> {
        let starts = (0..threads.get()).map(|_| start_thread(Arc::clone(&factory)));
        let free = try_join_all(starts).await?;
        let pool = ThreadPool { free, waiting: VecDeque::new(), signal: signal.clone() };
        let (commands, taken) = mpsc::unbounded_channel();
        actix_rt::spawn(pool.run(taken));
        Ok(Self { commands, signal })
    }
}

impl Handler for Blocking {
    fn call(&self, call: &Call<'_>, _: &mut Actions) -> Reply {
        let (answer, answered) = oneshot::channel();
        let (span, permit) = (Span::current(), call.permit().cloned());
        let job = Job { call: call.to_owned(), span, answer, permit };
        // Without a thread pool, the sender of the answer is dropped, which its receiver sees.
        let _ = self.commands.send(Command::Do(job));
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
        let commands = self.commands.clone();
        (!commands.is_closed()).then(|| -> Handover {
            Box::new(|signal| {
                // If the thread pool has ended, this is a failure.
                let _ = commands.send(Command::Raise(signal.clone()));
                Box::new(Self { commands, signal })
            })
        })
    }
}

/// Gives jobs to the threads.
struct ThreadPool {
    /// A stack: the thread that was busy last gets the next job.
    free: Vec<threads::Sender<Task>>,
    waiting: VecDeque<Job>,
    signal: FailureSignal,
}

impl ThreadPool {
    /// Runs until the route has dropped its side and all calls are answered.
    async fn run(mut self, mut commands: mpsc::UnboundedReceiver<Command>) {
        let mut busy = FuturesUnordered::new();
        let mut taken = Vec::new();
        let mut is_open = true;
        while is_open || !self.waiting.is_empty() || !busy.is_empty() {
            tokio::select! {
                // All at once: otherwise each job of a burst would cost a wake-up.
                more = commands.recv_many(&mut taken, usize::MAX), if is_open => {
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
                // No thread is left. The callers see that their answers are dropped.
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

    /// Takes back a free thread; one that has ended reports nothing.
    fn take_back<E>(&mut self, thread: threads::Sender<Task>, unheard: Result<Unheard, E>) {
        let Ok(unheard) = unheard else { return };
        self.free.push(thread);
        if let Some(panic) = unheard {
            self.signal.raise(Failure::Background(panic));
        }
    }

    /// Gives the oldest job to a free thread, without jobs whose callers have taken the fallback.
    fn feed(&mut self) -> Option<(threads::Sender<Task>, oneshot::Receiver<Unheard>)> {
        // From the front, which has waited longest. Others are checked when they reach the front.
        while self.waiting.pop_front_if(|job| job.answer.is_closed()).is_some() {}
        // The one that was busy last: its handler is in the caches, and the others can sleep.
        let thread = self.free.pop_if(|_| !self.waiting.is_empty())?;
        let job = self.waiting.pop_front()?;
        let (free, is_free) = oneshot::channel();
        // A thread that has ended drops the job, which its caller sees.
        let _ = thread.send(Task { job, free });
        Some((thread, is_free))
    }
}
