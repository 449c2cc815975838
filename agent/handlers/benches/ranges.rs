//! A million IPv4 prefixes: how long it takes to read and to build them, and to look an address up, beside
//! `prefix-trie`.

mod support;

use std::{fmt::Write, fs, hint::black_box, net::Ipv4Addr};

use criterion::{Criterion, criterion_group, criterion_main};
use ipnet::Ipv4Net;
use prefix_trie::PrefixMap;
use spoa_handlers::{
    data::{Followed, IpList, Source},
    table::{Prefix, Ranges},
};
use support::measure;

/// The same numbers in each run.
struct Random(u64);

impl Iterator for Random {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        Some((self.0 >> 32) as u32)
    }
}

/// 60 % addresses, 20 % /24, and the rest of other lengths, as block lists have them.
fn prefixes() -> Vec<Ipv4Net> {
    let mut random = Random(1);
    let mut next = || random.next().expect("it does not end");
    let prefix = |count| {
        let length = match count % 10 {
            0..6 => 32,
            6 | 7 => 24,
            _ => 16 + (next() % 17) as u8,
        };
        Ipv4Net::new_assert(Ipv4Addr::from(next()), length).trunc()
    };
    (0..1_000_000).map(prefix).collect()
}

fn ranges(prefixes: &[Ipv4Net]) -> Ranges<u16> {
    let mut builder = Ranges::builder();
    for (count, prefix) in prefixes.iter().enumerate() {
        let value = 1 + (count % 50) as u16;
        builder.add(Prefix::V4(prefix.addr(), prefix.prefix_len()), value);
    }
    builder.build(|outer, inner| outer.max(inner))
}

fn trie(prefixes: &[Ipv4Net]) -> PrefixMap<Ipv4Net, u16> {
    let values = prefixes.iter().enumerate();
    values.map(|(count, prefix)| (*prefix, 1 + (count % 50) as u16)).collect()
}

fn million(criterion: &mut Criterion) {
    let prefixes = prefixes();
    let mut build = criterion.benchmark_group("a million prefixes: build");
    build.sample_size(10);
    build.bench_function("ranges", |bencher| measure(bencher, || ranges(&prefixes)));
    build.bench_function("prefix-trie", |bencher| measure(bencher, || trie(&prefixes)));
    build.finish();

    let file = tempfile::NamedTempFile::new().expect("there is room");
    let mut list = String::new();
    for prefix in &prefixes {
        writeln!(list, "{prefix}").expect("a String takes it");
    }
    fs::write(file.path(), list).expect("there is room");
    let source = || Source::new("list", [file.path().display().to_string()]);
    let mut read = criterion.benchmark_group("a million lines: read");
    read.sample_size(10);
    read.bench_function("ip list", |bencher| {
        measure(bencher, || Followed::open(source(), IpList::default()).is_ok());
    });
    read.finish();

    let (ranges, trie) = (ranges(&prefixes), trie(&prefixes));
    println!("ranges take {} bytes", ranges.bytes());
    let mut look_up = criterion.benchmark_group("a million prefixes: look up");
    let mut random = Random(2).map(Ipv4Addr::from);
    look_up.bench_function("ranges", |bencher| {
        measure(bencher, || random.next().and_then(|ip| ranges.get(black_box(ip).into())));
    });
    look_up.bench_function("prefix-trie", |bencher| {
        measure(bencher, || {
            let ip = random.next().map(Ipv4Net::from)?;
            trie.get_lpm(black_box(&ip)).map(|(_, value)| *value)
        });
    });
    look_up.finish();
}

criterion_group!(benches, million);
criterion_main!(benches);
