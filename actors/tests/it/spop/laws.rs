//! Laws that hold for any input.

use std::{
    net::{Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use proptest::{collection::vec, prelude::*};
use spoa_actors::{
    Actions, Limits, Message, Scope, TypedData,
    spop::{
        Ack, AgentHello, Capabilities, Disconnect, EngineId, Flags, Fragment, Frame, FrameCodec,
        FrameId, FrameType, HaproxyHello, Messages, Notify, Session, StatusCode, StreamId,
    },
    testing::{FakeHaproxy, InMemoryAgent},
};

use crate::support::{Result, ask_big, ask_big_later, ask_score, ask_sleep, never, registry};

/// A typed value that owns its bytes.
#[derive(Clone, Debug)]
enum Value {
    Plain(TypedData<'static>),
    String(Vec<u8>),
    Binary(Vec<u8>),
}

impl Value {
    fn typed(&self) -> TypedData<'_> {
        match self {
            Self::Plain(value) => *value,
            Self::String(bytes) => TypedData::String(bytes),
            Self::Binary(bytes) => TypedData::Binary(bytes),
        }
    }
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Plain(TypedData::Null)),
        any::<bool>().prop_map(|value| Value::Plain(TypedData::Bool(value))),
        any::<i32>().prop_map(|value| Value::Plain(TypedData::Int32(value))),
        any::<u32>().prop_map(|value| Value::Plain(TypedData::Uint32(value))),
        any::<i64>().prop_map(|value| Value::Plain(TypedData::Int64(value))),
        any::<u64>().prop_map(|value| Value::Plain(TypedData::Uint64(value))),
        any::<u32>().prop_map(|ip| Value::Plain(TypedData::Ipv4(Ipv4Addr::from_bits(ip)))),
        any::<u128>().prop_map(|ip| Value::Plain(TypedData::Ipv6(Ipv6Addr::from_bits(ip)))),
        vec(any::<u8>(), 0..300).prop_map(Value::String),
        vec(any::<u8>(), 0..300).prop_map(Value::Binary),
    ]
}

fn message() -> impl Strategy<Value = Message> {
    let name = vec(any::<u8>(), 0..300);
    let args = vec((vec(any::<u8>(), 0..20), value()), 0..8);
    (name, args).prop_map(|(name, args)| {
        args.iter()
            .fold(Message::new(name), |message, (name, value)| message.arg(name, value.typed()))
    })
}

fn actions() -> impl Strategy<Value = Actions> {
    let action = (0..5_usize, "[A-Za-z0-9_.]{1,32}", prop::option::of(value()));
    vec(action, 0..6).prop_map(|actions| {
        actions.iter().fold(Actions::new(), |actions, (scope, name, value)| {
            let scope = Scope::ALL[*scope];
            match value {
                Some(value) => actions.set_var(scope, name, value.typed()).unwrap(),
                None => actions.unset_var(scope, name).unwrap(),
            }
        })
    })
}

fn capabilities() -> impl Strategy<Value = Capabilities> {
    any::<[bool; 3]>().prop_map(|[pipelining, asynchronous, fragmentation]| Capabilities {
        pipelining,
        asynchronous,
        fragmentation,
    })
}

fn ids() -> impl Strategy<Value = (StreamId, FrameId)> {
    any::<(u64, u64)>().prop_map(|(stream, frame)| (StreamId(stream), FrameId(frame)))
}

fn disconnect() -> impl Strategy<Value = Disconnect> {
    (any::<u32>(), ".{0,60}").prop_map(|(code, message)| Disconnect {
        status_code: StatusCode(code),
        message: message.into(),
    })
}

fn haproxy_hello() -> impl Strategy<Value = HaproxyHello> {
    let engine_id = prop::option::of(vec(any::<u8>(), 0..40));
    (".{0,20}", any::<u32>(), capabilities(), engine_id, any::<bool>()).prop_map(
        |(supported_versions, max_frame_size, capabilities, engine_id, healthcheck)| HaproxyHello {
            supported_versions,
            max_frame_size,
            capabilities,
            engine_id: engine_id.map(EngineId::new),
            healthcheck,
        },
    )
}

fn agent_hello() -> impl Strategy<Value = AgentHello> {
    ("[0-9.]{1,6}", any::<u32>(), capabilities()).prop_map(
        |(version, max_frame_size, capabilities)| AgentHello {
            version,
            max_frame_size,
            capabilities,
        },
    )
}

fn fragment() -> impl Strategy<Value = Fragment> {
    let kind = prop_oneof![
        Just((FrameType::UNSET, Flags::FIN)),
        Just((FrameType::UNSET, Flags::NONE)),
        Just((FrameType::NOTIFY, Flags::NONE)),
        Just((FrameType::ACK, Flags { fin: true, abort: true })),
    ];
    (kind, ids(), vec(any::<u8>(), 0..300)).prop_map(|((frame_type, flags), ids, payload)| {
        let (stream_id, frame_id) = ids;
        Fragment { frame_type, flags, stream_id, frame_id, payload: payload.into() }
    })
}

fn notify() -> impl Strategy<Value = Notify> {
    (ids(), vec(message(), 0..5)).prop_map(|((stream_id, frame_id), messages)| Notify {
        stream_id,
        frame_id,
        messages: messages.into_iter().collect(),
    })
}

fn frame() -> impl Strategy<Value = Frame> {
    let ack = (ids(), actions()).prop_map(|((stream_id, frame_id), actions)| {
        Frame::Ack(Ack { stream_id, frame_id, actions })
    });
    prop_oneof![
        haproxy_hello().prop_map(Frame::HaproxyHello),
        agent_hello().prop_map(Frame::AgentHello),
        disconnect().prop_map(Frame::HaproxyDisconnect),
        disconnect().prop_map(Frame::AgentDisconnect),
        notify().prop_map(Frame::Notify),
        ack,
        fragment().prop_map(Frame::Fragment),
    ]
}

fn encoded(frames: &[Frame]) -> BytesMut {
    let mut bytes = BytesMut::new();
    for frame in frames {
        frame.encode(&mut bytes);
    }
    bytes
}

proptest! {
    #[test]
    fn decode_after_encode_is_the_identity(frames in vec(frame(), 1..6)) {
        let mut bytes = encoded(&frames);
        let codec = FrameCodec::new(u32::MAX);
        for frame in frames {
            prop_assert_eq!(codec.cut(&mut bytes).unwrap().unwrap(), frame);
        }
        prop_assert!(bytes.is_empty());
    }

    #[test]
    fn checklist_02_any_split_of_the_stream_gives_the_same_frames(
        frames in vec(frame(), 1..4),
        cuts in vec(1..64_usize, 1..50),
    ) {
        let whole = encoded(&frames);
        let codec = FrameCodec::new(u32::MAX);
        let mut cuts = cuts.into_iter().cycle();
        let (mut input, mut rest) = (BytesMut::new(), &whole[..]);
        let mut decoded = Vec::new();
        while !rest.is_empty() {
            let (piece, later) = rest.split_at(cuts.next().unwrap().min(rest.len()));
            input.extend_from_slice(piece);
            rest = later;
            while let Some(frame) = codec.cut(&mut input).unwrap() {
                decoded.push(frame);
            }
        }
        prop_assert_eq!(decoded, frames);
    }

    #[test]
    fn checklist_45_any_bytes_give_frames_or_an_error(bytes: Vec<u8>) {
        let codec = FrameCodec::new(16380);
        let mut input = BytesMut::from(&bytes[..]);
        while let Ok(Some(_)) = codec.cut(&mut input) {}
        // Behind a length that fits, so that the rest is looked at.
        let _ = Frame::decode(Bytes::from(bytes.clone()));
        for frame_type in [1, 2, 3, 101, 102, 103] {
            let head = [&[frame_type, 0, 0, 0, 1, 0, 0], &bytes[..]].concat();
            let _ = Frame::decode(Bytes::from(head));
        }
    }

    #[test]
    fn checklist_45_no_bytes_make_the_codec_allocate_more_than_their_own_size(
        payload in vec(any::<u8>(), 0..2000), forged in any::<u32>(), frame in frame(),
    ) {
        let forged = [&forged.to_be_bytes()[..], &payload].concat();
        let typed = |frame_type: u8| {
            let length = u32::try_from(7 + payload.len()).unwrap().to_be_bytes();
            [&length[..], &[frame_type, 0, 0, 0, 1, 0, 0], &payload].concat()
        };
        let well_formed = encoded(&[frame]).to_vec();
        for bytes in [forged, typed(1), typed(2), typed(3), typed(103), well_formed] {
            let mut input = BytesMut::from(&bytes[..]);
            let allocated = allocation_counter::measure(|| {
                let codec = FrameCodec::new(16380);
                while let Ok(Some(Frame::Notify(notify))) = codec.cut(&mut input) {
                    notify.messages.for_each(|message| assert!(message.args().count() <= 255));
                }
            });
            // A reference count for the buffer, and what a HELLO or an error keeps of its text.
            let most = 4 * bytes.len() as u64 + 512;
            prop_assert!(allocated.bytes_max <= most, "{} of {}", allocated.bytes_max, bytes.len());
        }
    }

    #[test]
    fn a_flipped_byte_gives_a_frame_or_an_error(
        frame in frame(), at: prop::sample::Index, to: u8,
    ) {
        let mut bytes = encoded(&[frame]);
        let at = at.index(bytes.len());
        bytes[at] = to;
        let codec = FrameCodec::new(1 << 20);
        while let Ok(Some(frame)) = codec.cut(&mut bytes) {
            if let Frame::Notify(notify) = frame {
                notify.messages.for_each(|message| assert!(message.args().count() <= 255));
            }
        }
    }

    #[test]
    fn any_frames_in_any_order_give_steps_or_a_violation(frames in vec(frame(), 0..12)) {
        let mut session = Session::new(Default::default());
        let hello = spoa_actors::testing::hello();
        for frame in std::iter::once(Frame::HaproxyHello(hello)).chain(frames) {
            if session.receive(frame).is_err() {
                break;
            }
        }
    }

    #[test]
    fn messages_come_out_of_a_notify_as_they_went_in(messages in vec(message(), 0..6)) {
        let all: Messages = messages.iter().cloned().collect();
        prop_assert_eq!(all.len(), messages.len());
        prop_assert_eq!(all.collect::<Vec<_>>(), messages);
    }

    #[test]
    fn arguments_come_out_of_a_message_as_they_went_in(args in vec((".{0,9}", value()), 0..20)) {
        let message = args.iter().fold(Message::new("m"), |message, (name, value)| {
            message.arg(name, value.typed())
        });
        prop_assert_eq!(message.args().len(), args.len());
        for (arg, (name, value)) in message.args().zip(&args) {
            prop_assert_eq!(arg.name, name.as_bytes());
            prop_assert_eq!(arg.value, value.typed());
        }
    }

    #[test]
    fn an_ack_never_exceeds_its_limit(actions in actions(), limit in 7_u32..600, ids in ids()) {
        let (stream_id, frame_id) = ids;
        let ack = Ack { stream_id, frame_id, actions: actions.clone() };
        let limit = limit.max(26);
        let mut bytes = BytesMut::new();
        let left_out = ack.encode_whole(limit, &mut bytes);
        prop_assert!(bytes.len() - 4 <= limit as usize);
        let decoded = FrameCodec::new(limit).cut(&mut bytes).unwrap().unwrap();
        let Frame::Ack(decoded) = decoded else { panic!() };
        let kept: Vec<_> = decoded.actions.iter().collect();
        let all: Vec<_> = actions.iter().collect();
        prop_assert_eq!(kept.len() + left_out, all.len());
        prop_assert_eq!(&kept[..], &all[..kept.len()]);

        let mut bytes = BytesMut::new();
        ack.encode_fragmented(limit, &mut bytes);
        let mut payload = Vec::new();
        while let Some(frame) = FrameCodec::new(limit).cut(&mut bytes).unwrap() {
            match frame {
                Frame::Fragment(fragment) => payload.extend_from_slice(&fragment.payload),
                Frame::Ack(whole) => prop_assert_eq!(&whole.actions, &actions),
                other => panic!("{other:?}"),
            }
        }
    }
}

/// A NOTIFY as a peer might send it, well-formed.
fn any_notify() -> impl Strategy<Value = Messages> {
    let known = prop_oneof![
        Just(ask_score()),
        Just(Message::new("score")),
        Just(Message::new("fail")),
        Just(Message::new("panic")),
        Just(Message::new("panic-later")),
        Just(Message::new("never")),
        (0..2000_u64).prop_map(ask_sleep),
        (0..20_000_u64).prop_map(ask_big),
        (0..20_000_u64, 0..2000_u64).prop_map(|(n, ms)| ask_big_later(n, ms)),
        Just(Message::new("impatient")),
        message(),
    ];
    vec(known, 0..4).prop_map(|messages| messages.into_iter().collect())
}

async fn is_answered_once(agent: &InMemoryAgent, notifies: Vec<Messages>) -> Result {
    let mut haproxy: FakeHaproxy = agent.connect().await?;
    let mut asked = Vec::new();
    for messages in notifies {
        asked.push(haproxy.send_notify(messages).await?);
    }
    let mut answered = Vec::new();
    for _ in 0..asked.len() {
        let ack = haproxy.ack().await?;
        answered.push((ack.stream_id, ack.frame_id));
    }
    answered.sort_unstable();
    assert_eq!(answered, asked);
    // Exactly one: what comes next is the farewell.
    haproxy.disconnect().await?;
    Ok(())
}

#[test]
fn checklist_18_every_notify_has_exactly_one_ack() {
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(64));
    let result = runner.run(&vec(any_notify(), 0..40), |notifies| {
        actix_rt::System::new().block_on(async {
            tokio::time::pause();
            let impatient = never().deadline(Duration::from_millis(50));
            let registry = registry().on("impatient", impatient);
            let agent = InMemoryAgent::start(registry, Limits::default()).await.unwrap();
            is_answered_once(&agent, notifies).await.unwrap();
        });
        Ok(())
    });
    result.unwrap();
}
