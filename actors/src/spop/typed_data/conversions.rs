//! From Rust's types to TYPED-DATA.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::TypedData;

macro_rules! from_integers {
    ($($integer:ty),+) => {$(
        impl From<$integer> for TypedData<'_> {
            fn from(value: $integer) -> Self {
                Self::Int64(value.into())
            }
        }
    )+};
}
from_integers!(i8, i16, i32, i64, u8, u16, u32);

impl From<u64> for TypedData<'_> {
    /// INT64 as far as it reaches.
    fn from(value: u64) -> Self {
        i64::try_from(value).map_or(Self::Uint64(value), Self::Int64)
    }
}

impl From<usize> for TypedData<'_> {
    fn from(value: usize) -> Self {
        Self::from(value as u64)
    }
}

impl From<bool> for TypedData<'_> {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<Ipv4Addr> for TypedData<'_> {
    fn from(ip: Ipv4Addr) -> Self {
        Self::Ipv4(ip)
    }
}

impl From<Ipv6Addr> for TypedData<'_> {
    fn from(ip: Ipv6Addr) -> Self {
        Self::Ipv6(ip)
    }
}

impl From<IpAddr> for TypedData<'_> {
    fn from(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(ip) => Self::Ipv4(ip),
            IpAddr::V6(ip) => Self::Ipv6(ip),
        }
    }
}

impl<'a> From<&'a str> for TypedData<'a> {
    fn from(text: &'a str) -> Self {
        Self::String(text.as_bytes())
    }
}

impl<'a> From<&'a String> for TypedData<'a> {
    fn from(text: &'a String) -> Self {
        Self::String(text.as_bytes())
    }
}

impl<'a> From<&'a [u8]> for TypedData<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Binary(bytes)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for TypedData<'a> {
    fn from(bytes: &'a [u8; N]) -> Self {
        Self::Binary(bytes)
    }
}

impl<'a> From<&'a Vec<u8>> for TypedData<'a> {
    fn from(bytes: &'a Vec<u8>) -> Self {
        Self::Binary(bytes)
    }
}

impl<'a, T: Into<TypedData<'a>>> From<Option<T>> for TypedData<'a> {
    /// `None` is NULL.
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}
