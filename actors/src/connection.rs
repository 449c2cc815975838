//! Connection: the actor that owns one HAProxy connection, and its one I/O future.
//!
//! The future owns everything of the connection: socket, codec, reassembly, what is in flight, and
//! the output. On each wake-up it reads what has come, hands it out, gathers what is answered, and
//! writes once. The actor's mailbox is for control only.

use std::{
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use actix::{Actor, ActorContext, ActorFuture, AsyncContext, Handler};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Duration, Instant},
};

use crate::{
    buffered_stream::BufferedStream,
    conversation::{Conversation, End, Flow},
    hold::Hold,
    origin::PeerAddress,
    shared::Shared,
    spop::{Disconnect, Frame, StatusCode, Violation},
    timer::Timer,
};

/// How many times a connection reads before it lets others of its arbiter go on.
const ROUNDS: usize = 8;
/// How long a peer may take to close its side when everything is said.
const LINGER: Duration = Duration::from_secs(1);

/// One HAProxy connection.
pub(crate) struct Connection<S> {
    stream: BufferedStream<S>,
    shared: Rc<Shared>,
    conversation: Conversation,
    phase: Phase,
    timer: Timer,
}

/// Where a connection is in its life; it only ever goes down this list.
enum Phase {
    /// Frames are read and answered.
    Open,
    /// Frames are read and answered, but the answers are held back until no more come.
    Holding(Hold),
    /// Nothing more is read; when all that was asked is answered, the farewell follows.
    Ending(Ending),
    /// Everything is said; it leaves, and then the write side closes.
    Closing,
    /// The peer may close its side, so that nothing it has sent makes the kernel reset.
    Lingering,
    /// There is nothing left to do.
    Closed,
}

/// How a connection comes to its end.
struct Ending {
    /// What is said at last; nothing to a peer that has closed its side already.
    farewell: Option<Disconnect>,
    /// Whether what was read already is still to be answered.
    takes_input: bool,
    not_before: Option<Instant>,
}

/// Ends a connection in good order: what HAProxy may still send is answered first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Drain;

impl actix::Message for Drain {
    type Result = ();
}

impl<S: AsyncRead + AsyncWrite + Unpin + 'static> Connection<S> {
    pub(crate) fn new(stream: S, address: PeerAddress, shared: Rc<Shared>) -> Self {
        shared.counters.count(|statistics| {
            statistics.connections_accepted += 1;
            statistics.connections_open += 1;
        });
        let mut timer = Timer::default();
        timer.arm(Instant::now() + shared.limits.hello_timeout);
        Self {
            stream: BufferedStream::new(stream, Rc::clone(&shared)),
            conversation: Conversation::new(Rc::clone(&shared), address),
            shared,
            phase: Phase::Open,
            timer,
        }
    }

    /// Goes on as far as possible; ready when the connection has ended.
    fn poll(&mut self, task: &mut Context<'_>) -> Poll<()> {
        self.stream.borrow_buffers();
        let progress = self.proceed(task);
        self.stream.return_buffers();
        match progress {
            Poll::Ready(Err(error)) => {
                // HAProxy from 3.1 on ends idle connections with a bare reset: a normal end.
                tracing::debug!(peer = %self.conversation.peer().address, %error, "connection lost");
                Poll::Ready(())
            }
            progress => progress.map(|_| ()),
        }
    }

    /// Takes turns until there is nothing to do at once. Pending is left by
    ///
    /// - the read side, when something comes, unless the in-flight set or the output is full;
    /// - an answer, when it is ready; it makes room in the in-flight set;
    /// - the write side, when the peer takes something; until then nothing is put into the output;
    /// - the timer (deadlines, HELLO, hold, refusal, linger), and the one of a stalled output.
    fn proceed(&mut self, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        for _ in 0..ROUNDS {
            let mut again = match self.phase {
                Phase::Open => self.converse(task)?,
                Phase::Holding(_) => self.hold(task)?,
                Phase::Ending(_) => self.end(task),
                Phase::Closing | Phase::Lingering | Phase::Closed => false,
            };
            let is_holding = matches!(self.phase, Phase::Holding(_));
            let flushed = is_holding || self.stream.poll_flush(task)?.is_ready();
            if flushed && matches!(self.phase, Phase::Closing) {
                again = self.stream.poll_shutdown(task)?.is_ready();
                if again {
                    self.enter(Phase::Lingering);
                } else {
                    self.timer.arm(Instant::now() + LINGER);
                }
            }
            if matches!(self.phase, Phase::Lingering) {
                again = self.linger(task)?;
            }
            let went_off = self.timer.poll(task);
            if went_off {
                self.on_time();
            }
            if self.stream.is_stalled(task) {
                self.on_stall();
            }
            if matches!(self.phase, Phase::Closed) {
                return Poll::Ready(Ok(()));
            }
            if !(went_off || again && flushed) {
                return Poll::Pending;
            }
        }
        task.waker().wake_by_ref();
        Poll::Pending
    }

    /// Reads once, hands out what came, gathers what is answered. Says whether to go on at once.
    fn converse(&mut self, task: &mut Context<'_>) -> io::Result<bool> {
        let is_full = self.conversation.is_full(&self.stream.output);
        let polled = if is_full { Poll::Pending } else { self.stream.poll_read(task) };
        let read = match polled {
            Poll::Ready(Ok(0)) => {
                // What is answered at once may still reach the peer; the rest is wanted no more.
                self.enter(Phase::Ending(Ending {
                    farewell: None,
                    takes_input: true,
                    not_before: None,
                }));
                return Ok(true);
            }
            Poll::Ready(read) => read?,
            Poll::Pending => 0,
        };
        let flow = self.conversation.receive(&mut self.stream.input, &mut self.stream.output);
        let acks = self.conversation.poll_acks(task, &mut self.stream.output);
        if let Some(deadline) = self.conversation.deadline() {
            self.timer.arm(deadline);
        }
        Ok(match flow {
            // Behind a clogged output there may be answers that wake nobody again.
            Flow::Hungry => read > 0 || self.conversation.is_clogged(&self.stream.output),
            Flow::Full => acks > 0 || self.conversation.is_clogged(&self.stream.output),
            Flow::Over(end) => {
                self.on_end(end);
                // At once, so that the farewell leaves with the ACKs.
                self.end(task)
            }
        })
    }

    /// Converses without writing, until all that HAProxy may send has come. Says whether to go on at
    /// once.
    fn hold(&mut self, task: &mut Context<'_>) -> io::Result<bool> {
        let again = self.converse(task)?;
        let now = Instant::now();
        let Phase::Holding(hold) = &mut self.phase else { return Ok(true) };
        hold.saw(self.stream.received(), now);
        // Not while there may be more to read at once.
        let is_quiet = !again && self.conversation.is_idle() && hold.is_quiet(now);
        let is_over = hold.is_over(now) || self.conversation.is_clogged(&self.stream.output);
        if is_quiet || is_over {
            self.say_farewell(true);
            // At once, so that the farewell leaves with the ACKs.
            return Ok(self.end(task));
        }
        self.timer.arm(hold.next(now));
        Ok(again)
    }

    /// Gathers what is answered, and says farewell when that is all. Says whether to go on at once.
    fn end(&mut self, task: &mut Context<'_>) -> bool {
        let Phase::Ending(ending) = &mut self.phase else { return false };
        if ending.takes_input {
            let flow = self.conversation.receive(&mut self.stream.input, &mut self.stream.output);
            ending.takes_input = matches!(flow, Flow::Full);
        }
        if ending.farewell.is_none() {
            self.conversation.cancel();
        }
        let acks = self.conversation.poll_acks(task, &mut self.stream.output);
        if let Some(deadline) = self.conversation.deadline() {
            self.timer.arm(deadline);
        }
        if let Some(time) = ending.not_before
            && Instant::now() < time
        {
            self.timer.arm(time);
            return false;
        }
        if ending.takes_input || !self.conversation.is_idle() {
            let may_receive = self.conversation.is_idle() || acks > 0;
            return self.conversation.is_clogged(&self.stream.output)
                || ending.takes_input && may_receive;
        }
        if let Some(farewell) = ending.farewell.take() {
            let status_code = farewell.status_code;
            self.shared.counters.count(|statistics| statistics.disconnects_sent.count(status_code));
            Frame::AgentDisconnect(farewell).encode(&mut self.stream.output);
        }
        self.enter(Phase::Closing);
        true
    }

    /// Throws away what the peer still sends, until it closes its side.
    fn linger(&mut self, task: &mut Context<'_>) -> io::Result<bool> {
        self.stream.input.clear();
        match self.stream.poll_read(task) {
            Poll::Ready(Ok(0)) => {
                self.phase = Phase::Closed;
                Ok(false)
            }
            Poll::Ready(read) => read.map(|_| true),
            Poll::Pending => Ok(false),
        }
    }

    fn on_end(&mut self, end: End) {
        match end {
            End::Healthcheck => self.enter(Phase::Closing),
            End::Goodbye(theirs) => {
                tracing::debug!(
                    peer = %self.conversation.peer().address,
                    status_code = %theirs.status_code,
                    text = %theirs.message,
                    "HAProxy disconnects"
                );
                self.conversation.cancel();
                self.say_farewell(false);
            }
            End::Violation(violation) => self.on_violation(&violation),
        }
    }

    fn on_violation(&mut self, violation: &Violation) {
        let status_code = violation.status();
        if let Some(unsaid) = self.shared.violations.permit() {
            let peer = self.conversation.peer();
            tracing::warn!(
                peer = %peer.address,
                engine_id = peer.engine_id.as_ref().map(tracing::field::display),
                %status_code,
                unsaid,
                "the peer broke the protocol: {violation}; {}",
                violation.advice()
            );
        }
        let not_before = (!self.conversation.is_greeted()).then(|| {
            self.shared.counters.count(|statistics| statistics.hellos_refused += 1);
            Instant::now() + self.shared.limits.refusal_delay
        });
        let farewell = Some(Disconnect { status_code, message: violation.to_string().into() });
        self.enter(Phase::Ending(Ending { farewell, takes_input: false, not_before }));
    }

    fn say_farewell(&mut self, takes_input: bool) {
        let farewell = Some(Disconnect::new(StatusCode::NORMAL));
        self.enter(Phase::Ending(Ending { farewell, takes_input, not_before: None }));
    }

    fn enter(&mut self, phase: Phase) {
        self.timer.disarm();
        if matches!(phase, Phase::Lingering) {
            self.timer.arm(Instant::now() + LINGER);
        }
        self.phase = phase;
    }

    fn on_time(&mut self) {
        match self.phase {
            Phase::Open if !self.conversation.is_greeted() => {
                self.on_violation(&Violation::HelloTimeout);
            }
            Phase::Open | Phase::Holding(_) | Phase::Ending(_) => {
                self.conversation.expire(Instant::now());
            }
            Phase::Closing | Phase::Lingering | Phase::Closed => self.phase = Phase::Closed,
        }
    }

    fn on_stall(&mut self) {
        self.shared.counters.count(|statistics| statistics.write_timeouts += 1);
        tracing::warn!(
            peer = %self.conversation.peer().address,
            unread = self.stream.output.len(),
            "the peer has read none of its ACKs for too long; its connection is closed"
        );
        self.phase = Phase::Closed;
    }
}

impl<S> Drop for Connection<S> {
    fn drop(&mut self) {
        self.shared.counters.count(|statistics| statistics.connections_open -= 1);
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + 'static> Actor for Connection<S> {
    type Context = actix::Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.spawn(Io);
    }
}

/// The one future of a connection: all its state is the actor's.
struct Io;

impl<S: AsyncRead + AsyncWrite + Unpin + 'static> ActorFuture<Connection<S>> for Io {
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

impl<S: AsyncRead + AsyncWrite + Unpin + 'static> Handler<Drain> for Connection<S> {
    type Result = ();

    fn handle(&mut self, _: Drain, _: &mut Self::Context) {
        if !matches!(self.phase, Phase::Open) {
            return;
        }
        if !self.conversation.is_greeted() || !self.stream.output.is_empty() {
            // Nothing can be under way yet; or the peer is behind, and holding back gains nothing.
            return self.say_farewell(true);
        }
        let (now, received) = (Instant::now(), self.stream.received());
        let hold = Hold::new(now, received, self.conversation.oldest(), &self.shared.limits);
        self.enter(Phase::Holding(hold));
        self.timer.arm(now);
    }
}
