//! Rows CSV: a table with the names of its columns in the first line.

use csv::{ErrorKind, ReaderBuilder, StringRecord, Trim};
use spoa_actors::ForeignText;

use super::{bad_lines::BadLines, record::Records};
use crate::table::Cell;

pub(super) fn read(
    text: &[u8],
    delimiter: u8,
    records: &mut Records<'_>,
    bad: &mut BadLines,
) -> Result<(), String> {
    let mut reader = ReaderBuilder::new()
        .delimiter(delimiter)
        .comment(Some(b'#'))
        .trim(Trim::All)
        .from_reader(text);
    let header = reader.headers().map_err(|error| error.to_string())?.clone();
    let place = |name: &String| {
        let place = header.iter().position(|column| column == name);
        place.ok_or_else(|| missing(name, &header))
    };
    if let Some(double) = double(&header) {
        let double = ForeignText::new(double);
        return Err(format!("line 1 has the column `{double}` twice: rename one of them"));
    }
    let key = records.key().iter().map(place).collect::<Result<Vec<_>, _>>()?;
    for name in records.wanted().into_iter().flatten() {
        place(name)?;
    }
    let columns: Vec<_> = header.iter().map(|name| records.column(name)).collect();
    for record in reader.records() {
        match record {
            Ok(record) => {
                let line = record.position().map_or(0, csv::Position::line);
                let key = key.iter().filter_map(|&at| record.get(at)).map(str::to_owned).collect();
                let cells = columns.iter().zip(&record).filter_map(|(column, cell)| {
                    Some(((*column)?, Cell::from(Some(cell).filter(|cell| !cell.is_empty())?)))
                });
                let typed = cells.map(|(at, cell)| Ok((at, records.cell(at, cell)?)));
                match typed.collect::<Result<_, String>>() {
                    Ok(cells) => records.add(line, key, cells),
                    Err(reason) => bad.add(&records.path(), line, reason),
                }
            }
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                let reason = match error.kind() {
                    ErrorKind::UnequalLengths { expected_len, len, .. } => {
                        format!("it has {len} columns, and line 1 has {expected_len}")
                    }
                    ErrorKind::Utf8 { .. } => "it is not UTF-8 text".to_owned(),
                    _ => error.to_string(),
                };
                bad.add(&records.path(), line, reason);
            }
        }
    }
    Ok(())
}

fn missing(name: &str, header: &StringRecord) -> String {
    let known = header.iter().take(20).collect::<Vec<_>>().join("`, `");
    let known = ForeignText::new(&known);
    format!("there is no column `{name}` in the first line, which has `{known}`")
}

fn double(header: &StringRecord) -> Option<&str> {
    let mut seen = std::collections::HashSet::new();
    header.iter().find(|name| !seen.insert(*name))
}
