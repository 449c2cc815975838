//! Snapshots: `tests/FOLDER/NAME.toml` beside `NAME.txt`, which has exactly what is said about it.

use std::{collections::BTreeSet, fs, path::Path};

/// Compares what is said about each file of a folder, of which there are so many at least.
pub(crate) fn compare(folder: &str, least: usize, said: impl Fn(&Path) -> String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
    let entries = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path());
    let files: BTreeSet<_> =
        entries.filter(|file| file.extension().is_some_and(|end| end == "toml")).collect();
    let mut different = Vec::new();
    for file in &files {
        let said = said(file).replace(&format!("{}/", path.display()), "");
        let beside = file.with_extension("txt");
        let expected = fs::read_to_string(&beside).unwrap_or_default();
        if said != expected || said.is_empty() {
            let actual = Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder);
            fs::create_dir_all(&actual).unwrap();
            let actual = actual.join(beside.file_name().unwrap());
            fs::write(&actual, &said).unwrap();
            different.push(format!("see {}\n{said}", actual.display()));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
    assert!(files.len() >= least, "only {} files", files.len());
}
