//! ACK encoder: encodes ACKs for one peer: in frames or fragments.

use bytes::BytesMut;

use crate::{
    limits::Limits,
    observe::Counters,
    spop::{
        Ack, Actions, Capabilities, FrameCodec, FrameId, FrameType, LENGTH_SIZE, Scope, StreamId,
        ack,
    },
};

/// The name of an unused variable: to unset it has no effect.
const NO_VARIABLE: &str = "spoa_none";

/// Encodes ACKs for one peer.
pub(crate) struct AckEncoder {
    /// The negotiated max-frame-size.
    pub(crate) max_frame_size: u32,
    /// The largest ACK, in one frame or in fragments.
    pub(crate) max_size: usize,
    /// Whether the peer accepts ACKs in fragments.
    in_fragments: bool,
    /// Whether an ACK without actions gets one without effect.
    fill_empty: bool,
}

impl AckEncoder {
    /// Before HELLO, when there are no ACKs.
    pub(crate) fn new(fill_empty_acks: bool) -> Self {
        Self {
            max_frame_size: FrameCodec::HELLO_LIMIT,
            max_size: 0,
            in_fragments: false,
            fill_empty: fill_empty_acks,
        }
    }

    /// Applies what both sides agreed on in HELLO.
    pub(crate) fn agree(&mut self, max_frame_size: u32, theirs: Capabilities, limits: &Limits) {
        self.max_frame_size = max_frame_size;
        self.in_fragments = theirs.fragmentation;
        self.max_size = match theirs.fragmentation {
            true => limits.max_fragmented_ack,
            false => max_frame_size as usize,
        };
    }

    /// Appends the ACK; returns how many actions were dropped.
    #[inline(always)]
    pub(crate) fn encode(
        &self,
        ids: (StreamId, FrameId),
        actions: &Actions,
        output: &mut BytesMut,
        counters: &Counters,
    ) -> usize {
        if self.in_fragments || self.fill_empty {
            return self.encode_otherwise(ids, actions, output, counters);
        }
        ack::encode(ids, actions, self.max_frame_size, output)
    }

    /// In fragments, or with an action without effect.
    fn encode_otherwise(
        &self,
        (stream_id, frame_id): (StreamId, FrameId),
        actions: &Actions,
        output: &mut BytesMut,
        counters: &Counters,
    ) -> usize {
        let start = output.len();
        if self.in_fragments && !actions.is_empty() {
            let ack = Ack { stream_id, frame_id, actions: actions.clone() };
            ack.encode_fragmented(self.max_frame_size, output);
            count_continuations(&output[start..], counters);
            return 0;
        }
        let ids = (stream_id, frame_id);
        let left_out = ack::encode(ids, actions, self.max_frame_size, output);
        if self.fill_empty && actions.iter().count() == left_out {
            // HAProxy 3.1.0 to 3.1.4 takes an ACK without actions for none, and its stream waits
            // until `timeout processing`.
            output.truncate(start);
            let scope = Scope::Transaction;
            let filling = Actions::new().unset_var_unchecked(scope, NO_VARIABLE.as_bytes());
            ack::encode(ids, &filling, self.max_frame_size, output);
        }
        left_out
    }
}

/// Counts the frames after the first.
fn count_continuations(frames: &[u8], counters: &Counters) {
    // They were encoded a moment ago, and are only counted.
    let whole = FrameCodec::new(u32::MAX);
    let mut rest = frames;
    while let Ok(Some(length)) = whole.whole_frame(rest) {
        let size = LENGTH_SIZE + length;
        if rest.len() < frames.len() {
            counters.count(|statistics| statistics.frames_sent.count(FrameType::UNSET, size));
        }
        rest = &rest[size..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spop::Frame;

    /// How an ACK of these actions arrives at a peer whose frames have 256 bytes.
    fn arrived(actions: Actions, fill_empty_acks: bool) -> (String, usize) {
        let mut form = AckEncoder::new(fill_empty_acks);
        form.agree(256, Capabilities::default(), &Limits::default());
        let mut output = BytesMut::from(&b"before"[..]);
        let counters = Counters::default();
        let left_out = form.encode((StreamId(7), FrameId(1)), &actions, &mut output, &counters);
        match FrameCodec::new(256).cut(&mut output.split_off(6)) {
            Ok(Some(Frame::Ack(ack))) if ack.stream_id == StreamId(7) => {
                (ack.actions.to_string(), left_out)
            }
            other => panic!("{other:?}"),
        }
    }

    fn action(length: usize) -> Actions {
        let value = "x".repeat(length);
        Actions::new().set_var_unchecked(Scope::Session, b"a", value.as_str())
    }

    #[test]
    fn an_ack_without_actions_is_filled_only_if_asked_for() {
        assert_eq!(arrived(Actions::new(), false), (String::new(), 0));
        assert_eq!(arrived(Actions::new(), true), ("unset-var txn.spoa_none".to_owned(), 0));
        assert_eq!(arrived(action(1), true), ("set-var sess.a \"x\"".to_owned(), 0));
    }

    #[test]
    fn an_ack_whose_actions_do_not_fit_is_filled_too() {
        assert_eq!(arrived(action(300), false), (String::new(), 1));
        assert_eq!(arrived(action(300), true), ("unset-var txn.spoa_none".to_owned(), 1));
    }
}
