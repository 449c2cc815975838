//! What is allocated for a peer's bytes, and what is not: lengths that are announced, fragments, and texts;
//! and nothing at all for a NOTIFY that is answered at once.

use std::{net::IpAddr, sync::Arc, time::Duration};

use allocation_counter::{AllocationInfo, measure};
use async_trait::async_trait;
use bytes::BytesMut;
use serde::Deserialize;
use spoa_actors::{
    ActionError, Actions, Call, Deadline, HandlerActor, IntoRoute, Layer, Message, MessageRef,
    Messages, Next, Origin, ReadyHandler, Registry, Reply, Route, State, Tasks,
    layers::{Cache, Require, Rollout, Timeout},
    spop::{
        Disconnect, Flags, Fragment, Frame, FrameCodec, FrameId, FrameType, HaproxyHello, Offer,
        Session, StatusCode, Step, StreamId,
    },
    testing::hello,
};

use crate::{
    notify::exchanges::{Talk, notify},
    support::{Answered, variable},
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

#[derive(Deserialize)]
struct Client {
    ip: IpAddr,
}

/// Answers at once, and in a future that is ready at once.
struct Scores;

impl ReadyHandler for Scores {
    type Args<'a> = Client;

    fn handle(&self, client: Client, _: &Origin) -> Answered {
        Ok(variable("local", client.ip.is_loopback().into()))
    }
}

#[async_trait(?Send)]
impl HandlerActor for Scores {
    type Args = Client;

    async fn handle(&self, client: Client, origin: &Origin) -> Answered {
        ReadyHandler::handle(self, client, origin)
    }
}

/// Reads all arguments where they lie.
struct Sums;

impl ReadyHandler for Sums {
    type Args<'a> = MessageRef<'a>;

    fn handle(&self, message: MessageRef<'_>, _: &Origin) -> Answered {
        let numbers = message.args().filter_map(|arg| arg.value.as_integer());
        let bytes = message.args().filter_map(|arg| arg.value.as_bytes()).map(<[u8]>::len);
        let sum = numbers.sum::<i128>() + bytes.sum::<usize>() as i128;
        Ok(variable("sum", i64::try_from(sum)?))
    }
}

/// Takes a message of its own.
fn length(message: Message) -> Answered {
    Ok(variable("length", i64::try_from(message.as_bytes().len())?))
}

const BATCHES: u64 = 5;
const NOTIFIES: u64 = 200;

/// What a thousand NOTIFYs allocate, in batches that come in one read each, once there were some
/// before them.
async fn allocated_by<Kind>(route: impl IntoRoute<Kind>, message: Message) -> AllocationInfo {
    allocated(Registry::new().on("m", route), message.into()).await
}

async fn allocated(registry: Registry, messages: Messages) -> AllocationInfo {
    let mut talk = Talk::start(registry).await;
    let batch: Vec<u8> = (0..NOTIFIES).flat_map(|id| notify((id, 1), messages.clone())).collect();
    assert_eq!(talk.acks(&batch).len() as u64, NOTIFIES);
    // The output is read from its buffer: it is to have one again.
    talk.say(&batch);
    let allocated = measure(|| (0..BATCHES).for_each(|_| talk.say(&batch)));
    assert_eq!(talk.answered(), (BATCHES + 2) * NOTIFIES);
    allocated
}

fn ask_client() -> Message {
    Message::new("m").arg("ip", IpAddr::from([127, 0, 0, 1]))
}

fn with_body(length: usize) -> Message {
    Message::new("m").arg("body", vec![7; length])
}

fn with_40_arguments() -> Message {
    let named = |message: Message, n: u64| message.arg(format!("argument_{n}"), n);
    (0..40).fold(Message::new("m"), named)
}

#[actix_rt::test]
async fn a_notify_that_a_function_answers_allocates_nothing() {
    let local =
        |client: Client| Ok::<_, ActionError>(variable("local", client.ip.is_loopback().into()));
    assert_eq!(allocated_by(local, ask_client()).await.count_total, 0);
}

#[actix_rt::test]
async fn what_a_function_takes_allocates_nothing_and_an_async_one_that_is_ready_at_once_neither() {
    type Taken = (State<Arc<u32>>, Origin, Deadline, Tasks);
    fn taken((State(number), origin, deadline, _): Taken) -> Option<Actions> {
        (deadline.instant() == origin.deadline()).then(|| variable("number", (*number).into()))
    }
    let plain = |_: Client, a: State<Arc<u32>>, b: Origin, c: Deadline, d: Tasks| {
        taken((a, b, c, d)).ok_or("another deadline")
    };
    let plain = Route::new(plain).state(Arc::new(7_u32));
    assert_eq!(allocated_by(plain, ask_client()).await.count_total, 0);
    let later = async |_: Client, a: State<Arc<u32>>, b: Origin, c: Deadline, d: Tasks| {
        taken((a, b, c, d)).ok_or("another deadline")
    };
    let later = Route::new(later).state(Arc::new(7_u32));
    assert_eq!(allocated_by(later, ask_client()).await.count_total, 0);
}

#[actix_rt::test]
async fn a_notify_that_a_ready_handler_answers_allocates_nothing_however_much_it_holds() {
    let scores = Route::ready(|| Scores);
    assert_eq!(allocated_by(scores, ask_client()).await.count_total, 0);
    let sums = || Route::ready(|| Sums);
    for message in [with_40_arguments(), with_body(1000), with_body(8 << 10)] {
        assert_eq!(allocated_by(sums(), message).await, AllocationInfo::default());
    }
}

/// Answers to two messages together.
struct Pairs;

#[derive(Deserialize)]
struct Pair<'a> {
    client: Client,
    #[serde(borrow)]
    login: Option<Login<'a>>,
}

#[derive(Deserialize)]
struct Login<'a> {
    user: &'a str,
}

impl ReadyHandler for Pairs {
    type Args<'a> = Pair<'a>;

    fn handle(&self, Pair { client, login }: Pair<'_>, _: &Origin) -> Answered {
        let is_root = login.is_some_and(|login| login.user == "root");
        Ok(variable("local", (client.ip.is_loopback() && is_root).into()))
    }
}

#[actix_rt::test]
async fn messages_that_a_ready_handler_takes_together_allocate_nothing() {
    let registry = || Registry::new().on_notify(["client", "login"], Route::ready(|| Pairs));
    let client = Message::new("client").arg("ip", IpAddr::from([127, 0, 0, 1]));
    let login = Message::new("login").arg("user", "root");
    for messages in [[client.clone()].into(), [login, client].into()] {
        assert_eq!(allocated(registry(), messages).await, AllocationInfo::default());
    }
}

/// Looks, and asks the next.
struct Look;

impl Layer for Look {
    fn call(&self, call: &Call<'_>, next: Next<'_>, actions: &mut Actions) -> Reply {
        assert!(!call.remaining().is_zero());
        next.call(call, actions)
    }
}

#[actix_rt::test]
async fn layers_around_a_ready_handler_allocate_nothing() {
    let route = Route::ready(|| Scores).layer(|| Look).layer(|| Look);
    assert_eq!(allocated_by(route, ask_client()).await.count_total, 0);
}

#[actix_rt::test]
async fn require_timeout_and_rollout_allocate_nothing_for_an_answer_at_once() {
    let ready = || Route::ready(|| Scores);
    let minute = Duration::from_secs(60);
    let layered = [
        ready().layer(|| Require::arguments(["ip"])),
        ready().layer(|| Require::arguments(["token"]).answer(Actions::new())),
        ready().layer(move || Timeout::after(minute)),
        ready().layer(|| Rollout::percent(100.0).by(["ip"])),
        ready().layer(|| Rollout::percent(0.0).by(["ip"]).otherwise(Route::ready(|| Scores))),
        ready()
            .layer(|| Rollout::percent(100.0).by(["ip"]))
            .layer(move || Timeout::after(minute))
            .layer(|| Require::arguments(["ip"])),
    ];
    for (number, route) in layered.into_iter().enumerate() {
        let allocated = allocated_by(route, ask_client()).await;
        assert_eq!(allocated, AllocationInfo::default(), "layer {number}");
    }
}

#[actix_rt::test]
async fn an_answer_from_a_cache_allocates_nothing() {
    let route = Route::ready(|| Scores).layer(|| Cache::by(["ip"]));
    assert_eq!(allocated_by(route, ask_client()).await.count_total, 0);
}

#[actix_rt::test]
async fn a_notify_that_an_actor_answers_at_once_allocates_the_future_of_its_call_and_no_more() {
    let allocated = allocated_by(|| Scores, ask_client()).await;
    assert_eq!(allocated.count_total, BATCHES * NOTIFIES);
}

#[actix_rt::test]
async fn a_message_is_a_copy_out_of_its_frame() {
    for body in [100, 8 << 10] {
        let allocated = allocated_by(length, with_body(body)).await;
        assert_eq!(allocated.count_total, BATCHES * NOTIFIES);
    }
}
