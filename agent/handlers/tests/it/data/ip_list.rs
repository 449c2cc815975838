//! Lists of addresses as they are published, and as operators write them.

use std::{fs, net::IpAddr, path::Path};

use spoa_handlers::{
    data::{CsvColumns, DataError, DataState, Followed, IpList, ListFormat, Source},
    table::IpSet,
};
use tempfile::tempdir;

fn load(
    name: &str,
    content: impl AsRef<[u8]>,
    settings: IpList,
) -> Result<Followed<IpSet>, DataError> {
    let folder = tempdir().unwrap();
    let file = folder.path().join(name);
    fs::write(&file, content).unwrap();
    Followed::open(Source::new("test", [file.display().to_string()]), settings)
}

/// What is said of an address.
fn said(list: &Followed<IpSet>, address: &str) -> String {
    let address: IpAddr = address.parse().unwrap();
    let current = list.current();
    let Some(listed) = current.table().unwrap().get(address) else { return "-".to_owned() };
    let score = listed.score.map_or_else(|| "-".to_owned(), |score| score.to_string());
    format!("{score} [{}] {}", listed.tags.join(","), listed.lists.join(","))
}

fn reasons(state: &DataState) -> Vec<String> {
    let reason = |line: &spoa_handlers::data::BadLine| format!("{}: {}", line.line, line.reason);
    state.first_bad_lines.iter().map(reason).collect()
}

#[test]
fn netsets_and_lists_of_spamhaus_are_read_as_they_are() {
    let netset = "#\n# firehol_level1\n#\n# Maintainer : FireHOL\n\n0.0.0.0/8\n1.10.16.0/20\n223.254.0.0/16\n192.0.2.9\n";
    let list = load("firehol_level1.netset", netset, IpList::default()).unwrap();
    assert_eq!((list.state().entries, list.state().bad_lines), (4, 0));
    assert_eq!(said(&list, "1.10.31.255"), "- [] firehol_level1");
    assert_eq!(said(&list, "1.10.32.0"), "-");
    let drop = "; Spamhaus DROP List 2026/11/30 - (c) 2026\r\n; Last-Modified: Mon\r\n1.10.16.0/20 ; SBL256894\r\n2001:db8::/32 ; SBL1\r\n";
    let list = load("drop.txt", drop, IpList::default()).unwrap();
    assert_eq!((list.state().entries, list.state().bad_lines), (2, 0));
    assert_eq!(said(&list, "2001:db8::1"), "- [] drop");
}

#[test]
fn a_line_has_an_address_and_perhaps_a_score_and_tags() {
    let mut settings = IpList::default();
    settings.score = Some(50);
    settings.tags = vec!["listed".to_owned()];
    let text = "\u{feff}192.0.2.1\n192.0.2.2 80\n192.0.2.3 tor,vpn # why\n192.0.2.4\t90\tban\n\
                192.0.2.8 - 192.0.2.11 10 range\n192.0.2.16-192.0.2.31\n";
    let list = load("own.txt", text, settings).unwrap();
    assert_eq!(list.state().bad_lines, 0, "{:?}", list.state());
    for (address, expected) in [
        ("192.0.2.1", "50 [listed] own"),
        ("192.0.2.2", "80 [listed] own"),
        ("192.0.2.3", "50 [listed,tor,vpn] own"),
        ("192.0.2.4", "90 [ban,listed] own"),
        ("192.0.2.10", "10 [listed,range] own"),
        ("192.0.2.31", "50 [listed] own"),
        ("192.0.2.12", "-"),
    ] {
        assert_eq!(said(&list, address), expected, "{address}");
    }
}

#[test]
fn a_bad_line_is_named_and_the_others_are_loaded() {
    let mut text =
        b"192.0.2.1\nhost\n192.0.2.0/33\n192.0.2.3 101\n192.0.2.4 a b\n192.0.2.5 1 a b\n".to_vec();
    text.extend(b"192.0.2.9-192.0.2.1\n\xff\xfe\n192.0.2.6 caf\xc3\xa9\n192.0.2.7 a,,b\n# \xff\n192.0.2.2\n");
    text.extend(vec![b'x'; 1 << 20]);
    let list = load("list", text, IpList::default()).unwrap();
    assert_eq!(list.state().entries, 2);
    let expected = [
        "2: expected an address, a prefix such as 192.0.2.0/24, or a range such as 192.0.2.1-192.0.2.9",
        "3: the prefix is longer than the address: at most /32 for IPv4 and /128 for IPv6",
        "4: expected a score from 0 to 100",
        "5: expected ADDRESS [SCORE] [TAG,TAG...]",
        "6: expected ADDRESS [SCORE] [TAG,TAG...]",
        "7: the range ends before it begins",
        "8: it is not UTF-8 text",
        "9: a tag of 4 characters is none: expected 1 to 64 visible ASCII characters",
        "10: a tag of 0 characters is none: expected 1 to 64 visible ASCII characters",
        "13: expected an address, a prefix such as 192.0.2.0/24, or a range such as 192.0.2.1-192.0.2.9",
    ];
    assert_eq!(reasons(&list.state()), expected);
}

#[test]
fn a_csv_file_has_its_columns_by_name() {
    let csv = "id,network,score,tags,category\n1,192.0.2.0/24,90,\"tor, vpn\",ban\n2,198.51.100.1,,,\n3,,1,,\n4,x,1,,\n";
    let list = load("list.csv", csv, IpList::default()).unwrap();
    assert_eq!(said(&list, "192.0.2.7"), "90 [ban,tor,vpn] list");
    assert_eq!(said(&list, "198.51.100.1"), "- [] list");
    let reasons = reasons(&list.state());
    assert_eq!(reasons[0], "4: the column of the address is empty");
    assert!(reasons[1].starts_with("5: expected an address"), "{reasons:?}");

    let mut columns = CsvColumns::default();
    columns.address = vec!["first".to_owned()];
    columns.last = Some("last".to_owned());
    columns.score = Some("risk".to_owned());
    columns.tags = Some(vec!["kind".to_owned()]);
    columns.delimiter = b';';
    let mut settings = IpList::default();
    (settings.format, settings.columns) = (Some(ListFormat::Csv), columns);
    let csv = "# made today\nfirst; last; risk; kind\n192.0.2.1; 192.0.2.6; 7; a|b\n192.0.2.9;;8\n";
    let list = load("list.txt", csv, settings).unwrap();
    assert_eq!(said(&list, "192.0.2.6"), "7 [a,b] list");
    assert_eq!(said(&list, "192.0.2.9"), "8 [] list");
}

#[test]
fn a_column_that_is_not_there_is_named_beside_those_that_are() {
    let error = load("list.csv", "a,b\n1,2\n", IpList::default()).unwrap_err().to_string();
    let expected = "there is no column `address` or `ip` or `network` or `cidr` or `prefix` or `range` \
                    in the first line, which has `a`, `b`";
    assert!(error.ends_with(expected), "{error}");
    let mut columns = CsvColumns::default();
    columns.score = Some("risk".to_owned());
    let mut settings = IpList::default();
    (settings.format, settings.columns) = (Some(ListFormat::Csv), columns);
    let error = load("list.csv", "ip\n192.0.2.1\n", settings).unwrap_err().to_string();
    assert!(
        error.ends_with("there is no column `risk` in the first line, which has `ip`"),
        "{error}"
    );
}

#[test]
fn an_address_in_several_files_is_said_to_be_in_each() {
    let folder = tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("b.txt", "192.0.2.0/24 40 scanner\n");
    write("a.txt", "192.0.2.1 20\n");
    let pattern = Path::new(folder.path()).join("*.txt").display().to_string();
    let list = Followed::open(Source::new("test", [pattern]), IpList::default()).unwrap();
    assert_eq!(said(&list, "192.0.2.1"), "40 [scanner] a,b");
}
