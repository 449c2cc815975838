//! IP CSV: a list with columns.

use csv::{ReaderBuilder, StringRecord, Trim};
use spoa_actors::ForeignText;

use super::{error::DataError, ip_reading::Reading};

/// Which columns of a CSV file say what. Names are those of the first line.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct CsvColumns {
    /// The address, prefix or range, by the first of these names that there is [default: `address`, `ip`,
    /// `network`, `cidr`, `prefix`, `range`].
    pub address: Vec<String>,
    /// The last address, if the address is only the first one of a range [default: none].
    pub last: Option<String>,
    /// The score [default: `score`, if there is such a column].
    pub score: Option<String>,
    /// Columns of tags: each may have several, with `,`, `|` or spaces between [default: those of `tag`,
    /// `tags` and `category` that there are].
    pub tags: Option<Vec<String>>,
    /// What stands between columns [default: `,`].
    pub delimiter: u8,
}

impl Default for CsvColumns {
    fn default() -> Self {
        let names = ["address", "ip", "network", "cidr", "prefix", "range"];
        Self {
            address: names.map(str::to_owned).into(),
            last: None,
            score: None,
            tags: None,
            delimiter: b',',
        }
    }
}

/// The places of the columns.
struct Places {
    address: usize,
    last: Option<usize>,
    score: Option<usize>,
    tags: Vec<usize>,
}

pub(super) fn read(
    text: &[u8],
    columns: &CsvColumns,
    reading: &mut Reading<'_>,
) -> Result<(), DataError> {
    let mut reader = ReaderBuilder::new()
        .delimiter(columns.delimiter)
        .comment(Some(b'#'))
        .trim(Trim::All)
        .flexible(true)
        .from_reader(text);
    let content = |reason: String| DataError::Content { path: reading.path.to_owned(), reason };
    let header = reader.headers().map_err(|error| content(error.to_string()))?;
    let places = Places::find(columns, header).map_err(content)?;
    for record in reader.records() {
        match record {
            Ok(record) => places.read(&record, reading)?,
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                reading.bad.add(reading.path, line, "it is not UTF-8 text");
            }
        }
    }
    Ok(())
}

impl Places {
    fn find(columns: &CsvColumns, header: &StringRecord) -> Result<Self, String> {
        let place = |name: &str| header.iter().position(|column| column == name);
        let missing = |name: &str| {
            let known = header.iter().take(20).collect::<Vec<_>>().join("`, `");
            let known = ForeignText::new(&known);
            format!("there is no column `{name}` in the first line, which has `{known}`")
        };
        let named = |name: &String| place(name).ok_or_else(|| missing(name));
        let address = columns.address.iter().find_map(|name| place(name));
        Ok(Self {
            address: address.ok_or_else(|| missing(&columns.address.join("` or `")))?,
            last: columns.last.as_ref().map(named).transpose()?,
            score: match &columns.score {
                Some(name) => Some(named(name)?),
                None => place("score"),
            },
            tags: match &columns.tags {
                Some(names) => names.iter().map(named).collect::<Result<_, _>>()?,
                None => ["tag", "tags", "category"].into_iter().filter_map(place).collect(),
            },
        })
    }

    fn read(&self, record: &StringRecord, reading: &mut Reading<'_>) -> Result<(), DataError> {
        let line = record.position().map_or(0, csv::Position::line);
        let field = |place: usize| record.get(place).filter(|field| !field.is_empty());
        let Some(address) = field(self.address) else {
            reading.bad.add(reading.path, line, "the column of the address is empty");
            return Ok(());
        };
        let tags = self.tags.iter().filter_map(|&place| field(place));
        let tags = tags.flat_map(|tags| tags.split([',', '|', ' ']));
        let tags: Vec<_> = tags.filter(|tag| !tag.is_empty()).collect();
        let score = self.score.and_then(field);
        match self.last.and_then(field) {
            Some(last) => reading.add(line, &format!("{address}-{last}"), score, &tags),
            None => reading.add(line, address, score, &tags),
        }
    }
}
