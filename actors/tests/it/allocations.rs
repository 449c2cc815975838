//! What is allocated for a peer's bytes, and what is not: lengths that are announced, fragments, and texts.

use allocation_counter::{AllocationInfo, measure};
use bytes::BytesMut;
use spoa_actors::{
    Message,
    spop::{
        Disconnect, Flags, Fragment, Frame, FrameCodec, FrameId, FrameType, HaproxyHello, Offer,
        Session, StatusCode, Step, StreamId,
    },
    testing::hello,
};

/// Cuts a frame, and says what that allocated.
fn cut(bytes: &[u8]) -> (bool, AllocationInfo) {
    let codec = FrameCodec::new(u32::MAX);
    let mut input = BytesMut::from(bytes);
    let mut is_frame = false;
    let allocated = measure(|| is_frame = matches!(codec.cut(&mut input), Ok(Some(_))));
    (is_frame, allocated)
}

#[test]
fn checklist_45_a_length_allocates_nothing_before_its_bytes_are_there() {
    for length in [0_u32, 6, 7, 100, 16_380, 1 << 20, 1 << 31, u32::MAX] {
        for said in [&[][..], &[3], &[3, 0, 0, 0, 1, 0], &[3, 0, 0, 0, 1, 0, 0, 1, b'm']] {
            let said = &said[..said.len().min((length as usize).saturating_sub(1))];
            let (is_frame, allocated) = cut(&[&length.to_be_bytes()[..], said].concat());
            assert!(!is_frame);
            assert_eq!(allocated.bytes_total, 0, "{length} announced, {said:?} there");
        }
    }
}

#[test]
fn checklist_45_lengths_within_a_frame_allocate_nothing() {
    let forged: [&[u8]; 4] = [
        b"\xff\xf0\xfe\xfe\xfe\xfe\xfe\xfe\xfe\x0e", // a name of 2^64 - 1 bytes
        b"\x01m\xff",                                // 255 arguments
        b"\x01m\x01\x01a\x08\xff\xf0\xfe\xfe\x7e",   // a string of 2^32 - 1 bytes
        b"\x01m\x01\x01a\x09\xff\xf0\xfe\xfe\xfe\xfe\xfe\xfe\xfe\x06", // a binary of 2^63 - 1
    ];
    for payload in forged {
        for frame_type in [1, 2, 3, 101, 102, 103] {
            let length = u32::try_from(7 + payload.len()).unwrap().to_be_bytes();
            let head = [frame_type, 0, 0, 0, 1, 0, 0];
            let (is_frame, allocated) = cut(&[&length[..], &head, payload].concat());
            assert!(!is_frame);
            // A reference count for the buffer.
            assert!(allocated.bytes_max <= 128, "{allocated:?} for {payload:02x?}");
        }
    }
}

#[test]
fn checklist_45_a_notify_of_any_size_is_not_copied() {
    let body = vec![7; 1 << 20];
    let message = Message::new("m").arg("body", &body);
    let mut bytes = BytesMut::new();
    let notify = Fragment {
        frame_type: FrameType::NOTIFY,
        flags: Flags::FIN,
        stream_id: StreamId(1),
        frame_id: FrameId(1),
        payload: message.as_bytes().to_vec().into(),
    };
    Frame::Fragment(notify).encode(&mut bytes);
    let (is_frame, allocated) = cut(&bytes);
    assert!(is_frame && allocated.bytes_max <= 128, "{allocated:?}");
}

#[test]
fn checklist_45_the_texts_of_a_hello_or_a_disconnect_take_a_small_multiple_of_their_bytes() {
    // None of it is UTF-8: each byte becomes a character of three.
    let text = String::from_utf8(vec![b'Q'; 10_000]).unwrap();
    let hello = HaproxyHello { supported_versions: text.clone(), ..hello() };
    let disconnect = Disconnect { status_code: StatusCode(0), message: text.into() };
    for frame in [Frame::HaproxyHello(hello), Frame::HaproxyDisconnect(disconnect)] {
        let mut bytes = BytesMut::new();
        frame.encode(&mut bytes);
        bytes.iter_mut().filter(|byte| **byte == b'Q').for_each(|byte| *byte = 0xff);
        let (is_frame, allocated) = cut(&bytes);
        assert!(is_frame && allocated.bytes_max <= 6 * bytes.len() as u64 + 256, "{allocated:?}");
    }
}

#[test]
fn checklist_45_fragments_without_an_end_are_kept_up_to_their_bound_and_no_further() {
    const BOUND: usize = 64 * 1024;
    let fragment = |frame_type, flags| {
        Frame::Fragment(Fragment {
            frame_type,
            flags,
            stream_id: StreamId(1),
            frame_id: FrameId(1),
            payload: vec![0; 16_000].into(),
        })
    };
    let mut session = Session::new(Offer { max_reassembled_size: BOUND, ..Offer::default() });
    session.receive(Frame::HaproxyHello(hello())).unwrap();
    let allocated = measure(|| {
        let first = session.receive(fragment(FrameType::NOTIFY, Flags::NONE));
        assert_eq!(first, Ok(Step::Continue));
        for _ in 0..10_000 {
            let next = session.receive(fragment(FrameType::UNSET, Flags::NONE));
            assert_eq!(next, Ok(Step::Continue));
        }
    });
    // While it grows there are two buffers, and each fragment is one of its own.
    assert!(allocated.bytes_max <= 4 * BOUND as u64, "{allocated:?}");
    // Of what is over its bound nothing is kept but the names.
    assert!(allocated.bytes_current <= BOUND as i64 / 4, "{allocated:?}");
    let last = session.receive(fragment(FrameType::UNSET, Flags::FIN));
    assert!(matches!(last, Ok(Step::Overflowed(_))), "{last:?}");
}
