//! Conversations without a stream: bytes in, bytes out, in one call and on the thread of the test.

use bytes::BytesMut;
use spoa_actors::{
    Limits, Registry,
    spop::{Ack, Frame, FrameCodec, FrameId, Messages, Notify, StreamId},
    testing::{Exchange, hello},
};

/// A conversation that has said HELLO.
pub(crate) struct Talk {
    exchange: Exchange,
    input: BytesMut,
    pub(crate) output: BytesMut,
}

impl Talk {
    pub(crate) async fn start(registry: Registry) -> Self {
        let exchange = Exchange::start(registry, Limits::default()).await.unwrap();
        let mut talk = Self { exchange, input: BytesMut::new(), output: BytesMut::new() };
        let mut bytes = BytesMut::new();
        Frame::HaproxyHello(hello()).encode(&mut bytes);
        talk.say(&bytes);
        assert!(matches!(frames(&mut talk.output)[..], [Frame::AgentHello(_)]));
        talk
    }

    /// Hands over whole frames; what they are answered with is the output.
    pub(crate) fn say(&mut self, bytes: &[u8]) {
        self.output.clear();
        self.input.extend_from_slice(bytes);
        assert!(self.exchange.exchange(&mut self.input, &mut self.output));
        assert!(self.input.is_empty());
    }

    /// The ACKs to these frames.
    pub(crate) fn acks(&mut self, bytes: &[u8]) -> Vec<Ack> {
        self.say(bytes);
        let acks = frames(&mut self.output).into_iter().map(|frame| match frame {
            Frame::Ack(ack) => ack,
            other => panic!("{other:?}"),
        });
        acks.collect()
    }

    /// How many messages their handlers have answered.
    pub(crate) fn answered(&self) -> u64 {
        self.exchange.statistics().messages.answered
    }
}

/// A NOTIFY as it goes onto the wire.
pub(crate) fn notify(ids: (u64, u64), messages: impl Into<Messages>) -> BytesMut {
    let (stream_id, frame_id) = (StreamId(ids.0), FrameId(ids.1));
    let mut bytes = BytesMut::new();
    Frame::Notify(Notify { stream_id, frame_id, messages: messages.into() }).encode(&mut bytes);
    bytes
}

fn frames(bytes: &mut BytesMut) -> Vec<Frame> {
    let codec = FrameCodec::new(u32::MAX);
    std::iter::from_fn(|| codec.cut(bytes).unwrap()).collect()
}
