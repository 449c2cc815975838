//! Databases of MaxMind's own tests.

use std::{
    fs,
    path::{Path, PathBuf},
};

use spoa_handlers::{
    data::{DataError, Followed, Mmdb, Source},
    table::{Geo, GeoPath},
};
use tempfile::tempdir;

use super::{source, until};

fn database(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mmdb").join(name)
}

fn open(names: &[&str]) -> Result<Followed<Geo>, DataError> {
    let files = names.iter().map(|name| database(name).display().to_string());
    Followed::open(Source::new("geo", files), Mmdb)
}

fn value(geo: &Followed<Geo>, address: &str, path: &str) -> Option<String> {
    let current = geo.current();
    let record = current.table().unwrap().find(address.parse().unwrap())?;
    record.get(&GeoPath::new(path).unwrap()).map(|cell| cell.to_string())
}

#[test]
fn any_place_of_a_record_of_several_databases_is_found() {
    let geo =
        open(&["GeoIP2-City-Test.mmdb", "GeoLite2-ASN-Test.mmdb", "GeoIP2-Anonymous-IP-Test.mmdb"])
            .unwrap();
    for (address, path, expected) in [
        ("81.2.69.142", "country.iso_code", Some("GB")),
        ("::ffff:81.2.69.142", "country.iso_code", Some("GB")),
        ("81.2.69.142", "city.names.de", Some("London")),
        ("81.2.69.142", "subdivisions.0.iso_code", Some("ENG")),
        ("81.2.69.142", "subdivisions.-1.iso_code", Some("ENG")),
        ("81.2.69.142", "subdivisions.7.iso_code", None),
        ("81.2.69.142", "country", None),
        ("81.2.69.142", "country.iso_code.deeper", None),
        ("81.2.69.142", "location.accuracy_radius", Some("10")),
        ("1.128.0.0", "autonomous_system_number", Some("1221")),
        ("1.128.0.0", "autonomous_system_organization", Some("Telstra Pty Ltd")),
        ("1.2.0.1", "is_anonymous", Some("true")),
        ("2001:218::1", "country.iso_code", Some("JP")),
        ("10.0.0.1", "country.iso_code", None),
        ("100.64.0.1", "country.iso_code", None),
        ("::1", "country.iso_code", None),
        ("203.0.113.1", "country.iso_code", None),
    ] {
        assert_eq!(value(&geo, address, path).as_deref(), expected, "{address} {path}");
    }
    let current = geo.current();
    let kinds: Vec<_> = current.table().unwrap().kinds().map(str::to_owned).collect();
    assert_eq!(kinds.len(), 3, "{kinds:?}");
    assert!(geo.state().entries > 1_000, "{:?}", geo.state());
}

#[test]
fn a_broken_database_is_refused_and_the_last_one_stays() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("geo.mmdb");
    let good = fs::read(database("GeoLite2-Country-Test.mmdb")).unwrap();
    fs::write(&file, &good).unwrap();
    let geo = Followed::open(source(&file), Mmdb).unwrap();
    let is_there = || value(&geo, "81.2.69.160", "country.iso_code").as_deref() == Some("GB");
    assert!(is_there());
    let mut broken = good.clone();
    broken[5_000..9_000].fill(0xff);
    for bad in [&good[..good.len() / 2], &good[good.len() / 2..], &broken, b"", b"192.0.2.1\n"] {
        let failures = geo.state().failures;
        fs::write(&file, bad).unwrap();
        until("it is refused", || geo.state().failures > failures);
        let error = geo.state().last_error.unwrap();
        assert!(
            error.contains("geo.mmdb: it is no intact database in MaxMind's format"),
            "{error}"
        );
        assert!(is_there());
        until("it is stale", || geo.is_stale());
    }
    fs::write(&file, &good).unwrap();
    until("it is intact again", || !geo.is_stale());
}

#[test]
fn databases_that_were_made_to_do_harm_are_refused() {
    for name in fs::read_dir(database("bad")).unwrap() {
        let name = format!("bad/{}", name.unwrap().file_name().display());
        let error = open(&[&name]).unwrap_err().to_string();
        assert!(error.contains("it is no intact database"), "{error}");
    }
}

#[test]
fn more_databases_than_eight_are_refused() {
    let folder = tempdir().unwrap();
    for number in 0..9 {
        let copy = folder.path().join(format!("{number}.mmdb"));
        fs::copy(database("GeoLite2-ASN-Test.mmdb"), copy).unwrap();
    }
    let error = Followed::open(source(&folder.path().join("*.mmdb")), Mmdb).unwrap_err();
    assert!(error.to_string().contains("8.mmdb: more than 8 databases"), "{error}");
}
