//! Buckets by key: a key that comes again and again, and a million that come in turn.

mod support;

use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use spoa_handlers::{
    table::{Limit, Rates},
    value::Rate,
};
use support::measure;

fn rates(criterion: &mut Criterion) {
    let began = Instant::now();
    let rate = Rate { count: 100, per: Duration::from_secs(1) };
    let limit = Limit::new(rate, 200).expect("it is a limit");
    let ours = Rates::new(1_000_000, began);

    let mut hot = criterion.benchmark_group("a key that comes again");
    hot.bench_function("rates", |bencher| {
        measure(bencher, || ours.take(&7_u32, &limit, 1, Instant::now()));
    });
    hot.finish();

    let mut keys = (0..1_000_000_u32).cycle();
    let mut cold = criterion.benchmark_group("one of a million keys");
    cold.bench_function("rates", |bencher| {
        measure(bencher, || ours.take(&keys.next(), &limit, 1, Instant::now()));
    });
    cold.finish();
}

criterion_group!(benches, rates);
criterion_main!(benches);
