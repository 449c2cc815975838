//! Arguments: whatever a message holds, a handler's type gets the value that is there, or an error that names it.
//!
//! Input: the messages of a NOTIFY. Of each, the first argument's name becomes "x", all others "y".
#![no_main]

use std::{
    collections::BTreeMap,
    fmt::Debug,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use serde::{
    Deserialize,
    de::{DeserializeOwned, IgnoredAny},
};
use spoa_actors::{
    ArgsError, FromMessage, Message, MessageRef, TypedData,
    spop::{Frame, FrameType},
};
use spoa_fuzz::{metered, whole};

#[derive(Deserialize)]
struct One<T> {
    x: T,
}

#[derive(Clone, Debug, Deserialize, PartialEq)]
struct Newtype(i64);

#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "UPPERCASE")]
enum Method {
    Get,
    Post,
}

/// Takes the argument as `T`, within a bound of what that may allocate.
fn taken<T: DeserializeOwned>(message: &Message) -> Result<T, ArgsError> {
    let size = message.as_bytes().len() as u64;
    let (taken, allocated) =
        metered(|| One::from_message(message.as_ref()).map(|one: One<T>| one.x));
    // A value of 16 bytes, and room to grow, for an argument of three bytes; or a text of an error.
    assert!(allocated.bytes_max <= 32 * size + 1024, "{allocated:?} for {size} bytes");
    if let Err(error) = &taken {
        assert_eq!(error.argument(), Some("x"), "{error}");
        let text = error.to_string();
        assert!(text.len() < 2000 && !text.contains(char::is_control), "{text} is a short line");
    }
    taken
}

/// Checks that `T` takes the lone value that `of` makes it from, and a `Vec` of it all values.
fn is_taken<T>(message: &Message, values: &[TypedData<'_>], of: impl Fn(TypedData<'_>) -> Option<T>)
where
    T: DeserializeOwned + Debug + PartialEq + Clone,
{
    let lone = match values {
        [value] => Some(*value),
        _ => None,
    };
    assert_eq!(taken::<T>(message).ok(), lone.and_then(&of), "{message}");
    let optional = lone.and_then(|value| match value {
        TypedData::Null => Some(None),
        value => of(value).map(Some),
    });
    assert_eq!(taken::<Option<T>>(message).ok(), optional, "{message}");
    let all: Option<Vec<T>> = values.iter().copied().map(of).collect();
    assert_eq!(taken::<Vec<T>>(message).ok(), all, "{message}");
}

fn integer<T: TryFrom<i128>>(value: TypedData<'_>) -> Option<T> {
    value.as_integer().and_then(|value| value.try_into().ok())
}

fn string(value: TypedData<'_>) -> Option<String> {
    match value {
        TypedData::String(bytes) => String::from_utf8(bytes.to_vec()).ok(),
        _ => None,
    }
}

/// Checks that what borrows takes the lone value as what owns, and allocates no more than an error.
fn is_borrowed(message: &Message, values: &[TypedData<'_>]) {
    let lone = match values {
        [value] => Some(*value),
        _ => None,
    };
    let (taken, allocated) = metered(|| One::<&str>::from_message(message.as_ref()));
    assert!(taken.is_err() || allocated.count_total == 0, "{allocated:?}");
    let text = lone.and_then(string);
    assert_eq!(taken.ok().map(|one| one.x), text.as_deref(), "{message}");
    let (taken, allocated) = metered(|| One::<&[u8]>::from_message(message.as_ref()));
    assert!(taken.is_err() || allocated.count_total == 0, "{allocated:?}");
    let bytes = lone.and_then(|value| value.as_bytes());
    assert_eq!(taken.ok().map(|one| one.x), bytes, "{message}");
}

fn every_type(message: &Message, values: &[TypedData<'_>]) {
    is_borrowed(message, values);
    is_taken::<u8>(message, values, integer);
    is_taken::<i32>(message, values, integer);
    is_taken::<u64>(message, values, integer);
    is_taken::<i64>(message, values, integer);
    is_taken(message, values, |value| integer(value).map(Newtype));
    is_taken(message, values, string);
    is_taken(message, values, |value| value.as_bytes().map(Bytes::copy_from_slice));
    is_taken::<IpAddr>(message, values, |value| value.as_ip());
    is_taken::<Ipv4Addr>(message, values, |value| match value.as_ip()? {
        IpAddr::V4(ip) => Some(ip),
        IpAddr::V6(_) => None,
    });
    is_taken::<Ipv6Addr>(message, values, |value| match value.as_ip()? {
        IpAddr::V4(_) => None,
        IpAddr::V6(ip) => Some(ip),
    });
    is_taken(message, values, |value| match value {
        TypedData::Bool(value) => Some(value),
        _ => None,
    });
    is_taken(message, values, |value| match &*string(value)? {
        "GET" => Some(Method::Get),
        "POST" => Some(Method::Post),
        _ => None,
    });
}

/// The names of a message, whatever its values.
fn names(message: &Message) {
    let all = BTreeMap::<String, IgnoredAny>::from_message(message.as_ref());
    let expected: Option<std::collections::BTreeSet<_>> =
        message.args().map(|arg| str::from_utf8(arg.name).ok().map(str::to_owned)).collect();
    assert_eq!(all.ok().map(|all| all.into_keys().collect()), expected);
    assert_eq!(<()>::from_message(message.as_ref()), Ok(()));
    assert_eq!(Message::from_message(message.as_ref()).as_ref(), Ok(message));
    assert!(
        MessageRef::from_message(message.as_ref()).is_ok_and(|same| same.args().eq(message.args()))
    );
}

fuzz_target!(|data: &[u8]| {
    let Ok(Frame::Notify(notify)) = Frame::decode(whole(FrameType::NOTIFY, data)) else { return };
    for message in notify.messages.take(4) {
        names(&message);
        let Some(first) = message.args().next() else { continue };
        let mut renamed = Message::new("m");
        let mut values = Vec::new();
        for arg in message.args() {
            let is_first = arg.name == first.name;
            renamed = renamed.arg(if is_first { "x" } else { "y" }, arg.value);
            values.extend(is_first.then_some(arg.value));
        }
        every_type(&renamed, &values);
    }
});
