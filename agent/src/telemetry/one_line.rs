//! One line: the fields of an event or a span as text, whatever they hold.
//!
//! A handler logs what its clients have sent, and a newline in there would forge a line.

use std::{fmt, fmt::Debug};

use spoa_actors::ForeignText;
use tracing::field::{Field, Visit};
use tracing_subscriber::{
    field::{RecordFields, VisitOutput},
    fmt::{
        FormatFields,
        format::{DefaultVisitor, Writer},
    },
};

use crate::telemetry::json_line::LONGEST_FIELD;

/// Writes `message name=value …` as tracing-subscriber does, each value as [`ForeignText`].
pub(crate) struct OneLine;

impl<'a> FormatFields<'a> for OneLine {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'a>, fields: R) -> fmt::Result {
        let mut visitor = Visitor(DefaultVisitor::new(writer, true));
        fields.record(&mut visitor);
        visitor.0.finish()
    }
}

struct Visitor<'a>(DefaultVisitor<'a>);

impl Visit for Visitor<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => self.record_debug(field, &format_args!("{value}")),
            _ => self.record_debug(field, &value),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let value = format_args!("{value:?}");
        let value = ForeignText::of(&value).up_to(LONGEST_FIELD);
        self.0.record_debug(field, &format_args!("{value}"));
    }
}
