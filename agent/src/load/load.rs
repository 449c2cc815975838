//! Load: connects, asks as often as is wanted, checks every answer, and reports.

use std::{
    cell::Cell,
    future::pending,
    io::{self, Write},
    rc::Rc,
    time::Duration,
};

use futures_util::{StreamExt, TryStreamExt, stream};
use spoa_actors::{Message, client::Stream};
use tokio::{
    select,
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::{
    ask::no_actions::NoActions,
    failure::Failure,
    json,
    load::{
        connection::Connection,
        dialogue::Dialogue,
        handshake::{Greeted, greet},
        load_error::LoadError,
        load_options::LoadOptions,
        notify::Notify,
        pace::{Pace, Schedule},
        pacer,
        process::{CpuTime, Process, own_cpu_time},
        progress,
        report::{AgentUse, Measured, Report},
        shared::Shared,
    },
};

/// The number of connections opened at a time: fewer than any listener's backlog.
const BURST: usize = 64;
/// Open files other than connections.
const OTHER_FILES: u64 = 64;
/// How often the load checks whether answers still arrive.
const LOOK: Duration = Duration::from_millis(50);

/// Asks as often as the options say, and prints the report on stdout.
///
/// It runs on the actix system, or the `LocalSet`, that it is awaited on.
///
/// # Errors
///
/// If the agent cannot be asked, or an answer is wrong or missing; the report of what there was is
/// printed all the same.
pub(crate) async fn load(options: LoadOptions) -> Result<(), Failure> {
    Ok(Load::new(options)?.run().await?)
}

/// A load that has its message, and no connection.
struct Load {
    options: LoadOptions,
    message: Message,
    shared: Rc<Shared>,
}

/// The connections; they stay open until this is dropped.
#[derive(Default)]
struct Connections {
    running: JoinSet<Connection<Stream>>,
    ended: Vec<Connection<Stream>>,
}

/// How much had been used at a moment.
#[derive(Clone, Copy)]
struct Mark {
    at: u64,
    generator_cpu: Duration,
    agent_cpu: Option<CpuTime>,
}

impl Load {
    fn new(options: LoadOptions) -> Result<Self, LoadError> {
        if options.window() == 0 && options.frames.is_some() {
            return Err(LoadError::NoWindow);
        }
        let message = options.message()?;
        let notify = Notify::new(&message);
        let (length, limit) = (notify.longest(), options.max_frame_size);
        if length > limit as usize {
            return Err(LoadError::TooLarge { length, limit });
        }
        let frames = options.frames.map_or(u64::MAX, u64::from);
        let shared = Shared::new(notify, frames, options.connections as usize, limit as usize);
        Ok(Self { options, message, shared: Rc::new(shared) })
    }

    async fn run(self) -> Result<(), LoadError> {
        raise_open_files(self.options.connections)?;
        let rss_before = self.of_agent(Process::rss_kib)?;
        let greeted = self.connect().await?;
        let (mark, connections) = self.ask(greeted).await?;
        let generator_cpu = own_cpu_time().saturating_sub(mark.generator_cpu);
        let agent = rss_before.and_then(|rss_before| self.agent_use(rss_before, mark));
        drop(connections);
        self.shared.tally.borrow_mut().finish();
        let report = Report::new(
            &self.shared.tally.borrow(),
            Measured {
                target: self.options.endpoint.endpoint().to_string(),
                connections: self.options.connections,
                window: self.options.window(),
                rate: self.options.rate,
                time: self.measured_time(mark),
                generator_cpu,
                agent,
            },
        );
        self.print(&report).map_err(LoadError::Output)?;
        self.verdict()?;
        self.warn_of_no_actions();
        Ok(())
    }

    async fn connect(&self) -> Result<Vec<Greeted>, LoadError> {
        let LoadOptions { endpoint, timeout, max_frame_size, .. } = &self.options;
        let greeting = async |stream| greet(stream, *max_frame_size).await;
        let numbers = stream::iter(0..self.options.connections);
        let greeted: Vec<_> = numbers
            .map(|_| endpoint.within(*timeout, greeting))
            .buffer_unordered(BURST)
            .try_collect()
            .await?;
        for Greeted { hello, .. } in &greeted {
            let (length, limit) = (self.shared.notify.longest(), hello.max_frame_size);
            if length > limit as usize {
                return Err(LoadError::TooLargeForAgent { length, limit });
            }
            if self.options.window() > 1 && !hello.capabilities.pipelining {
                return Err(LoadError::NoPipelining);
            }
        }
        Ok(greeted)
    }

    /// Lets the connections run to their end; gives back when the measurement began, and them.
    async fn ask(&self, greeted: Vec<Greeted>) -> Result<(Mark, Connections), LoadError> {
        let mark = Cell::new(self.mark()?);
        let mut connections = Connections::default();
        for (number, greeted) in greeted.into_iter().enumerate() {
            let connection = self.connection(number, greeted, mark.get().at);
            connections.running.spawn_local(connection.run());
        }
        let pacing = self.pace(mark.get().at);
        let over = select! {
            () = connections.all_ended() => Ok(()),
            over = self.keep_time(&mark) => over,
            error = pacing => Err(error),
            () = self.show_progress() => Ok(()),
        };
        if !self.options.quiet {
            progress::end();
        }
        over.map(|()| (mark.get(), connections))
    }

    fn connection(&self, number: usize, greeted: Greeted, start: u64) -> Connection<Stream> {
        let Greeted { stream, hello, rest } = greeted;
        let pace = self.options.rate.map_or(Pace::AsAnswered, |rate| {
            let connections = u64::from(self.options.connections);
            Pace::ByTheClock(Schedule::new(rate, start, number as u64, connections))
        });
        let max_frame_size = hello.max_frame_size as usize;
        let window = self.options.window() as usize;
        let dialogue = Dialogue::new(window, pace, max_frame_size, self.options.expect);
        Connection::new(number, stream, rest, dialogue, Rc::clone(&self.shared))
    }

    /// Ends the warm-up, ends the sending, and returns when nothing more is to be expected.
    async fn keep_time(&self, mark: &Cell<Mark>) -> Result<(), LoadError> {
        if self.options.frames.is_some() {
            self.wait_for_silence().await;
            return Ok(());
        }
        if !self.options.warmup.is_zero() {
            sleep(self.options.warmup).await;
            self.shared.tally.borrow_mut().end_warm_up();
            mark.set(self.mark()?);
        }
        sleep(self.options.duration).await;
        self.shared.stop();
        sleep(self.options.timeout).await;
        Ok(())
    }

    /// Returns when no ACK has come for too long, though some are missing.
    async fn wait_for_silence(&self) {
        let mut before = None;
        let mut since = Instant::now();
        loop {
            sleep(LOOK).await;
            let now = self.shared.tally.borrow().progress();
            if before.replace(now) != Some(now) || now.in_flight == 0 {
                since = Instant::now();
            } else if since.elapsed() > self.options.timeout {
                return;
            }
        }
    }

    /// Wakes those whose NOTIFYs are due, in an open loop; returns if it cannot.
    async fn pace(&self, start: u64) -> LoadError {
        let Some(rate) = self.options.rate else { return pending().await };
        let schedule = Schedule::new(rate, start, 0, 1);
        let connections = self.options.connections as usize;
        let paced = pacer::wake_in_turn(Rc::clone(&self.shared), schedule, connections).await;
        paced.map_or_else(LoadError::Timer, |never| match never {})
    }

    async fn show_progress(&self) {
        if self.options.quiet {
            return pending().await;
        }
        progress::print(&self.shared).await;
    }

    fn mark(&self) -> Result<Mark, LoadError> {
        let agent_cpu = self.of_agent(Process::cpu_time)?;
        Ok(Mark { at: self.shared.now(), generator_cpu: own_cpu_time(), agent_cpu })
    }

    /// Looks at the agent's process, if it is named.
    fn of_agent<T>(
        &self,
        look: impl FnOnce(Process) -> io::Result<T>,
    ) -> Result<Option<T>, LoadError> {
        let Some(pid) = self.options.pid else { return Ok(None) };
        look(Process(pid)).map(Some).map_err(|source| LoadError::Process { pid, source })
    }

    /// What the agent's process has used, if it is still there.
    fn agent_use(&self, rss_kib_before: u64, mark: Mark) -> Option<AgentUse> {
        let pid = self.options.pid?;
        let cpu = Process(pid).cpu_time().ok()?.since(mark.agent_cpu?);
        let rss_kib_after = Process(pid).rss_kib().ok()?;
        Some(AgentUse { pid, cpu, rss_kib_before, rss_kib_after })
    }

    /// The end of a measurement of so many NOTIFYs is its last ACK, that of one of such a duration
    /// not before its end.
    fn measured_time(&self, mark: Mark) -> Duration {
        let last_ack = self.shared.tally.borrow().last_ack;
        let until_last_ack = Duration::from_nanos(last_ack.saturating_sub(mark.at));
        match self.options.frames {
            Some(_) => until_last_ack,
            None => until_last_ack.max(self.options.duration),
        }
    }

    fn print(&self, report: &Report) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if self.options.json {
            json::write(&mut out, report)?;
            writeln!(out)?;
        } else {
            writeln!(out, "{report}")?;
        }
        out.flush()
    }

    /// A misspelt message is answered like any other, so the user is warned.
    fn warn_of_no_actions(&self) {
        let has_none = matches!(self.shared.tally.borrow().actions, Some((_, 0)));
        if has_none && self.options.expect != Some(0) {
            NoActions::new([&self.message]).warn();
        }
    }

    fn verdict(&self) -> Result<(), LoadError> {
        let tally = self.shared.tally.borrow();
        match &tally.first_fault {
            None => Ok(()),
            Some(first) => {
                Err(LoadError::Faults { count: tally.faults.total(), first: first.clone() })
            }
        }
    }
}

impl Connections {
    async fn all_ended(&mut self) {
        while let Some(connection) = self.running.join_next().await {
            self.ended.extend(connection);
        }
    }
}

fn raise_open_files(connections: u32) -> Result<(), LoadError> {
    let limit = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(u64::MAX);
    if limit < u64::from(connections) + OTHER_FILES {
        return Err(LoadError::OpenFiles { connections, limit });
    }
    Ok(())
}
