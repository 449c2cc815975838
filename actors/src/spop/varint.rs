//! Variable-length integers, as HAProxy's "peers" protocol writes them (not LEB128).
//!
//! ```text
//! value < 240                 1 byte
//! else                        (value | 0xf0), then (value - 240) >> 4 in groups of 7 bits,
//!                             each group reduced by 128 before the next
//! ```
//!
//! The encoding is canonical, and 10 bytes hold every `u64`.

use super::put::Put;

/// The first byte value that announces more bytes.
pub(super) const MULTI_BYTE: u8 = 0xf0;
/// The same, as a part of a value.
const FIRST_MORE: u64 = 0xf0;
/// The bit of a following byte that announces more bytes.
const CONTINUED: u64 = 0x80;
/// The shift at which a second byte lands.
const FIRST_SHIFT: u32 = 4;
/// The shift at which a tenth byte lands; an eleventh does not exist.
const LAST_SHIFT: u32 = 60;

/// What is wrong with a varint.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Malformed {
    /// The bytes end inside it.
    Truncated,
    /// It needs more than 64 bits or 10 bytes.
    Overflow,
}

/// The varint at the beginning of some bytes, and the bytes after it.
#[inline(always)]
pub(super) fn read(bytes: &[u8]) -> Result<(u64, &[u8]), Malformed> {
    let (&first, rest) = bytes.split_first().ok_or(Malformed::Truncated)?;
    let value = u64::from(first);
    if first < MULTI_BYTE {
        return Ok((value, rest));
    }
    // Stream-ids have two or three bytes before long.
    match rest.split_first() {
        Some((&second, rest)) if u64::from(second) < CONTINUED => {
            Ok((value + (u64::from(second) << FIRST_SHIFT), rest))
        }
        _ => read_more(value, rest),
    }
}

/// The rest of a varint. The bytes go in and out by value, so that the caller's stay in registers.
#[inline(never)]
fn read_more(first: u64, mut bytes: &[u8]) -> Result<(u64, &[u8]), Malformed> {
    let mut value = first;
    for shift in (FIRST_SHIFT..LAST_SHIFT).step_by(7) {
        let (&next, rest) = bytes.split_first().ok_or(Malformed::Truncated)?;
        let next = u64::from(next);
        // Below the last shift, all groups together have no more than 62 bits.
        value += next << shift;
        if next < CONTINUED {
            return Ok((value, rest));
        }
        bytes = rest;
    }
    let (&last, rest) = bytes.split_first().ok_or(Malformed::Truncated)?;
    // The tenth byte exceeds 64 bits unless it is small: the bits shifted out must be zero.
    let shifted = u64::from(last) << LAST_SHIFT;
    match value.checked_add(shifted) {
        Some(value) if shifted >> LAST_SHIFT == u64::from(last) => Ok((value, rest)),
        _ => Err(Malformed::Overflow),
    }
}

#[inline]
pub(super) fn write(value: u64, dst: &mut impl Put) {
    if value < FIRST_MORE {
        return dst.put_byte(low_byte(value));
    }
    let mut rest = (value - FIRST_MORE) >> 4;
    if rest < CONTINUED {
        // Both bytes at once: it is the length of nearly all stream-ids.
        return dst.put(&[low_byte(value | FIRST_MORE), low_byte(rest)]);
    }
    dst.put_byte(low_byte(value | FIRST_MORE));
    while rest >= CONTINUED {
        dst.put_byte(low_byte(rest | CONTINUED));
        rest = (rest - CONTINUED) >> 7;
    }
    dst.put_byte(low_byte(rest));
}

/// How many bytes [`write`] takes for `value`.
pub(super) fn length(value: u64) -> usize {
    if value < FIRST_MORE {
        return 1;
    }
    let mut rest = (value - FIRST_MORE) >> 4;
    let mut length = 2;
    while rest >= CONTINUED {
        rest = (rest - CONTINUED) >> 7;
        length += 1;
    }
    length
}

/// A varint length and the bytes.
#[inline]
pub(super) fn write_string(bytes: &[u8], dst: &mut impl Put) {
    write(bytes.len() as u64, dst);
    dst.put(bytes);
}

#[inline]
fn low_byte(value: u64) -> u8 {
    value.to_le_bytes()[0]
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, reason = "a test may panic")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The table of known encodings: value and bytes.
    const KNOWN: &[(u64, &[u8])] = &[
        (0, &[0x00]),
        (239, &[0xef]),
        (240, &[0xf0, 0x00]),
        (241, &[0xf1, 0x00]),
        (255, &[0xff, 0x00]),
        (256, &[0xf0, 0x01]),
        (2287, &[0xff, 0x7f]),
        (2288, &[0xf0, 0x80, 0x00]),
        (16380, &[0xfc, 0xf0, 0x06]),
        (65532, &[0xfc, 0xf0, 0x1e]),
        (264_431, &[0xff, 0xff, 0x7f]),
        (264_432, &[0xf0, 0x80, 0x80, 0x00]),
        (33_818_863, &[0xff, 0xff, 0xff, 0x7f]),
        (33_818_864, &[0xf0, 0x80, 0x80, 0x80, 0x00]),
        (0x7fff_ffff, &[0xff, 0xf0, 0xfe, 0xfe, 0x3e]),
        (0xffff_ffff, &[0xff, 0xf0, 0xfe, 0xfe, 0x7e]),
        (0x1_0000_0000, &[0xf0, 0xf1, 0xfe, 0xfe, 0x7e]),
        (4_328_786_159, &[0xff, 0xff, 0xff, 0xff, 0x7f]),
        (4_328_786_160, &[0xf0, 0x80, 0x80, 0x80, 0x80, 0x00]),
        (0x7fff_ffff_ffff_ffff, &[0xff, 0xf0, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0x06]),
        (0x8000_0000_0000_0000, &[0xf0, 0xf1, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0x06]),
        (u64::MAX - 4, &[0xfb, 0xf0, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0x0e]),
        (u64::MAX - 2, &[0xfd, 0xf0, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0x0e]),
        (u64::MAX, &[0xff, 0xf0, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0x0e]),
    ];

    fn written(value: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(value, &mut bytes);
        bytes
    }

    #[test]
    fn checklist_04_varints_pass_the_known_table_both_ways() {
        for &(value, bytes) in KNOWN {
            assert_eq!(written(value), bytes, "writing {value}");
            assert_eq!(length(value), bytes.len(), "length of {value}");
            assert_eq!(read(bytes), Ok((value, &[][..])), "reading {value}");
        }
    }

    #[test]
    fn checklist_04_varints_over_ten_bytes_or_64_bits_are_refused() {
        let eleven = [&[0xff_u8; 10][..], &[0x00]].concat();
        let beyond = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f];
        let carries = [0xff, 0xf0, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0x0f];
        for bytes in [&eleven[..], &beyond, &carries, &[0xf0; 32]] {
            assert_eq!(read(bytes), Err(Malformed::Overflow), "{bytes:02x?}");
        }
    }

    #[test]
    fn a_varint_cut_short_is_truncated() {
        for bytes in [&[][..], &[0xf0], &[0xf0, 0x80]] {
            assert_eq!(read(bytes), Err(Malformed::Truncated));
        }
    }

    proptest! {
        #[test]
        fn decode_after_encode_is_the_identity(value: u64, small in 0_u64..1 << 20) {
            for value in [value, small, value >> 32] {
                let bytes = written(value);
                prop_assert_eq!(bytes.len(), length(value));
                prop_assert_eq!(read(&bytes), Ok((value, &[][..])));
            }
        }

        #[test]
        fn any_bytes_give_a_value_or_an_error(bytes: Vec<u8>) {
            if let Ok((value, rest)) = read(&bytes) {
                // Canonical: what was read is what would be written.
                prop_assert_eq!(&written(value), &bytes[..bytes.len() - rest.len()]);
            }
        }
    }
}
