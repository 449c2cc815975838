//! Whatever is in a file, it is read or refused.

use std::{fs, net::IpAddr, path::Path};

use proptest::prelude::*;
use spoa_handlers::{
    data::{Followed, IpList, Load, Mmdb, RowsFile},
    table::{GeoPath, Match},
};
use tempfile::tempdir;

use super::source;

fn open<L: Load>(name: &str, bytes: &[u8], load: L) -> Option<Followed<L::Table>> {
    let folder = tempdir().unwrap();
    let file = folder.path().join(name);
    fs::write(&file, bytes).unwrap();
    let error = match Followed::open(source(&file), load) {
        Ok(table) => return Some(table),
        Err(error) => error.to_string(),
    };
    assert!(!error.contains("panicked"), "{error}");
    None
}

/// Bytes of which some look like lists and tables.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let text = "([0-9a-f.:/,;# {}\"\\[\\]-]|ip|host|192\\.0\\.2\\.1|\n){0,80}";
    prop_oneof![text.prop_map(String::into_bytes), prop::collection::vec(any::<u8>(), 0..80)]
}

proptest! {
    #[test]
    fn lists_and_tables(bytes in bytes(), header: bool) {
        let text = if header { [b"host,ip\n", &*bytes].concat() } else { bytes };
        for name in ["list.txt", "list.csv"] {
            open(name, &text, IpList::default());
        }
        for name in ["rows.csv", "rows.json", "rows.jsonl"] {
            for by in [Match::Exact, Match::Domain, Match::Prefix, Match::Cidr] {
                let mut rows = RowsFile::new(["host"]);
                rows.by = by;
                let Some(rows) = open(name, &text, rows) else { continue };
                let current = rows.current();
                let table = current.table().unwrap();
                let _ = table.find(&[&String::from_utf8_lossy(&text)]);
                let _ = table.find_address(IpAddr::from([192, 0, 2, 1]));
            }
        }
    }

    #[test]
    fn databases(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        address: u128,
    ) {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mmdb/GeoIP2-City-Test.mmdb");
        let mut bytes = fs::read(file).unwrap();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(geo) = open("geo.mmdb", &bytes, Mmdb) {
            let current = geo.current();
            let record = current.table().unwrap().find(address.to_be_bytes().into());
            record.and_then(|record| record.get(&GeoPath::new("country.names.en").unwrap()));
        }
    }
}
