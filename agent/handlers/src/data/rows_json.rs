//! Rows JSON: a table of objects.

use std::{fmt, path::Path};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::{Map, Value, value::RawValue};

use super::{bad_lines::BadLines, record::Records};
use crate::table::Cell;

/// What an object in the table has: each name once, or more often.
struct Entries<'a>(Vec<(String, &'a RawValue)>);

pub(super) fn read(
    text: &[u8],
    path: &Path,
    records: &mut Records<'_>,
    bad: &mut BadLines,
) -> Result<(), String> {
    let text = str::from_utf8(text).map_err(|error| {
        let line = 1 + text[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
        format!("line {line} is not UTF-8 text")
    })?;
    let is_lines = path.extension().is_some_and(|one| one == "jsonl" || one == "ndjson");
    if is_lines {
        lines(text, records, bad);
    } else if text.trim_start().starts_with('[') {
        let rows: Vec<&RawValue> = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let mut place = Place::new(text);
        for row in rows {
            one(row.get(), place.line(row), None, records, bad);
        }
    } else {
        match serde_json::from_str::<Entries<'_>>(text) {
            Ok(entries) if entries.0.iter().all(|(_, row)| row.get().starts_with('{')) => {
                by_key(text, entries, records, bad)?;
            }
            Ok(_) => one(text, 1, None, records, bad),
            Err(error) => {
                // An object in each line is no JSON as a whole.
                let rest = text.trim_start().lines().next().unwrap_or_default();
                if serde_json::from_str::<Entries<'_>>(rest).is_err() {
                    return Err(error.to_string());
                }
                lines(text, records, bad);
            }
        }
    }
    Ok(())
}

fn lines(text: &str, records: &mut Records<'_>, bad: &mut BadLines) {
    for (number, line) in (1..).zip(text.lines()) {
        if !line.trim().is_empty() {
            one(line, number, None, records, bad);
        }
    }
}

fn by_key(
    text: &str,
    entries: Entries<'_>,
    records: &mut Records<'_>,
    bad: &mut BadLines,
) -> Result<(), String> {
    if records.key().len() != 1 {
        return Err(format!(
            "an object with a row for each key has keys of one part, expected {}: write an array of \
             objects",
            records.key().len()
        ));
    }
    let mut place = Place::new(text);
    for (key, row) in entries.0 {
        one(row.get(), place.line(row), Some(&key), records, bad);
    }
    Ok(())
}

/// Adds an object; its key may stand outside of it.
fn one(text: &str, line: u64, key: Option<&str>, records: &mut Records<'_>, bad: &mut BadLines) {
    match record(text, key, records) {
        Ok((key, cells)) => records.add(line, key, cells),
        Err(reason) => bad.add(&records.path(), line, reason),
    }
}

type Parts = (Vec<String>, Vec<(usize, Cell)>);

fn record(text: &str, key: Option<&str>, records: &mut Records<'_>) -> Result<Parts, String> {
    let object: Map<String, Value> = serde_json::from_str(text).map_err(|error| {
        if error.is_data() { "expected an object".to_owned() } else { error.to_string() }
    })?;
    let part = |name: &String| {
        let part = object.get(name).and_then(cell).map(|part| part.to_string());
        part.ok_or_else(|| format!("it has no `{name}`, which is the key"))
    };
    let key = match key {
        Some(key) => vec![key.to_owned()],
        None => records.key().iter().map(part).collect::<Result<_, _>>()?,
    };
    let missing = records.wanted().into_iter().flatten().find(|name| !object.contains_key(*name));
    if let Some(missing) = missing {
        return Err(format!("it has no `{missing}`"));
    }
    let cells: Vec<_> = object
        .iter()
        .filter_map(|(name, value)| Some((records.column(name)?, cell(value)?)))
        .collect();
    let typed = cells.into_iter().map(|(at, cell)| Ok((at, records.cell(at, cell)?)));
    Ok((key, typed.collect::<Result<_, String>>()?))
}

/// What has no form of its own is JSON as text.
fn cell(value: &Value) -> Option<Cell> {
    match value {
        Value::Null => None,
        Value::Bool(value) => Some(Cell::Boolean(*value)),
        Value::Number(number) => match number.as_i64() {
            Some(number) => Some(Cell::Integer(number)),
            None => number.as_f64().map(Cell::Decimal),
        },
        Value::String(text) => Some(Cell::from(text.as_str())),
        Value::Array(_) | Value::Object(_) => Some(Cell::from(value.to_string().as_str())),
    }
}

/// The number of a line, found from one place to the next.
struct Place<'a> {
    text: &'a str,
    at: usize,
    line: u64,
}

impl<'a> Place<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, at: 0, line: 1 }
    }

    /// The line of a part of the text that lies behind the last one.
    fn line(&mut self, part: &RawValue) -> u64 {
        let at = (part.get().as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        let between = self.text.as_bytes().get(self.at..at).unwrap_or_default();
        self.line += between.iter().filter(|byte| **byte == b'\n').count() as u64;
        self.at = at;
        self.line
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Entries<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;

        impl<'de> Visitor<'de> for Each {
            type Value = Entries<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, &'de RawValue>()? {
                    entries.push((name, value));
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(Each)
    }
}
