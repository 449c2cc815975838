//! `geoip`: where the address of a client is.

use std::net::IpAddr;

use super::{
    cell_value::{scalar, value},
    data_names::DataNames,
    geo_lookups::{Lookups, Own},
    judgement::{Judgement, OnStale},
};
use crate::{
    chain::{Decision, Found, Kind, Made, Making, OwnVariable, OwnView, Step, View, own},
    configuration::Status,
    data::Followed,
    expression::{Fault, Slot, Type as ExpressionType, Value},
    file::Text,
    finding::Finding,
    handler::USUAL,
    kind::{Argument, Description, Reason, Settings, Type, Variable},
    table::{Cell, CellType, Geo, GeoPath, is_private},
};

words! {
    /// What happens to addresses of private networks.
    enum OnPrivate, "one of `skip` and `judge`" {
        /// Neither `deny` nor `allow` looks at them.
        Skip = "skip",
        /// They are judged as addresses of which nothing is known.
        Judge = "judge",
    }
}

settings! {
    /// What `geoip` is set to.
    struct GeoIpSettings, "`geoip`" {
        /// The databases: one or more data sets of the kind `mmdb`.
        data: DataNames,
        /// More variables: the place of each in the databases, or `{ path = "…", type = "int" }`.
        lookups: Lookups = Lookups::default(),
        /// A condition over the handler's own variables, such as `"country == 'KP'"`. If it holds, the request is denied.
        deny: Option<Text>,
        /// A condition of the same kind. If it holds, the request is allowed, and the chain ends.
        allow: Option<Text>,
        /// The status of the answer to a request that is denied.
        status: Option<Status>,
        /// What happens to addresses of private networks, which are in no database.
        private: OnPrivate = OnPrivate::Skip,
        /// What happens while data is stale.
        on_stale: OnStale = OnStale::Use,
    }
}

/// The kind `geoip`.
pub(super) struct GeoIp;

const ASN: usize = 4;
const AS_ORG: usize = 5;
const ANONYMOUS: usize = 6;
const FOUND: usize = 7;
const PRIVATE: usize = 8;
const STALE: usize = 9;
const ERROR: usize = 10;

/// Those of the databases come first, in the order of [`USUAL`].
const VARIABLES: &[Variable] = &[
    Variable::new("country", Type::Text, "the country, as two letters of ISO 3166"),
    Variable::new("continent", Type::Text, "the continent, as two letters"),
    Variable::new("region", Type::Text, "the first subdivision of the country"),
    Variable::new("city", Type::Text, "the name of the city, in English"),
    Variable::new("asn", Type::Int, "the number of the autonomous system"),
    Variable::new("as_org", Type::Text, "who has the autonomous system"),
    Variable::new("anonymous", Type::Bool, "whether it is a known VPN, proxy or Tor exit"),
    Variable::new("found", Type::Bool, "whether a database has the address"),
    Variable::new("private", Type::Bool, "whether the address belongs to no public network"),
    Variable::new("stale", Type::Bool, "whether the data is older than its files, or too old"),
    Variable::new("error", Type::Text, "why nothing is known:").one_of(&["no_address", "no_data"]),
];

const DESCRIPTION: Description = Description {
    name: "geoip",
    summary: "Finds the country, city and network of the client's address in databases in MaxMind's \
              format, and denies by them.",
    arguments: &[Argument::new("ip", Type::Ip, "src", "address of the client")],
    variables: VARIABLES,
    reasons: &[
        Reason::new("country", "`deny` holds"),
        Reason::new("network", "`deny` holds, and names only `asn` and `as_org`"),
        Reason::new("anonymous", "`deny` holds, and names only `anonymous`"),
        Reason::new("allowed", "`allow` holds"),
        Reason::new("stale", "the data is stale, and `on_stale` decides"),
    ],
    settings: GeoIpSettings::SETTINGS,
    example: r#"
[handler.geo]
kind = "geoip"
data = "geo"
deny = "country in ['KP', 'IR'] || asn == 64496"

[data.geo]
kind = "mmdb"
files = ["GeoLite2-Country.mmdb", "GeoLite2-ASN.mmdb"]
"#,
};

impl Kind for GeoIp {
    fn description(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn make(&self, making: &mut Making<'_, '_>) -> Option<Made> {
        let settings: GeoIpSettings = making.settings()?;
        let ip = making.argument("ip");
        let databases = settings.data.databases(making);
        let places = places(settings.lookups, making);
        let mut variables: Vec<_> = VARIABLES.iter().map(OwnVariable::of).collect();
        variables.extend(places.iter().flatten().skip(USUAL.len()).map(|(_, own)| {
            let value_type = ExpressionType::One(scalar(own.own_type));
            OwnVariable { name: own.name.clone(), value_type }
        }));
        let conditions = (settings.allow.as_ref(), settings.deny.as_ref());
        let common = (settings.on_stale, settings.status.map(u16::from));
        let judgement = Judgement::read(conditions, common, &variables, making)?;
        let (ip, databases, places) = (ip?, databases?, places?);
        let decides = judgement.decides();
        let reason = reason(&judgement);
        let skips_private = settings.private == OnPrivate::Skip;
        let step = Lookup { ip, databases, places, skips_private, judgement, reason };
        Some(Made { step: Box::new(step), variables, decides })
    }
}

/// Why a request is denied, by what the condition looks at.
fn reason(judgement: &Judgement) -> &'static str {
    let slots = judgement.deny_slots();
    let is_only = |names: &[usize]| {
        !slots.is_empty()
            && slots.iter().all(|slot| own(*slot).is_some_and(|at| names.contains(&at)))
    };
    if is_only(&[ASN, AS_ORG]) {
        "network"
    } else if is_only(&[ANONYMOUS]) {
        "anonymous"
    } else {
        "country"
    }
}

/// The variables that come out of databases: their places among all variables, and in the databases. A lookup
/// with the name of a usual one stands in its place.
fn places(lookups: Lookups, making: &mut Making<'_, '_>) -> Option<Vec<(usize, Own)>> {
    let mut places = usual();
    let mut is_right = true;
    for (place, lookup) in lookups.0 {
        if let Some((_, usual)) = places.iter_mut().find(|(_, own)| own.name == lookup.name) {
            usual.places = lookup.places;
        } else if VARIABLES.iter().any(|own| own.name == lookup.name) {
            let title = format!("`geoip` itself sets `{}`", lookup.name);
            making.add(Finding::error(title).at(place, "taken").help("use another name"));
            is_right = false;
        } else {
            places.push((places.len() - USUAL.len() + VARIABLES.len(), lookup));
        }
    }
    is_right.then_some(places)
}

fn usual() -> Vec<(usize, Own)> {
    let usual = USUAL.into_iter().zip(VARIABLES).enumerate().map(|(at, ((name, paths), own))| {
        let own_type = match own.value_type {
            Type::Int => CellType::Integer,
            Type::Bool => CellType::Boolean,
            _ => CellType::Text,
        };
        let places = paths.iter().filter_map(|path| GeoPath::new(path)).collect();
        (at, Own { name: name.to_owned(), places, own_type })
    });
    usual.collect()
}

struct Lookup {
    ip: Slot,
    databases: Vec<Followed<Geo>>,
    places: Vec<(usize, Own)>,
    skips_private: bool,
    judgement: Judgement,
    reason: &'static str,
}

impl Step for Lookup {
    fn run<'c>(
        &'c self,
        view: &View<'_, 'c>,
        found: &mut Found<'c>,
    ) -> Result<Option<Decision<'c>>, Fault> {
        let Some(ip) = view.ip(self.ip) else {
            found.set(ERROR, Value::text("no_address"));
            return Err(Fault::Absent);
        };
        let (is_whole, is_stale) = self.look_up(ip, found);
        let is_private = is_private(ip);
        if is_private && self.skips_private {
            return Ok(None);
        }
        match self.judgement.decide(
            &OwnView::new(found, view),
            (is_whole, is_stale),
            self.reason,
        )? {
            None if !is_whole && !is_private => Err(Fault::NoData),
            decided => Ok(decided),
        }
    }
}

impl Lookup {
    /// Sets the variables; whether all databases are there, and whether one is stale.
    fn look_up(&self, ip: IpAddr, found: &mut Found<'_>) -> (bool, bool) {
        let (mut is_found, mut is_whole) = (false, true);
        for set in &self.databases {
            let current = set.current();
            let Some(table) = current.table() else {
                is_whole = false;
                continue;
            };
            let Some(record) = table.find(ip) else { continue };
            for (at, variable) in &self.places {
                if is_found && found.is_set(*at) {
                    continue;
                }
                let cell = record.first(&variable.places).map(|cell| number(*at, cell));
                if let Some(value) = cell.and_then(|cell| value(cell, variable.own_type)) {
                    found.set(*at, value);
                }
            }
            is_found = true;
        }
        let is_stale = self.databases.iter().any(Followed::is_stale);
        // Without a database, nobody knows.
        if is_found || is_whole {
            found.set(FOUND, Value::Bool(is_found));
        }
        found.set(PRIVATE, Value::Bool(is_private(ip)));
        found.set(STALE, Value::Bool(is_stale));
        if !is_whole {
            found.set(ERROR, Value::text("no_data"));
        }
        (is_whole, is_stale)
    }
}

/// Some publishers write the number of a network as `AS64496`.
fn number(at: usize, cell: Cell) -> Cell {
    match cell {
        Cell::Text(text) if at == ASN => match text.strip_prefix("AS") {
            Some(number) => Cell::from(number),
            None => Cell::Text(text),
        },
        other => other,
    }
}
