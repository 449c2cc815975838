//! Typed arguments: turns a message into the type that its handler takes.

mod deserializer;
mod error;
mod header_block;
mod notify_deserializer;
mod value;

use serde::Deserialize;

pub use error::ArgsError;

use crate::spop::{Message, MessageRef, Messages};

/// A type that a handler can take as its arguments.
///
/// Derive serde's `Deserialize` for a struct: its fields take the arguments by name, straight from
/// the frame. [`Message`] works too, if you want the arguments as they arrived: repeated, unnamed,
/// or bytes that are not UTF-8. A type that buffers values before it knows their types, with
/// `#[serde(flatten)]`, `#[serde(untagged)]` or a map of any value, cannot hold addresses or nulls.
///
/// ```
/// use std::net::IpAddr;
///
/// use serde::Deserialize;
/// use spoa_actors::{FromMessage, Message};
///
/// #[derive(Deserialize)]
/// struct CheckClientIp {
///     ip: IpAddr,
///     #[serde(rename = "ua")]
///     user_agent: Option<String>,
/// }
///
/// let message = Message::new("check-client-ip").arg("ip", IpAddr::from([192, 0, 2, 1]));
/// let client = CheckClientIp::from_message(message.as_ref())?;
/// assert_eq!((client.ip.to_string().as_str(), client.user_agent), ("192.0.2.1", None));
/// # Ok::<(), spoa_actors::ArgsError>(())
/// ```
///
/// Fields that borrow from the frame, such as `&'a str`, `&'a [u8]` or [`MessageRef`], work with a
/// [`ReadyHandler`](crate::ReadyHandler) only: other handlers can answer after the frame is dropped.
///
/// | argument | Rust types |
/// |---|---|
/// | ipv4, ipv6, or a string that contains one | `Ipv4Addr`, `Ipv6Addr`, `IpAddr` |
/// | any integer | every integer type that holds the value, and floats |
/// | bool | `bool` |
/// | string | `String`, a unit enum, a type that serde reads from text, such as `Uuid`; `bytes::Bytes` if it may not be UTF-8 |
/// | binary | `bytes::Bytes` |
/// | headers (`req.hdrs_bin`, `req.hdrs`) | [`HeaderBlock`](crate::HeaderBlock), [`HeaderBlockBuf`](crate::HeaderBlockBuf) |
/// | null or absent | `Option` |
/// | repeated | `Vec` of any of these; a field of another type is an error |
/// | unnamed | a field with `#[serde(rename = "")]` |
///
/// Arguments that the type does not name are skipped.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be made from the arguments of a message",
    label = "neither `serde::Deserialize` nor `Message`",
    note = "derive it: `#[derive(serde::Deserialize)] struct {Self} {{ ip: std::net::IpAddr }}`",
    note = "fields that borrow are for a `ReadyHandler`: other handlers may outlive the frame"
)]
pub trait FromMessage<'a>: Sized {
    /// Reads the arguments of a message.
    ///
    /// # Errors
    ///
    /// If an argument is absent, has another type or is out of range.
    fn from_message(message: MessageRef<'a>) -> Result<Self, ArgsError>;

    /// Reads the messages that a route takes together; see
    /// [`Registry::on_notify`](crate::Registry::on_notify).
    ///
    /// A struct with serde's `Deserialize` has one field per message, named after it.
    ///
    /// # Errors
    ///
    /// If a message is missing or repeated, or the type takes a single one and there are several.
    fn from_messages(messages: &'a [MessageRef<'a>]) -> Result<Self, ArgsError> {
        match messages {
            [message] => Self::from_message(*message),
            _ => Err(ArgsError::several()),
        }
    }
}

impl<'a, T: Deserialize<'a>> FromMessage<'a> for T {
    #[inline(always)]
    fn from_message(message: MessageRef<'a>) -> Result<Self, ArgsError> {
        // Only the arguments are handed on: the rest of the message is not copied for them.
        T::deserialize(deserializer::MessageDeserializer::new(message))
    }

    fn from_messages(messages: &'a [MessageRef<'a>]) -> Result<Self, ArgsError> {
        T::deserialize(notify_deserializer::NotifyDeserializer::new(messages))
    }
}

impl FromMessage<'_> for Message {
    #[inline]
    fn from_message(message: MessageRef<'_>) -> Result<Self, ArgsError> {
        Ok(message.to_message())
    }
}

/// All messages that a route takes together, as they arrived.
impl FromMessage<'_> for Messages {
    fn from_message(message: MessageRef<'_>) -> Result<Self, ArgsError> {
        Ok(message.to_message().into())
    }

    fn from_messages(messages: &[MessageRef<'_>]) -> Result<Self, ArgsError> {
        Ok(messages.iter().map(MessageRef::to_message).collect())
    }
}

impl<'a> FromMessage<'a> for MessageRef<'a> {
    #[inline]
    fn from_message(message: Self) -> Result<Self, ArgsError> {
        Ok(message)
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

    use bytes::Bytes;
    use serde::{Deserialize, de::DeserializeOwned};
    use uuid::Uuid;

    use super::*;
    use crate::spop::{Frame, ToTypedData, TypedData};

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "UPPERCASE")]
    enum Method {
        Get,
        Post,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Everything {
        ip: IpAddr,
        v4: Ipv4Addr,
        v6: Ipv6Addr,
        #[serde(rename = "ua")]
        user_agent: Option<String>,
        referer: Option<String>,
        body: Bytes,
        port: u16,
        delta: i64,
        ssl: bool,
        method: Method,
        host: Vec<String>,
        #[serde(rename = "")]
        unnamed: u64,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct One<T> {
        x: T,
    }

    fn one<T: DeserializeOwned>(value: impl ToTypedData) -> Result<T, String> {
        let message = Message::new("m").arg("x", value);
        One::from_message(message.as_ref())
            .map(|one: One<T>| one.x)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn every_argument_type_lands_in_its_rust_type() {
        let message = Message::new("m")
            .arg("skipped", TypedData::Binary(&[1]))
            .arg("ip", Ipv6Addr::LOCALHOST)
            .arg("v4", Ipv4Addr::LOCALHOST)
            .arg("v6", Ipv6Addr::LOCALHOST)
            .arg("host", "a")
            .arg("ua", "curl")
            .arg("referer", TypedData::Null)
            .arg("body", [0, 255])
            .arg("port", TypedData::Uint32(443))
            .arg("delta", -5)
            .arg("ssl", true)
            .arg("method", "GET")
            .arg("host", "b")
            .arg("", TypedData::Uint64(u64::MAX));
        let expected = Everything {
            ip: Ipv6Addr::LOCALHOST.into(),
            v4: Ipv4Addr::LOCALHOST,
            v6: Ipv6Addr::LOCALHOST,
            user_agent: Some("curl".to_owned()),
            referer: None,
            body: Bytes::from_static(&[0, 255]),
            port: 443,
            delta: -5,
            ssl: true,
            method: Method::Get,
            host: vec!["a".to_owned(), "b".to_owned()],
            unnamed: u64::MAX,
        };
        assert_eq!(Everything::from_message(message.as_ref()), Ok(expected));
    }

    #[test]
    fn a_wrong_argument_is_named() {
        let error = one::<IpAddr>(true);
        let text = "argument \"x\": invalid type: boolean `true`, expected IP address";
        assert_eq!(error.unwrap_err(), text);
        let error = one::<u16>(65_536);
        let text = "argument \"x\": invalid value: integer `65536`, expected u16";
        assert_eq!(error.unwrap_err(), text);
        let error = One::<u16>::from_message(Message::new("m").as_ref()).unwrap_err();
        assert_eq!(error.argument(), Some("x"));
        assert!(error.to_string().contains("does not pass it"), "{error}");
    }

    #[test]
    fn an_address_is_taken_from_its_type_and_from_text() {
        for ip in [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)] {
            assert_eq!(one(ip), Ok(ip));
            assert_eq!(one(ip), Ok(Some(ip)));
            assert_eq!(one(ip), Ok(vec![ip]));
            assert_eq!(one(ip.to_string()), Ok(ip));
            assert_eq!(one(ip.to_string()), Ok(vec![ip]));
        }
        assert_eq!(one(Ipv4Addr::LOCALHOST), Ok(Ipv4Addr::LOCALHOST));
        assert_eq!(one("127.0.0.1"), Ok(Ipv4Addr::LOCALHOST));
        assert_eq!(one("::1"), Ok(Ipv6Addr::LOCALHOST));
        assert_eq!(one("127.0.0.1:80"), Ok(SocketAddr::from(([127, 0, 0, 1], 80))));
        for text in ["", "127.0.0.1\n", "127.0.0", "::1"] {
            assert!(one::<Ipv4Addr>(text).is_err(), "{text:?}");
        }
        assert!(one::<IpAddr>(&Ipv4Addr::LOCALHOST.octets()).is_err(), "a binary is no address");
    }

    #[test]
    fn a_type_with_a_text_form_and_a_binary_form_is_taken_from_both() {
        let id = Uuid::from_u128(0x936d_a01f_9abd_4d9d_80c7_02af_85c8_22a8);
        assert_eq!(one(id.to_string()), Ok(id));
        assert_eq!(one(id.simple().to_string()), Ok(Some(id)));
        assert_eq!(one(id.as_bytes()), Ok(id));
        assert!(one::<Uuid>("936da01f").is_err());
        assert!(one::<Uuid>(Ipv6Addr::from(id.as_u128())).is_err(), "an address is no UUID");
    }

    #[test]
    fn what_a_client_sent_neither_fills_nor_forges_the_log() {
        let method = format!("GET\n{}", "x".repeat(10_000));
        let error = one::<Method>(&method).unwrap_err();
        assert!(error.starts_with("argument \"x\": unknown variant `GET\\nxxx"), "{error}");
        assert!(error.len() < 1200, "{} bytes", error.len());
    }

    #[test]
    fn types_are_not_taken_for_each_other() {
        assert!(one::<u64>(-1).is_err());
        assert!(one::<u64>("1").is_err());
        assert!(one::<bool>(1).is_err());
        assert!(one::<String>(&b"binary"[..]).is_err());
        assert!(one::<String>(Ipv4Addr::LOCALHOST).is_err());
        assert!(one::<String>(TypedData::String(b"\xff")).is_err());
        assert!(one::<u64>(TypedData::Null).is_err());
        assert!(one::<Ipv4Addr>(Ipv6Addr::LOCALHOST).is_err());
        assert!(one::<Method>("PATCH").is_err());
        assert!(one::<[u8; 4]>("text").is_err());
    }

    /// The argument `x` of a NOTIFY, as a type that is announced and a varint give it.
    fn off_the_wire<T: DeserializeOwned>(announced: u8, varint: &[u8]) -> Option<T> {
        let front = [3, 0, 0, 0, 1, 1, 1, 1, b'm', 1, 1, b'x', announced];
        let frame = Frame::decode([&front[..], varint].concat().into());
        let Ok(Frame::Notify(mut notify)) = frame else { panic!("{frame:?}") };
        let message = notify.messages.next().unwrap();
        One::from_message(message.as_ref()).ok().map(|one| one.x)
    }

    #[test]
    fn an_integer_has_all_its_64_bits_whatever_type_it_announces() {
        let two_to_the_31 = b"\xf0\xf1\xfe\xfe\x3e";
        let two_to_the_32 = b"\xf0\xf1\xfe\xfe\x7e";
        let minus_five = b"\xfb\xf0\xfe\xfe\xfe\xfe\xfe\xfe\xfe\x0e";
        let (int32, uint32, int64, uint64) = (2, 3, 4, 5);
        for announced in [int32, uint32, int64, uint64] {
            assert_eq!(off_the_wire(announced, two_to_the_31), Some(1_u32 << 31));
            assert_eq!(off_the_wire(announced, two_to_the_31), Some(1_i64 << 31));
            assert_eq!(off_the_wire::<i32>(announced, two_to_the_31), None);
            assert_eq!(off_the_wire(announced, two_to_the_32), Some(1_u64 << 32));
            assert_eq!(off_the_wire::<u32>(announced, two_to_the_32), None);
        }
        for announced in [int32, int64] {
            assert_eq!(off_the_wire(announced, minus_five), Some(-5_i32));
            assert_eq!(off_the_wire::<u64>(announced, minus_five), None);
        }
        for announced in [uint32, uint64] {
            assert_eq!(off_the_wire(announced, minus_five), Some(u64::MAX - 4));
            assert_eq!(off_the_wire::<i64>(announced, minus_five), None);
        }
    }

    #[test]
    fn what_is_borrowed_is_told_apart_as_what_is_owned() {
        let message = |value: TypedData<'static>| Message::new("m").arg("x", value);
        for (value, is_text) in [
            (TypedData::String(b"text"), true),
            (TypedData::String(b"\xff"), false),
            (TypedData::Binary(b"text"), false),
            (TypedData::Int32(1), false),
            (TypedData::Null, false),
        ] {
            let message = message(value);
            let text = One::<&str>::from_message(message.as_ref());
            assert_eq!(text.is_ok(), is_text, "{message}");
            assert_eq!(one::<String>(value).is_ok(), is_text, "{message}");
            let bytes = One::<&[u8]>::from_message(message.as_ref());
            assert_eq!(bytes.ok().map(|one| one.x), value.as_bytes(), "{message}");
        }
    }

    #[test]
    fn strings_that_are_no_utf_8_are_taken_as_bytes() {
        let bytes = TypedData::String(b"caf\xe9");
        assert_eq!(one::<Bytes>(bytes), Ok(Bytes::from_static(b"caf\xe9")));
    }

    #[test]
    fn a_repeated_argument_is_a_vec_or_an_error() {
        let twice = Message::new("m").arg("x", 1).arg("y", true).arg("x", 2);
        assert_eq!(One::from_message(twice.as_ref()), Ok(One { x: vec![1, 2] }));
        let error = One::<u8>::from_message(twice.as_ref()).unwrap_err();
        assert!(error.to_string().contains("more than once"), "{error}");
        assert_eq!(one::<Vec<String>>("lone"), Ok(vec!["lone".to_owned()]));
    }

    #[test]
    fn a_handler_may_take_no_arguments_or_the_message_itself() {
        let message = Message::new("m").arg("x", 1);
        assert_eq!(<()>::from_message(message.as_ref()), Ok(()));
        assert_eq!(Message::from_message(message.as_ref()), Ok(message));
    }

    /// As serde's guide has it: its fields are found by text alone.
    #[derive(Debug, PartialEq)]
    struct ByHand {
        x: i64,
    }

    impl<'de> Deserialize<'de> for ByHand {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Key(bool);

            impl<'de> Deserialize<'de> for Key {
                fn deserialize<D: serde::Deserializer<'de>>(key: D) -> Result<Self, D::Error> {
                    struct Text;

                    impl serde::de::Visitor<'_> for Text {
                        type Value = Key;

                        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                            f.write_str("a name")
                        }

                        fn visit_str<E>(self, name: &str) -> Result<Key, E> {
                            Ok(Key(name == "x"))
                        }
                    }

                    key.deserialize_identifier(Text)
                }
            }

            struct Fields;

            impl<'de> serde::de::Visitor<'de> for Fields {
                type Value = ByHand;

                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("arguments")
                }

                fn visit_map<A>(self, mut args: A) -> Result<ByHand, A::Error>
                where
                    A: serde::de::MapAccess<'de>,
                {
                    let mut found = None;
                    while let Some(Key(is_x)) = args.next_key()? {
                        match is_x {
                            true => found = Some(args.next_value()?),
                            false => drop(args.next_value::<serde::de::IgnoredAny>()?),
                        }
                    }
                    let x = found.ok_or_else(|| serde::de::Error::missing_field("x"))?;
                    Ok(ByHand { x })
                }
            }

            deserializer.deserialize_map(Fields)
        }
    }

    #[test]
    fn types_that_read_their_fields_by_hand_are_served_too() {
        let message = Message::new("m").arg("y", true).arg("x", 7);
        assert_eq!(ByHand::from_message(message.as_ref()), Ok(ByHand { x: 7 }));
    }

    #[test]
    fn names_that_are_no_utf_8_are_skipped() {
        let message = Message::new("m").arg([0xff], 1).arg("x", 2);
        assert_eq!(One::from_message(message.as_ref()), Ok(One { x: 2 }));
    }
}
