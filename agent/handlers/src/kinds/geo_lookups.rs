//! Variables of one's own out of databases: `lookups = { name = "path.in.db" }`.

use crate::{
    file::{FromNode, List, Node, Reading, Text, Value},
    finding::{Finding, Place},
    table::{CellType, GeoPath},
};

words! {
    /// The type of a variable that comes out of a database.
    pub(super) enum LookupType, "a type" {
        /// A text.
        Text = "text",
        /// A whole number.
        Int = "int",
        /// A number with a fraction.
        Double = "double",
        /// `true` or `false`.
        Bool = "bool",
    }
}

settings! {
    /// Where a variable is in the databases.
    struct Lookup, "a lookup" {
        /// Its places: the first that has a value.
        path: List<Path>,
        /// Its type.
        r#type: LookupType = LookupType::Text,
    }
}

/// A place in a record.
#[derive(Clone, Debug)]
struct Path(GeoPath);

impl FromNode for Path {
    const NAME: &'static str = "a place in a database";

    fn from_node(node: &Node, reading: &mut Reading<'_>) -> Option<Self> {
        let text = Text::from_node(node, reading)?;
        let path = GeoPath::new(text.as_str());
        if path.is_none() {
            let title = format!("`{}` is no place in a database", text.as_str());
            let finding = Finding::error(title).at(node.place, "not a place");
            reading.findings.add(
                finding.help("write up to eight names with dots between, as `country.iso_code`"),
            );
        }
        path.map(Self)
    }

    fn write(&self) -> String {
        self.0.to_string().write()
    }
}

/// A variable, its places and its type.
#[derive(Clone, Debug)]
pub(super) struct Own {
    pub(super) name: String,
    pub(super) places: Vec<GeoPath>,
    pub(super) own_type: CellType,
}

/// Variables by name.
#[derive(Clone, Debug, Default)]
pub(super) struct Lookups(pub(super) Vec<(Place, Own)>);

impl FromNode for Lookups {
    const NAME: &'static str = "a table of places in the databases";

    fn from_node(node: &Node, reading: &mut Reading<'_>) -> Option<Self> {
        let table = match &node.value {
            Value::Table(table) => table,
            Value::Broken => return None,
            _ => {
                let form = "`{ isp = \"isp\", risk = { path = \"risk.score\", type = \"int\" } }`";
                reading.unexpected(node, Self::NAME, form);
                return None;
            }
        };
        let read: Vec<_> = table
            .entries
            .iter()
            .map(|entry| {
                let (paths, own_type) = match &entry.node.value {
                    Value::Table(_) => {
                        let lookup = Lookup::from_node(&entry.node, reading)?;
                        (lookup.path, lookup.r#type.cell_type())
                    }
                    _ => (List::from_node(&entry.node, reading)?, CellType::Text),
                };
                let places = paths.0.into_iter().map(|Path(path)| path).collect();
                let own = Own { name: entry.key.name.clone(), places, own_type };
                Some((entry.key.place, own))
            })
            .collect();
        read.into_iter().collect::<Option<_>>().map(Self)
    }

    fn write(&self) -> String {
        let written = self.0.iter().map(|(_, own)| {
            let places: Vec<_> = own.places.iter().map(|path| path.to_string().write()).collect();
            let (name, own_type) = (&own.name, own.own_type);
            format!("{name} = {{ path = [{}], type = \"{own_type}\" }}", places.join(", "))
        });
        let written: Vec<_> = written.collect();
        if written.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", written.join(", ")) }
    }
}

impl LookupType {
    fn cell_type(self) -> CellType {
        match self {
            Self::Text => CellType::Text,
            Self::Int => CellType::Integer,
            Self::Double => CellType::Decimal,
            Self::Bool => CellType::Boolean,
        }
    }
}
