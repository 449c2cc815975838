//! STREAM-ID and FRAME-ID: an ACK has those of its NOTIFY, however many bytes they take.

use spoa_actors::spop::{FrameId, StreamId};

use crate::{
    notify::exchanges::{Talk, notify},
    support::{ask_score, registry},
};

/// The first and the last number of every length that a varint can have, 1 byte to 10.
fn of_every_length() -> Vec<u64> {
    let mut numbers = vec![0, 239];
    let (mut first, mut bits) = (240_u64, 11);
    while bits < 64 {
        let last = first + (1 << bits) - 1;
        numbers.extend([first, last]);
        first = last + 1;
        bits += 7;
    }
    numbers.extend([first, u64::MAX]);
    numbers
}

/// Each with each.
fn pairs() -> Vec<(u64, u64)> {
    let numbers = of_every_length();
    numbers.iter().flat_map(|&one| numbers.iter().map(move |&other| (one, other))).collect()
}

#[actix_rt::test]
async fn an_ack_has_the_ids_of_its_notify_whatever_their_lengths() {
    let mut talk = Talk::start(registry()).await;
    assert_eq!(of_every_length().len(), 2 * 10);
    for (stream_id, frame_id) in pairs() {
        let bytes = notify((stream_id, frame_id), ask_score());
        let acks = talk.acks(&bytes);
        assert_eq!(acks.len(), 1);
        assert_eq!((acks[0].stream_id, acks[0].frame_id), (StreamId(stream_id), FrameId(frame_id)));
        assert_eq!(acks[0].actions.to_string(), "set-var sess.ip_score 20");
    }
}

#[actix_rt::test]
async fn many_notifies_in_one_read_are_answered_in_their_order_each_with_its_own_ids() {
    let mut talk = Talk::start(registry()).await;
    for pairs in pairs().chunks(200) {
        let bytes: Vec<u8> = pairs.iter().flat_map(|&ids| notify(ids, ask_score())).collect();
        let acks = talk.acks(&bytes);
        let ids: Vec<_> = acks.iter().map(|ack| (ack.stream_id.0, ack.frame_id.0)).collect();
        assert_eq!(ids, pairs);
    }
}

#[actix_rt::test]
async fn a_notify_with_any_reserved_flag_is_answered_as_one_without() {
    let mut talk = Talk::start(registry()).await;
    let plain = notify((300, 7), [ask_score(), ask_score()]);
    let expected = talk.acks(&plain);
    // The lowest two bits have a meaning.
    for bit in 2..32 {
        let mut bytes = plain.clone();
        bytes[5..9].copy_from_slice(&(1_u32 | 1 << bit).to_be_bytes());
        let both = [&bytes[..], &plain].concat();
        assert_eq!(talk.acks(&both), [&expected[..], &expected].concat(), "bit {bit}");
    }
}
