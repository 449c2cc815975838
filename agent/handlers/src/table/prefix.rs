//! Prefix: addresses that begin with the same bits.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Addresses that begin with the same bits, such as `192.0.2.0/24`. An IPv4 address that is written
/// as `::ffff:192.0.2.1` is that IPv4 address.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Prefix {
    /// The first address, and how many of its 32 bits count.
    V4(Ipv4Addr, u8),
    /// The first address, and how many of its 128 bits count.
    V6(Ipv6Addr, u8),
}

/// Why a text is no address, prefix or range.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PrefixError {
    /// It is written in no form that is known.
    #[error(
        "expected an address, a prefix such as 192.0.2.0/24, or a range such as 192.0.2.1-192.0.2.9"
    )]
    Form,
    /// It has more bits than an address.
    #[error("the prefix is longer than the address: at most /32 for IPv4 and /128 for IPv6")]
    Length,
    /// Its ends are an IPv4 and an IPv6 address.
    #[error("the range begins with an address of one family and ends with one of the other")]
    Families,
    /// Its end is before its beginning.
    #[error("the range ends before it begins")]
    Order,
}

impl Prefix {
    /// The prefix of this length that an address is in; none if the address has fewer bits.
    #[must_use]
    pub fn new(address: IpAddr, length: u8) -> Option<Self> {
        match address {
            IpAddr::V4(address) => (length <= 32)
                .then(|| Self::V4((u32::from(address) & mask_v4(length)).into(), length)),
            IpAddr::V6(address) if length > 128 => {
                let _ = address;
                None
            }
            IpAddr::V6(address) => Some(match (address.to_ipv4_mapped(), length.checked_sub(96)) {
                (Some(address), Some(length)) => {
                    Self::V4((u32::from(address) & mask_v4(length)).into(), length)
                }
                _ => Self::V6((u128::from(address) & mask_v6(length)).into(), length),
            }),
        }
    }

    /// The prefix of one address.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address, 32),
            IpAddr::V6(address) => Self::V6(address, 128),
        }
    }
}

/// The prefixes of a text: an address, a prefix, or a range with its first and last address.
///
/// ```
/// use spoa_handlers::table::prefixes;
///
/// let of_range: Vec<_> = prefixes("192.0.2.1-192.0.2.4")?.collect();
/// assert_eq!(of_range.len(), 3); // .1/32, .2/31 and .4/32
/// assert_eq!(prefixes("2001:db8::/32")?.count(), 1);
/// assert!(prefixes("192.0.2.0/33").is_err());
/// # Ok::<(), spoa_handlers::table::PrefixError>(())
/// ```
///
/// # Errors
///
/// [`PrefixError`] says what is wrong with the text.
pub fn prefixes(text: &str) -> Result<impl Iterator<Item = Prefix>, PrefixError> {
    let (first, last) = if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(Spread::one(Prefix::of(address)));
    } else if let Some((address, length)) = text.split_once('/') {
        let address = address.parse::<IpAddr>().map_err(|_| PrefixError::Form)?;
        let is_number = !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit());
        let length = is_number.then(|| length.parse::<u8>().unwrap_or(u8::MAX));
        let length = length.ok_or(PrefixError::Form)?;
        return Prefix::new(address, length).map(Spread::one).ok_or(PrefixError::Length);
    } else {
        text.split_once('-').ok_or(PrefixError::Form)?
    };
    let end = |text: &str| {
        text.trim().parse::<IpAddr>().map(|end| end.to_canonical()).map_err(|_| PrefixError::Form)
    };
    match (end(first)?, end(last)?) {
        (IpAddr::V4(first), IpAddr::V4(last)) if first <= last => {
            Ok(Spread::V4(u32::from(first).into(), u32::from(last).into()))
        }
        (IpAddr::V6(first), IpAddr::V6(last)) if first <= last => {
            Ok(Spread::V6(Some((first.into(), last.into()))))
        }
        (first, last) if first.is_ipv4() == last.is_ipv4() => Err(PrefixError::Order),
        _ => Err(PrefixError::Families),
    }
}

/// The prefixes that make up a range, from its beginning on.
enum Spread {
    One(Option<Prefix>),
    /// One more than the highest address has its place in 64 bits.
    V4(u64, u64),
    V6(Option<(u128, u128)>),
}

impl Spread {
    fn one(prefix: Prefix) -> Self {
        Self::One(Some(prefix))
    }
}

impl Iterator for Spread {
    type Item = Prefix;

    fn next(&mut self) -> Option<Prefix> {
        match self {
            Self::One(prefix) => prefix.take(),
            Self::V4(first, last) => {
                let start = u32::try_from(*first).ok().filter(|_| *first <= *last)?;
                // As large as the beginning allows, and the end.
                let room = (*last - *first + 1).ilog2();
                let bits = start.trailing_zeros().min(room);
                *first += 1 << bits;
                Some(Prefix::V4(start.into(), (32 - bits) as u8))
            }
            Self::V6(range) => {
                let (first, last) = range.take()?;
                let room = (last - first).checked_add(1).map_or(128, u128::ilog2);
                let bits = first.trailing_zeros().min(room);
                let end = first | !mask_v6((128 - bits) as u8);
                *range = (end < last).then(|| (end + 1, last));
                Some(Prefix::V6(first.into(), (128 - bits) as u8))
            }
        }
    }
}

/// The bits of an address that a prefix of this length has.
pub(super) fn mask_v4(length: u8) -> u32 {
    u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0)
}

/// The bits of an address that a prefix of this length has.
pub(super) fn mask_v6(length: u8) -> u128 {
    u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn first_and_last(prefix: Prefix) -> (u128, u128) {
        match prefix {
            Prefix::V4(first, length) => {
                let first = u32::from(first);
                (first.into(), (first | !mask_v4(length)).into())
            }
            Prefix::V6(first, length) => {
                let first = u128::from(first);
                (first, first | !mask_v6(length))
            }
        }
    }

    #[test]
    fn a_text_is_an_address_a_prefix_or_a_range() {
        for (text, expected) in [
            ("192.0.2.1", "192.0.2.1/32"),
            ("192.0.2.7/24", "192.0.2.0/24"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("::/0", "::/0"),
            ("2001:db8::1", "2001:db8::1/128"),
            ("2001:db8::1/33", "2001:db8::/33"),
            ("::ffff:192.0.2.7", "192.0.2.7/32"),
            ("::ffff:192.0.2.7/120", "192.0.2.0/24"),
            ("::ffff:0:0/95", "::fffe:0:0/95"),
            ("192.0.2.4 - 192.0.2.7", "192.0.2.4/30"),
            ("0.0.0.0-255.255.255.255", "0.0.0.0/0"),
            ("::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::/0"),
        ] {
            let all: Vec<_> = prefixes(text).unwrap().collect();
            let shown = match all[..] {
                [Prefix::V4(first, length)] => format!("{first}/{length}"),
                [Prefix::V6(first, length)] => format!("{first}/{length}"),
                _ => panic!("{text}: {all:?}"),
            };
            assert_eq!(shown, expected, "{text}");
        }
    }

    #[test]
    fn what_is_none_is_refused_with_its_reason() {
        for (text, error) in [
            ("", PrefixError::Form),
            ("host", PrefixError::Form),
            ("192.0.2", PrefixError::Form),
            ("192.0.2.1/", PrefixError::Form),
            ("192.0.2.1/+8", PrefixError::Form),
            ("192.0.2.1/ 8", PrefixError::Form),
            ("192.0.2.0/33", PrefixError::Length),
            ("192.0.2.0/999999999999", PrefixError::Length),
            ("2001:db8::/129", PrefixError::Length),
            ("192.0.2.9-192.0.2.1", PrefixError::Order),
            ("192.0.2.9-2001:db8::", PrefixError::Families),
            ("192.0.2.9-", PrefixError::Form),
        ] {
            assert_eq!(prefixes(text).err(), Some(error), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn the_prefixes_of_a_range_are_the_range(one: u32, other: u32, wide: bool, high: u128) {
            let (first, last) = (one.min(other), one.max(other));
            let text = if wide {
                let high = high << 32;
                let end = |low: u32| Ipv6Addr::from(high | u128::from(low));
                format!("{}-{}", end(first), end(last))
            } else {
                format!("{}-{}", Ipv4Addr::from(first), Ipv4Addr::from(last))
            };
            let mut all = prefixes(&text).unwrap().map(first_and_last);
            let (begin, mut end) = all.next().unwrap();
            prop_assert_eq!(begin as u32, first);
            for (first, last) in all {
                prop_assert_eq!(first, end + 1);
                end = last;
            }
            prop_assert_eq!(end as u32, last);
        }
    }
}
