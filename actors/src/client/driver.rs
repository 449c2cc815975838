//! Driver: sends the NOTIFYs and receives the ACKs of a client, at the same time.

use std::{collections::HashMap, io, mem, sync::Arc, time::Duration};

use bytes::BytesMut;
use futures_util::{FutureExt, StreamExt};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf, split},
    sync::{mpsc, oneshot},
    time::timeout,
};
use tokio_util::codec::{Framed, FramedRead};

use super::error::ClientError;
use crate::spop::{
    Ack, Actions, Disconnect, Frame, FrameCodec, FrameId, LENGTH_SIZE, Messages, Notify,
    StatusCode, StreamId,
};

/// The result of a call.
pub(super) type Answer = Result<Actions, ClientError>;

/// While this many bytes are unsent, no further NOTIFYs are taken.
const UNSENT: usize = 256 * 1024;

/// How long an agent can take to send its DISCONNECT.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// Each stream has one NOTIFY.
const FRAME: FrameId = FrameId(1);

/// A NOTIFY to send, and the sender for its result.
pub(super) struct Request {
    pub(super) messages: Messages,
    pub(super) answer: oneshot::Sender<Answer>,
}

/// The stream of a client, and the calls that wait for ACKs.
pub(super) struct Driver<S> {
    requests: mpsc::Receiver<Request>,
    frames: FramedRead<ReadHalf<S>, FrameCodec>,
    writer: WriteHalf<S>,
    /// Bytes that are not written yet.
    unsent: BytesMut,
    is_flushed: bool,
    waiting: HashMap<StreamId, oneshot::Sender<Answer>>,
    /// How many calls can wait.
    most: usize,
    next_stream: u64,
    max_frame_size: u32,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Driver<S> {
    /// Takes a stream after HELLO.
    pub(super) fn new(
        frames: Framed<S, FrameCodec>,
        requests: mpsc::Receiver<Request>,
        most: usize,
        max_frame_size: u32,
    ) -> Self {
        let parts = frames.into_parts();
        let (reader, writer) = split(parts.io);
        let mut frames = FramedRead::new(reader, parts.codec);
        // Bytes that arrived after HELLO.
        *frames.read_buffer_mut() = parts.read_buf;
        Self {
            requests,
            frames,
            writer,
            unsent: parts.write_buf,
            is_flushed: true,
            waiting: HashMap::new(),
            most,
            next_stream: 0,
            max_frame_size,
        }
    }

    /// Runs until all clients are dropped. If it ends earlier, pending and later calls get the
    /// reason.
    pub(super) async fn run(mut self) {
        let Err(reason) = self.serve().await else { return self.disconnect().await };
        let reason = Arc::new(reason);
        let ended = || Err(ClientError::Ended(Arc::clone(&reason)));
        for (_, answer) in mem::take(&mut self.waiting) {
            let _ = answer.send(ended());
        }
        let mut requests = self.close();
        while let Some(request) = requests.recv().await {
            let _ = request.answer.send(ended());
        }
    }

    /// Closes the stream.
    fn close(self) -> mpsc::Receiver<Request> {
        self.requests
    }

    async fn serve(&mut self) -> Result<(), ClientError> {
        loop {
            let has_room = self.unsent.len() < UNSENT;
            let is_behind = !self.is_flushed || !self.unsent.is_empty();
            tokio::select! {
                frame = self.frames.next() => self.receive(frame.ok_or(ClientError::Closed)??)?,
                request = self.requests.recv(), if has_room => match request {
                    Some(request) => self.send(request),
                    None => return Ok(()),
                },
                flushed = write(&mut self.writer, &mut self.unsent), if is_behind => {
                    self.is_flushed = match flushed {
                        Ok(is_flushed) => is_flushed,
                        Err(error) => return Err(self.why(error)),
                    };
                }
            }
        }
    }

    /// Why nothing can be written: what the agent sent before it closed says more than the system.
    fn why(&mut self, error: io::Error) -> ClientError {
        loop {
            let received = match self.frames.next().now_or_never() {
                None => return error.into(),
                Some(None) => return ClientError::Closed,
                Some(Some(frame)) => frame.map_err(Into::into),
            };
            if let Err(reason) = received.and_then(|frame| self.receive(frame)) {
                return reason;
            }
        }
    }

    fn send(&mut self, Request { messages, answer }: Request) {
        if answer.is_closed() {
            return;
        }
        let stream_id = StreamId(self.next_stream);
        let begun = self.unsent.len();
        Frame::Notify(Notify { stream_id, frame_id: FRAME, messages }).encode(&mut self.unsent);
        let (size, limit) = (self.unsent.len() - begun - LENGTH_SIZE, self.max_frame_size);
        if size > limit as usize {
            self.unsent.truncate(begun);
            let _ = answer.send(Err(ClientError::NotifyTooLarge { size, limit }));
            return;
        }
        self.next_stream += 1;
        if self.waiting.len() >= 2 * self.most {
            // Calls whose futures were dropped.
            self.waiting.retain(|_, answer| !answer.is_closed());
        }
        self.waiting.insert(stream_id, answer);
    }

    fn receive(&mut self, frame: Frame) -> Result<(), ClientError> {
        let Frame::Ack(Ack { stream_id, frame_id, actions }) = frame else {
            return Err(frame.into());
        };
        if frame_id != FRAME || stream_id.0 >= self.next_stream {
            return Err(ClientError::Unasked { stream_id, frame_id });
        }
        // A late ACK has no call any more.
        if let Some(answer) = self.waiting.remove(&stream_id) {
            let _ = answer.send(Ok(actions));
        }
        Ok(())
    }

    /// Sends DISCONNECT, and waits shortly for the agent's: a socket that closes with unread bytes
    /// can drop written ones.
    async fn disconnect(mut self) {
        Frame::HaproxyDisconnect(Disconnect::new(StatusCode::NORMAL)).encode(&mut self.unsent);
        let _ = timeout(DISCONNECT_TIMEOUT, async {
            while !write(&mut self.writer, &mut self.unsent).await? {}
            while self.frames.next().await.is_some_and(|frame| frame.is_ok()) {}
            io::Result::Ok(())
        })
        .await;
    }
}

/// Writes as much as possible at once; returns whether everything is written.
async fn write(writer: &mut (impl AsyncWrite + Unpin), unsent: &mut BytesMut) -> io::Result<bool> {
    if unsent.is_empty() {
        writer.flush().await?;
        return Ok(true);
    }
    match writer.write_buf(unsent).await? {
        0 => Err(io::ErrorKind::WriteZero.into()),
        _ => Ok(false),
    }
}
