//! Data sets and secrets as a file describes them.

use std::{fs, path::Path};

use spoa_handlers::{
    configuration::Configuration,
    file::{Loaded, Reading, load, load_text},
    finding::Report,
    resource::{DATA_KINDS, DataSet, ResourcePlan, Resources},
    table::CellType,
};
use tempfile::{TempDir, tempdir};

use crate::{broken_files::environment, snapshots};

/// What a file has beside its handlers, and what is said about it.
fn read(
    mut loaded: Loaded,
    open: impl FnOnce(ResourcePlan, &mut Reading<'_>) -> Resources,
) -> (Resources, String) {
    let configuration = Configuration::read(&mut loaded);
    let Loaded { document, sources, findings } = &mut loaded;
    let mut reading = Reading { document, sources, findings };
    let plan = ResourcePlan::read(&configuration.secrets, &mut reading);
    let resources = open(plan, &mut reading);
    (resources, Report::new(&loaded.findings, &loaded.sources).to_string())
}

/// A file in this folder, opened.
fn opened(folder: &TempDir, text: &str, before: Option<&Resources>) -> (Resources, String) {
    let loaded = load_text(&folder.path().join("agent.toml"), text, &environment);
    read(loaded, |plan, reading| Resources::open(plan, before, reading))
}

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// So that no section is unused.
const USED: &str = "[handler.x]\nkind = 'x'\nuses = ['bad', 'geo', 'rows']\n";

#[test]
fn data_of_each_kind_is_opened_from_files_beside_the_file_that_names_them() {
    let folder = folder(&[
        ("a.netset", "192.0.2.0/24\n198.51.100.1 20 tor\n"),
        ("own.csv", "von;bis;risk\n203.0.113.1;203.0.113.6;9\n"),
        ("tenants.csv", "host,backend,limit\nexample.com,shop,7\nexample.org,blog,\n"),
        ("key", "secret\n"),
    ]);
    let country =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mmdb/GeoLite2-Country-Test.mmdb");
    fs::copy(country, folder.path().join("Country.mmdb")).unwrap();
    let text = "[data.bad]\nkind = 'ip-list'\nfiles = ['*.netset', 'own.csv']\nscore = 80\ntags = 'ban'\n\
                delimiter = ';'\ncolumns = { address = 'von', last = 'bis', score = 'risk' }\n\
                [data.geo]\nkind = 'mmdb'\nfile = 'Country.mmdb'\n\
                [data.rows]\nkind = 'table'\nfile = 'tenants.csv'\nkey = 'host'\nmatch = 'domain'\n\
                columns = { backend = 'text', limit = 'int' }\n\
                [secrets]\nhash = { file = 'key' }\n";
    let (resources, said) = opened(&folder, &format!("{text}{USED}"), None);
    assert_eq!(said, "");
    let kinds: Vec<_> = resources.all_data().map(|(name, set)| (name, set.kind())).collect();
    assert_eq!(kinds, [("bad", "ip-list"), ("geo", "mmdb"), ("rows", "table")]);
    let Some(DataSet::IpList(list)) = resources.data("bad") else { panic!("no list") };
    let score = |address: &str| {
        let current = list.current();
        current.table()?.get(address.parse().ok()?)?.score
    };
    assert_eq!(
        ["192.0.2.9", "198.51.100.1", "203.0.113.3", "203.0.113.7"].map(score),
        [Some(80), Some(20), Some(9), None]
    );
    let Some(DataSet::Table(rows, file)) = resources.data("rows") else { panic!("no table") };
    assert_eq!(file.key, ["host"]);
    let current = rows.current();
    let table = current.table().unwrap();
    assert_eq!(table.find(&["www.example.com"]).unwrap().get("limit").unwrap().to_string(), "7");
    assert_eq!(table.column_type("limit"), Some(CellType::Integer));
    let states: Vec<_> =
        resources.states().into_iter().map(|own| (own.name, own.entries, own.is_up)).collect();
    assert_eq!(states[0], ("bad".to_owned(), 6, true), "{states:?}");
    assert_eq!(states[2], ("rows".to_owned(), 2, true));
    assert_eq!(resources.secret("hash").unwrap().expose(), b"secret");
    assert!(resources.secret("other").is_none() && resources.data("other").is_none());
}

#[test]
fn a_set_that_is_described_as_before_is_not_opened_again() {
    let folder = folder(&[("a.txt", "192.0.2.0/24\n"), ("t.json", "[{\"k\": 1, \"v\": true}]")]);
    let text = |shrink: &str| {
        format!(
            "[data.bad]\nkind = 'ip-list'\nfile = 'a.txt'\nmax_shrink = '{shrink}'\n\
             [data.rows]\nkind = 'table'\nfile = 't.json'\nkey = 'k'\n{USED}"
        )
    };
    let (first, said) = opened(&folder, &text("50%"), None);
    assert_eq!(said, "");
    for name in ["bad", "rows"] {
        first.data(name).unwrap().reload(true).unwrap();
    }
    let (second, said) = opened(&folder, &text("10%"), Some(&first));
    assert_eq!(said, "");
    let loads: Vec<_> = second.states().iter().map(|state| state.loads).collect();
    assert_eq!(loads, [1, 2]);
    // One that was only described is opened.
    let loaded = load_text(&folder.path().join("agent.toml"), &text("10%"), &environment);
    let (described, _) = read(loaded, |plan, _| Resources::without_loading(plan));
    let (third, _) = opened(&folder, &text("10%"), Some(&described));
    assert!(third.is_open() && third.states().iter().all(|state| state.is_up));
}

#[test]
fn without_loading_each_set_is_there_and_has_no_data() {
    let text = format!(
        "[data.bad]\nkind = 'ip-list'\nfile = 'missing.txt'\n\
                        [secrets]\nx = {{ env = 'NOT_SET' }}\n{USED}"
    );
    let loaded = load_text(Path::new("agent.toml"), &text, &environment);
    let (resources, said) = read(loaded, |plan, _| Resources::without_loading(plan));
    assert_eq!(said, "");
    let Some(DataSet::IpList(list)) = resources.data("bad") else { panic!("no list") };
    assert!(list.current().table().is_none());
    assert!(!list.state().is_up);
}

#[test]
fn what_cannot_be_opened_is_said_at_the_section() {
    let folder = folder(&[
        ("bad.txt", "192.0.2.0/24\nx\n192.0.2.300\n"),
        ("short.csv", "k,v\n1,2\n3,x\n"),
        ("no.mmdb", "no database"),
        ("empty", ""),
    ]);
    let text = "[data.bad]\nkind = 'ip-list'\nfile = 'bad.txt'\n\
                [data.geo]\nkind = 'mmdb'\nfiles = ['no.mmdb']\n\
                [data.missing]\nkind = 'mmdb'\nfile = 'missing.mmdb'\n\
                [data.later]\nkind = 'mmdb'\nfile = 'missing.mmdb'\noptional = true\n\
                [data.rows]\nkind = 'table'\nfile = 'short.csv'\nkey = 'k'\ncolumns = { v = 'int' }\nbad_lines = 'refuse'\n\
                [secrets]\nx = { file = 'empty' }\ny = { env = 'SPOA_NOT_SET' }\n\
                [handler.y]\nkind = 'x'\ndata = ['missing', 'later']\n";
    let (resources, said) = opened(&folder, &format!("{text}{USED}"), None);
    let said = said.replace(&format!("{}/", folder.path().display()), "");
    let expected = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broken_data/opened.txt");
    let expected = fs::read_to_string(expected).unwrap_or_default();
    if said != expected {
        let actual = Path::new(env!("CARGO_TARGET_TMPDIR")).join("opened.txt");
        fs::write(&actual, &said).unwrap();
        panic!("see {}\n{said}", actual.display());
    }
    // The others have what they have.
    assert!(resources.states().iter().any(|state| state.name == "bad" && state.is_up));
    assert_eq!(resources.all_data().count(), 5);
}

#[test]
fn a_broken_section_gets_exactly_what_stands_beside_it() {
    snapshots::compare("broken_data", 5, |path| {
        read(load(path, &environment), |plan, _| Resources::without_loading(plan)).1
    });
}

#[test]
fn a_page_of_a_kind_of_data_has_all_its_settings() {
    for kind in DATA_KINDS {
        let page = kind.to_string();
        let summary = format!("# {}  {}", kind.name, kind.summary);
        assert!(page.replace('\n', " ").starts_with(&summary), "{page}");
        for setting in kind.settings {
            assert!(page.contains(&format!("| `{}` |", setting.name)), "{page}");
        }
        // Its example is right, but for its use.
        let name = kind.example.split(['.', ']']).nth(1).unwrap();
        let text = format!("{}[handler.x]\nkind = 'x'\ndata = '{name}'\n", kind.example);
        let loaded = load_text(Path::new("agent.toml"), &text, &environment);
        let (resources, said) = read(loaded, |plan, _| Resources::without_loading(plan));
        assert_eq!(said, "");
        assert_eq!(resources.data(name).unwrap().kind(), kind.name);
    }
}
