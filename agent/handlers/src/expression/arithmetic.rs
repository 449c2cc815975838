//! `+ - * / %` and the sign in front of a number.

use std::borrow::Cow;

use super::{
    fault::Fault,
    types::{Scalar, Type},
    value::{List, Value},
};

/// The longest text, bytes or list that an expression makes.
pub(super) const LONGEST: usize = 64 << 10;

/// The type of `left sign right`, if there is such a thing.
pub(super) fn type_of(sign: &str, left: Type, right: Type) -> Option<Type> {
    use Scalar::{Bytes, Double, Int, Text};
    match (left, right) {
        (Type::One(Int), Type::One(Int)) => Some(left),
        (Type::One(Double), Type::One(Double)) if sign != "%" => Some(left),
        (Type::One(Text), Type::One(Text)) | (Type::One(Bytes), Type::One(Bytes))
            if sign == "+" =>
        {
            Some(left)
        }
        (Type::List(_) | Type::EmptyList, _) if sign == "+" && right.is(left) => Some(left),
        (Type::EmptyList, Type::List(_)) if sign == "+" => Some(right),
        _ => None,
    }
}

/// The value of `left sign right`, whose types were checked.
pub(super) fn value<'v>(sign: &str, left: Value<'v>, right: Value<'v>) -> Result<Value<'v>, Fault> {
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => int(sign, left, right).map(Value::Int),
        (Value::Double(left), Value::Double(right)) => Ok(Value::Double(match sign {
            "+" => left + right,
            "-" => left - right,
            "*" => left * right,
            _ => left / right,
        })),
        (Value::Text(left), Value::Text(right)) => {
            fits(left.len() + right.len())?;
            Ok(Value::Text(left + right))
        }
        (Value::Bytes(left), Value::Bytes(right)) => {
            fits(left.len() + right.len())?;
            Ok(Value::Bytes(Cow::Owned([left, right].concat())))
        }
        (Value::List(left), Value::List(right)) => {
            fits(left.len() + right.len())?;
            Ok(Value::List(List::Owned([&*left, &*right].concat())))
        }
        _ => Err(Fault::Conversion),
    }
}

fn int(sign: &str, left: i64, right: i64) -> Result<i64, Fault> {
    if right == 0 && (sign == "/" || sign == "%") {
        return Err(Fault::Division);
    }
    let value = match sign {
        "+" => left.checked_add(right),
        "-" => left.checked_sub(right),
        "*" => left.checked_mul(right),
        "/" => left.checked_div(right),
        _ => left.checked_rem(right),
    };
    value.ok_or(Fault::Overflow)
}

/// The number with the other sign.
pub(super) fn negate(value: &Value<'_>) -> Result<Value<'static>, Fault> {
    match value {
        Value::Int(int) => int.checked_neg().map(Value::Int).ok_or(Fault::Overflow),
        Value::Double(double) => Ok(Value::Double(-double)),
        _ => Err(Fault::Conversion),
    }
}

/// Whether something may become so long.
pub(super) fn fits(length: usize) -> Result<(), Fault> {
    if length > LONGEST { Err(Fault::Limit) } else { Ok(()) }
}
