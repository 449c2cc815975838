//! Connection: the actor that owns one HAProxy connection, and its one I/O future.
//!
//! The future owns the whole connection: socket, codec, reassembly, messages in flight, and output.
//! On each wake-up it reads, calls handlers, collects answers, and writes once. The actor's mailbox
//! is for control only.

mod control;
mod draining;

use std::{
    io,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
};

use actix::{Actor, ActorContext, ActorFuture, AsyncContext};
use tokio::time::{Duration, Instant};

use super::{
    buffered_stream::BufferedStream,
    closing::Closing,
    connection_limit,
    conversation::{Conversation, End, Flow},
    drain_clock::DrainClock,
    drain_window::DrainWindow,
    memory_guard::MemoryGuard,
    next::Next,
    timer::{Timer, jittered},
    transport::Transport,
};
use crate::{
    arbiter::{ArbiterContext, ConnectionGuard, PeerFault},
    limit::Limit,
    log,
    observe::Cause,
    origin::PeerAddress,
    spop::{Disconnect, StatusCode, Violation},
    turn::give_way,
};

pub(crate) use self::{control::Control, draining::HELLO_AT_STOP};

/// How many times a connection reads before other connections of its arbiter continue.
const ROUNDS: usize = 3;

/// How soon a connection that waits for memory checks again: connections that free memory do not
/// wake it.
const MEMORY_WAIT: Duration = Duration::from_millis(25);

/// One HAProxy connection.
pub(crate) struct Connection<S> {
    stream: BufferedStream<S>,
    shared: Rc<ArbiterContext>,
    conversation: Conversation,
    phase: Phase,
    /// The drain clock, if this connection drains once it has its HELLO.
    newcomer: Option<Arc<DrainClock>>,
    timer: Timer,
    /// When it exceeds its maximum age, or tries again to close.
    retires: Option<Instant>,
    /// Whether its maximum age is over: it closes after its next request.
    is_too_old: bool,
    memory_guard: MemoryGuard,
    guard: ConnectionGuard,
}

/// The phase of a connection. Only one that exceeded its age and could not close goes back to
/// `Open`.
enum Phase {
    /// Frames are read and answered.
    Open,
    /// Frames are read and answered, but the answers are held back until no more frames arrive.
    Draining(Box<DrainWindow>),
    /// Nothing more is read.
    Closing(Box<Closing>),
}

impl<S: Transport> Connection<S> {
    pub(crate) fn new(
        stream: S,
        address: PeerAddress,
        guard: ConnectionGuard,
        shared: Rc<ArbiterContext>,
    ) -> Self {
        let mut timer = Timer::default();
        let since = guard.since();
        timer.arm(guard.hello_deadline(&shared.limits()));
        Self {
            retires: shared.limits().max_connection_age.map(|age| since + jittered(age)),
            is_too_old: false,
            stream: BufferedStream::new(stream, Rc::clone(&shared)),
            conversation: Conversation::new(
                Rc::clone(&shared),
                address,
                Arc::clone(guard.listener()),
                since,
            )
            .excess(guard.is_excess()),
            memory_guard: MemoryGuard::new(Rc::clone(&shared), S::COST),
            shared,
            phase: Phase::Open,
            newcomer: None,
            timer,
            guard,
        }
    }

    /// Continues as far as possible; ready when the connection has ended.
    fn poll(&mut self, task: &mut Context<'_>) -> Poll<()> {
        self.stream.borrow_buffers();
        let progress = self.proceed(task);
        self.stream.return_buffers();
        match progress {
            Poll::Ready(Err(error)) => {
                // HAProxy from 3.1 on closes idle connections with a reset: a normal end.
                self.conversation.report_loss(Some(&error), &mut self.stream.input);
                self.conversation.lose();
                Poll::Ready(())
            }
            Poll::Ready(Ok(())) => Poll::Ready(()),
            Poll::Pending => {
                // Only between wake-ups: the buffers of an awake connection are the arbiter's,
                // which has one.
                let kept = self.stream.kept() + self.conversation.kept();
                self.memory_guard.keep(kept, self.conversation.in_flight());
                let waits = self.conversation.waits_for_memory();
                self.memory_guard.wait(waits, self.conversation.peer());
                if self.memory_guard.is_over_limit() { self.on_excess(task) } else { Poll::Pending }
            }
        }
    }

    /// Takes turns until nothing can be done at once. While it is pending, it is woken by
    ///
    /// - the read side, when bytes arrive, unless the in-flight set or the output is full;
    /// - an answer, when it is ready; it makes room in the in-flight set;
    /// - the write side, when the peer reads; until then nothing is added to the output;
    /// - the timer (deadlines, HELLO, age, hold, refusal, linger), and those of a stalled output
    ///   and of an input that TLS holds back.
    fn proceed(&mut self, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Limited, so that a peer that sends without a pause does not occupy its arbiter.
        for _ in 0..ROUNDS {
            let mut next = match self.phase {
                Phase::Open => self.converse(task)?,
                Phase::Draining(_) => self.drain(task)?,
                Phase::Closing(_) => self.end(task)?,
            };
            // A fallback of a timer can leave at once, and an expired timer has to be polled when
            // it is armed again.
            if self.timer.poll(task) {
                self.on_time();
                next = Next::Again;
            }
            if self.stream.is_unfinished(task) {
                self.on_unfinished();
                next = Next::Again;
            }
            if self.stream.is_stalled(task) {
                self.report_stall();
                return Poll::Ready(Ok(()));
            }
            if matches!(&self.phase, Phase::Closing(closing) if closing.is_over()) {
                return Poll::Ready(Ok(()));
            }
            if next == Next::Wait {
                return Poll::Pending;
            }
            if self.conversation.is_paused() {
                break;
            }
        }
        give_way(task);
        Poll::Pending
    }

    /// Handles the received bytes, and sends the answers.
    fn converse(&mut self, task: &mut Context<'_>) -> io::Result<Next> {
        let retirement = self.retirement();
        let next = self.take(task)?;
        if matches!(self.phase, Phase::Open) && self.conversation.is_greeted() {
            if let Some(window) = retirement
                && self.has_something_to_hold_back()
            {
                // Nothing of this turn's answers has been sent; draining has a timer to arm.
                self.hold_back(window);
                return Ok(Next::Again);
            }
            if let Some(time) = self.retires {
                self.timer.arm(time);
            }
        }
        let is_flushed = self.stream.poll_flush(task)?.is_ready();
        if self.drain_newcomer() {
            // Draining has a timer to arm.
            return Ok(Next::Again);
        }
        Ok(next.if_flushed(is_flushed))
    }

    /// Reads once, calls handlers, collects answers.
    fn take(&mut self, task: &mut Context<'_>) -> io::Result<Next> {
        let was_behind = self.conversation.is_behind();
        let may_read = !was_behind && !self.conversation.is_full(&self.stream.output);
        let polled = if may_read {
            self.stream.poll_read(task)
        } else {
            self.stream.pause_reading();
            Poll::Pending
        };
        let read = match polled {
            Poll::Ready(Ok(0)) => {
                // No further bytes will wake the task: closing begins in the next turn.
                self.begin_end(Closing::of_the_stream());
                return Ok(Next::Again);
            }
            Poll::Ready(read) => read?,
            Poll::Pending => 0,
        };
        let was_greeted = self.conversation.is_greeted();
        let flow = self.conversation.receive(&mut self.stream.input, &mut self.stream.output);
        if !was_greeted && self.conversation.is_greeted() {
            // HELLO arrived in time.
            self.timer.disarm();
        }
        let acks = self.conversation.poll_acks(task, &mut self.stream.output, &mut self.timer);
        // After a clogged output there can be answers that do not wake the task again.
        let is_clogged = self.conversation.is_clogged(&self.stream.output);
        Ok(match flow {
            // The socket wakes the task only if it was read until it was empty, which it was not
            // while earlier frames had to be handled first.
            Flow::Hungry => {
                let more = read > 0 && self.read_on(task)? == Next::Again;
                Next::again_if(more || was_behind || is_clogged)
            }
            Flow::Full => {
                // Other connections free memory without waking this one.
                if self.conversation.waits_for_memory() {
                    self.timer.arm(Instant::now() + MEMORY_WAIT);
                }
                // Each ACK has made room for frames in the input.
                Next::again_if(acks > 0 || is_clogged)
            }
            // The input can have complete frames.
            Flow::Paused => Next::Again,
            Flow::Over(end) => {
                self.on_end(end);
                // At once, so that the DISCONNECT leaves with the ACKs.
                self.end(task)?
            }
        })
    }

    /// Wakes the task when more bytes arrive, unless there are some already. Usually there are
    /// none, and the socket, drained by the last read, need not be polled again.
    fn read_on(&mut self, task: &mut Context<'_>) -> io::Result<Next> {
        if self.conversation.is_full(&self.stream.output) {
            // Nothing is read, so the socket does not wake the task; the next turn finds out what
            // to wait for.
            return Ok(Next::Again);
        }
        match self.stream.poll_read(task) {
            Poll::Pending => return Ok(Next::Wait),
            Poll::Ready(Ok(0)) => self.begin_end(Closing::of_the_stream()),
            Poll::Ready(Ok(_)) => {}
            Poll::Ready(Err(error)) => {
                // Immediate answers can still reach a peer that has closed one direction.
                let _ = self.stream.poll_flush(task);
                return Err(error);
            }
        }
        Ok(Next::Again)
    }

    fn begin_end(&mut self, closing: Closing) {
        self.enter(Phase::Closing(Box::new(closing)));
    }

    /// Continues closing.
    fn end(&mut self, task: &mut Context<'_>) -> io::Result<Next> {
        let Phase::Closing(closing) = &mut self.phase else { return Ok(Next::Wait) };
        closing.proceed(&mut self.conversation, &mut self.stream, &mut self.timer, task)
    }

    fn on_end(&mut self, end: End) {
        match end {
            End::Healthcheck => self.begin_end(Closing::without_disconnect()),
            End::Excess => self.turn_away(),
            End::Disconnected(theirs) => {
                self.conversation.report_disconnect(&theirs);
                self.conversation.cancel();
                self.begin_end(Closing::after_answers(normal_disconnect()));
            }
            End::Violation(violation) => self.on_fault(&violation.into()),
        }
    }

    /// No permit is free: refuses the connection.
    fn turn_away(&mut self) {
        self.stream.input.clear();
        connection_limit::report(&self.shared, self.conversation.peer());
        let later = Instant::now() + self.shared.limits().refusal_delay;
        self.begin_end(Closing::not_before(later, Some(connection_limit::disconnect())));
    }

    fn on_fault(&mut self, fault: &PeerFault) {
        self.conversation.report(fault);
        if let PeerFault::Violation(Violation::ForeignProtocol(_)) = fault {
            // As late as after any refused HELLO, but without a DISCONNECT, which it cannot read.
            let later = Instant::now() + self.shared.limits().refusal_delay;
            return self.begin_end(Closing::not_before(later, None));
        }
        let (status_code, message) = (fault.status(), fault.to_string().into());
        self.dismiss(Disconnect { status_code, message });
    }

    /// Reads nothing more from the peer, and sends DISCONNECT after its answers.
    fn dismiss(&mut self, disconnect: Disconnect) {
        self.stream.input.clear();
        self.conversation.forget();
        self.conversation.leave_ack_router();
        self.begin_end(if self.conversation.is_greeted() {
            Closing::after_answers(disconnect)
        } else {
            Closing::not_before(
                Instant::now() + self.shared.limits().refusal_delay,
                Some(disconnect),
            )
        });
    }

    fn enter(&mut self, phase: Phase) {
        self.timer.disarm();
        // Each phase arms its own timer: one of the previous phase must not end this one.
        self.phase = phase;
        self.guard.speak();
    }

    fn on_time(&mut self) {
        let now = Instant::now();
        match &mut self.phase {
            Phase::Open if self.guard.is_excess() => self.turn_away(),
            Phase::Open if self.newcomer.is_some() => {
                self.begin_end(Closing::after_input(normal_disconnect()));
            }
            Phase::Open if !self.conversation.is_greeted() => {
                self.on_fault(&PeerFault::HelloTimeout);
            }
            Phase::Open | Phase::Draining(_) if self.conversation.is_overdue(now) => {
                self.on_read_timeout();
            }
            Phase::Open | Phase::Draining(_) => {
                self.conversation.expire(now);
                self.is_too_old |= self.retires.take_if(|time| *time <= now).is_some();
            }
            Phase::Closing(closing) => closing.on_time(&mut self.conversation),
        }
    }

    /// A TLS record is not complete in time. HELLO has its own timeout.
    fn on_unfinished(&mut self) {
        if self.conversation.is_greeted() && !matches!(self.phase, Phase::Closing(_)) {
            self.on_read_timeout();
        }
    }

    fn on_read_timeout(&mut self) {
        self.shared.counters.count(|statistics| statistics.read_timeouts += 1);
        self.on_fault(&PeerFault::ReadTimeout);
    }

    /// Closes the connection: the memory limit is reached, and it buffers more than its share.
    /// Returns whether it has ended at once.
    fn on_excess(&mut self, task: &mut Context<'_>) -> Poll<()> {
        // A peer that does not read its ACKs would not read a DISCONNECT either.
        let is_deaf = self.memory_guard.is_more_than_its_part(self.stream.output.len());
        if !is_deaf && matches!(self.phase, Phase::Closing(_)) {
            return Poll::Pending;
        }
        self.memory_guard.report(self.conversation.peer());
        if is_deaf {
            return Poll::Ready(());
        }
        if !self.conversation.is_greeted() {
            self.shared.count_refusal("memory");
        }
        let message = "the agent keeps as many bytes for its connections as it may".into();
        self.dismiss(Disconnect { status_code: StatusCode::NO_RESOURCE, message });
        task.waker().wake_by_ref();
        Poll::Pending
    }

    fn report_stall(&self) {
        self.shared.counters.count(|statistics| statistics.write_timeouts += 1);
        if let Some(suppressed) = self.shared.limited(Cause::Stalled) {
            let peer = self.conversation.peer();
            let write_timeout = self.shared.common.name(Limit::WriteTimeout);
            log::warn!(
                peer = %peer.address,
                engine_id = peer.engine_id.as_ref().map(tracing::field::display),
                unread = self.stream.output.len(),
                suppressed,
                "write timeout reached: closed a connection whose peer does not read its ACKs; \
                 find out whether HAProxy hangs, or raise {write_timeout}"
            );
        }
    }
}

/// The DISCONNECT of a connection without an error.
fn normal_disconnect() -> Disconnect {
    Disconnect::new(StatusCode::NORMAL)
}

impl<S: Transport> Actor for Connection<S> {
    type Context = actix::Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.spawn(Io);
    }
}

/// The one future of a connection: all its state belongs to the actor.
struct Io;

impl<S: Transport> ActorFuture<Connection<S>> for Io {
    type Output = ();

    fn poll(
        self: Pin<&mut Self>,
        connection: &mut Connection<S>,
        ctx: &mut actix::Context<Connection<S>>,
        task: &mut Context<'_>,
    ) -> Poll<()> {
        let ended = connection.poll(task);
        if ended.is_ready() {
            ctx.stop();
        }
        ended
    }
}
