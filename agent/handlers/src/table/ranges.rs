//! Ranges: values by address, made once of a list and never changed.

use std::net::IpAddr;

use super::{prefix::Prefix, v4::V4, v6::V6};

/// Values by address. A list is replaced as a whole and never edited, so its prefixes become sorted
/// boundaries: a look-up is an index and a short search, and allocates nothing.
///
/// An address in several prefixes has the value that [`RangesBuilder::build`] makes of theirs. The
/// default value stands for nothing.
///
/// ```
/// use spoa_handlers::table::{Ranges, prefixes};
///
/// let mut builder = Ranges::builder();
/// for (text, bit) in [("192.0.2.0/24", 1_u16), ("192.0.2.7", 2)] {
///     for prefix in prefixes(text)? {
///         builder.add(prefix, bit);
///     }
/// }
/// let ranges = builder.build(|outer, inner| outer | inner);
/// assert_eq!(ranges.get([192, 0, 2, 1].into()), Some(1));
/// assert_eq!(ranges.get([192, 0, 2, 7].into()), Some(3));
/// assert_eq!(ranges.get([192, 0, 3, 0].into()), None);
/// # Ok::<(), spoa_handlers::table::PrefixError>(())
/// ```
#[derive(Debug)]
pub struct Ranges<V> {
    v4: V4<V>,
    v6: V6<V>,
}

impl<V: Copy + Default + Eq> Ranges<V> {
    /// Begins with nothing.
    #[must_use]
    pub fn builder() -> RangesBuilder<V> {
        RangesBuilder { v4: Vec::new(), v6: Vec::new() }
    }

    /// The value of an address. An IPv4 address in its IPv6 form (`::ffff:192.0.2.1`) is that IPv4
    /// address.
    #[must_use]
    pub fn get(&self, address: IpAddr) -> Option<V> {
        let value = match address.to_canonical() {
            IpAddr::V4(address) => self.v4.get(address.into()),
            IpAddr::V6(address) => self.v6.get(address.into()),
        };
        Some(value).filter(|value| *value != V::default())
    }

    /// The memory that it takes, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.v4.bytes() + self.v6.bytes()
    }
}

impl<V: Copy + Default + Eq> Default for Ranges<V> {
    fn default() -> Self {
        Self::builder().build(|_, inner| inner)
    }
}

/// Collects prefixes for [`Ranges`], in any order.
#[derive(Debug, Default)]
pub struct RangesBuilder<V> {
    v4: Vec<(u32, u8, V)>,
    v6: Vec<(u128, u8, V)>,
}

impl<V: Copy + Default + Eq> RangesBuilder<V> {
    /// Adds a prefix and its value.
    pub fn add(&mut self, prefix: Prefix, value: V) {
        match prefix {
            Prefix::V4(first, length) => self.v4.push((first.into(), length, value)),
            Prefix::V6(first, length) => self.v6.push((first.into(), length, value)),
        }
    }

    /// How many prefixes were added.
    #[must_use]
    pub fn len(&self) -> usize {
        self.v4.len() + self.v6.len()
    }

    /// Whether none was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Makes the ranges. `combine` is given the value of the prefixes around, which is the default if
    /// there are none, and the value of one that lies inside them.
    #[must_use]
    pub fn build(self, mut combine: impl FnMut(V, V) -> V) -> Ranges<V> {
        Ranges { v4: V4::new(self.v4, &mut combine), v6: V6::new(self.v6, combine) }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use proptest::prelude::*;

    use super::*;
    use crate::table::{
        prefix::{mask_v4, mask_v6},
        prefixes,
    };

    fn covers(prefix: Prefix, address: IpAddr) -> bool {
        match (prefix, address.to_canonical()) {
            (Prefix::V4(first, length), IpAddr::V4(address)) => {
                u32::from(address) & mask_v4(length) == u32::from(first)
            }
            (Prefix::V6(first, length), IpAddr::V6(address)) => {
                u128::from(address) & mask_v6(length) == u128::from(first)
            }
            _ => false,
        }
    }

    /// Addresses of few different bits, at each place of the two halves, so that prefixes meet.
    fn v6() -> impl Strategy<Value = Ipv6Addr> {
        (0_u128..4, 0_u128..3, 0_u128..4, 0_u128..3, any::<bool>()).prop_map(|(a, b, c, d, top)| {
            let high = if top { u128::MAX << 66 } else { 0x2001 << 112 };
            Ipv6Addr::from(high ^ (a << 110) ^ (b << 64) ^ (c << 62) ^ d)
        })
    }

    fn v4() -> impl Strategy<Value = Ipv4Addr> {
        (0_u32..4, 0_u32..3, 0_u32..4, any::<bool>()).prop_map(|(a, b, c, top)| {
            let high = if top { u32::MAX << 18 } else { 10 << 24 };
            Ipv4Addr::from(high ^ (a << 22) ^ (b << 16) ^ c)
        })
    }

    fn address() -> impl Strategy<Value = IpAddr> {
        prop_oneof![v4().prop_map(IpAddr::from), v6().prop_map(IpAddr::from)]
    }

    fn prefix() -> impl Strategy<Value = Prefix> {
        (address(), 0_u8..=128).prop_map(|(address, length)| {
            let most = if address.is_ipv4() { 32 } else { 128 };
            Prefix::new(address, if length > most { most } else { length }).unwrap()
        })
    }

    /// The addresses at the edges of a prefix, where a mistake would show.
    fn edges(prefix: Prefix) -> [IpAddr; 4] {
        match prefix {
            Prefix::V4(first, length) => {
                let first = u32::from(first);
                let last = first | !mask_v4(length);
                [first, last, first.wrapping_sub(1), last.wrapping_add(1)]
                    .map(|number| Ipv4Addr::from(number).into())
            }
            Prefix::V6(first, length) => {
                let first = u128::from(first);
                let last = first | !mask_v6(length);
                [first, last, first.wrapping_sub(1), last.wrapping_add(1)]
                    .map(|number| Ipv6Addr::from(number).into())
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn an_address_has_the_values_of_all_its_prefixes(
            prefixes in prop::collection::vec(prefix(), 0..16),
            addresses in prop::collection::vec(address(), 0..16),
        ) {
            let mut builder = Ranges::builder();
            for (at, &prefix) in prefixes.iter().enumerate() {
                builder.add(prefix, 1_u16 << at);
            }
            let ranges = builder.build(|outer, inner| outer | inner);
            let edges = prefixes.iter().flat_map(|&prefix| edges(prefix));
            for address in addresses.into_iter().chain(edges) {
                let values = prefixes.iter().enumerate();
                let covering = values.filter(|(_, prefix)| covers(**prefix, address));
                let expected = covering.fold(0, |sum, (at, _)| sum | 1_u16 << at);
                prop_assert_eq!(ranges.get(address).unwrap_or(0), expected, "{}", address);
            }
        }

        #[test]
        fn the_longest_prefix_wins_if_asked_for(
            prefixes in prop::collection::vec(prefix(), 0..16),
            addresses in prop::collection::vec(address(), 0..16),
        ) {
            let length = |prefix: Prefix| match prefix {
                Prefix::V4(_, length) | Prefix::V6(_, length) => u32::from(length) + 1,
            };
            let mut builder = Ranges::builder();
            for &prefix in &prefixes {
                builder.add(prefix, length(prefix));
            }
            let ranges = builder.build(|_, inner| inner);
            let edges = prefixes.iter().flat_map(|&prefix| edges(prefix));
            for address in addresses.into_iter().chain(edges) {
                let covering = prefixes.iter().filter(|prefix| covers(**prefix, address));
                let expected = covering.map(|&prefix| length(prefix)).max();
                prop_assert_eq!(ranges.get(address), expected, "{}", address);
            }
        }
    }

    #[test]
    fn an_ipv4_address_in_its_ipv6_form_is_found() {
        let mut builder = Ranges::builder();
        prefixes("192.0.2.0/24").unwrap().for_each(|prefix| builder.add(prefix, 1_u8));
        let ranges = builder.build(|_, inner| inner);
        assert_eq!(ranges.get("::ffff:192.0.2.1".parse().unwrap()), Some(1));
        assert_eq!(ranges.get("::192.0.2.1".parse().unwrap()), None);
    }

    #[test]
    fn without_a_prefix_nothing_is_found_and_little_is_kept() {
        let ranges = Ranges::<u16>::default();
        assert_eq!(ranges.get([0, 0, 0, 0].into()), None);
        assert_eq!(ranges.get("ffff::".parse().unwrap()), None);
        assert!(ranges.bytes() < 100, "{}", ranges.bytes());
    }

    #[test]
    fn prefixes_beside_each_other_with_one_value_are_one_range() {
        let mut builder = Ranges::builder();
        for number in 0..65_536_u32 {
            builder.add(Prefix::V4((number + (10 << 24)).into(), 32), 7_u16);
        }
        let ranges = builder.build(|outer, inner| outer | inner);
        assert!(ranges.bytes() < 300_000, "{}", ranges.bytes());
    }

    /// 60 % addresses, 20 % /24, and the rest of other lengths, as block lists have them.
    #[test]
    fn a_million_prefixes_take_less_than_twelve_megabytes() {
        let mut random = 1_u64;
        let mut next = || {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (random >> 32) as u32
        };
        let mut builder = Ranges::builder();
        for count in 0..1_000_000 {
            let length = match count % 10 {
                0..6 => 32,
                6 | 7 => 24,
                _ => 16 + (next() % 17) as u8,
            };
            let prefix = Prefix::new(Ipv4Addr::from(next()).into(), length).unwrap();
            builder.add(prefix, 1 + (count % 50) as u16);
        }
        let ranges = builder.build(|outer, inner| outer.max(inner));
        assert!(ranges.bytes() < 12_000_000, "{}", ranges.bytes());
    }
}
