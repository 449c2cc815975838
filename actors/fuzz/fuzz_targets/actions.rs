//! ACKs: actions are read as the grammar says, and no ACK exceeds its limit, whole or in fragments.
//!
//! Input: one byte of limit, one of stream-id, then the payload of an ACK.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use spoa_actors::{
    Action, Actions,
    spop::{Ack, Frame, FrameCodec, FrameId, FrameType, StreamId},
};
use spoa_fuzz::{metered, model, whole};

/// Type, flags and two ids of ten bytes: no ACK needs more than this around its actions.
const MOST_OVERHEAD: u32 = 25;

/// The actions made anew, under names that are allowed or not.
fn made(actions: &[Action<'_>]) -> Actions {
    actions.iter().fold(Actions::new(), |made, action| match *action {
        Action::SetVar { scope, name, value } => made.set_var_unchecked(scope, name, value),
        Action::UnsetVar { scope, name } => made.unset_var_unchecked(scope, name),
    })
}

/// A name that HAProxy would drop is refused when the action is made.
fn is_judged_by_its_name(action: &Action<'_>) {
    let (Action::SetVar { scope, name, .. } | Action::UnsetVar { scope, name }) = *action;
    let Ok(text) = str::from_utf8(name) else { return };
    let is_allowed = (1..=32).contains(&name.len())
        && name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_.".contains(byte));
    assert_eq!(Actions::new().unset_var(scope, text).is_ok(), is_allowed, "{text:?}");
    assert_eq!(Actions::new().set_var(scope, text, 1).is_ok(), is_allowed, "{text:?}");
}

fn fits_into_one_frame(ack: &Ack, all: &[Action<'_>], limit: u32) {
    let mut bytes = BytesMut::new();
    let left_out = ack.encode_whole(limit, &mut bytes);
    let frame = FrameCodec::new(limit).cut(&mut bytes);
    let Ok(Some(Frame::Ack(sent))) = frame else { panic!("{frame:?} for {ack:?}") };
    assert!(bytes.is_empty(), "one frame");
    assert_eq!((sent.stream_id, sent.frame_id), (ack.stream_id, ack.frame_id));
    let kept: Vec<_> = sent.actions.iter().collect();
    assert_eq!(kept[..], all[..all.len() - left_out], "left out from the end");
    if let Some(next) = all.get(kept.len()) {
        let mut more = kept;
        more.push(*next);
        let ack = Ack { actions: made(&more), ..ack.clone() };
        assert!(ack.encode_whole(limit, &mut BytesMut::new()) > 0, "no more would have fitted");
    }
}

fn fits_into_fragments(ack: &Ack, payload: &[u8], limit: u32) {
    let mut bytes = BytesMut::new();
    ack.encode_fragmented(limit, &mut bytes);
    let codec = FrameCodec::new(limit);
    let (mut gathered, mut expected, mut is_final) = (Vec::new(), FrameType::ACK, false);
    while let Some(frame) = codec.cut(&mut bytes).expect("no fragment exceeds the limit") {
        assert!(!is_final, "a frame behind the final one");
        match frame {
            Frame::Ack(whole) if expected == FrameType::ACK => {
                assert_eq!(whole, *ack);
                return assert!(bytes.is_empty());
            }
            Frame::Fragment(fragment) => {
                assert_eq!((fragment.frame_type, fragment.flags.abort), (expected, false));
                assert_eq!((fragment.stream_id, fragment.frame_id), (ack.stream_id, ack.frame_id));
                is_final = fragment.flags.fin;
                gathered.extend_from_slice(&fragment.payload);
            }
            other => panic!("{other:?} among the fragments"),
        }
        expected = FrameType::UNSET;
    }
    assert!(is_final && gathered == payload);
}

fuzz_target!(|data: &[u8]| {
    let Some((&[limit, stream_id], payload)) = data.split_first_chunk() else { return };
    let bytes = whole(FrameType::ACK, payload);
    let (decoded, allocated) = metered(|| Frame::decode(bytes));
    assert!(allocated.bytes_max <= payload.len() as u64 + 128, "{allocated:?}");
    let ack = match (decoded, model::list(payload, model::action)) {
        (Ok(Frame::Ack(ack)), Some(actions)) => {
            assert_eq!(ack.actions.iter().collect::<Vec<_>>(), actions);
            Ack { stream_id: StreamId(u64::MAX >> (stream_id % 64)), ..ack }
        }
        (Err(_), None) => return,
        (decoded, known) => panic!("{decoded:?} where the grammar says {known:?}"),
    };
    assert_eq!(ack.frame_id, FrameId(0));
    let all: Vec<_> = ack.actions.iter().collect();
    all.iter().for_each(is_judged_by_its_name);
    // What is made anew is written in one way, and that way is read as the same.
    let again = made(&all);
    assert_eq!(again.iter().collect::<Vec<_>>(), all);
    assert_eq!(made(&again.iter().collect::<Vec<_>>()), again);
    assert_eq!(again.is_empty(), all.is_empty());
    assert_eq!(again.to_string(), ack.actions.to_string());
    let ack = Ack { actions: again.clone(), ..ack };
    let frame = spoa_fuzz::encoded(&Frame::Ack(ack.clone()));
    let overhead = 5 + model::written_varint(ack.stream_id.0).len() + 1;
    let limit = MOST_OVERHEAD + 4 * u32::from(limit);
    fits_into_one_frame(&ack, &all, limit);
    fits_into_fragments(&ack, &frame[4 + overhead..], limit);
});
