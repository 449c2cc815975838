//! Connection: the actor that owns one HAProxy connection, and its one I/O future.
//!
//! The future owns everything of the connection: socket, codec, reassembly, what is in flight, and
//! the output. On each wake-up it reads what has come, hands it out, gathers what is answered, and
//! writes once. The actor's mailbox is for control only.

use std::{
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use actix::{Actor, ActorContext, ActorFuture, AsyncContext, Handler};
use bytes::{Buf, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Duration, Instant},
};
use tokio_util::io::poll_read_buf;

use crate::{
    conversation::{Conversation, End, Flow},
    origin::PeerAddress,
    shared::Shared,
    spop::{Disconnect, Frame, StatusCode, Violation},
    timer::Timer,
};

/// How much is read at a time at the most.
const READ_SIZE: usize = 64 * 1024;
/// The buffer grows when less room than this is left in it.
const READ_ROOM: usize = 16 * 1024;
/// How many times a connection reads before it lets others of its arbiter go on.
const ROUNDS: usize = 8;
/// How long a peer may take to read the last bytes, and then to close its side.
const LINGER: Duration = Duration::from_secs(1);

/// One HAProxy connection.
pub(crate) struct Connection<S> {
    stream: S,
    shared: Rc<Shared>,
    conversation: Conversation,
    input: BytesMut,
    output: BytesMut,
    phase: Phase,
    timer: Timer,
}

/// Where a connection is in its life; it only ever goes down this list.
enum Phase {
    /// Frames are read and answered.
    Open,
    /// Nothing is read any more; when all that is in flight is answered, the farewell follows.
    Ending { farewell: Disconnect, not_before: Option<Instant> },
    /// Everything is said; it leaves, and then the write side closes.
    Closing,
    /// The peer may close its side, so that nothing it has sent makes the kernel reset.
    Lingering,
    /// There is nothing left to do.
    Closed,
}

/// Ends a connection in good order: what is in flight is answered first.
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
            stream,
            conversation: Conversation::new(Rc::clone(&shared), address),
            shared,
            input: BytesMut::new(),
            output: BytesMut::new(),
            phase: Phase::Open,
            timer,
        }
    }

    /// Goes on as far as possible; ready when the connection has ended.
    fn poll(&mut self, task: &mut Context<'_>) -> Poll<()> {
        self.shared.input.lend(&mut self.input);
        self.shared.output.lend(&mut self.output);
        let progress = self.proceed(task);
        self.shared.output.take_back(&mut self.output);
        self.shared.input.take_back(&mut self.input);
        match progress {
            Poll::Ready(Err(error)) => {
                // HAProxy from 3.1 on ends idle connections with a bare reset: a normal end.
                tracing::debug!(peer = %self.conversation.peer().address, %error, "connection lost");
                Poll::Ready(())
            }
            progress => progress.map(|_| ()),
        }
    }

    fn proceed(&mut self, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        for _ in 0..ROUNDS {
            let mut again = match self.phase {
                Phase::Open => self.converse(task)?,
                Phase::Ending { .. } => self.end(task),
                Phase::Closing | Phase::Lingering | Phase::Closed => false,
            };
            let flushed = self.poll_flush(task)?.is_ready();
            if flushed && matches!(self.phase, Phase::Closing) {
                ready!(Pin::new(&mut self.stream).poll_shutdown(task))?;
                self.enter(Phase::Lingering);
            }
            if matches!(self.phase, Phase::Lingering) {
                again = self.linger(task)?;
            }
            if matches!(self.phase, Phase::Closed) {
                return Poll::Ready(Ok(()));
            }
            let went_off = self.timer.poll(task);
            if went_off {
                self.on_time();
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
        let is_full = self.conversation.is_full(&self.output);
        let read = match if is_full { Poll::Pending } else { self.poll_read(task) } {
            Poll::Ready(Ok(0)) => {
                // What was answered already may still arrive; what was not is wanted no more.
                self.conversation.cancel();
                let _ = self.poll_flush(task)?;
                self.phase = Phase::Closed;
                return Ok(false);
            }
            Poll::Ready(read) => read?,
            Poll::Pending => 0,
        };
        let flow = self.conversation.receive(&mut self.input, &mut self.output);
        let acks = self.conversation.poll_acks(task, &mut self.output);
        if let Some(deadline) = self.conversation.deadline() {
            self.timer.arm(deadline);
        }
        Ok(match flow {
            Flow::Hungry => read > 0,
            Flow::Full => acks > 0 || self.conversation.is_clogged(&self.output),
            Flow::Over(end) => {
                self.on_end(end);
                true
            }
        })
    }

    /// Gathers what is answered, and says farewell when that is all. Says whether to go on at once.
    fn end(&mut self, task: &mut Context<'_>) -> bool {
        self.conversation.poll_acks(task, &mut self.output);
        if let Some(deadline) = self.conversation.deadline() {
            self.timer.arm(deadline);
        }
        let Phase::Ending { farewell, not_before } = &self.phase else {
            return false;
        };
        if not_before.is_some_and(|time| Instant::now() < time) {
            return false;
        }
        if !self.conversation.is_idle() {
            return self.conversation.is_clogged(&self.output);
        }
        let status_code = farewell.status_code;
        self.shared.counters.count(|statistics| statistics.disconnects_sent.count(status_code));
        Frame::AgentDisconnect(farewell.clone()).encode(&mut self.output);
        self.enter(Phase::Closing);
        true
    }

    /// Throws away what the peer still sends, until it closes its side.
    fn linger(&mut self, task: &mut Context<'_>) -> io::Result<bool> {
        self.input.clear();
        match self.poll_read(task) {
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
                self.say_farewell(Disconnect::new(StatusCode::NORMAL), None);
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
        let farewell = Disconnect { status_code, message: violation.to_string().into() };
        self.say_farewell(farewell, not_before);
    }

    fn say_farewell(&mut self, farewell: Disconnect, not_before: Option<Instant>) {
        self.enter(Phase::Ending { farewell, not_before });
    }

    fn enter(&mut self, phase: Phase) {
        self.timer.disarm();
        match &phase {
            Phase::Ending { not_before: Some(time), .. } => self.timer.arm(*time),
            Phase::Closing | Phase::Lingering => self.timer.arm(Instant::now() + LINGER),
            _ => {}
        }
        self.phase = phase;
    }

    fn on_time(&mut self) {
        match self.phase {
            Phase::Open if !self.conversation.is_greeted() => {
                self.on_violation(&Violation::HelloTimeout);
            }
            Phase::Open | Phase::Ending { .. } => self.conversation.expire(Instant::now()),
            Phase::Closing | Phase::Lingering | Phase::Closed => self.phase = Phase::Closed,
        }
    }

    fn poll_read(&mut self, task: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.input.capacity() - self.input.len() < READ_ROOM {
            self.input.reserve(READ_SIZE);
        }
        let read = ready!(poll_read_buf(Pin::new(&mut self.stream), task, &mut self.input))?;
        self.shared.counters.count(|statistics| statistics.bytes_in += read as u64);
        Poll::Ready(Ok(read))
    }

    /// Writes everything in one go if the peer takes it.
    fn poll_flush(&mut self, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.output.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(task, &self.output))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.output.advance(written);
            self.shared.counters.count(|statistics| statistics.bytes_out += written as u64);
        }
        Poll::Ready(Ok(()))
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
        if matches!(self.phase, Phase::Open) {
            self.say_farewell(Disconnect::new(StatusCode::NORMAL), None);
        }
    }
}
