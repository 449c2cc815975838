//! Expressions: any text is read or has mistakes with their places, and what was read has a value or a fault.
//!
//! Input: an expression.
#![no_main]

use std::net::IpAddr;

use libfuzzer_sys::fuzz_target;
use spoa_handlers::expression::{List, Names, Program, Scalar, Slot, Type, Value, Variables};

struct Sample;

const VARIABLES: &[(&str, Type)] = &[
    ("path", Type::One(Scalar::Text)),
    ("ip", Type::One(Scalar::Ip)),
    ("body", Type::One(Scalar::Bytes)),
    ("a.score", Type::One(Scalar::Int)),
    ("a.tags", Type::List(Scalar::Text)),
    ("a.ratio", Type::One(Scalar::Double)),
    ("b.user", Type::One(Scalar::Text)),
    ("b.ip", Type::One(Scalar::Ip)),
];

impl Names for Sample {
    fn find(&self, name: &str) -> Option<(Slot, Type)> {
        let at = VARIABLES.iter().position(|(own, _)| *own == name)?;
        Some((Slot(u32::try_from(at).ok()?), VARIABLES[at].1))
    }

    fn all(&self) -> Vec<String> {
        VARIABLES.iter().map(|(name, _)| (*name).to_owned()).collect()
    }
}

impl Variables for Sample {
    fn get(&self, slot: Slot) -> Option<Value<'_>> {
        Some(match slot.0 {
            0 => Value::text("/admin/é"),
            1 => Value::Ip(IpAddr::from([203, 0, 113, 7])),
            2 => Value::Bytes(b"a\xff".into()),
            3 => Value::Int(i64::MAX),
            4 => Value::List(List::Owned(vec![Value::text("ban"), Value::text("")])),
            5 => Value::Double(0.5),
            _ => return None,
        })
    }
}

/// Whether a value is what its type says.
fn is_of(value: &Value<'_>, own: Type) -> bool {
    match (value, own) {
        (Value::List(values), Type::List(scalar)) => {
            values.iter().all(|value| is_of(value, Type::One(scalar)))
        }
        (Value::List(values), Type::EmptyList) => values.is_empty(),
        (Value::Bool(_), Type::One(Scalar::Bool))
        | (Value::Int(_), Type::One(Scalar::Int))
        | (Value::Double(_), Type::One(Scalar::Double))
        | (Value::Text(_), Type::One(Scalar::Text))
        | (Value::Bytes(_), Type::One(Scalar::Bytes))
        | (Value::Ip(_), Type::One(Scalar::Ip))
        | (Value::Cidr(_), Type::One(Scalar::Cidr)) => true,
        _ => false,
    }
}

fuzz_target!(|input: &[u8]| {
    let text = String::from_utf8_lossy(input);
    match Program::expression(&text, &Sample) {
        Ok(program) => {
            if let Ok(value) = program.value(&Sample) {
                assert!(is_of(&value, program.value_type()), "{value:?} {}", program.value_type());
            }
        }
        Err(mistakes) => {
            assert!(!mistakes.is_empty());
            for mistake in mistakes {
                assert!(text.get(mistake.span.clone()).is_some(), "{mistake:?}");
                assert!(!mistake.title.is_empty() && !mistake.help.is_empty());
            }
        }
    }
});
