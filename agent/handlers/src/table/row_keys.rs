//! Row keys: which row a text leads to.

use std::{borrow::Cow, collections::HashMap, net::IpAddr};

use super::{
    prefix::Prefix,
    ranges::{Ranges, RangesBuilder},
};

/// How the key of a row is compared with what is looked up.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Match {
    /// They are the same.
    #[default]
    Exact,
    /// The key is a domain, and what is looked up is it or lies below it: `a.example.com` is found by
    /// `example.com`. The longest key wins; capitals and a dot at the end make no difference.
    Domain,
    /// What is looked up begins with the key. The longest key wins.
    Prefix,
    /// The key is an address, a prefix or a range, and what is looked up an address in it. The longest
    /// prefix wins.
    Cidr,
}

/// The longest name that DNS knows.
const LONGEST_DOMAIN: usize = 253;

/// Rows by their keys.
#[derive(Debug)]
pub(super) enum RowKeys {
    Exact(HashMap<Box<str>, u32>),
    Domain(HashMap<Box<str>, u32>),
    Prefix(Prefixes),
    /// From 1 on.
    Cidr(Ranges<u32>),
}

/// Keys by which texts may begin.
#[derive(Debug)]
pub(super) struct Prefixes {
    /// Sorted, so that keys that begin alike stand together.
    keys: Box<[PrefixKey]>,
}

#[derive(Debug)]
struct PrefixKey {
    text: Box<str>,
    row: u32,
    /// The longest key that this one begins with.
    shorter: Option<u32>,
}

/// Collects keys.
#[derive(Debug)]
pub(super) struct RowKeysBuilder {
    by: Match,
    texts: HashMap<Box<str>, u32>,
    cidrs: HashMap<Prefix, u32>,
    ranges: RangesBuilder<u32>,
}

impl RowKeysBuilder {
    pub(super) fn new(by: Match) -> Self {
        Self { by, texts: HashMap::new(), cidrs: HashMap::new(), ranges: Ranges::builder() }
    }

    /// Adds a key of a row; or says which row has it already.
    pub(super) fn add(&mut self, key: &str, row: u32) -> Result<(), u32> {
        let key = if self.by == Match::Domain { domain(key) } else { Cow::Borrowed(key) };
        if let Some(&first) = self.texts.get(&*key) {
            return Err(first);
        }
        self.texts.insert(key.into(), row);
        Ok(())
    }

    /// Adds prefixes of a row; or says which row has one of them already.
    pub(super) fn add_prefixes(
        &mut self,
        prefixes: impl Iterator<Item = Prefix>,
        row: u32,
    ) -> Result<(), u32> {
        for prefix in prefixes {
            if let Some(&first) = self.cidrs.get(&prefix) {
                return Err(first);
            }
            self.cidrs.insert(prefix, row);
            self.ranges.add(prefix, row + 1);
        }
        Ok(())
    }

    pub(super) fn build(self) -> RowKeys {
        match self.by {
            Match::Exact => RowKeys::Exact(self.texts),
            Match::Domain => RowKeys::Domain(self.texts),
            Match::Prefix => RowKeys::Prefix(Prefixes::new(self.texts)),
            Match::Cidr => RowKeys::Cidr(self.ranges.build(|_, inner| inner)),
        }
    }
}

impl RowKeys {
    pub(super) fn row(&self, key: &str) -> Option<u32> {
        match self {
            Self::Exact(rows) => rows.get(key).copied(),
            Self::Domain(rows) => {
                let name = domain(key);
                let is_name = name.len() <= LONGEST_DOMAIN;
                let names = is_name.then_some(()).into_iter().flat_map(|()| suffixes(&name));
                names.into_iter().find_map(|name| rows.get(name).copied())
            }
            Self::Prefix(prefixes) => prefixes.row(key),
            Self::Cidr(_) => self.row_of(key.parse().ok()?),
        }
    }

    pub(super) fn row_of(&self, address: IpAddr) -> Option<u32> {
        let Self::Cidr(ranges) = self else { return self.row(&address.to_canonical().to_string()) };
        ranges.get(address).map(|row| row - 1)
    }
}

impl Prefixes {
    fn new(texts: HashMap<Box<str>, u32>) -> Self {
        let mut texts: Vec<_> = texts.into_iter().collect();
        texts.sort_unstable();
        let mut keys = Vec::<PrefixKey>::with_capacity(texts.len());
        for (text, row) in texts {
            let mut shorter = keys.len().checked_sub(1).map(|last| last as u32);
            while let Some(at) = shorter
                && !text.starts_with(&*keys[at as usize].text)
            {
                shorter = keys[at as usize].shorter;
            }
            keys.push(PrefixKey { text, row, shorter });
        }
        Self { keys: keys.into() }
    }

    fn row(&self, text: &str) -> Option<u32> {
        // All between the longest key that the text begins with and this one begin with that key.
        let behind = self.keys.partition_point(|key| &*key.text <= text);
        let mut at = behind.checked_sub(1).map(|last| last as u32);
        while let Some(key) = at.map(|at| &self.keys[at as usize]) {
            if text.starts_with(&*key.text) {
                return Some(key.row);
            }
            at = key.shorter;
        }
        None
    }
}

/// A name as it is compared.
fn domain(name: &str) -> Cow<'_, str> {
    let name = name.strip_suffix('.').unwrap_or(name);
    let name = name.strip_prefix("*.").or_else(|| name.strip_prefix('.')).unwrap_or(name);
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}

/// A name, and those that it lies below.
fn suffixes(name: &str) -> impl Iterator<Item = &str> {
    let dots = name.bytes().enumerate().filter(|(_, byte)| *byte == b'.');
    std::iter::once(name).chain(dots.map(|(at, _)| &name[at + 1..]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rows(by: Match, keys: &[impl AsRef<str>]) -> RowKeys {
        let mut builder = RowKeysBuilder::new(by);
        for (row, key) in keys.iter().enumerate() {
            let _ = builder.add(key.as_ref(), row as u32);
        }
        builder.build()
    }

    #[test]
    fn a_domain_is_found_by_the_longest_name_that_it_lies_below() {
        let rows = rows(Match::Domain, &["example.com", "*.shop.Example.com", "com.", "localhost"]);
        for (name, row) in [
            ("example.com", Some(0)),
            ("EXAMPLE.com.", Some(0)),
            ("a.b.example.com", Some(0)),
            ("shop.example.com", Some(1)),
            ("x.shop.example.com", Some(1)),
            ("badexample.com", Some(2)),
            ("localhost", Some(3)),
            ("example.org", None),
            ("", None),
            (".", None),
        ] {
            assert_eq!(rows.row(name), row, "{name:?}");
        }
        assert_eq!(rows.row(&"a.".repeat(1 << 20)), None);
    }

    proptest! {
        #[test]
        fn the_longest_key_that_a_text_begins_with_wins(
            keys in prop::collection::vec("[ab/é]{0,5}", 0..20),
            texts in prop::collection::vec("[ab/é]{0,8}", 0..20),
        ) {
            let rows = rows(Match::Prefix, &keys);
            for text in texts {
                let begun = keys.iter().enumerate().filter(|(_, key)| text.starts_with(key.as_str()));
                // Of two that are the same, the first one.
                let longest = begun.max_by_key(|(row, key)| (key.len(), usize::MAX - row));
                prop_assert_eq!(rows.row(&text), longest.map(|(row, _)| row as u32), "{}", text);
            }
        }
    }
}
