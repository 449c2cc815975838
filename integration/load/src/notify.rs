//! NOTIFY: prepared once, written again and again with another stream-id.

use spoa_actors::Message;

const NOTIFY: u8 = 3;
const FIN: [u8; 4] = [0, 0, 0, 1];
/// HAProxy counts the NOTIFYs of a stream, and from 3.1 on a stream has one.
const FRAME_ID: u8 = 1;
/// A stream-id of HAProxy is below 2^31.
const LONGEST_STREAM_ID: usize = 5;

/// A NOTIFY of one message.
#[derive(Debug)]
pub(crate) struct Notify {
    /// Everything behind the stream-id.
    tail: Vec<u8>,
}

impl Notify {
    pub(crate) fn new(message: &Message) -> Self {
        Self { tail: [&[FRAME_ID], message.as_bytes()].concat() }
    }

    /// The length of its longest frame, the 4 bytes of the length itself not counted.
    pub(crate) fn longest(&self) -> usize {
        1 + FIN.len() + LONGEST_STREAM_ID + self.tail.len()
    }

    /// Appends the frame of this stream.
    #[inline]
    pub(crate) fn write(&self, stream_id: u64, output: &mut Vec<u8>) {
        let mut head = [0; 19];
        let (fixed, ids) = head.split_at_mut(9);
        let id_length = write_varint(stream_id, ids);
        let length = 1 + FIN.len() + id_length + self.tail.len();
        let length = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
        fixed.copy_from_slice(&[
            length[0], length[1], length[2], length[3], NOTIFY, FIN[0], FIN[1], FIN[2], FIN[3],
        ]);
        output.extend_from_slice(&head[..9 + id_length]);
        output.extend_from_slice(&self.tail);
    }
}

/// Writes a varint of the "peers" protocol to the front; tells its length.
#[inline]
fn write_varint(value: u64, bytes: &mut [u8]) -> usize {
    if value < 240 {
        bytes[0] = low_byte(value);
        return 1;
    }
    bytes[0] = low_byte(value | 0xf0);
    let mut rest = (value - 240) >> 4;
    let mut length = 1;
    while rest >= 128 {
        bytes[length] = low_byte(rest | 0x80);
        rest = (rest - 128) >> 7;
        length += 1;
    }
    bytes[length] = low_byte(rest);
    length + 1
}

#[inline]
fn low_byte(value: u64) -> u8 {
    value.to_le_bytes()[0]
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use spoa_actors::spop::{self, Frame, FrameId, StreamId};

    use super::*;

    #[test]
    fn it_is_what_the_library_writes() {
        let message = Message::new("m").arg("ip", "127.0.0.1").arg("n", 5);
        let notify = Notify::new(&message);
        for stream_id in [1, 239, 241, 2287, 2289, 264_431, 264_433, 0x7fff_ffff, u64::MAX] {
            let (mut expected, mut written) = (BytesMut::new(), Vec::new());
            Frame::Notify(spop::Notify {
                stream_id: StreamId(stream_id),
                frame_id: FrameId(1),
                messages: message.clone().into(),
            })
            .encode(&mut expected);
            notify.write(stream_id, &mut written);
            assert_eq!(written, expected);
            assert!(stream_id > 0x7fff_ffff || written.len() - 4 <= notify.longest());
        }
    }
}
