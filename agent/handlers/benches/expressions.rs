//! What a rule costs: `cargo bench -p spoa-handlers --bench expressions`.

use std::{hint::black_box, net::IpAddr};

use criterion::{Criterion, criterion_group, criterion_main};
use spoa_handlers::expression::{Names, Program, Scalar, Slot, Type, Value, Variables};

struct Request;

const VARIABLES: &[(&str, Scalar)] = &[
    ("path", Scalar::Text),
    ("ua", Scalar::Text),
    ("method", Scalar::Text),
    ("ip", Scalar::Ip),
    ("geo.country", Scalar::Text),
    ("known_bad.score", Scalar::Int),
    ("tenant.plan", Scalar::Text),
    ("body_size", Scalar::Int),
];

impl Names for Request {
    fn find(&self, name: &str) -> Option<(Slot, Type)> {
        let at = VARIABLES.iter().position(|(own, _)| *own == name)?;
        Some((Slot(u32::try_from(at).ok()?), Type::One(VARIABLES[at].1)))
    }

    fn all(&self) -> Vec<String> {
        VARIABLES.iter().map(|(name, _)| (*name).to_owned()).collect()
    }
}

impl Variables for Request {
    fn get(&self, slot: Slot) -> Option<Value<'_>> {
        Some(match slot.0 {
            0 => Value::text("/admin/users"),
            1 => Value::text(
                "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            ),
            2 => Value::text("GET"),
            3 => Value::Ip(IpAddr::from([203, 0, 113, 7])),
            4 => Value::text("FR"),
            5 => Value::Int(30),
            6 => Value::text("free"),
            7 => Value::Int(100),
            _ => return None,
        })
    }
}

const RULES: &[(&str, &str)] = &[
    ("one comparison", "path == '/login'"),
    ("admin abroad", "path.startsWith('/admin') && !(geo.country in ['DE', 'AT', 'CH'])"),
    ("suspicious", "known_bad.score > 40 && ua.contains('Mozilla')"),
    ("user agent", "known_bad.score < 40 && ua.contains('Firefox')"),
    ("too large", "tenant.plan == 'free' && body_size > 65536"),
    ("network", "cidr('203.0.113.0/24').containsIP(ip)"),
    ("pattern", "path.matches('^/(admin|api)/[a-z]+$')"),
    (
        "eight names",
        "path != '' && ua != '' && method == 'GET' && ip.family() == 4 && geo.country != 'XX' && \
         known_bad.score < 50 && tenant.plan != '' && body_size < 1000",
    ),
];

fn rules(criterion: &mut Criterion) {
    for (name, rule) in RULES {
        let Ok(program) = Program::condition(rule, &Request) else { panic!("{rule}") };
        criterion.bench_function(name, |bencher| {
            bencher.iter(|| black_box(&program).test(black_box(&Request)));
        });
    }
}

criterion_group!(benches, rules);
criterion_main!(benches);
