//! Arguments: a message becomes the type that its handler asks for.

mod support;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use serde::Deserialize;
use spoa_actors::{ArgsError, FromMessage, Message, MessageRef};
use support::{Client, weigh, with_40_arguments, with_ip, with_request};

#[derive(Deserialize)]
#[expect(dead_code, reason = "it is made, and not looked at")]
struct Owned {
    ip: std::net::IpAddr,
    path: String,
    ua: String,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "it is made, and not looked at")]
struct Borrowed<'a> {
    ip: std::net::IpAddr,
    #[serde(borrow)]
    path: &'a str,
    ua: &'a str,
}

/// A type that takes all 40 arguments of the message by their names.
macro_rules! numbers {
    ($($field:ident)*) => {
        #[derive(Deserialize)]
        #[expect(dead_code, reason = "it is made, and not looked at")]
        struct Numbers {
            $($field: u64,)*
        }
    };
}

numbers! {
    argument_00 argument_01 argument_02 argument_03 argument_04 argument_05 argument_06 argument_07
    argument_08 argument_09 argument_10 argument_11 argument_12 argument_13 argument_14 argument_15
    argument_16 argument_17 argument_18 argument_19 argument_20 argument_21 argument_22 argument_23
    argument_24 argument_25 argument_26 argument_27 argument_28 argument_29 argument_30 argument_31
    argument_32 argument_33 argument_34 argument_35 argument_36 argument_37 argument_38 argument_39
}

/// Makes a `T` of the message again and again.
macro_rules! bench {
    ($group:ident, $name:literal, $message:expr, $read:expr) => {{
        let message: Message = $message;
        assert!($read(message.as_ref()).is_ok());
        $group.bench_function($name, |bencher| {
            bencher.iter(|| $read(black_box(&message).as_ref()));
        });
    }};
}

fn args(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("args");
    bench!(group, "ip", with_ip(), Client::from_message);
    bench!(group, "ip and 2 strings", with_request(), Owned::from_message);
    bench!(group, "ip and 2 borrowed strings", with_request(), Borrowed::from_message);
    bench!(group, "40 numbers", with_40_arguments(), Numbers::from_message);
    bench!(
        group,
        "40 arguments where they lie",
        with_40_arguments(),
        |message: MessageRef<'_>| Ok::<_, ArgsError>(weigh(message))
    );
    bench!(group, "40 arguments, kept", with_40_arguments(), Message::from_message);
    group.finish();
}

criterion_group!(benches, args);
criterion_main!(benches);
