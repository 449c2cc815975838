//! Values of variables and arguments.

use std::{
    borrow::Cow,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    rc::Rc,
    sync::Arc,
};

use bytes::Bytes;

use super::typed_data::TypedData;

/// A value that a variable can have, owned or borrowed. It is encoded without an intermediate copy.
///
/// | Rust | HAProxy |
/// |---|---|
/// | any integer | `int`: 64 bits, signed |
/// | `bool` | `bool` |
/// | `&str`, `String` | `str` |
/// | `&[u8]`, `[u8; N]`, `Vec<u8>`, `Bytes` | `bin` |
/// | `IpAddr`, `Ipv4Addr`, `Ipv6Addr` | `ipv4`, `ipv6` |
/// | `None` | no value: the variable is unset |
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the value of a variable",
    label = "no integer, bool, text, bytes or address",
    note = "HAProxy has no floats: send thousandths as an integer, or a `String`"
)]
pub trait ToTypedData {
    /// The value as it is encoded.
    fn to_typed_data(&self) -> TypedData<'_>;
}

impl<T: ToTypedData + ?Sized> ToTypedData for &T {
    #[inline]
    fn to_typed_data(&self) -> TypedData<'_> {
        (**self).to_typed_data()
    }
}

impl ToTypedData for TypedData<'_> {
    #[inline]
    fn to_typed_data(&self) -> TypedData<'_> {
        *self
    }
}

/// `None` is NULL.
impl<T: ToTypedData> ToTypedData for Option<T> {
    #[inline]
    fn to_typed_data(&self) -> TypedData<'_> {
        self.as_ref().map_or(TypedData::Null, T::to_typed_data)
    }
}

macro_rules! copied {
    ($($value:ty),+) => {$(
        impl ToTypedData for $value {
            #[inline]
            fn to_typed_data(&self) -> TypedData<'_> {
                (*self).into()
            }
        }
    )+};
}
copied!(bool, i8, i16, i32, i64, u8, u16, u32, u64, usize, IpAddr, Ipv4Addr, Ipv6Addr);

macro_rules! text {
    ($($value:ty),+) => {$(
        impl ToTypedData for $value {
            #[inline]
            fn to_typed_data(&self) -> TypedData<'_> {
                TypedData::String(self.as_bytes())
            }
        }
    )+};
}
text!(str, String, Cow<'_, str>, Box<str>, Rc<str>, Arc<str>);

macro_rules! binary {
    ($($value:ty),+) => {$(
        impl ToTypedData for $value {
            #[inline]
            fn to_typed_data(&self) -> TypedData<'_> {
                TypedData::Binary(self)
            }
        }
    )+};
}
binary!([u8], Vec<u8>, Bytes);

impl<const N: usize> ToTypedData for [u8; N] {
    #[inline]
    fn to_typed_data(&self) -> TypedData<'_> {
        TypedData::Binary(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owned_and_borrowed_values_are_the_same() {
        let text = TypedData::String(b"text");
        for value in [
            "text".to_typed_data(),
            (&"text").to_typed_data(),
            String::from("text").to_typed_data(),
            Some("text").to_typed_data(),
            Cow::from("text").to_typed_data(),
            Box::<str>::from("text").to_typed_data(),
            Rc::<str>::from("text").to_typed_data(),
            Arc::<str>::from("text").to_typed_data(),
            text.to_typed_data(),
        ] {
            assert_eq!(value, text);
        }
        let bytes = TypedData::Binary(&[0, 255]);
        for value in [
            [0, 255].to_typed_data(),
            vec![0, 255].to_typed_data(),
            [0, 255][..].to_typed_data(),
            Bytes::from_static(&[0, 255]).to_typed_data(),
        ] {
            assert_eq!(value, bytes);
        }
        assert_eq!(u64::MAX.to_typed_data(), TypedData::Uint64(u64::MAX));
        assert_eq!(IpAddr::from([127, 0, 0, 1]).to_typed_data(), Ipv4Addr::LOCALHOST.into());
        assert_eq!(Option::<bool>::None.to_typed_data(), TypedData::Null);
    }
}
