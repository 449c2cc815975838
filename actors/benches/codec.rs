//! Cutting a NOTIFY out of what was read, and encoding an ACK.

mod support;

use std::hint::black_box;

use bytes::BytesMut;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use spoa_actors::{
    Actions, Scope, TypedData,
    spop::{Ack, Frame, FrameCodec, FrameId, StreamId},
};
use support::{notify, with_40_arguments, with_body, with_ip};

fn cut(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("codec/cut a NOTIFY");
    for (name, message) in
        [("1 message", with_ip()), ("40 arguments", with_40_arguments()), ("8 KiB", with_body())]
    {
        let bytes = notify(message);
        let codec = FrameCodec::new(16_380);
        group.bench_function(name, |bencher| {
            let cut = |mut input: BytesMut| (codec.cut(&mut input), input);
            bencher.iter_batched(|| bytes.clone(), cut, BatchSize::SmallInput);
        });
    }
    group.finish();
}

fn encode(criterion: &mut Criterion) {
    let body = vec![7; 8 << 10];
    let numbers = |actions: Actions, n: i64| {
        actions.set_var_unchecked(Scope::Transaction, format!("number_{n:02}").as_bytes(), n)
    };
    let mut group = criterion.benchmark_group("codec/encode an ACK");
    for (name, actions) in [
        ("1 action", numbers(Actions::new(), 1)),
        ("40 actions", (0..40).fold(Actions::new(), numbers)),
        (
            "8 KiB",
            Actions::new().set_var_unchecked(Scope::Transaction, b"body", TypedData::Binary(&body)),
        ),
    ] {
        let (stream_id, frame_id) = (StreamId(1_000), FrameId(1));
        let ack = Frame::Ack(Ack { stream_id, frame_id, actions });
        let mut output = BytesMut::with_capacity(16 << 10);
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                output.clear();
                black_box(&ack).encode(&mut output);
                black_box(&output);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, cut, encode);
criterion_main!(benches);
