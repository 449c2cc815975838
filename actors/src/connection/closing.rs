//! Closing: the last answers of a connection, its DISCONNECT, and the wait for the peer's close.

use std::{
    io,
    task::{Context, Poll},
};

use tokio::time::{Duration, Instant};

use super::{
    buffered_stream::BufferedStream,
    conversation::{Conversation, End, Flow},
    next::Next,
    timer::Timer,
    transport::Transport,
};
use crate::spop::Disconnect;

/// How long a peer has to close its side after DISCONNECT.
const LINGER: Duration = Duration::from_secs(1);

/// How a connection closes: nothing more is read.
pub(super) struct Closing {
    stage: Stage,
}

/// The stages of closing, in order.
enum Stage {
    /// After all answers, the DISCONNECT follows.
    Flush(Flush),
    /// Everything is written; it is flushed, and then the write side closes.
    Shutdown,
    /// Waits for the peer to close its side, so that unread bytes do not make the kernel reset.
    Linger,
    /// The connection is closed.
    Done,
}

struct Flush {
    /// The DISCONNECT; `None` for a peer that has closed its side already.
    disconnect: Option<Disconnect>,
    /// Whether bytes that were read are still to be answered.
    takes_input: bool,
    not_before: Option<Instant>,
}

impl Closing {
    /// Answers what is in flight, and sends `disconnect`.
    pub(super) fn after_answers(disconnect: Disconnect) -> Self {
        Self::answering(Some(disconnect), false, None)
    }

    /// Answers the bytes that were read too, and sends `disconnect`.
    pub(super) fn after_input(disconnect: Disconnect) -> Self {
        Self::answering(Some(disconnect), true, None)
    }

    /// Sends `disconnect`, if the peer can read one, at that time.
    pub(super) fn not_before(time: Instant, disconnect: Option<Disconnect>) -> Self {
        Self::answering(disconnect, false, Some(time))
    }

    /// Sends the immediate answers, which can still reach a peer that has closed its side; pending
    /// answers are not sent.
    pub(super) fn of_the_stream() -> Self {
        Self::answering(None, true, None)
    }

    /// Closes without DISCONNECT.
    pub(super) fn without_disconnect() -> Self {
        Self { stage: Stage::Shutdown }
    }

    fn answering(
        disconnect: Option<Disconnect>,
        takes_input: bool,
        not_before: Option<Instant>,
    ) -> Self {
        Self { stage: Stage::Flush(Flush { disconnect, takes_input, not_before }) }
    }

    /// Whether the connection is closed.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Done)
    }

    /// Takes a turn.
    pub(super) fn proceed<S: Transport>(
        &mut self,
        conversation: &mut Conversation,
        stream: &mut BufferedStream<S>,
        timer: &mut Timer,
        task: &mut Context<'_>,
    ) -> io::Result<Next> {
        // One turn can go through several stages: a connection with all its answers closes in one
        // wake-up.
        let mut next = Next::Wait;
        if let Stage::Flush(answering) = &mut self.stage {
            match answering.proceed(conversation, stream, timer, task) {
                Some(after) => next = after,
                None => {
                    timer.disarm();
                    self.stage = Stage::Shutdown;
                }
            }
        }
        // The write side closes after the last byte; until then the peer wakes the task.
        if stream.poll_flush(task)?.is_pending() {
            return Ok(Next::Wait);
        }
        if matches!(self.stage, Stage::Shutdown) {
            timer.arm(Instant::now() + LINGER);
            // The kernel resets a socket that is closed with unread bytes. The reset drops what the
            // peer has not read, with the DISCONNECT. So only the write side closes here.
            if stream.poll_shutdown(task)?.is_pending() {
                return Ok(Next::Wait);
            }
            self.stage = Stage::Linger;
        }
        if matches!(self.stage, Stage::Linger) {
            next = self.linger(stream, task)?;
        }
        Ok(next)
    }

    /// Drops what the peer still sends, until it closes its side.
    fn linger<S: Transport>(
        &mut self,
        stream: &mut BufferedStream<S>,
        task: &mut Context<'_>,
    ) -> io::Result<Next> {
        // Dropped bytes must not accumulate until the peer closes.
        stream.input.clear();
        match stream.poll_read(task) {
            Poll::Ready(Ok(0)) => {
                self.stage = Stage::Done;
                Ok(Next::Wait)
            }
            // The socket wakes the task only when it was read until it was empty.
            Poll::Ready(read) => read.map(|_| Next::Again),
            Poll::Pending => Ok(Next::Wait),
        }
    }

    /// Handles an expired timer.
    pub(super) fn on_time(&mut self, conversation: &mut Conversation) {
        match self.stage {
            Stage::Flush(_) => conversation.expire(Instant::now()),
            Stage::Shutdown | Stage::Linger | Stage::Done => self.stage = Stage::Done,
        }
    }
}

impl Flush {
    /// Collects answers, and then sends DISCONNECT; `None` when everything is sent.
    fn proceed<S>(
        &mut self,
        conversation: &mut Conversation,
        stream: &mut BufferedStream<S>,
        timer: &mut Timer,
        task: &mut Context<'_>,
    ) -> Option<Next> {
        if self.takes_input {
            let flow = conversation.receive(&mut stream.input, &mut stream.output);
            self.takes_input = matches!(flow, Flow::Full | Flow::Paused);
            match flow {
                Flow::Over(End::Healthcheck) => self.disconnect = None,
                Flow::Over(End::Disconnected(_)) => conversation.cancel(),
                Flow::Over(End::Violation(violation)) => conversation.report(&violation.into()),
                Flow::Hungry if self.disconnect.is_none() => {
                    conversation.report_loss(None, &mut stream.input);
                }
                Flow::Hungry | Flow::Full | Flow::Paused | Flow::Over(End::Excess) => {}
            }
        }
        if !self.takes_input {
            // Nothing more is read: a frame in progress will not be complete.
            conversation.forget();
        }
        if self.disconnect.is_none() {
            conversation.lose();
        }
        let acks = conversation.poll_acks(task, &mut stream.output, timer);
        if let Some(time) = self.not_before
            && Instant::now() < time
        {
            timer.arm(time);
            return Some(Next::Wait);
        }
        // DISCONNECT is the last frame: after it HAProxy takes no ACK, so everything else goes before it.
        if self.takes_input || !conversation.is_idle() {
            let may_receive = conversation.is_idle() || conversation.is_paused() || acks > 0;
            let is_clogged = conversation.is_clogged(&stream.output);
            // Input that waits for room is handled as soon as an ACK has made some.
            return Some(Next::again_if(is_clogged || self.takes_input && may_receive));
        }
        if let Some(disconnect) = self.disconnect.take() {
            conversation.disconnect(disconnect, &mut stream.output);
        }
        None
    }
}
