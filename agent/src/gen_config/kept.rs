//! Arguments that HAProxy keeps in a variable before it sends them.

use super::{
    haproxy_side::{ArgumentSide, HaproxySide, MessageSide},
    lines::Lines,
};

/// The context of the client's trace.
const TRACE: &[(&str, &str)] =
    &[("traceparent", "req.hdr(traceparent)"), ("tracestate", "req.fhdr(tracestate)")];

/// Fetches that a response has as well.
const OF_RESPONSES: &[&str] =
    &["src", "dst", "status", "unique-id", "fe_", "be_", "ssl_", "var(", "res.", "date", "str("];

/// All arguments of a message, with those of its trace.
pub(super) fn arguments(side: &HaproxySide, message: &MessageSide) -> Vec<ArgumentSide> {
    let mut arguments = message.arguments.clone();
    if side.is_traced {
        let trace = TRACE.iter().map(|(name, fetch)| ArgumentSide {
            name: (*name).to_owned(),
            fetch: (*fetch).to_owned(),
        });
        arguments.extend(trace);
    }
    arguments
}

/// The variable that keeps an argument; nothing if the message takes it as it is.
pub(super) fn kept(
    side: &HaproxySide,
    message: &MessageSide,
    argument: &ArgumentSide,
) -> Option<String> {
    let in_response = message.is_of_response
        && !OF_RESPONSES.iter().any(|start| argument.fetch.starts_with(start));
    let is_kept = in_response || is_length(side, argument);
    (is_kept && !argument.name.is_empty())
        .then(|| format!("txn.{}.arg.{}", side.prefix, argument.name))
}

/// Whether it is a length that HAProxy has only for some bodies.
fn is_length(side: &HaproxySide, argument: &ArgumentSide) -> bool {
    side.version.lacks_lengths() && argument.fetch == "req.body_size"
}

/// The rules that keep arguments, in front of all messages.
pub(super) fn write_kept(side: &HaproxySide, lines: &mut Lines) {
    let mut written: Vec<String> = Vec::new();
    for message in &side.messages {
        for argument in arguments(side, message) {
            let Some(variable) = kept(side, message, &argument) else { continue };
            if written.contains(&variable) {
                continue;
            }
            lines.gap();
            let why = if is_length(side, &argument) {
                "an HTTP/2 body without content-length has no size here, but a length"
            } else {
                "kept for the message of the response"
            };
            lines.comment(&format!("{} run: {why}", message.from()));
            lines.line(&format!("http-request set-var({variable}) {}", argument.fetch));
            if is_length(side, &argument) {
                lines.line(&format!(
                    "http-request set-var({variable}) req.body_len if {{ req.body_size eq 0 }}"
                ));
            }
            written.push(variable);
        }
    }
}
