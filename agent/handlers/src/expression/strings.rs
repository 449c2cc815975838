//! What can be done with texts, and what becomes of other values as a text.

use std::borrow::Cow;

use super::{
    arithmetic::fits,
    fault::Fault,
    value::{List, Value},
};

type Result<T> = std::result::Result<T, Fault>;

/// The text at a place of a list whose types were checked.
fn text<'t>(values: &'t [Value<'_>], at: usize) -> Result<&'t str> {
    match values.get(at) {
        Some(Value::Text(text)) => Ok(text),
        _ => Err(Fault::Conversion),
    }
}

fn index(values: &[Value<'_>], at: usize) -> Result<usize> {
    match values.get(at) {
        Some(Value::Int(index)) => usize::try_from(*index).map_err(|_| Fault::Index),
        _ => Err(Fault::Conversion),
    }
}

fn owned<'v>(text: impl Into<String>) -> Result<Value<'v>> {
    let text = text.into();
    fits(text.len())?;
    Ok(Value::Text(Cow::Owned(text)))
}

fn int<'v>(number: usize) -> Result<Value<'v>> {
    i64::try_from(number).map(Value::Int).map_err(|_| Fault::Overflow)
}

pub(super) fn same<'v>(values: &[Value<'v>]) -> Result<Value<'v>> {
    values.first().cloned().ok_or(Fault::Conversion)
}

#[expect(clippy::cast_possible_truncation, reason = "it was looked at before")]
pub(super) fn double_to_int<'v>(values: &[Value<'v>]) -> Result<Value<'v>> {
    const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;
    match values {
        [Value::Double(double)] if double.abs() < TWO_TO_63 => Ok(Value::Int(*double as i64)),
        _ => Err(Fault::Overflow),
    }
}

pub(super) fn text_to_int<'v>(values: &[Value<'v>]) -> Result<Value<'v>> {
    text(values, 0)?.parse().map(Value::Int).map_err(|_| Fault::Conversion)
}

#[expect(clippy::cast_precision_loss, reason = "CEL rounds as well")]
pub(super) fn int_to_double<'v>(values: &[Value<'v>]) -> Result<Value<'v>> {
    match values {
        [Value::Int(int)] => Ok(Value::Double(*int as f64)),
        _ => Err(Fault::Conversion),
    }
}

pub(super) fn text_to_double<'v>(values: &[Value<'v>]) -> Result<Value<'v>> {
    text(values, 0)?.parse().map(Value::Double).map_err(|_| Fault::Conversion)
}

pub(super) fn to_text<'v>(values: &[Value<'v>]) -> Result<Value<'v>> {
    match values {
        [Value::Int(int)] => owned(int.to_string()),
        [Value::Bool(value)] => owned(value.to_string()),
        [Value::Ip(ip)] => owned(ip.to_string()),
        [Value::Cidr(cidr)] => owned(cidr.to_string()),
        _ => Err(Fault::Conversion),
    }
}

pub(super) fn bytes_to_text<'v>(values: &[Value<'v>]) -> Result<Value<'v>> {
    match values {
        [Value::Bytes(bytes)] => owned(std::str::from_utf8(bytes).map_err(|_| Fault::Conversion)?),
        _ => Err(Fault::Conversion),
    }
}

pub(super) fn text_to_bytes<'v>(values: &[Value<'v>]) -> Result<Value<'v>> {
    Ok(Value::Bytes(Cow::Owned(text(values, 0)?.as_bytes().to_vec())))
}

pub(super) fn contains<'v>(values: &[Value<'v>]) -> Result<Value<'v>> {
    Ok(Value::Bool(text(values, 0)?.contains(text(values, 1)?)))
}

pub(super) fn starts_with<'v>(values: &[Value<'v>]) -> Result<Value<'v>> {
    Ok(Value::Bool(text(values, 0)?.starts_with(text(values, 1)?)))
}

pub(super) fn ends_with<'v>(values: &[Value<'v>]) -> Result<Value<'v>> {
    Ok(Value::Bool(text(values, 0)?.ends_with(text(values, 1)?)))
}

pub(super) fn lower_ascii<'v>(values: &[Value<'v>]) -> Result<Value<'v>> {
    owned(text(values, 0)?.to_ascii_lowercase())
}

pub(super) fn upper_ascii<'v>(values: &[Value<'v>]) -> Result<Value<'v>> {
    owned(text(values, 0)?.to_ascii_uppercase())
}

pub(super) fn trim<'v>(values: &[Value<'v>]) -> Result<Value<'v>> {
    owned(text(values, 0)?.trim())
}

/// The byte at which a character begins; the end is one, too.
fn byte(text: &str, character: usize) -> Result<usize> {
    let begins = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    begins.into_iter().nth(character).ok_or(Fault::Index)
}

/// The number of the character that begins at a byte; -1 if there is none.
fn character<'v>(text: &str, byte: Option<usize>) -> Result<Value<'v>> {
    match byte {
        Some(byte) => int(text[..byte].chars().count()),
        None => Ok(Value::Int(-1)),
    }
}

pub(super) fn char_at<'v>(values: &[Value<'v>]) -> Result<Value<'v>> {
    let text = text(values, 0)?;
    let begin = byte(text, index(values, 1)?)?;
    owned(text[begin..].chars().take(1).collect::<String>())
}

pub(super) fn index_of<'v>(values: &[Value<'v>]) -> Result<Value<'v>> {
    let whole = text(values, 0)?;
    character(whole, whole.find(text(values, 1)?))
}

pub(super) fn last_index_of<'v>(values: &[Value<'v>]) -> Result<Value<'v>> {
    let whole = text(values, 0)?;
    character(whole, whole.rfind(text(values, 1)?))
}

pub(super) fn substring<'v>(values: &[Value<'v>]) -> Result<Value<'v>> {
    let whole = text(values, 0)?;
    let begin = byte(whole, index(values, 1)?)?;
    let end = if values.len() > 2 { byte(whole, index(values, 2)?)? } else { whole.len() };
    owned(whole.get(begin..end).ok_or(Fault::Index)?)
}

pub(super) fn replace<'v>(values: &[Value<'v>]) -> Result<Value<'v>> {
    let (whole, old, new) = (text(values, 0)?, text(values, 1)?, text(values, 2)?);
    let times = whole.matches(old).count();
    fits(times.saturating_mul(new.len()).saturating_add(whole.len()))?;
    owned(whole.replace(old, new))
}

pub(super) fn split<'v>(values: &[Value<'v>]) -> Result<Value<'v>> {
    let (whole, between) = (text(values, 0)?, text(values, 1)?);
    fits(whole.len())?;
    let parts: Vec<_> = if between.is_empty() {
        // One text for each character.
        whole.chars().map(String::from).collect()
    } else {
        whole.split(between).map(str::to_owned).collect()
    };
    let parts = parts.into_iter().map(|part| Value::Text(Cow::Owned(part)));
    Ok(Value::List(List::Owned(parts.collect())))
}

pub(super) fn join<'v>(values: &[Value<'v>]) -> Result<Value<'v>> {
    let Some(Value::List(parts)) = values.first() else { return Err(Fault::Conversion) };
    let between = if values.len() > 1 { text(values, 1)? } else { "" };
    let mut joined = String::new();
    for (at, part) in parts.iter().enumerate() {
        let Value::Text(part) = part else { return Err(Fault::Conversion) };
        fits(joined.len() + between.len() + part.len())?;
        if at > 0 {
            joined.push_str(between);
        }
        joined.push_str(part);
    }
    owned(joined)
}
