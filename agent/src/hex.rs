//! Hexadecimal: bytes as `0x…`, written and read.

use std::fmt::Write;

/// `0x` and two digits for every byte.
#[must_use]
pub(crate) fn encode(bytes: &[u8]) -> String {
    bytes.iter().fold("0x".to_owned(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The bytes of `0x…`, or nothing if it is anything else.
#[must_use]
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("0x")?.as_bytes();
    let (pairs, odd) = digits.as_chunks::<2>();
    odd.is_empty().then_some(())?;
    pairs.iter().map(|&[high, low]| Some(digit(high)? << 4 | digit(low)?)).collect()
}

fn digit(character: u8) -> Option<u8> {
    let value = char::from(character).to_digit(16)?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded() {
        for bytes in [&[][..], &[0], &[0xca, 0xfe, 0x00, 0xff]] {
            assert_eq!(decode(&encode(bytes)).as_deref(), Some(bytes));
        }
        assert_eq!(encode(&[0x0a, 0xff]), "0x0aff");
        assert_eq!(decode("0xCAfe"), Some(vec![0xca, 0xfe]));
    }

    #[test]
    fn anything_else_is_not_decoded() {
        for text in ["", "0", "cafe", "0x1", "0xgg", "0x+1", "0xé"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
