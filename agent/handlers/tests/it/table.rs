//! What the tables promise of memory and time.

use std::{
    net::Ipv4Addr,
    time::{Duration, Instant},
};

use spoa_handlers::{
    table::{BanRule, Bans, Limit, Prefix, Ranges, Rates},
    value::Rate,
};

#[test]
fn a_flood_of_five_million_keys_takes_no_byte() {
    let now = Instant::now();
    let second = Duration::from_secs(1);
    let (rates, bans) = (Rates::new(65_536, now), Bans::new(65_536, now));
    let (rate, rule) = (
        Limit::new(Rate { count: 100, per: second }, 200).unwrap(),
        BanRule::new(10, second, second).unwrap(),
    );
    let bytes = (rates.bytes(), bans.bytes());
    let flood = allocation_counter::measure(|| {
        for key in 0..5_000_000_u32 {
            let at = now + Duration::from_micros(key.into());
            rates.take(&key, &rate, 1, at);
            if key % 8 == 0 {
                bans.count(&key, &rule, at);
            }
        }
    });
    assert_eq!(flood.count_total, 0, "{flood:?}");
    assert_eq!((rates.bytes(), bans.bytes()), bytes);
    assert_eq!(rates.bytes(), 65_536 * 16);
}

#[test]
fn a_look_up_allocates_nothing() {
    let mut builder = Ranges::builder();
    for number in 0..100_000_u32 {
        builder.add(Prefix::V4(Ipv4Addr::from(number << 8), 25), 1_u16);
    }
    let ranges = builder.build(|outer, inner| outer | inner);
    let looks = allocation_counter::measure(|| {
        for number in 0..1_000_000_u32 {
            assert_eq!(
                ranges.get(Ipv4Addr::from(number).into()).is_some(),
                number % 256 < 128 && number < 100_000 << 8
            );
        }
    });
    assert_eq!(looks.count_total, 0, "{looks:?}");
}
