//! Values of expressions.

use std::{borrow::Cow, cmp::Ordering, net::IpAddr, ops::Deref};

use super::cidr::Cidr;

/// A value; texts and lists are borrowed where they can be.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'v> {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Double(f64),
    /// A text.
    Text(Cow<'v, str>),
    /// Bytes.
    Bytes(Cow<'v, [u8]>),
    /// An address.
    Ip(IpAddr),
    /// A network.
    Cidr(Cidr),
    /// Values of one type.
    List(List<'v>),
}

/// The values of a list. It is no `Cow`, which would not let a list of constants stand beside one of a message.
#[derive(Clone, Debug)]
pub enum List<'v> {
    /// Values that somebody else holds.
    Borrowed(&'v [Value<'v>]),
    /// Values of its own.
    Owned(Vec<Value<'v>>),
}

impl<'v> Deref for List<'v> {
    type Target = [Value<'v>];

    fn deref(&self) -> &[Value<'v>] {
        match self {
            Self::Borrowed(values) => values,
            Self::Owned(values) => values,
        }
    }
}

impl PartialEq for List<'_> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<'v> Value<'v> {
    /// A text.
    #[must_use]
    pub fn text(text: &'v str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }

    /// The same, borrowed from this one.
    #[must_use]
    pub fn borrow(&self) -> Value<'_> {
        match self {
            Self::Bool(value) => Value::Bool(*value),
            Self::Int(value) => Value::Int(*value),
            Self::Double(value) => Value::Double(*value),
            Self::Text(value) => Value::Text(Cow::Borrowed(value)),
            Self::Bytes(value) => Value::Bytes(Cow::Borrowed(value)),
            Self::Ip(value) => Value::Ip(*value),
            Self::Cidr(value) => Value::Cidr(*value),
            Self::List(values) => Value::List(List::Borrowed(values)),
        }
    }

    /// The same, borrowed from nobody.
    #[must_use]
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Self::Bool(value) => Value::Bool(value),
            Self::Int(value) => Value::Int(value),
            Self::Double(value) => Value::Double(value),
            Self::Text(value) => Value::Text(Cow::Owned(value.into_owned())),
            Self::Bytes(value) => Value::Bytes(Cow::Owned(value.into_owned())),
            Self::Ip(value) => Value::Ip(value),
            Self::Cidr(value) => Value::Cidr(value),
            Self::List(values) => {
                let owned = values.iter().map(|value| value.clone().into_owned());
                Value::List(List::Owned(owned.collect()))
            }
        }
    }

    /// The value as a text; the values of a list with commas between them.
    #[must_use]
    pub fn as_text(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Bool(value) => Cow::Owned(value.to_string()),
            Self::Int(value) => Cow::Owned(value.to_string()),
            Self::Double(value) => Cow::Owned(value.to_string()),
            Self::Bytes(bytes) => String::from_utf8_lossy(bytes),
            Self::Ip(ip) => Cow::Owned(ip.to_string()),
            Self::Cidr(cidr) => Cow::Owned(cidr.to_string()),
            Self::List(values) => {
                let values: Vec<_> = values.iter().map(Self::as_text).collect();
                Cow::Owned(values.join(","))
            }
        }
    }

    /// Which of the two is larger; whole numbers and those with a fraction compare by what they are worth.
    pub(super) fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Bool(one), Self::Bool(other)) => Some(one.cmp(other)),
            (Self::Int(one), Self::Int(other)) => Some(one.cmp(other)),
            (Self::Double(one), Self::Double(other)) => one.partial_cmp(other),
            (Self::Int(one), Self::Double(other)) => int_to_double(*one, *other),
            (Self::Double(one), Self::Int(other)) => {
                int_to_double(*other, *one).map(Ordering::reverse)
            }
            (Self::Text(one), Self::Text(other)) => Some(one.cmp(other)),
            (Self::Bytes(one), Self::Bytes(other)) => Some(one.cmp(other)),
            _ => None,
        }
    }
}

/// Compares without rounding.
#[expect(clippy::cast_possible_truncation, reason = "it was looked at before")]
fn int_to_double(int: i64, double: f64) -> Option<Ordering> {
    const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;
    if double.is_nan() {
        return None;
    }
    if double >= TWO_TO_63 {
        return Some(Ordering::Less);
    }
    if double < -TWO_TO_63 {
        return Some(Ordering::Greater);
    }
    let whole = double.trunc();
    let by_whole = int.cmp(&(whole as i64));
    Some(by_whole.then_with(|| 0.0.partial_cmp(&(double - whole)).unwrap_or(Ordering::Equal)))
}
