//! Listed: what lists say of an address.

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use super::{
    prefix::Prefix,
    ranges::{Ranges, RangesBuilder},
};

/// What all the lists say together of an address that is in some of them.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Listed {
    /// The highest score.
    pub score: Option<u8>,
    /// All tags, in the order of the alphabet.
    pub tags: Box<[Arc<str>]>,
    /// The lists, in the order in which they were read.
    pub lists: Box<[Arc<str>]>,
}

/// Addresses, and what lists say of each.
#[derive(Debug, Default)]
pub struct IpSet {
    /// The number of what is said, from 1 on.
    ranges: Ranges<u16>,
    listed: Box<[Listed]>,
}

/// More than 65,535 different combinations of scores, tags and lists meet in addresses.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "more than 65,535 combinations of scores, tags and lists: use fewer different scores or tags"
)]
pub struct TooManySets;

/// Collects prefixes for an [`IpSet`], and what is said of each.
#[derive(Debug, Default)]
pub struct IpSetBuilder {
    prefixes: RangesBuilder<u16>,
    facts: FactTable,
    words: Words,
}

/// What is said, by the numbers of its words.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
struct Facts {
    score: Option<u8>,
    tags: Vec<u32>,
    lists: Vec<u32>,
}

/// What was said so far; the first is nothing.
#[derive(Debug)]
struct FactTable {
    all: Vec<Facts>,
    numbers: HashMap<Facts, u16>,
}

/// Each word once.
#[derive(Debug, Default)]
struct Words {
    all: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u32>,
}

impl IpSet {
    /// What the lists say of an address; none if it is in none of them.
    #[must_use]
    pub fn get(&self, address: IpAddr) -> Option<&Listed> {
        let number = self.ranges.get(address)?;
        self.listed.get(usize::from(number))
    }

    /// The memory that it takes, in bytes; words and their combinations are not counted.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.ranges.bytes() + size_of_val(&*self.listed)
    }
}

impl IpSetBuilder {
    /// The number of what a list says of an address: the same for the same.
    ///
    /// # Errors
    ///
    /// [`TooManySets`].
    pub fn facts<'a>(
        &mut self,
        list: &str,
        score: Option<u8>,
        tags: impl IntoIterator<Item = &'a str>,
    ) -> Result<u16, TooManySets> {
        let mut tags: Vec<_> = tags.into_iter().map(|tag| self.words.number(tag)).collect();
        tags.sort_unstable();
        tags.dedup();
        self.facts.number(Facts { score, tags, lists: vec![self.words.number(list)] })
    }

    /// Adds a prefix, and the number of what is said of it.
    pub fn add(&mut self, prefix: Prefix, facts: u16) {
        self.prefixes.add(prefix, facts);
    }

    /// How many prefixes were added.
    #[must_use]
    pub fn len(&self) -> usize {
        self.prefixes.len()
    }

    /// Whether none was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.prefixes.is_empty()
    }

    /// Makes the set: what is said of an address is all that is said of the prefixes around it.
    ///
    /// # Errors
    ///
    /// [`TooManySets`].
    pub fn build(self) -> Result<IpSet, TooManySets> {
        let Self { prefixes, mut facts, words } = self;
        let mut unions = HashMap::new();
        let mut is_full = false;
        let ranges = prefixes.build(|outer, inner| match (outer, inner) {
            (0, one) | (one, 0) => one,
            pair if pair.0 == pair.1 => pair.0,
            pair => *unions.entry(pair).or_insert_with(|| {
                facts.union(pair.0, pair.1).unwrap_or_else(|TooManySets| {
                    is_full = true;
                    pair.1
                })
            }),
        });
        if is_full {
            return Err(TooManySets);
        }
        let listed = facts.all.iter().map(|facts| words.listed(facts)).collect();
        Ok(IpSet { ranges, listed })
    }
}

impl Default for FactTable {
    fn default() -> Self {
        Self { all: vec![Facts::default()], numbers: HashMap::new() }
    }
}

impl FactTable {
    fn number(&mut self, facts: Facts) -> Result<u16, TooManySets> {
        if let Some(&number) = self.numbers.get(&facts) {
            return Ok(number);
        }
        let number = u16::try_from(self.all.len()).map_err(|_| TooManySets)?;
        self.all.push(facts.clone());
        self.numbers.insert(facts, number);
        Ok(number)
    }

    fn union(&mut self, one: u16, other: u16) -> Result<u16, TooManySets> {
        let mut union = self.all[usize::from(one)].clone();
        let other = &self.all[usize::from(other)];
        union.score = union.score.max(other.score);
        for (all, more) in [(&mut union.tags, &other.tags), (&mut union.lists, &other.lists)] {
            all.extend(more);
            all.sort_unstable();
            all.dedup();
        }
        self.number(union)
    }
}

impl Words {
    fn number(&mut self, word: &str) -> u32 {
        if let Some(&number) = self.numbers.get(word) {
            return number;
        }
        let (number, word) = (self.all.len() as u32, Arc::<str>::from(word));
        self.all.push(Arc::clone(&word));
        self.numbers.insert(word, number);
        number
    }

    fn listed(&self, facts: &Facts) -> Listed {
        let words = |numbers: &[u32]| -> Box<[Arc<str>]> {
            numbers.iter().map(|&number| Arc::clone(&self.all[number as usize])).collect()
        };
        let mut tags = words(&facts.tags);
        tags.sort_unstable();
        Listed { score: facts.score, tags, lists: words(&facts.lists) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::prefixes;

    fn set(entries: &[(&str, &str, Option<u8>, &[&str])]) -> Result<IpSet, TooManySets> {
        let mut builder = IpSetBuilder::default();
        for &(text, list, score, tags) in entries {
            let facts = builder.facts(list, score, tags.iter().copied())?;
            prefixes(text).unwrap().for_each(|prefix| builder.add(prefix, facts));
        }
        builder.build()
    }

    #[test]
    fn an_address_has_what_all_lists_say_of_it() {
        let set = set(&[
            ("192.0.2.7", "own", None, &["vpn", "ban"]),
            ("192.0.2.0/24", "firehol", Some(40), &["scanner"]),
            ("192.0.2.0/28", "tor", Some(90), &["ban", "tor"]),
            ("2001:db8::/32", "firehol", Some(40), &["scanner"]),
        ])
        .unwrap();
        let said = |address: &str| {
            let listed = set.get(address.parse().unwrap())?;
            Some(format!("{:?} {} {}", listed.score, listed.tags.join(","), listed.lists.join(",")))
        };
        assert_eq!(said("192.0.2.7").unwrap(), "Some(90) ban,scanner,tor,vpn own,firehol,tor");
        assert_eq!(said("192.0.2.1").unwrap(), "Some(90) ban,scanner,tor firehol,tor");
        assert_eq!(said("192.0.2.200").unwrap(), "Some(40) scanner firehol");
        assert_eq!(said("2001:db8::7").unwrap(), "Some(40) scanner firehol");
        assert_eq!(said("192.0.3.1"), None);
    }

    #[test]
    fn more_combinations_than_there_are_numbers_are_refused() {
        let entries = |count: u32| {
            let mut builder = IpSetBuilder::default();
            for number in 0..count {
                let tag = number.to_string();
                let facts = builder.facts("list", None, [tag.as_str()])?;
                builder.add(Prefix::V4(number.into(), 32), facts);
                if number == 0 {
                    builder.add(Prefix::V4(0.into(), 0), facts);
                }
            }
            builder.build()
        };
        assert!(entries(30_000).is_ok());
        assert_eq!(entries(40_000).err(), Some(TooManySets));
        assert_eq!(entries(70_000).err(), Some(TooManySets));
    }
}
