//! Geo: where an address is, by databases in MaxMind's format.

use std::{fmt, net::IpAddr};

use maxminddb::{LookupResult, MaxMindDbError, PathElement, Reader};
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::{
    cell::Cell,
    rows::{Row, Rows},
};

/// How many databases are looked at together at most.
pub const MOST_DATABASES: usize = 8;

/// Databases in MaxMind's format (`.mmdb`), which are looked at in their order.
#[derive(Debug, Default)]
pub struct Geo {
    databases: Vec<Reader<Vec<u8>>>,
    /// Records that stand in for those of databases.
    rows: Option<Rows>,
}

/// What the databases have for an address.
#[derive(Debug)]
pub struct GeoRecord<'a> {
    results: [Option<LookupResult<'a, Vec<u8>>>; MOST_DATABASES],
    row: Option<Row<'a>>,
}

/// A place in a record, such as `country.iso_code` or `subdivisions.0.names.en`. A number is the place
/// in a list; `-1` is the last one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct GeoPath(Box<[Step]>);

#[derive(Clone, Debug, Eq, PartialEq)]
enum Step {
    Key(Box<str>),
    Index(isize),
}

/// How deep a path is at most.
const DEEPEST: usize = 8;

/// Why a file is no database.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GeoError {
    /// It is broken, or truncated.
    #[error("it is no intact database in MaxMind's format: {0}; download it again")]
    Broken(#[from] MaxMindDbError),
    /// There are more databases than are looked at.
    #[error("more than {MOST_DATABASES} databases: name fewer files")]
    TooMany,
}

impl Geo {
    /// Adds a database, after a look at all that is in it.
    ///
    /// # Errors
    ///
    /// [`GeoError`].
    pub fn add(&mut self, database: Vec<u8>) -> Result<(), GeoError> {
        if self.databases.len() == MOST_DATABASES {
            return Err(GeoError::TooMany);
        }
        let reader = Reader::from_source(database)?;
        reader.verify()?;
        self.databases.push(reader);
        Ok(())
    }

    /// Records by their networks instead of a database: a column is a place in the record, as text.
    #[must_use]
    pub fn of_rows(rows: Rows) -> Self {
        Self { databases: Vec::new(), rows: Some(rows) }
    }

    /// What the databases have for an address: none if it is not a public one, or in none of them.
    #[must_use]
    pub fn find(&self, address: IpAddr) -> Option<GeoRecord<'_>> {
        let address = address.to_canonical();
        if let Some(rows) = &self.rows {
            let row = Some(rows.find_address(address)?);
            return Some(GeoRecord { results: [const { None }; MOST_DATABASES], row });
        }
        if is_private(address) {
            return None;
        }
        let mut found = [const { None }; MOST_DATABASES];
        for (place, database) in found.iter_mut().zip(&self.databases) {
            // An IPv6 address in a database of IPv4 is in none.
            *place = database.lookup(address).ok().filter(LookupResult::has_data);
        }
        found.iter().any(Option::is_some).then_some(GeoRecord { results: found, row: None })
    }

    /// How many nodes their search trees have.
    #[must_use]
    pub fn nodes(&self) -> usize {
        self.databases.iter().map(|database| database.metadata().node_count as usize).sum()
    }

    /// The kinds of databases, such as `GeoLite2-Country`.
    pub fn kinds(&self) -> impl Iterator<Item = &str> {
        self.databases.iter().map(|database| &*database.metadata().database_type)
    }
}

impl GeoRecord<'_> {
    /// The value at a place, from the first database that has one there.
    #[must_use]
    pub fn get(&self, path: &GeoPath) -> Option<Cell> {
        if let Some(row) = self.row {
            return row.get(&path.to_string()).cloned();
        }
        let mut steps = [const { PathElement::Index(0) }; DEEPEST];
        for (place, step) in steps.iter_mut().zip(&path.0) {
            *place = match step {
                Step::Key(key) => PathElement::Key(key),
                Step::Index(at) => PathElement::from(*at),
            };
        }
        let steps = &steps[..path.0.len()];
        // A record without such a place, or with one of another form, has no value there.
        let value = |result: &LookupResult<'_, _>| result.decode_path::<Value>(steps).ok()??.0;
        self.results.iter().flatten().find_map(value)
    }

    /// The value at the first of some places that has one.
    pub fn first<'p>(&self, paths: impl IntoIterator<Item = &'p GeoPath>) -> Option<Cell> {
        paths.into_iter().find_map(|path| self.get(path))
    }
}

impl GeoPath {
    /// Reads a path; none if it is empty, has an empty step, or more than eight.
    ///
    /// ```
    /// use spoa_handlers::table::GeoPath;
    ///
    /// assert!(GeoPath::new("subdivisions.0.names.en").is_some());
    /// assert!(GeoPath::new("country..iso_code").is_none());
    /// ```
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let step = |step: &str| {
            let index = step.parse().ok().map(Step::Index);
            (!step.is_empty()).then(|| index.unwrap_or_else(|| Step::Key(step.into())))
        };
        let steps: Box<[_]> = text.split('.').map(step).collect::<Option<_>>()?;
        (steps.len() <= DEEPEST).then_some(Self(steps))
    }
}

impl fmt::Display for GeoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.0.iter().enumerate() {
            f.write_str(if at > 0 { "." } else { "" })?;
            match step {
                Step::Key(key) => f.write_str(key)?,
                Step::Index(at) => at.fmt(f)?,
            }
        }
        Ok(())
    }
}

/// Whether an address belongs to no public network: private and shared ones (RFC 1918, 6598, 4193),
/// loopback and link-local.
#[must_use]
pub fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(ip) => {
            let [first, second, ..] = ip.octets();
            let is_shared = first == 100 && second & 0xc0 == 64;
            ip.is_private() || ip.is_loopback() || ip.is_link_local() || first == 0 || is_shared
        }
        IpAddr::V6(ip) => {
            ip.is_unique_local()
                || ip.is_unicast_link_local()
                || ip.is_loopback()
                || ip.is_unspecified()
        }
    }
}

/// A value, if it is a single one.
struct Value(Option<Cell>);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value(Some(Cell::Boolean(value))))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value(Some(Cell::Integer(value))))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        let text = || Cell::from(value.to_string().as_str());
        Ok(Value(Some(i64::try_from(value).map_or_else(|_| text(), Cell::Integer))))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Value, E> {
        Ok(Value(Some(Cell::from(value.to_string().as_str()))))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value(Some(Cell::Decimal(value))))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value(Some(Cell::from(value))))
    }

    fn visit_bytes<E>(self, _: &[u8]) -> Result<Value, E> {
        Ok(Value(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value(None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_no_public_network_is_in_no_database() {
        for address in
            ["10.1.2.3", "172.31.0.1", "192.168.0.1", "100.64.0.1", "127.0.0.1", "0.1.2.3"]
                .into_iter()
                .chain(["169.254.0.1", "::1", "::", "fd00::1", "fe80::1"])
        {
            assert!(is_private(address.parse().unwrap()), "{address}");
        }
        for address in ["9.255.255.255", "172.32.0.1", "100.128.0.1", "100.63.0.1", "2001:db8::1"] {
            assert!(!is_private(address.parse().unwrap()), "{address}");
        }
    }
}
