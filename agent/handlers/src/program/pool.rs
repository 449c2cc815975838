//! All processes of a program, on a thread of their own.

use std::{
    sync::{Arc, MutexGuard, PoisonError, atomic::Ordering},
    thread::{self, JoinHandle},
};

use arc_swap::ArcSwapOption;
use tokio::{
    runtime,
    sync::{Mutex, Semaphore, mpsc, oneshot, watch},
    task::LocalSet,
    time::timeout,
};

use super::{
    command::{ProgramCommand, User},
    counts::{Counts, ProgramCounts},
    error::{AskError, StartError},
    question::{Answer, Question},
    worker::{First, Job, Shared, keep},
};

/// How many questions wait for each process that answers.
const WAITING: usize = 64;

/// The processes of a program. They are driven by a thread of their own: a worker thread of the agent that is busy
/// makes no program late, and all worker threads share the processes.
///
/// They end with the pool, and with what they have forked: at [`stop`](Self::stop), when the pool is dropped, and by
/// the end of their input if the agent itself is killed.
pub struct Pool {
    command: ProgramCommand,
    running: ArcSwapOption<Running>,
    /// How many have started it, and not stopped it.
    users: std::sync::Mutex<usize>,
}

/// A pool whose processes run.
struct Running {
    shared: Arc<Shared>,
    queue: mpsc::Sender<Job>,
    stop: watch::Sender<bool>,
    thread: std::sync::Mutex<Option<JoinHandle<()>>>,
}

impl Pool {
    /// A pool that has not started.
    #[must_use]
    pub fn new(command: ProgramCommand) -> Self {
        Self { command, running: ArcSwapOption::empty(), users: std::sync::Mutex::new(0) }
    }

    /// What it runs.
    #[must_use]
    pub fn command(&self) -> &ProgramCommand {
        &self.command
    }

    /// Starts all processes unless they run, and waits until they are ready: not for a worker thread of an agent at work.
    ///
    /// # Errors
    ///
    /// If one of them does not start; then none is left.
    pub fn start(&self) -> Result<(), StartError> {
        let mut users = self.users();
        if *users == 0 {
            self.begin()?;
        }
        *users += 1;
        Ok(())
    }

    fn begin(&self) -> Result<(), StartError> {
        let places = self.command.workers.max(1) + self.command.spares;
        let (first, firsts) = std::sync::mpsc::channel();
        let running = Running::begin(self.command.clone(), places, first)?;
        for _ in 0..places {
            if let Err(error) = firsts.recv().unwrap_or(Err(StartError::Ended)) {
                running.stop();
                return Err(error);
            }
        }
        self.running.store(Some(Arc::new(running)));
        Ok(())
    }

    /// Ends all processes, and waits until they have ended; if it was started several times, at the last of as many
    /// stops.
    pub fn stop(&self) {
        let mut users = self.users();
        *users = users.saturating_sub(1);
        if *users > 0 {
            return;
        }
        if let Some(running) = self.running.swap(None) {
            running.stop();
        }
    }

    fn users(&self) -> MutexGuard<'_, usize> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the program. The answer is there within its `time`, or an error.
    ///
    /// # Errors
    ///
    /// If there is no answer.
    pub fn ask(
        &self,
        question: Question,
    ) -> impl Future<Output = Result<Answer, AskError>> + Send + 'static {
        let (reply, answer) = oneshot::channel();
        let sent = match &*self.running.load() {
            Some(running) => running.send(Job { question, reply }),
            None => Err(AskError::Unavailable),
        };
        let time = self.command.time;
        async move {
            sent?;
            let answer = timeout(time, answer).await.map_err(|_| AskError::Timeout)?;
            answer.unwrap_or(Err(AskError::Unavailable))
        }
    }

    /// What the processes have done since the start.
    #[must_use]
    pub fn counts(&self) -> ProgramCounts {
        self.running.load().as_ref().map(|running| running.shared.counts.now()).unwrap_or_default()
    }
}

impl Running {
    fn begin(command: ProgramCommand, places: usize, first: First) -> Result<Self, StartError> {
        let workers = command.workers.max(1);
        let (queue, jobs) = mpsc::channel(workers * WAITING);
        let (stop, stopped) = watch::channel(false);
        let name = format!("program-{}", command.handler);
        let user = command.user.as_deref().map(User::named).transpose()?;
        let shared = Arc::new(Shared {
            command,
            user,
            counts: Counts::default(),
            queue: Mutex::new(jobs),
            working: Semaphore::new(workers),
        });
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(StartError::Thread)?;
        let all = Arc::clone(&shared);
        let drive = move || {
            let local = LocalSet::new();
            for _ in 0..places {
                let (all, first, stopped) = (Arc::clone(&all), first.clone(), stopped.clone());
                local.spawn_local(async move { keep(&all, first, stopped).await });
            }
            drop(first);
            runtime.block_on(local);
        };
        let thread = thread::Builder::new().name(name).spawn(drive).map_err(StartError::Thread)?;
        Ok(Self { shared, queue, stop, thread: std::sync::Mutex::new(Some(thread)) })
    }

    fn send(&self, job: Job) -> Result<(), AskError> {
        if self.shared.counts.ready.load(Ordering::Acquire) == 0 {
            return Err(AskError::Unavailable);
        }
        self.queue.try_send(job).map_err(|_| AskError::Busy)
    }

    fn stop(&self) {
        self.stop.send_replace(true);
        let thread = self.thread.lock().ok().and_then(|mut thread| thread.take());
        if let Some(thread) = thread {
            // Its panic is in the log.
            let _ = thread.join();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The thread ends the processes; nobody waits for it.
        self.stop.send_replace(true);
    }
}
