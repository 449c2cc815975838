//! GeoIP: where the address of a client is.

use spoa_actors::{ActionError, Actions, BoxError, MessageRef, Origin, ReadyHandler, Scope};

use super::{
    inputs::{ADDRESS, address},
    outputs::Outputs,
};
use crate::{
    data::Followed,
    table::{Geo, GeoPath},
};

/// The variables that are set in any case; those of places come behind them.
const VARIABLES: [&str; 3] = ["found", "stale", "error"];
const FOUND: usize = 0;
const STALE: usize = 1;
const ERROR: usize = 2;

/// Variables, and the places where the databases of several publishers have them.
pub(crate) const USUAL: [(&str, &[&str]); 7] = [
    ("country", &["country.iso_code", "country_code", "country"]),
    ("continent", &["continent.code", "continent_code", "continent"]),
    ("region", &["subdivisions.0.iso_code", "region"]),
    ("city", &["city.names.en", "city"]),
    ("asn", &["autonomous_system_number", "traits.autonomous_system_number", "asn"]),
    (
        "as_org",
        &["autonomous_system_organization", "traits.autonomous_system_organization", "as_org"],
    ),
    ("anonymous", &["is_anonymous", "traits.is_anonymous", "anonymous"]),
];

/// Where the address of a client is, by databases in MaxMind's format.
///
/// | variable | type | when |
/// |---|---|---|
/// | `country`, `continent`, `region`, `city`, `as_org` | text | a database has it |
/// | `asn` | integer | the same |
/// | `anonymous` | boolean | the same |
/// | `found`, `stale` | boolean | the message has an address |
/// | `error` | text | `no_address` or `no_data`: nothing is known |
///
/// Private addresses are in no database: `found` is false.
///
/// ```no_run
/// use spoa_actors::{Agent, BoxError, Registry, Scope};
/// use spoa_handlers::{
///     data::{Followed, Mmdb, Source},
///     handler::GeoIp,
/// };
///
/// #[actix_rt::main]
/// async fn main() -> Result<(), BoxError> {
///     let source = Source::new("geo", ["GeoLite2-Country.mmdb", "GeoLite2-ASN.mmdb"]);
///     let geo = GeoIp::new(Followed::open(source, Mmdb)?, Scope::Transaction, "geo")?;
///     let registry = Registry::new().on_ready("geoip-lookup", move || geo.clone());
///     Ok(Agent::bind("127.0.0.1:12345")?.serve(registry).await?)
/// }
/// ```
#[derive(Clone, Debug)]
pub struct GeoIp {
    databases: Followed<Geo>,
    arguments: Vec<String>,
    /// Each variable's places.
    places: Vec<Vec<GeoPath>>,
    outputs: Outputs,
}

impl GeoIp {
    /// Looks into these databases, and sets variables whose names begin with `PREFIX.`; or with nothing,
    /// if the prefix is empty.
    ///
    /// # Errors
    ///
    /// The prefix cannot be part of a variable's name.
    pub fn new(databases: Followed<Geo>, scope: Scope, prefix: &str) -> Result<Self, ActionError> {
        let usual = USUAL.into_iter().map(|(name, paths)| {
            (name, paths.iter().filter_map(|path| GeoPath::new(path)).collect())
        });
        Self::with_places(databases, scope, prefix, usual)
    }

    /// Sets a variable for each name, from the first of its places that has a value.
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new).
    pub fn with_places<'a>(
        databases: Followed<Geo>,
        scope: Scope,
        prefix: &str,
        places: impl IntoIterator<Item = (&'a str, Vec<GeoPath>)>,
    ) -> Result<Self, ActionError> {
        let (names, places): (Vec<_>, _) = places.into_iter().unzip();
        let outputs = Outputs::new(scope, prefix, VARIABLES.into_iter().chain(names))?;
        let arguments = ADDRESS.map(str::to_owned).into();
        Ok(Self { databases, arguments, places, outputs })
    }

    /// Takes the address from the first of these arguments that has one; see
    /// [`IpReputation::arguments`](super::IpReputation::arguments).
    #[must_use]
    pub fn arguments(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.arguments = names.into_iter().map(Into::into).collect();
        self
    }
}

impl ReadyHandler for GeoIp {
    type Args<'a> = MessageRef<'a>;

    fn handle(&self, message: MessageRef<'_>, _: &Origin) -> Result<Actions, BoxError> {
        let (out, actions) = (&self.outputs, Actions::new());
        let Some(address) = address(&message, &self.arguments) else {
            return Ok(out.set(actions, ERROR, "no_address"));
        };
        let current = self.databases.current();
        let Some(table) = current.table() else {
            return Ok(out.set(actions, ERROR, "no_data"));
        };
        let record = table.find(address);
        let mut actions = out.set(actions, FOUND, record.is_some());
        for (variable, places) in (VARIABLES.len()..).zip(&self.places) {
            if let Some(cell) = record.as_ref().and_then(|record| record.first(places)) {
                actions = out.set_cell(actions, variable, &cell);
            }
        }
        Ok(out.set(actions, STALE, self.databases.is_stale()))
    }
}
