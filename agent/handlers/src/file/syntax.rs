//! From TOML to the tree: what is wrong with a line does not hide what stands behind it.

use std::ops::Range;

use toml::{
    Spanned,
    de::{DeFloat, DeInteger, DeTable, DeValue},
};

use super::{
    environment::Environment,
    escapes,
    interpolation::interpolate,
    node::{Entry, Key, Node, Table, Value},
    syntax_errors,
    text::Text,
};
use crate::finding::{Finding, Findings, Place, SourceId, Sources};

/// Reads a file as a table, and adds a finding for each line that is no TOML.
pub(super) fn parse(
    source: SourceId,
    sources: &Sources,
    environment: &dyn Environment,
    findings: &mut Findings,
) -> Table {
    let text = sources.text(source);
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut broken: Vec<_> = errors.iter().filter_map(toml::de::Error::span).collect();
    broken.sort_by_key(|span| (span.start, span.end));
    let mut syntax = Syntax { source, text, broken, environment, findings };
    let mut table = syntax.table(table.into_inner());
    syntax_errors::report(source, text, &errors, &table, findings);
    if let Some(header) = syntax_errors::broken_header(&errors) {
        // The keys below it seem to belong to no section.
        table.entries.retain(|entry| {
            let start = entry.key.place.span().start;
            start < header || text[..start].trim_end().ends_with('[')
        });
    }
    table
}

struct Syntax<'a> {
    source: SourceId,
    text: &'a str,
    /// What is no TOML, by its place.
    broken: Vec<Range<usize>>,
    environment: &'a dyn Environment,
    findings: &'a mut Findings,
}

impl Syntax<'_> {
    fn table(&mut self, table: DeTable<'_>) -> Table {
        let entries = table.into_iter().map(|(key, value)| {
            let place = self.place(key.span());
            let key = Key { name: key.into_inner().into_owned(), place };
            Entry { key, node: self.node(value) }
        });
        // A key that is not there was reported.
        let is_there = |entry: &Entry| !entry.key.place.span().is_empty();
        let mut entries: Vec<_> = entries.filter(is_there).collect();
        entries.sort_by_key(|entry| entry.key.place);
        Table { entries }
    }

    fn node(&mut self, value: Spanned<DeValue<'_>>) -> Node {
        let span = value.span();
        let place = self.place(span.clone());
        let is_section = matches!(value.get_ref(), DeValue::Table(_)) && !self.is_at(&span, '{');
        let value = if !is_section && self.is_broken(&span) {
            Value::Broken
        } else {
            self.value(value.into_inner(), place)
        };
        Node { place, value }
    }

    fn value(&mut self, value: DeValue<'_>, place: Place) -> Value {
        match value {
            DeValue::String(text) => {
                let raw = self.text.get(place.span()).unwrap_or_default();
                let origin = escapes::origin(raw, &text, place.span().start);
                let text = Text::new(text.into_owned(), place, origin);
                interpolate(text, self.environment, self.findings)
            }
            DeValue::Integer(integer) => self.integer(&integer, place),
            DeValue::Float(float) => self.float(&float, place),
            DeValue::Boolean(boolean) => Value::Boolean(boolean),
            DeValue::Datetime(_) => Value::Datetime,
            DeValue::Array(array) => {
                Value::Array(array.into_iter().map(|value| self.node(value)).collect())
            }
            DeValue::Table(table) => Value::Table(self.table(table)),
        }
    }

    fn integer(&mut self, integer: &DeInteger<'_>, place: Place) -> Value {
        match i64::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(integer) => Value::Integer(integer),
            Err(_) => self.no_number(place),
        }
    }

    fn float(&mut self, float: &DeFloat<'_>, place: Place) -> Value {
        match float.as_str().parse::<f64>() {
            Ok(float) if float.is_finite() => Value::Float(float),
            _ => self.no_number(place),
        }
    }

    fn no_number(&mut self, place: Place) -> Value {
        let finding = Finding::error("a number is too large")
            .at(place, "more than fits into 64 bits")
            .help(format!("the largest whole number is {}", i64::MAX));
        self.findings.add(finding);
        Value::Broken
    }

    /// Whether something that is no TOML lies in a value, or touches it; an empty value is none.
    fn is_broken(&self, span: &Range<usize>) -> bool {
        let behind = self.broken.partition_point(|one| one.start < span.start);
        let touches = self.broken.get(behind).is_some_and(|one| one.start <= span.end);
        span.is_empty() || touches
    }

    fn is_at(&self, span: &Range<usize>, letter: char) -> bool {
        self.text.get(span.start..).is_some_and(|rest| rest.starts_with(letter))
    }

    fn place(&self, span: Range<usize>) -> Place {
        Place::new(self.source, span)
    }
}
