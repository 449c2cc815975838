//! One place of the pool, which always has a process.

use std::sync::{atomic::Ordering, mpsc::Sender};

use tokio::{
    sync::{Mutex, Semaphore, mpsc, oneshot, watch},
    time::sleep,
};

use super::{
    command::{ProgramCommand, User},
    counts::{Counts, count},
    error::{AskError, StartError},
    pause::Pause,
    process::Process,
    question::{Answer, Question},
};

/// A question that waits for a process.
pub(super) struct Job {
    pub(super) question: Question,
    pub(super) reply: oneshot::Sender<Result<Answer, AskError>>,
}

/// What all places share.
pub(super) struct Shared {
    pub(super) command: ProgramCommand,
    pub(super) user: Option<User>,
    pub(super) counts: Counts,
    pub(super) queue: Mutex<mpsc::Receiver<Job>>,
    /// As many permits as questions are answered at once.
    pub(super) working: Semaphore,
}

/// How the first start of a place went.
pub(super) type First = Sender<Result<(), StartError>>;

/// Keeps a process in its place until the pool is stopped.
pub(super) async fn keep(shared: &Shared, first: First, mut stop: watch::Receiver<bool>) {
    let stopped = async {
        let _ = stop.wait_for(|is_stopped| *is_stopped).await;
    };
    let mut place = Place { shared, pause: Pause::default(), process: None };
    tokio::select! {
        () = stopped => {}
        () = place.work(first) => {}
    }
    place.clear().await;
}

struct Place<'a> {
    shared: &'a Shared,
    pause: Pause,
    process: Option<Process>,
}

impl Place<'_> {
    async fn work(&mut self, first: First) {
        let mut first = Some(first);
        loop {
            sleep(self.pause.length()).await;
            let Shared { command, counts, .. } = self.shared;
            count(&counts.started);
            let started = Process::start(command, self.shared.user, &counts.bad_lines).await;
            let result = started.map(|process| {
                counts.ready.fetch_add(1, Ordering::AcqRel);
                self.process = Some(process);
            });
            if let Err(error) = &result {
                self.pause.failed();
                if first.is_none() {
                    let handler = &command.handler;
                    tracing::error!(handler, "program not started: {error}");
                }
            }
            if let Some(first) = first.take() {
                // Whoever starts the pool may have given up.
                let _ = first.send(result);
            }
            if self.process.is_some() {
                let error = self.serve().await;
                self.report(error);
                self.clear().await;
            }
        }
    }

    /// Answers questions until the process is of no more use.
    async fn serve(&mut self) -> AskError {
        let Shared { command, counts, queue, working, .. } = self.shared;
        let Some(process) = &mut self.process else { return AskError::Unavailable };
        loop {
            let next = async {
                let permit = working.acquire().await.ok()?;
                let job = queue.lock().await.recv().await?;
                Some((permit, job))
            };
            let (_permit, job) = tokio::select! {
                biased;
                error = process.spoiled(&counts.bad_lines) => {
                    // Nobody asked it anything.
                    self.pause.failed();
                    return error;
                }
                Some(next) = next => next,
            };
            if job.reply.is_closed() {
                continue;
            }
            let answer = process.ask(&job.question, command.time, &counts.bad_lines).await;
            let error = answer.as_ref().err().copied();
            if error.is_none() {
                self.pause.worked();
                count(&counts.answered);
            }
            // Whoever asked may have gone.
            let _ = job.reply.send(answer);
            if let Some(error) = error {
                // A message that takes too long says nothing of the program: the next process is there at once.
                if error != AskError::Timeout {
                    self.pause.stumbled();
                }
                return error;
            }
        }
    }

    /// Says why a process is of no more use.
    fn report(&mut self, error: AskError) {
        let Shared { command, counts, .. } = self.shared;
        let handler = &command.handler;
        if error == AskError::Exited {
            count(&counts.exited);
            tracing::warn!(
                handler,
                "program ended: starting it again; see what it wrote to stderr"
            );
        } else {
            count(&counts.killed);
            tracing::warn!(
                handler,
                "program killed: {error}; look for what it waits for, or raise `time`"
            );
        }
    }

    /// Ends the process. If it was the last, nobody is left waiting.
    async fn clear(&mut self) {
        let Some(process) = self.process.take() else { return };
        let is_last = self.shared.counts.ready.fetch_sub(1, Ordering::AcqRel) == 1;
        if is_last && let Ok(mut queue) = self.shared.queue.try_lock() {
            while let Ok(job) = queue.try_recv() {
                let _ = job.reply.send(Err(AskError::Unavailable));
            }
        }
        process.end().await;
    }
}
