//! `mmdb`: databases in MaxMind's format.

use crate::kind::Description;

pub(super) const DESCRIPTION: Description = Description {
    name: "mmdb",
    summary: "Databases in MaxMind's format, such as GeoLite2, DB-IP and IPinfo: up to eight, in the \
              order of their names.",
    arguments: &[],
    variables: &[],
    reasons: &[],
    settings: &[],
    example: r#"
[data.geo]
kind = "mmdb"
files = ["GeoLite2-Country.mmdb", "GeoLite2-ASN.mmdb"]
max_age = "30d"
"#,
};
