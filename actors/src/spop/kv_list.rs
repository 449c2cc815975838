//! KV-LIST: the payload of HELLO and DISCONNECT frames.
//!
//! ```text
//! KV-LIST : [ <KV-NAME:string><KV-VALUE:TYPED-DATA> … ]
//! ```

use super::{
    put::Put,
    typed_data::TypedData,
    varint,
    wire::{Reader, WireError},
};

/// Calls `each` for every pair in wire order.
pub(super) fn read<'a>(
    payload: &'a [u8],
    mut each: impl FnMut(&'a [u8], TypedData<'a>) -> Result<(), WireError>,
) -> Result<(), WireError> {
    let mut reader = Reader::new(payload);
    while !reader.is_empty() {
        let name = reader.string("KV-NAME")?;
        each(name, TypedData::read(&mut reader)?)?;
    }
    Ok(())
}

pub(super) fn write(name: &str, value: TypedData<'_>, dst: &mut impl Put) {
    varint::write_string(name.as_bytes(), dst);
    value.write(dst);
}

/// The value of a key that holds text.
pub(super) fn text<'a>(key: &'static str, value: TypedData<'a>) -> Result<&'a [u8], WireError> {
    match value {
        TypedData::String(bytes) => Ok(bytes),
        _ => Err(WireError::WrongType { key }),
    }
}

/// The value of a key that has a number, of any of the four integer types.
///
/// A number below 0 or above `u32::MAX` becomes that bound; the caller checks it.
pub(super) fn number(key: &'static str, value: TypedData<'_>) -> Result<u32, WireError> {
    let number = value.as_integer().ok_or(WireError::WrongType { key })?;
    Ok(u32::try_from(number.clamp(0, u32::MAX.into())).unwrap_or(u32::MAX))
}
