//! JSON line: a line of the log as one flat object, with the fields of the spans that it is in.

use std::{collections::HashSet, fmt};

use crate::json;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use tracing::{Event, Subscriber};
use tracing_serde::fields::AsMap;
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormattedFields,
        format::{JsonFields, Writer},
        time::{FormatTime, SystemTime},
    },
    registry::LookupSpan,
};

/// How much of a field is logged, in bytes.
pub(crate) const LONGEST_FIELD: usize = 4096;

/// Writes `{"timestamp":…,"level":…,"target":…,"message":…,…}`.
pub(crate) struct JsonLine;

impl<S> FormatEvent<S, JsonFields> for JsonLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let metadata = event.metadata();
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        let mut own = as_object(serde_json::to_value(event.field_map()));
        let mut line = vec![
            ("timestamp".to_owned(), time.into()),
            ("level".to_owned(), metadata.level().as_str().into()),
            ("target".to_owned(), metadata.target().into()),
        ];
        line.extend(own.remove_entry("message"));
        line.extend(own);
        // From the innermost on: what is said nearest counts.
        for span in context.event_scope().into_iter().flatten() {
            if let Some(fields) = span.extensions().get::<FormattedFields<JsonFields>>() {
                line.extend(as_object(serde_json::from_str(&fields.fields)));
            }
        }
        let mut known = HashSet::new();
        line.retain(|(name, _)| known.insert(name.clone()));
        line.iter_mut().for_each(|(_, value)| shorten(value));
        writeln!(writer, "{}", as_text(&line).map_err(|_| fmt::Error)?)
    }
}

fn as_object(value: serde_json::Result<Value>) -> Map<String, Value> {
    match value {
        Ok(Value::Object(object)) => object,
        _ => Map::new(),
    }
}

fn shorten(value: &mut Value) {
    if let Value::String(text) = value
        && text.len() > LONGEST_FIELD
    {
        let length = text.len();
        text.truncate(text.floor_char_boundary(LONGEST_FIELD));
        text.push_str(&format!("… ({length} bytes)"));
    }
}

/// One object, its members in this order.
struct Members<'a>(&'a [(String, Value)]);

impl Serialize for Members<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

fn as_text(members: &[(String, Value)]) -> serde_json::Result<String> {
    let mut bytes = Vec::new();
    json::write(&mut bytes, &Members(members))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
