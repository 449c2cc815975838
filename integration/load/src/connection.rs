//! Connection: the socket of a dialogue: one read, and one write of all that is due, per wake-up.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::{
    dialogue::{Broken, Dialogue},
    endpoint::Stream,
    fault::Fault,
    shared::{Buffers, Shared},
};

/// A connection to the agent, HELLO behind it.
pub(crate) struct Connection {
    number: usize,
    stream: Box<dyn Stream>,
    dialogue: Dialogue,
    shared: Rc<Shared>,
    /// The beginning of a frame whose end has not come.
    unread: Vec<u8>,
    /// What the socket has not taken.
    unsent: Vec<u8>,
    is_flushed: bool,
}

impl Connection {
    pub(crate) fn new(
        number: usize,
        stream: Box<dyn Stream>,
        unread: Vec<u8>,
        dialogue: Dialogue,
        shared: Rc<Shared>,
    ) -> Self {
        let unsent = Vec::new();
        Self { number, stream, dialogue, shared, unread, unsent, is_flushed: true }
    }

    /// Sends and receives until all is sent and answered, or the connection is broken; gives the
    /// connection back, still open.
    pub(crate) async fn run(mut self) -> Self {
        // What is broken has been counted.
        let _ = poll_fn(|context| self.poll(context)).await;
        self
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        let shared = Rc::clone(&self.shared);
        let buffers = &mut *shared.buffers.borrow_mut();
        loop {
            let has_read = self.receive(context, buffers)?;
            let has_more = match self.send(context, buffers) {
                Ok(has_more) => has_more,
                Err(error) => return Poll::Ready(Err(self.broken(&error.to_string()))),
            };
            if shared.left() == 0 && self.dialogue.is_quiet() {
                return Poll::Ready(Ok(()));
            }
            // After a short read the next one costs no system call: it leaves the waker only.
            if !has_read && !has_more {
                shared.register(self.number, context.waker());
                return Poll::Pending;
            }
        }
    }

    /// Reads once and takes the frames; says whether there was anything.
    fn receive(
        &mut self,
        context: &mut Context<'_>,
        buffers: &mut Buffers,
    ) -> Result<bool, Broken> {
        let begun = self.unread.len();
        let (before, free) = buffers.input.split_at_mut(begun);
        before.copy_from_slice(&self.unread);
        let mut read = ReadBuf::new(free);
        match Pin::new(&mut self.stream).poll_read(context, &mut read) {
            Poll::Pending => return Ok(false),
            Poll::Ready(Err(error)) => return Err(self.broken(&error.to_string())),
            Poll::Ready(Ok(())) => {}
        }
        let length = read.filled().len();
        if length == 0 {
            return Err(self.broken("it closed the connection without a DISCONNECT"));
        }
        let now = self.shared.now();
        let bytes = &buffers.input[..begun + length];
        let tally = &mut *self.shared.tally.borrow_mut();
        tally.bytes_received += length as u64;
        let taken = self.dialogue.take(bytes, now, tally)?;
        self.unread.clear();
        self.unread.extend_from_slice(&bytes[taken..]);
        Ok(true)
    }

    /// Writes what is due; says whether there may be more that the socket would take.
    fn send(&mut self, context: &mut Context<'_>, buffers: &mut Buffers) -> io::Result<bool> {
        if !self.unsent.is_empty() {
            let mut unsent = std::mem::take(&mut self.unsent);
            let written = self.write(context, &unsent)?;
            unsent.drain(..written);
            self.unsent = unsent;
        }
        if self.unsent.is_empty() {
            buffers.output.clear();
            let (shared, output) = (&self.shared, &mut buffers.output);
            let (left, now) = (shared.left(), shared.now());
            let given = self.dialogue.give(&shared.notify, left, now, output);
            shared.sent(given);
            let written = if given == 0 { 0 } else { self.write(context, &buffers.output)? };
            self.unsent.extend_from_slice(&buffers.output[written..]);
            self.flush(context)?;
            return Ok(given > 0 && self.unsent.is_empty());
        }
        self.flush(context)?;
        Ok(false)
    }

    /// Writes until all is written, or the socket takes no more; says how much it took.
    fn write(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> io::Result<usize> {
        let mut written = 0;
        while written < bytes.len() {
            let rest = &bytes[written..];
            match Pin::new(&mut self.stream).poll_write(context, rest) {
                Poll::Pending => break,
                Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(count) => written += count?,
            }
        }
        self.is_flushed &= written == 0;
        self.shared.tally.borrow_mut().bytes_sent += written as u64;
        Ok(written)
    }

    /// TLS keeps what the socket has not taken.
    fn flush(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        if self.is_flushed {
            return Ok(());
        }
        if let Poll::Ready(flushed) = Pin::new(&mut self.stream).poll_flush(context) {
            flushed?;
            self.is_flushed = true;
        }
        Ok(())
    }

    #[cold]
    fn broken(&self, cause: &str) -> Broken {
        let mut tally = self.shared.tally.borrow_mut();
        tally.fault_with(Fault::Disconnected, || format!("{}: {cause}", Fault::Disconnected));
        Broken
    }
}
