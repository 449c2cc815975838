//! Connection: the socket of a dialogue: one read and one write per wake-up.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::load::{
    dialogue::{Broken, Dialogue},
    fault::Fault,
    shared::{Buffers, Shared},
};

/// A connection to the agent, HELLO behind it.
pub(crate) struct Connection<S> {
    number: usize,
    stream: S,
    dialogue: Dialogue,
    shared: Rc<Shared>,
    /// The beginning of a frame whose end has not come.
    unread: Vec<u8>,
    /// What the socket has not taken.
    unsent: Vec<u8>,
    is_flushed: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    pub(crate) fn new(
        number: usize,
        stream: S,
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

    /// Reads once and takes the frames; returns whether there were bytes.
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

    /// Writes the pending NOTIFYs; returns whether the socket can take more.
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

#[cfg(test)]
mod tests {
    use spoa_actors::Message;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
        time::{Duration, timeout},
    };

    use super::*;
    use crate::load::{notify::Notify, pace::Pace};

    /// A connection that shall send so many NOTIFYs, and the agent's end of it, which has room for a
    /// few bytes only.
    fn scene(
        frames: u64,
        window: usize,
        message: &Message,
    ) -> (Connection<DuplexStream>, DuplexStream) {
        let (ours, theirs) = duplex(50);
        let shared = Rc::new(Shared::new(Notify::new(message), frames, 1, 300));
        let dialogue = Dialogue::new(window, Pace::AsAnswered, 300, Some(0));
        (Connection::new(0, ours, Vec::new(), dialogue, shared), theirs)
    }

    /// Reads a NOTIFY, and gives the ACK without actions for it.
    async fn answer(agent: &mut DuplexStream) -> io::Result<Vec<u8>> {
        let mut notify = vec![0; agent.read_u32().await? as usize];
        agent.read_exact(&mut notify).await?;
        // Some NOTIFYs only: a stream-id has one byte.
        Ok(vec![0, 0, 0, 7, 103, 0, 0, 0, 1, notify[5], 1])
    }

    async fn in_time<T>(work: impl Future<Output = T>) -> T {
        timeout(Duration::from_secs(20), work).await.unwrap()
    }

    #[actix_rt::test]
    async fn all_is_sent_and_answered_through_a_socket_that_takes_little_at_a_time() {
        let message = Message::new("m").arg("text", "x".repeat(200).as_str());
        for window in [1, 2, 7, 100] {
            let (connection, mut agent) = scene(100, window, &message);
            let answering = async {
                for _ in 0..100 {
                    for byte in answer(&mut agent).await.unwrap() {
                        agent.write_all(&[byte]).await.unwrap();
                    }
                }
                agent
            };
            let (connection, _open) =
                in_time(async { tokio::join!(connection.run(), answering) }).await;
            let tally = connection.shared.tally.borrow();
            assert_eq!((tally.frames, tally.in_flight), (100, 0));
            assert_eq!((tally.faults.total(), tally.latency.len()), (0, 100));
            assert_eq!(tally.bytes_received, 100 * 11);
        }
    }

    #[actix_rt::test]
    async fn an_agent_that_closes_is_a_fault_and_what_it_owes_is_lost() {
        let (connection, mut agent) = scene(2, 2, &Message::new("m"));
        let closing = async {
            let ack = answer(&mut agent).await.unwrap();
            agent.write_all(&ack).await.unwrap();
            drop(agent);
        };
        let (connection, ()) = in_time(async { tokio::join!(connection.run(), closing) }).await;
        let mut tally = connection.shared.tally.borrow_mut();
        tally.finish();
        assert_eq!((tally.frames, tally.faults.disconnected, tally.faults.lost), (1, 1, 1));
    }

    #[actix_rt::test]
    async fn a_connection_without_a_window_is_held_until_the_end() {
        let (connection, _agent) = scene(u64::MAX, 0, &Message::new("m"));
        let shared = Rc::clone(&connection.shared);
        let running = actix_rt::spawn(connection.run());
        tokio::task::yield_now().await;
        assert!(!running.is_finished());
        shared.stop();
        in_time(running).await.unwrap();
        assert_eq!(shared.tally.borrow().bytes_sent, 0);
    }
}
