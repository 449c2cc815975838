//! TYPED-DATA: one value of an argument, a variable or a key.
//!
//! ```text
//! TYPED-DATA : <TYPE:4 bits><FLAGS:4 bits><DATA>     (low nibble: type, high nibble: flags)
//! NULL 0: -   BOOL 1: - (flag 1 = true)   INT32 2, UINT32 3, INT64 4, UINT64 5: varint
//! IPV4 6: 4 bytes   IPV6 7: 16 bytes   STRING 8, BINARY 9: varint length and bytes
//! ```

mod conversions;

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use super::{
    foreign_text::ForeignText,
    put::Put,
    varint,
    wire::{Reader, WireError},
};

const NULL: u8 = 0;
const BOOL: u8 = 1;
const INT32: u8 = 2;
const UINT32: u8 = 3;
const INT64: u8 = 4;
const UINT64: u8 = 5;
const IPV4: u8 = 6;
const IPV6: u8 = 7;
pub(super) const STRING: u8 = 8;
const BINARY: u8 = 9;

const TYPE_MASK: u8 = 0x0f;
const FLAG_TRUE: u8 = 0x10;

/// A typed value, borrowed from its frame.
///
/// Strings are bytes: HAProxy sends header values, paths and bodies as they came from the client.
/// Rust integers become [`Int64`](Self::Int64), the type that HAProxy itself sends; a `u64` from
/// 2^63 on becomes
/// [`Uint64`](Self::Uint64). HAProxy stores every integer as 64 bits, signed. All four integer types have
/// 64 bits on the wire: an INT32 or UINT32 that exceeds 32 bits is read as the 64-bit type.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum TypedData<'a> {
    /// No value: the sample was not available. As the value of a variable, it unsets the variable.
    Null,
    /// A boolean.
    Bool(bool),
    /// A signed 32-bit integer.
    Int32(i32),
    /// An unsigned 32-bit integer.
    Uint32(u32),
    /// A signed 64-bit integer.
    Int64(i64),
    /// An unsigned 64-bit integer. HAProxy reads values from 2^63 on as negative.
    Uint64(u64),
    /// An IPv4 address.
    Ipv4(Ipv4Addr),
    /// An IPv6 address.
    Ipv6(Ipv6Addr),
    /// Text, which can be invalid UTF-8.
    String(&'a [u8]),
    /// Bytes.
    Binary(&'a [u8]),
}

impl<'a> TypedData<'a> {
    /// The specification's name of the type, in lower case.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "bool",
            Self::Int32(_) => "int32",
            Self::Uint32(_) => "uint32",
            Self::Int64(_) => "int64",
            Self::Uint64(_) => "uint64",
            Self::Ipv4(_) => "ipv4",
            Self::Ipv6(_) => "ipv6",
            Self::String(_) => "string",
            Self::Binary(_) => "binary",
        }
    }

    /// The value, if the type is one of the four integer types.
    #[must_use]
    pub fn as_integer(&self) -> Option<i128> {
        match *self {
            Self::Int32(value) => Some(value.into()),
            Self::Uint32(value) => Some(value.into()),
            Self::Int64(value) => Some(value.into()),
            Self::Uint64(value) => Some(value.into()),
            _ => None,
        }
    }

    /// The value, if the type is IPv4 or IPv6.
    #[must_use]
    pub fn as_ip(&self) -> Option<IpAddr> {
        match *self {
            Self::Ipv4(ip) => Some(ip.into()),
            Self::Ipv6(ip) => Some(ip.into()),
            _ => None,
        }
    }

    /// The bytes, if the type is string or binary.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&'a [u8]> {
        match *self {
            Self::String(bytes) | Self::Binary(bytes) => Some(bytes),
            _ => None,
        }
    }

    #[inline(always)]
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, WireError> {
        let head = reader.byte("typed-data")?;
        Ok(match head & TYPE_MASK {
            NULL => Self::Null,
            BOOL => Self::Bool(head & FLAG_TRUE != 0),
            INT32 => int32(reader.varint("INT32")?),
            UINT32 => uint32(reader.varint("UINT32")?),
            INT64 => Self::Int64(reader.varint("INT64")?.cast_signed()),
            UINT64 => Self::Uint64(reader.varint("UINT64")?),
            IPV4 => Self::Ipv4(Ipv4Addr::from(reader.array::<4>("IPV4")?)),
            IPV6 => Self::Ipv6(Ipv6Addr::from(reader.array::<16>("IPV6")?)),
            STRING => Self::String(reader.string("STRING")?),
            BINARY => Self::Binary(reader.string("BINARY")?),
            id => return Err(WireError::ReservedType { id }),
        })
    }

    /// Skips a value, with the checks of [`read`](Self::read).
    #[inline(always)]
    pub(super) fn skip(reader: &mut Reader<'_>) -> Result<(), WireError> {
        match reader.byte("typed-data")? & TYPE_MASK {
            NULL | BOOL => Ok(()),
            INT32 => reader.varint("INT32").map(drop),
            UINT32 => reader.varint("UINT32").map(drop),
            INT64 => reader.varint("INT64").map(drop),
            UINT64 => reader.varint("UINT64").map(drop),
            IPV4 => reader.take(4, "IPV4").map(drop),
            IPV6 => reader.take(16, "IPV6").map(drop),
            STRING => reader.string("STRING").map(drop),
            BINARY => reader.string("BINARY").map(drop),
            id => Err(WireError::ReservedType { id }),
        }
    }

    #[inline]
    pub(super) fn write(&self, dst: &mut impl Put) {
        match *self {
            Self::Null => dst.put_byte(NULL),
            Self::Bool(false) => dst.put_byte(BOOL),
            Self::Bool(true) => dst.put_byte(BOOL | FLAG_TRUE),
            // Negative numbers are sign-extended to 64 bits: HAProxy reads every integer as such.
            Self::Int32(value) => write_integer(INT32, i64::from(value).cast_unsigned(), dst),
            Self::Uint32(value) => write_integer(UINT32, value.into(), dst),
            Self::Int64(value) => write_integer(INT64, value.cast_unsigned(), dst),
            Self::Uint64(value) => write_integer(UINT64, value, dst),
            Self::Ipv4(ip) => write_bytes(IPV4, &ip.octets(), dst),
            Self::Ipv6(ip) => write_bytes(IPV6, &ip.octets(), dst),
            Self::String(bytes) => write_text(STRING, bytes, dst),
            Self::Binary(bytes) => write_text(BINARY, bytes, dst),
        }
    }
}

/// A value announced as 32 bits has 64 bits on the wire, as HAProxy reads it; one that does not fit
/// stays 64 bits.
fn int32(value: u64) -> TypedData<'static> {
    let signed = value.cast_signed();
    i32::try_from(signed).map_or(TypedData::Int64(signed), TypedData::Int32)
}

fn uint32(value: u64) -> TypedData<'static> {
    u32::try_from(value).map_or(TypedData::Uint64(value), TypedData::Uint32)
}

#[inline]
fn write_integer(id: u8, value: u64, dst: &mut impl Put) {
    dst.put_byte(id);
    varint::write(value, dst);
}

fn write_bytes(id: u8, bytes: &[u8], dst: &mut impl Put) {
    dst.put_byte(id);
    dst.put(bytes);
}

fn write_text(id: u8, bytes: &[u8], dst: &mut impl Put) {
    dst.put_byte(id);
    varint::write_string(bytes, dst);
}

/// Strings are quoted [`ForeignText`], binaries are hexadecimal and as short, other values are as
/// in Rust.
impl fmt::Display for TypedData<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => value.fmt(f),
            Self::Int32(value) => value.fmt(f),
            Self::Uint32(value) => value.fmt(f),
            Self::Int64(value) => value.fmt(f),
            Self::Uint64(value) => value.fmt(f),
            Self::Ipv4(ip) => ip.fmt(f),
            Self::Ipv6(ip) => ip.fmt(f),
            Self::String(bytes) => fmt::Debug::fmt(&ForeignText::new(bytes), f),
            Self::Binary(bytes) => {
                let shown = bytes.get(..ForeignText::LIMIT / 2).unwrap_or(bytes);
                f.write_str("0x")?;
                shown.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
                match shown.len() < bytes.len() {
                    true => write!(f, "… ({} bytes)", bytes.len()),
                    false => Ok(()),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: TypedData<'_>) -> Vec<u8> {
        let mut bytes = Vec::new();
        value.write(&mut bytes);
        bytes
    }

    fn read(bytes: &[u8]) -> Result<TypedData<'_>, WireError> {
        let mut reader = Reader::new(bytes);
        let value = TypedData::read(&mut reader)?;
        assert!(reader.is_empty(), "bytes are left");
        Ok(value)
    }

    #[test]
    fn every_type_has_its_bytes() {
        let table: [(TypedData<'_>, &[u8]); 14] = [
            (TypedData::Null, &[0x00]),
            (TypedData::Bool(true), &[0x11]),
            (TypedData::Bool(false), &[0x01]),
            (TypedData::Int32(-1), b"\x02\xff\xf0\xfe\xfe\xfe\xfe\xfe\xfe\xfe\x0e"),
            (TypedData::Int32(i32::MAX), b"\x02\xff\xf0\xfe\xfe\x3e"),
            (TypedData::Uint32(u32::MAX), b"\x03\xff\xf0\xfe\xfe\x7e"),
            (TypedData::Int64(-5), b"\x04\xfb\xf0\xfe\xfe\xfe\xfe\xfe\xfe\xfe\x0e"),
            (TypedData::Int64(i64::MIN), b"\x04\xf0\xf1\xfe\xfe\xfe\xfe\xfe\xfe\xfe\x06"),
            (TypedData::Uint64(u64::MAX), b"\x05\xff\xf0\xfe\xfe\xfe\xfe\xfe\xfe\xfe\x0e"),
            (TypedData::Ipv4(Ipv4Addr::LOCALHOST), b"\x06\x7f\x00\x00\x01"),
            (TypedData::Ipv6(Ipv6Addr::LOCALHOST), b"\x07\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01"),
            (TypedData::String(b""), &[0x08, 0x00]),
            (TypedData::String(b"caf\xe9"), b"\x08\x04caf\xe9"),
            (TypedData::Binary(&[0, 255]), &[0x09, 0x02, 0x00, 0xff]),
        ];
        for (value, bytes) in table {
            assert_eq!(written(value), bytes, "writing {value:?}");
            assert_eq!(read(bytes), Ok(value), "reading {value:?}");
        }
    }

    #[test]
    fn checklist_27_negative_integers_are_sign_extended_and_sent_as_int64() {
        let minus_one = b"\x04\xff\xf0\xfe\xfe\xfe\xfe\xfe\xfe\xfe\x0e";
        for value in [(-1_i8).into(), (-1_i16).into(), (-1_i32).into(), (-1_i64).into()] {
            assert_eq!(written(value), minus_one);
        }
        for value in [5_u8.into(), 5_u16.into(), 5_u32.into(), 5_u64.into(), 5_usize.into()] {
            assert_eq!(written(value), [0x04, 5]);
        }
    }

    #[test]
    fn checklist_29_strings_are_bytes() {
        let bytes = b"\x08\x03\xff\xfe\x00";
        assert_eq!(read(bytes), Ok(TypedData::String(b"\xff\xfe\x00")));
        assert_eq!(TypedData::String(b"\xff\xfe\x00").to_string(), r#""\xff\xfe\0""#);
    }

    #[test]
    fn a_long_value_is_shown_in_part() {
        let long = [0xab; 1000];
        let shown = TypedData::Binary(&long).to_string();
        assert_eq!(shown, format!("0x{}… (1000 bytes)", "ab".repeat(128)));
        assert!(TypedData::String(&long).to_string().ends_with("\"… (1000 bytes)"));
        assert_eq!(TypedData::Binary(&long[..128]).to_string(), format!("0x{}", "ab".repeat(128)));
    }

    #[test]
    fn checklist_40_reserved_types_are_refused() {
        for id in 10..16 {
            assert_eq!(read(&[id]), Err(WireError::ReservedType { id }));
            assert_eq!(read(&[id | 0xf0, 0x00]), Err(WireError::ReservedType { id }));
        }
    }

    #[test]
    fn flags_of_other_types_than_bool_are_ignored() {
        assert_eq!(read(&[0x30]), Ok(TypedData::Null));
        assert_eq!(read(&[0x31]), Ok(TypedData::Bool(true)));
        assert_eq!(read(&[0x21]), Ok(TypedData::Bool(false)));
        assert_eq!(read(b"\xf8\x01a"), Ok(TypedData::String(b"a")));
    }

    #[test]
    fn a_length_beyond_the_frame_is_refused_before_anything_is_taken() {
        let error = WireError::LengthBeyondFrame { term: "STRING", length: u64::MAX, left: 1 };
        let forged = b"\x08\xff\xf0\xfe\xfe\xfe\xfe\xfe\xfe\xfe\x0ea";
        assert_eq!(read(forged), Err(error));
    }

    #[test]
    fn integers_are_64_bits_whatever_type_they_announce() {
        use TypedData::{Int32, Int64, Uint32, Uint64};
        let sign_extended = u64::MAX - 4;
        let table = [
            (0x7fff_ffff, Int32(i32::MAX), Uint32(0x7fff_ffff)),
            (0x8000_0000, Int64(0x8000_0000), Uint32(0x8000_0000)),
            (0xffff_fffb, Int64(0xffff_fffb), Uint32(0xffff_fffb)),
            (0xffff_ffff, Int64(0xffff_ffff), Uint32(u32::MAX)),
            (1 << 32, Int64(1 << 32), Uint64(1 << 32)),
            (1 << 63, Int64(i64::MIN), Uint64(1 << 63)),
            (sign_extended, Int32(-5), Uint64(sign_extended)),
            (0xffff_ffff_8000_0000, Int32(i32::MIN), Uint64(0xffff_ffff_8000_0000)),
            (0xffff_ffff_7fff_ffff, Int64(-0x8000_0001), Uint64(0xffff_ffff_7fff_ffff)),
        ];
        for (wire, signed, unsigned) in table {
            let as_announced = [
                (INT32, signed),
                (UINT32, unsigned),
                (INT64, Int64(wire.cast_signed())),
                (UINT64, Uint64(wire)),
            ];
            for (id, expected) in as_announced {
                let mut bytes = vec![id];
                varint::write(wire, &mut bytes);
                let value = read(&bytes).unwrap();
                assert_eq!(value, expected, "{wire:#x} announced as {id}");
                // HAProxy has one type of integers: these 64 bits with a sign.
                let number = value.as_integer().unwrap();
                assert_eq!(number.rem_euclid(1 << 64), wire.into(), "{value:?}");
            }
        }
    }
}
