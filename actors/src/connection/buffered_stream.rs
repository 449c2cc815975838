//! The byte stream of a connection, with what was read and not yet taken, and what is to be written.

use std::{
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use bytes::{Buf, BufMut, BytesMut};
use tokio::time::Instant;
use tokio_util::io::poll_read_buf;

use super::{timer::Timer, transport::Transport};
use crate::arbiter::ArbiterContext;

/// The most that is read at a time, however large the buffer has become: a connection keeps what it
/// cannot take for now. The 20 NOTIFYs that HAProxy sends without an ACK come together up to 8 KiB each.
const READ_LIMIT: usize = 160 * 1024;
/// By how much the buffer grows at the least.
const READ_SIZE: usize = 64 * 1024;
/// The buffer grows when less room than this is left in it.
const READ_ROOM: usize = 16 * 1024;

/// A byte stream, and its buffers while its connection is awake.
pub(super) struct BufferedStream<S> {
    stream: S,
    shared: Rc<ArbiterContext>,
    /// How many bytes have come.
    received: u64,
    /// How many of them had been taken when the buffers were lent.
    taken: u64,
    /// What was read and not yet taken.
    pub(crate) input: BytesMut,
    /// What is to be written.
    pub(crate) output: BytesMut,
    /// How many bytes of memory in front of each are spent, if it is not the arbiter's.
    spent_input: Option<usize>,
    spent_output: Option<usize>,
    /// On while the peer takes nothing of it.
    stall: Timer,
    /// On while the transport holds back the beginning of something.
    unfinished: Timer,
}

impl<S> BufferedStream<S> {
    pub(super) fn new(stream: S, shared: Rc<ArbiterContext>) -> Self {
        Self {
            stream,
            shared,
            received: 0,
            taken: 0,
            input: BytesMut::new(),
            output: BytesMut::new(),
            spent_input: None,
            spent_output: None,
            stall: Timer::default(),
            unfinished: Timer::default(),
        }
    }

    /// How many bytes have come.
    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// Takes the buffers that the arbiter lends, for one wake-up.
    pub(super) fn borrow_buffers(&mut self) {
        self.taken = self.received - self.input.len() as u64;
        self.shared.input.lend(&mut self.input, &mut self.spent_input);
        self.shared.output.lend(&mut self.output, &mut self.spent_output);
    }

    /// Gives them back; what is left in them stays here.
    pub(super) fn return_buffers(&mut self) {
        if let Some(spent) = &mut self.spent_input {
            let taken = self.received - self.input.len() as u64;
            *spent += (taken - self.taken) as usize;
        }
        self.shared.output.take_back(&mut self.output, &mut self.spent_output);
        self.shared.input.take_back(&mut self.input, &mut self.spent_input);
    }

    /// Whether nothing waits for the peer to take it, here or in TLS.
    pub(super) fn has_left(&self) -> bool {
        self.output.is_empty() && !self.is_behind()
    }

    /// Whether the peer has not yet taken all of what was flushed.
    pub(super) fn is_behind(&self) -> bool {
        self.stall.is_armed()
    }

    /// Whether the peer has taken nothing for longer than it may.
    pub(super) fn is_stalled(&mut self, task: &mut Context<'_>) -> bool {
        self.stall.poll(task)
    }
}

impl<S: Transport> BufferedStream<S> {
    /// How many bytes of memory are left here, and in the transport.
    pub(super) fn kept(&self) -> usize {
        let spent = self.spent_input.unwrap_or(0) + self.spent_output.unwrap_or(0);
        self.input.capacity() + self.output.capacity() + spent + self.stream.kept()
    }

    /// Whether the peer has begun something that the transport holds back, and has not completed it in
    /// time.
    pub(super) fn is_unfinished(&mut self, task: &mut Context<'_>) -> bool {
        S::HOLDS_BACK && self.unfinished.poll(task)
    }

    /// Does not read for now: that nothing comes is not the peer's doing.
    pub(super) fn pause_reading(&mut self) {
        self.unfinished.disarm();
    }

    /// Reads what has come, once; ready with 0 when the peer has closed its side.
    pub(super) fn poll_read(&mut self, task: &mut Context<'_>) -> Poll<io::Result<usize>> {
        // `reserve` moves what is left to the front if that makes room, and allocates only if it does not.
        if self.input.capacity() - self.input.len() < READ_ROOM {
            self.input.reserve(READ_SIZE);
        }
        let mut room = (&mut self.input).limit(READ_LIMIT);
        let polled = poll_read_buf(Pin::new(&mut self.stream), task, &mut room);
        if S::HOLDS_BACK {
            if polled.is_pending() && self.stream.has_begun() {
                self.unfinished.arm(Instant::now() + self.shared.limits().read_timeout);
            } else {
                self.unfinished.disarm();
            }
        }
        let read = ready!(polled)?;
        self.received += read as u64;
        self.shared.counters.count(|statistics| statistics.bytes_in += read as u64);
        Poll::Ready(Ok(read))
    }

    /// Writes everything, in one go if the peer takes it.
    pub(super) fn poll_flush(&mut self, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        // One write for all ACKs of a wake-up. It loops for a peer that takes a part, and ends with "would
        // block", so that the socket wakes the task.
        while !self.output.is_empty() {
            let write = Pin::new(&mut self.stream).poll_write(task, &self.output);
            let Poll::Ready(written) = write else {
                self.stall.arm(Instant::now() + self.shared.limits().write_timeout);
                return Poll::Pending;
            };
            let written = written?;
            // A stream that takes nothing and says so would be asked for ever.
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.stall.disarm();
            self.output.advance(written);
            if let Some(spent) = &mut self.spent_output {
                *spent += written;
            }
            self.shared.counters.count(|statistics| statistics.bytes_out += written as u64);
        }
        // TLS has a buffer of its own.
        let flushed = Pin::new(&mut self.stream).poll_flush(task);
        match flushed {
            Poll::Pending => {
                self.stall.arm(Instant::now() + self.shared.limits().write_timeout);
            }
            Poll::Ready(_) => self.stall.disarm(),
        }
        flushed
    }

    /// Closes the write side.
    pub(super) fn poll_shutdown(&mut self, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(task)
    }
}
