//! Tables from CSV and JSON.

use std::fs;

use spoa_handlers::{
    data::{DataError, Followed, OnBadLines, RowsFile, Source},
    table::{Match, Rows},
};
use tempfile::tempdir;

fn load(
    name: &str,
    content: impl AsRef<[u8]>,
    settings: RowsFile,
) -> Result<Followed<Rows>, DataError> {
    let folder = tempdir().unwrap();
    let file = folder.path().join(name);
    fs::write(&file, content).unwrap();
    Followed::open(Source::new("test", [file.display().to_string()]), settings)
}

fn by_host() -> RowsFile {
    RowsFile::new(["host"])
}

/// The values of a row.
fn row(rows: &Followed<Rows>, key: &[&str]) -> String {
    let current = rows.current();
    let Some(row) = current.table().unwrap().find(key) else { return "-".to_owned() };
    let cells = row.iter().map(|(name, cell)| format!("{name}={cell}"));
    cells.collect::<Vec<_>>().join(" ")
}

/// The places and reasons of bad lines, without the folder.
fn bad(rows: &Followed<Rows>) -> Vec<String> {
    let lines = rows.state().first_bad_lines;
    let folder = |line: &str, file: &std::path::Path| {
        line.replace(&format!("{}/", file.parent().unwrap().display()), "")
    };
    lines.iter().map(|line| folder(&line.to_string(), &line.file)).collect()
}

#[test]
fn a_csv_table_has_a_row_for_each_key() {
    let csv = "host,backend,plan\na.example,one,free\n\"b.example\",\"two, three\",\n# c\n";
    let rows = load("t.csv", csv, by_host()).unwrap();
    assert_eq!(row(&rows, &["a.example"]), "backend=one plan=free");
    assert_eq!(row(&rows, &["b.example"]), "backend=two, three");
    assert_eq!(row(&rows, &["c.example"]), "-");
    assert_eq!((rows.state().entries, rows.state().bad_lines), (2, 0));
}

#[test]
fn the_three_forms_of_json_are_the_same_table() {
    let forms = [
        (
            "array.json",
            r#"[{"host": "a.example", "weight": 7, "open": true, "tags": ["x", 1], "none": null},
                {"host": "b.example", "share": 0.5}]"#,
        ),
        (
            "lines.json",
            "{\"host\": \"a.example\", \"weight\": 7, \"open\": true, \"tags\": [\"x\", 1]}\n\n\
             {\"host\": \"b.example\", \"share\": 0.5}\n",
        ),
        (
            "lines.jsonl",
            "{\"host\": \"a.example\", \"weight\": 7, \"open\": true, \"tags\": [\"x\", 1]}\n\
             {\"host\": \"b.example\", \"share\": 0.5}\n",
        ),
        (
            "object.json",
            r#"{"a.example": {"weight": 7, "open": true, "tags": ["x", 1]},
                "b.example": {"share": 0.5}}"#,
        ),
    ];
    for (name, json) in forms {
        let rows = load(name, json, by_host()).unwrap();
        assert_eq!(bad(&rows), [""; 0], "{name}");
        let a = row(&rows, &["a.example"]);
        let mut cells: Vec<_> = a.split(' ').collect();
        cells.sort_unstable();
        assert_eq!(cells, ["open=true", "tags=[\"x\",1]", "weight=7"], "{name}");
        assert_eq!(row(&rows, &["b.example"]), "share=0.5", "{name}");
    }
}

#[test]
fn a_key_that_comes_twice_is_reported_with_both_places() {
    let csv = "host,to\na,1\nb,2\na,3\n,4\n";
    let rows = load("t.csv", csv, by_host()).unwrap();
    assert_eq!(row(&rows, &["a"]), "to=1");
    assert_eq!(
        bad(&rows),
        ["t.csv:4: the key is that of t.csv:2, which stays", "t.csv:5: the key is empty"]
    );
    let json = "{\n\"a\": {\"to\": 1},\n\"b\": {\"to\": 2},\n\"a\": {\"to\": 3}\n}";
    let rows = load("t.json", json, by_host()).unwrap();
    assert_eq!(bad(&rows), ["t.json:4: the key is that of t.json:2, which stays"]);
    let mut strict = Source::new("test", [""; 0]);
    strict.bad_lines = OnBadLines::Refuse;
    let folder = tempdir().unwrap();
    let file = folder.path().join("t.csv");
    fs::write(&file, csv).unwrap();
    strict.files = vec![file.display().to_string()];
    assert!(matches!(Followed::open(strict, by_host()), Err(DataError::BadLines { count: 2, .. })));
}

#[test]
fn a_column_that_is_missing_is_reported_with_its_place() {
    let reason = |name: &str, text: &str, settings: RowsFile| {
        let error = load(name, text, settings).unwrap_err().to_string();
        error.split_once(": ").unwrap().1.to_owned()
    };
    assert_eq!(
        reason("t.csv", "name,to\na,1\n", by_host()),
        "there is no column `host` in the first line, which has `name`, `to`"
    );
    let mut wants = by_host();
    wants.columns = Some(vec!["to".to_owned(), "plan".to_owned()]);
    assert_eq!(
        reason("t.csv", "host,to\na,1\n", wants.clone()),
        "there is no column `plan` in the first line, which has `host`, `to`"
    );
    assert_eq!(
        reason("t.csv", "host,to,to\na,1,2\n", by_host()),
        "line 1 has the column `to` twice: rename one of them"
    );
    let json = "[\n{\"host\": \"a\", \"to\": 1, \"plan\": 2, \"more\": 3},\n{\"host\": \"b\", \"to\": 1},\n{\"to\": 1},\n7]";
    let rows = load("t.json", json, wants).unwrap();
    assert_eq!(row(&rows, &["a"]), "to=1 plan=2");
    assert_eq!(
        bad(&rows),
        [
            "t.json:3: it has no `plan`",
            "t.json:4: it has no `host`, which is the key",
            "t.json:5: expected an object",
        ]
    );
}

#[test]
fn rows_of_other_lengths_and_lines_that_are_no_json_are_left_out() {
    let rows = load("t.csv", b"host,to\na\nb,1,2\n\xff,1\nc,3\n", by_host()).unwrap();
    assert_eq!(row(&rows, &["c"]), "to=3");
    assert_eq!(
        bad(&rows),
        [
            "t.csv:2: it has 1 columns, and line 1 has 2",
            "t.csv:3: it has 3 columns, and line 1 has 2",
            "t.csv:4: it is not UTF-8 text",
        ]
    );
    let rows =
        load("t.jsonl", "{\"host\": \"a\"}\n{\"host\": \n{\"host\": \"b\"}\n", by_host()).unwrap();
    assert_eq!(rows.state().entries, 2);
    assert!(bad(&rows)[0].starts_with("t.jsonl:2: EOF while parsing"), "{:?}", bad(&rows));
    for (text, part) in [
        ("{\"a\": {\n", "EOF while parsing"),
        ("[{]", "key must be a string at line 1 column 3"),
        ("x", "expected value at line 1 column 1"),
        ("", "EOF while parsing"),
    ] {
        let error = load("t.json", text, by_host()).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
    let deep = "[".repeat(1 << 20);
    assert!(load("t.json", deep, by_host()).is_err());
}

#[test]
fn a_key_is_compared_as_it_is_asked_for() {
    for (by, csv, key, expected) in [
        (Match::Domain, "host,to\nexample.com,1\n", "a.EXAMPLE.com", "to=1"),
        (Match::Prefix, "host,to\n/api,1\n/api/v2,2\n", "/api/v2/users", "to=2"),
        (Match::Cidr, "host,to\n10.0.0.0/8,1\n10.1.0.0/16,2\n", "10.1.2.3", "to=2"),
        (Match::Exact, "host,to\na,1\n", "A", "-"),
    ] {
        let mut settings = by_host();
        settings.by = by;
        let rows = load("t.csv", csv, settings).unwrap();
        assert_eq!(row(&rows, &[key]), expected, "{by:?}");
    }
    let mut settings = by_host();
    settings.by = Match::Cidr;
    let rows = load("t.csv", "host,to\n10.0.0.0/33,1\n", settings).unwrap();
    assert!(bad(&rows)[0].starts_with("t.csv:2: the prefix is longer"), "{:?}", bad(&rows));
    let two = RowsFile::new(["host", "path"]);
    let rows = load("t.csv", "path,host,to\n/,a,1\n/b,a,2\n", two).unwrap();
    assert_eq!(row(&rows, &["a", "/b"]), "to=2");
}
