//! Hex: bytes as HAProxy's converter `hex` prints them.

use std::fmt::Write;

/// Bytes in upper-case digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // A String takes everything.
        let _ = write!(text, "{byte:02X}");
        text
    })
}

/// The amount of a whole number of ASN.1, without leading zeros: what `ssl_c_serial,hex` prints.
pub(super) fn integer(bytes: &[u8]) -> String {
    let amount = if bytes.first().is_some_and(|byte| byte & 0x80 != 0) {
        let mut carry = true;
        let mut amount: Vec<_> = bytes
            .iter()
            .rev()
            .map(|byte| {
                let (inverted, is_carried) = (!byte).overflowing_add(carry.into());
                carry = is_carried;
                inverted
            })
            .collect();
        amount.reverse();
        hex(&amount)
    } else {
        hex(bytes)
    };
    let mut digits = amount.as_str();
    while digits.len() > 2 && digits.starts_with("00") {
        digits = &digits[2..];
    }
    digits.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_serial_number_is_its_amount_without_the_zero_of_its_sign() {
        assert_eq!(integer(&[0x00, 0xab, 0x01]), "AB01");
        assert_eq!(integer(&[0x0a]), "0A");
        assert_eq!(integer(&[0, 0]), "00");
        assert_eq!(integer(&[]), "");
        assert_eq!(integer(&[0xff, 0x00]), "0100");
        assert_eq!(integer(&[0x80]), "80");
    }
}
