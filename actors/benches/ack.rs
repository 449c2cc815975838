//! Actions, and the ACK that carries them.

use std::hint::black_box;

use bytes::BytesMut;
use criterion::{Criterion, criterion_group, criterion_main};
use spoa_actors::{
    Actions, Var,
    spop::{Ack, FrameId, StreamId},
};

const SCORE: Var = Var::session("ip_score");
const ALLOWED: Var = Var::transaction("allowed");
const REASON: Var = Var::transaction("reason");

fn one() -> Actions {
    Actions::new().set(SCORE, black_box(20))
}

/// One more than lie in the answer itself.
fn three() -> Actions {
    let reason = black_box("none of the lists has this address");
    one().set(ALLOWED, black_box(true)).set(REASON, reason)
}

fn make(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ack/make actions");
    group.bench_function("1", |bencher| bencher.iter(one));
    group.bench_function("3", |bencher| bencher.iter(three));
    group.finish();
}

fn encode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ack/encode whole");
    for (name, actions) in [("1", one()), ("3", three())] {
        let ack = Ack { stream_id: StreamId(1_000), frame_id: FrameId(1), actions };
        let mut output = BytesMut::with_capacity(1024);
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                output.clear();
                black_box(&ack).encode_whole(16_380, &mut output)
            });
        });
    }
    group.finish();
}

criterion_group!(benches, make, encode);
criterion_main!(benches);
