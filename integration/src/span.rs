//! A span as a receiver of OTLP has got it.

use std::collections::BTreeMap;

/// Names and values; a value is written as text, whatever its type was.
pub type Attributes = BTreeMap<String, String>;

/// Ids are in hexadecimal, and empty where there is none.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Span {
    /// The trace that it is part of.
    pub trace_id: String,
    /// Its own id.
    pub id: String,
    /// The span that it is a child of.
    pub parent_id: String,
    /// Its name.
    pub name: String,
    /// `SERVER`, `CLIENT`, `INTERNAL` and so on.
    pub kind: String,
    /// The rest of the trace's context: `vendor=value`.
    pub trace_state: String,
    /// `UNSET`, `OK` or `ERROR`; empty is `UNSET` too.
    pub status: String,
    /// What it says of itself.
    pub attributes: Attributes,
    /// What happened in it, in order.
    pub events: Vec<SpanEvent>,
    /// Trace id and span id of the spans that it points at.
    pub links: Vec<(String, String)>,
    /// What its process says of itself: `service.name`.
    pub resource: Attributes,
}

/// Something that happened in a span.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SpanEvent {
    /// What.
    pub name: String,
    /// The rest.
    pub attributes: Attributes,
}

impl Span {
    /// An attribute; empty if there is none.
    #[must_use]
    pub fn attribute(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }
}

/// Reads what rotel 0.0.1a15 prints of spans; one that is cut short before its end time is left out.
pub(crate) fn spans(printed: &str) -> Vec<Span> {
    let mut reading = Reading::default();
    for line in printed.lines() {
        reading.line(line);
    }
    reading.end_of_span();
    reading.spans
}

/// Which list the lines that begin with an arrow belong to.
#[derive(Default)]
enum List {
    #[default]
    None,
    Resource,
    Attributes,
    Event,
}

#[derive(Default)]
struct Reading {
    spans: Vec<Span>,
    span: Option<Span>,
    is_whole: bool,
    resource: Attributes,
    list: List,
}

impl Reading {
    fn line(&mut self, line: &str) {
        let text = line.trim();
        if let Some(pair) = text.strip_prefix("-> ") {
            return self.pair(pair);
        }
        if text.starts_with("ResourceSpans #") || text.starts_with("Span #") {
            self.end_of_span();
            self.list = List::None;
            self.span = text.starts_with("Span #").then(Span::default);
        } else if text == "Resource attributes:" {
            self.resource.clear();
            self.list = List::Resource;
        } else if text.starts_with("ScopeSpans #") {
            self.list = List::None;
        } else if text.starts_with("End time:") {
            self.is_whole = true;
        } else {
            self.line_of_span(text);
        }
    }

    fn line_of_span(&mut self, text: &str) {
        let Some(span) = &mut self.span else { return };
        if text == "Attributes:" {
            self.list = List::Attributes;
        } else if text.starts_with("SpanEvent #") {
            self.list = List::Event;
            span.events.push(SpanEvent::default());
        } else if text.starts_with("SpanLink #") {
            self.list = List::None;
            span.links.push(<(String, String)>::default());
        } else if let Some((title, value)) = text.split_once(':') {
            let field = match title.trim() {
                "Trace ID" => &mut span.trace_id,
                "Parent ID" => &mut span.parent_id,
                "ID" => &mut span.id,
                "Name" => &mut span.name,
                "Kind" => &mut span.kind,
                "TraceState" => &mut span.trace_state,
                "Status code" => &mut span.status,
                _ => return,
            };
            let value = value.trim();
            let value = value.strip_prefix("SPAN_KIND_").unwrap_or(value);
            value.strip_prefix("STATUS_CODE_").unwrap_or(value).clone_into(field);
        }
    }

    fn pair(&mut self, pair: &str) {
        let Some((name, value)) = pair.split_once(':') else { return };
        let value = value.trim();
        if let (List::Resource, None) = (&self.list, &self.span) {
            self.resource.insert(name.to_owned(), plain(value));
            return;
        }
        let Some(span) = &mut self.span else { return };
        match (&self.list, span.events.last_mut()) {
            (List::Attributes, _) => {
                span.attributes.insert(name.to_owned(), plain(value));
            }
            (List::Event, Some(event)) if name == "Name" => value.clone_into(&mut event.name),
            (List::Event, Some(event)) if value.ends_with(')') => {
                event.attributes.insert(name.to_owned(), plain(value));
            }
            _ => self.link(name, value),
        }
    }

    fn link(&mut self, name: &str, value: &str) {
        let link = self.span.as_mut().and_then(|span| span.links.last_mut());
        match (name, link) {
            ("Trace ID", Some(link)) => value.clone_into(&mut link.0),
            ("ID", Some(link)) => value.clone_into(&mut link.1),
            _ => {}
        }
    }

    fn end_of_span(&mut self) {
        if let Some(span) = self.span.take().filter(|_| self.is_whole) {
            self.spans.push(Span { resource: self.resource.clone(), ..span });
        }
        self.is_whole = false;
    }
}

/// `7` of `Int(7)`.
fn plain(value: &str) -> String {
    let inner = value.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
    inner.unwrap_or(value).to_owned()
}

#[cfg(test)]
mod tests {
    use super::spans;

    /// As printed by rotel 0.0.1a15.
    const PRINTED: &str = "\
2026-11-25T19:24:06.533955Z INFO Starting Rotel.
ResourceSpans #0
Resource SchemaURL: 
Resource attributes:
     -> service.name: Str(spoa)
ScopeSpans #0
ScopeSpans SchemaURL: 
InstrumentationScope spoa 
Span #0
    Trace ID       : 5b8efff798038103d269b633813fc60c
    Parent ID      : eee19b7ec3c1b173
    ID             : eee19b7ec3c1b174
    Name           : notify
    Kind           : SPAN_KIND_SERVER
    TraceState     : x=y
Start time: 1544712660000000000
End time: 1544712661000000000
    Status code    : STATUS_CODE_ERROR
    Status message : bad
Attributes:
     -> stream_id: Int(7)
     -> message: Str(a: b)
Events:
SpanEvent #0
     -> Name: an event
     -> Timestamp: 1544712660500000000
     -> DroppedAttributesCount: 0
     -> Attributes::
          -> level: Str(INFO)
Links:
SpanLink #0
     -> Trace ID: 5b8efff798038103d269b633813fc60d
     -> ID: eee19b7ec3c1b179
     -> TraceState: 
     -> DroppedAttributesCount: 0
Span #1
    Trace ID       : 5b8efff798038103d269b633813fc60c
    Parent ID      : 
    ID             : eee19b7ec3c1b175
    Name           : two
    Kind           : SPAN_KIND_INTERNAL
    TraceState     : 
";

    #[test]
    fn what_is_printed_is_read_and_what_is_not_whole_is_left_out() {
        let spans = spans(PRINTED);
        let [span] = &spans[..] else { panic!("{spans:#?}") };
        assert_eq!(span.trace_id, "5b8efff798038103d269b633813fc60c");
        assert_eq!((&*span.parent_id, &*span.id), ("eee19b7ec3c1b173", "eee19b7ec3c1b174"));
        assert_eq!((&*span.name, &*span.kind, &*span.status), ("notify", "SERVER", "ERROR"));
        assert_eq!(span.trace_state, "x=y");
        assert_eq!((span.attribute("stream_id"), span.attribute("message")), ("7", "a: b"));
        assert_eq!(span.events[0].name, "an event");
        assert_eq!(span.events[0].attributes["level"], "INFO");
        assert_eq!(span.events[0].attributes.len(), 1);
        let link = ("5b8efff798038103d269b633813fc60d".to_owned(), "eee19b7ec3c1b179".to_owned());
        assert_eq!(span.links, [link]);
        assert_eq!(span.resource["service.name"], "spoa");
    }
}
