//! What the code promises about itself.

use std::{fs, path::Path};

#[path = "../../../../actors/tests/it/architecture/imports.rs"]
#[allow(dead_code, reason = "the library's own tests ask more of it")]
mod imports;

use imports::Crate;

/// Each room may import those before it in this list, so that no arrow turns back.
const ORDER: &[&str] = &[
    "certificate",
    "trail",
    "metric",
    "value",
    "table",
    "data",
    "handler",
    "finding",
    "file",
    "kind",
    "expression",
    "input",
    "configuration",
    "resource",
    "program",
    "chain",
    "kinds",
    "testing",
    "schema",
];

/// How many lines a file has at most.
const LONGEST: usize = 420;

fn sources() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))
}

#[test]
fn the_rooms_import_one_way() {
    let rank = |name: &str| ORDER.iter().position(|&known| known == name);
    for (importer, imported) in Crate::read(sources()).imports() {
        // Macros name what they expand to, in whatever room that is.
        if importer == ["macros"] {
            continue;
        }
        let (Some(importer), Some(imported)) = (importer.first(), imported.first()) else {
            assert!(importer.is_empty(), "{importer:?} imports what the root itself holds");
            continue;
        };
        let own = rank(importer).unwrap_or_else(|| panic!("{importer} has no place in the order"));
        let other = rank(imported).unwrap_or_else(|| panic!("{importer} imports {imported}"));
        assert!(other <= own, "{importer} imports {imported}, which knows {importer}");
    }
}

#[test]
fn no_room_has_a_circle_inside() {
    let none: [&str; 0] = [];
    assert_eq!(Crate::read(sources()).circles(), none);
}

#[test]
fn no_file_is_too_long_to_be_read() {
    let mut folders = vec![sources().to_owned()];
    let mut count = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let lines = fs::read_to_string(&path).unwrap().lines().count();
            assert!(lines <= LONGEST, "{} has {lines} lines", path.display());
            count += 1;
        }
    }
    assert!(count > 0);
}
