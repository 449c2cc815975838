//! NOTIFY: prepared once, written again and again with another stream-id.

use bytes::BytesMut;
use spoa_actors::{
    Message,
    spop::{self, Frame, FrameId, Messages, StreamId},
};

/// HAProxy counts the NOTIFYs of a stream, and from 3.1 on a stream has one.
const FRAME_ID: FrameId = FrameId(1);
/// A stream-id of HAProxy is below 2^31.
const LARGEST_STREAM_ID: u64 = i32::MAX as u64;
/// The bytes of the length before a frame.
const LENGTH_SIZE: usize = 4;

/// A NOTIFY of one message.
#[derive(Debug)]
pub(crate) struct Notify(Messages);

impl Notify {
    pub(crate) fn new(message: &Message) -> Self {
        Self(message.clone().into())
    }

    /// The length of its longest frame, the 4 bytes of the length itself not counted.
    pub(crate) fn longest(&self) -> usize {
        let mut frame = BytesMut::new();
        self.write(LARGEST_STREAM_ID, &mut frame);
        frame.len() - LENGTH_SIZE
    }

    /// Appends the frame of this stream.
    #[inline]
    pub(crate) fn write(&self, stream_id: u64, output: &mut BytesMut) {
        let (stream_id, messages) = (StreamId(stream_id), self.0.clone());
        Frame::Notify(spop::Notify { stream_id, frame_id: FRAME_ID, messages }).encode(output);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_frame_of_haproxy_is_longer_than_the_longest() {
        let notify = Notify::new(&Message::new("m").arg("ip", "127.0.0.1").arg("n", 5));
        for (stream_id, shorter) in [(1, 4), (239, 4), (240, 3), (2287, 3), (LARGEST_STREAM_ID, 0)]
        {
            let mut frame = BytesMut::new();
            notify.write(stream_id, &mut frame);
            assert_eq!(frame.len() - LENGTH_SIZE, notify.longest() - shorter);
        }
    }
}
