//! Buffered stream: the byte stream of a connection with its input and output buffers.

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

/// The largest read in bytes, however large the buffer is: a connection keeps what it cannot handle
/// yet. The 20 NOTIFYs that HAProxy sends without an ACK fit with up to 8 KiB each.
const READ_LIMIT: usize = 160 * 1024;
/// The smallest growth of the buffer.
const READ_SIZE: usize = 64 * 1024;
/// The buffer grows when less space than this is left.
const READ_ROOM: usize = 16 * 1024;

/// A byte stream, and its buffers while its connection is awake.
pub(super) struct BufferedStream<S> {
    stream: S,
    shared: Rc<ArbiterContext>,
    /// How many bytes were received.
    received: u64,
    /// How many of them were handled when the buffers were lent.
    taken: u64,
    /// Received bytes that are not handled.
    pub(crate) input: BytesMut,
    /// Bytes to write.
    pub(crate) output: BytesMut,
    /// How many bytes of memory before each are spent, if the buffer is not the arbiter's.
    spent_input: Option<usize>,
    spent_output: Option<usize>,
    /// Armed while the peer does not read the output.
    stall: Timer,
    /// Armed while the transport holds back an incomplete record.
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

    /// How many bytes were received.
    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// Takes the buffers that the arbiter lends, for one wake-up.
    pub(super) fn borrow_buffers(&mut self) {
        self.taken = self.received - self.input.len() as u64;
        self.shared.input.lend(&mut self.input, &mut self.spent_input);
        self.shared.output.lend(&mut self.output, &mut self.spent_output);
    }

    /// Returns them; remaining bytes stay here.
    pub(super) fn return_buffers(&mut self) {
        if let Some(spent) = &mut self.spent_input {
            let taken = self.received - self.input.len() as u64;
            *spent += (taken - self.taken) as usize;
        }
        self.shared.output.take_back(&mut self.output, &mut self.spent_output);
        self.shared.input.take_back(&mut self.input, &mut self.spent_input);
    }

    /// Whether nothing waits to be sent, here or in TLS.
    pub(super) fn has_left(&self) -> bool {
        self.output.is_empty() && !self.is_behind()
    }

    /// Whether the peer has not read all of the flushed output.
    pub(super) fn is_behind(&self) -> bool {
        self.stall.is_armed()
    }

    /// Whether the peer has not read for longer than the write timeout.
    pub(super) fn is_stalled(&mut self, task: &mut Context<'_>) -> bool {
        self.stall.poll(task)
    }
}

impl<S: Transport> BufferedStream<S> {
    /// How many bytes of memory are in use here, and in the transport.
    pub(super) fn kept(&self) -> usize {
        let spent = self.spent_input.unwrap_or(0) + self.spent_output.unwrap_or(0);
        self.input.capacity() + self.output.capacity() + spent + self.stream.kept()
    }

    /// Whether the peer has begun a record that the transport holds back, and has not completed it
    /// in time.
    pub(super) fn is_unfinished(&mut self, task: &mut Context<'_>) -> bool {
        S::HOLDS_BACK && self.unfinished.poll(task)
    }

    /// Pauses reading: missing bytes are then not the peer's fault.
    pub(super) fn pause_reading(&mut self) {
        self.unfinished.disarm();
    }

    /// Reads once; ready with 0 when the peer has closed its side.
    pub(super) fn poll_read(&mut self, task: &mut Context<'_>) -> Poll<io::Result<usize>> {
        // `reserve` moves the remaining bytes to the front if that makes room, and allocates only
        // otherwise.
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

    /// Writes everything, in one call if the peer reads it.
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
            // Otherwise a stream that accepts nothing would be polled forever.
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
        // TLS has its own buffer.
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
