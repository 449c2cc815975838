//! What the guarantees cost: from the bytes of a NOTIFY to those of its ACK, through the whole agent but its socket.
//!
//! The measure is a loop by hand on the public protocol: it cuts the frames, calls the same function and encodes
//! the ACKs, and knows no route, fence, deadline, limit or counter. Its frames can be shared, which costs a
//! reference count each; the agent reads small ones where they lie.

mod support;

use async_trait::async_trait;
use bytes::BytesMut;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use spoa_actors::{
    Actions, BoxError, FromMessage, HandlerActor, Limits, Message, MessageRef, Origin,
    ReadyHandler, Registry, Route,
    spop::{Ack, Frame, FrameCodec},
    testing::{Exchange, hello},
};
use support::{Client, notify, score, weigh, with_40_arguments, with_body, with_ip};

/// How many NOTIFYs are read at once.
const BATCH: u64 = 16;

struct Scores;

impl ReadyHandler for Scores {
    type Args<'a> = Client;

    fn handle(&self, client: Client, _: &Origin) -> Result<Actions, BoxError> {
        Ok(score(client))
    }
}

#[async_trait(?Send)]
impl HandlerActor for Scores {
    type Args = Client;

    async fn handle(&self, client: Client, _: &Origin) -> Result<Actions, BoxError> {
        Ok(score(client))
    }
}

struct Weighs;

impl ReadyHandler for Weighs {
    type Args<'a> = MessageRef<'a>;

    fn handle(&self, message: MessageRef<'_>, _: &Origin) -> Result<Actions, BoxError> {
        Ok(weigh(message))
    }
}

#[async_trait(?Send)]
impl HandlerActor for Weighs {
    type Args = Message;

    async fn handle(&self, message: Message, _: &Origin) -> Result<Actions, BoxError> {
        Ok(weigh(message.as_ref()))
    }
}

/// A conversation that has said HELLO.
async fn greeted(route: Route) -> Exchange {
    let registry = Registry::new().on("check-client-ip", route);
    let mut exchange =
        Exchange::start(registry, Limits::default()).await.expect("the agent starts");
    let (mut input, mut output) = (BytesMut::new(), BytesMut::new());
    Frame::HaproxyHello(hello()).encode(&mut input);
    assert!(exchange.exchange(&mut input, &mut output));
    exchange
}

/// The loop by hand.
fn by_hand(
    input: &mut BytesMut,
    output: &mut BytesMut,
    answer: impl Fn(MessageRef<'_>) -> Actions,
) {
    let codec = FrameCodec::new(16_380);
    while let Ok(Some(Frame::Notify(mut notify))) = codec.cut(input) {
        let mut actions = Actions::new();
        for message in notify.messages.by_ref() {
            actions.append(answer(message.as_ref()));
        }
        Ack::of(&notify, actions).encode_whole(16_380, output);
    }
}

fn of_ip(message: MessageRef<'_>) -> Actions {
    let client = Client::from_message(message).expect("there is an ip");
    score(client)
}

fn of_all(message: MessageRef<'_>) -> Actions {
    weigh(message)
}

/// What takes the bytes of NOTIFYs, and gives those of ACKs.
type Subject = (&'static str, Box<dyn FnMut(&mut BytesMut, &mut BytesMut)>);

async fn subjects(
    answer: fn(MessageRef<'_>) -> Actions,
    routes: [(&'static str, Route); 3],
) -> Vec<Subject> {
    let mut subjects: Vec<Subject> =
        vec![("by hand", Box::new(move |input, output| by_hand(input, output, answer)))];
    for (name, route) in routes {
        let mut exchange = greeted(route).await;
        let whole = move |input: &mut BytesMut, output: &mut BytesMut| {
            assert!(exchange.exchange(input, output));
        };
        subjects.push((name, Box::new(whole)));
    }
    subjects
}

fn measure(criterion: &mut Criterion, name: &str, message: &Message, subjects: Vec<Subject>) {
    let batch = notify(message.clone()).repeat(BATCH as usize);
    let mut group = criterion.benchmark_group(format!("cell/{name}"));
    group.throughput(Throughput::Elements(BATCH));
    let mut expected = None;
    for (name, mut subject) in subjects {
        let (mut input, mut output) = (BytesMut::new(), BytesMut::new());
        let mut exchange = || {
            output.clear();
            input.extend_from_slice(&batch);
            subject(&mut input, &mut output);
            output.len()
        };
        // All give the same.
        assert_eq!(*expected.get_or_insert(exchange()), exchange());
        group.bench_function(name, |bencher| bencher.iter(&mut exchange));
    }
    group.finish();
}

fn cell(criterion: &mut Criterion) {
    let system = actix_rt::System::new();
    let typed = || {
        let routes = [
            ("function", Route::new(score)),
            ("ReadyHandler", Route::ready(|| Scores)),
            ("HandlerActor", Route::new(|| Scores)),
        ];
        system.block_on(subjects(of_ip, routes))
    };
    let raw = || {
        let routes = [
            ("function", Route::new(|message: Message| weigh(message.as_ref()))),
            ("ReadyHandler", Route::ready(|| Weighs)),
            ("HandlerActor", Route::new(|| Weighs)),
        ];
        system.block_on(subjects(of_all, routes))
    };
    measure(criterion, "ip", &with_ip(), typed());
    measure(criterion, "40 arguments", &with_40_arguments(), raw());
    measure(criterion, "8 KiB", &with_body(), raw());
}

criterion_group!(benches, cell);
criterion_main!(benches);
