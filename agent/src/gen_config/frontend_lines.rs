//! The lines of a frontend that asks the agent, and does what it decides.

use super::{
    haproxy_side::HaproxySide, kept::write_kept, lines::Lines, verdict_rules::write_rules,
};

/// The format of HTTP lines that `HAProxy` has by itself.
const LOG: &str = "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc \
                   %ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs %{+Q}r";

/// Headers of HAProxy's answers, by the texts of a verdict that they come from.
const HEADERS: &[(&str, &str, &str)] = &[
    ("authenticate", "set-header", "www-authenticate"),
    ("retry_after", "set-header", "retry-after"),
    ("cookie", "add-header", "set-cookie"),
    ("cookie2", "add-header", "set-cookie"),
];

/// The lines of a frontend.
pub(super) fn write_frontend(side: &HaproxySide, lines: &mut Lines) {
    write_options(side, lines);
    write_log(side, lines);
    if side.messages.iter().any(|message| !message.outputs.is_empty()) {
        lines.gap();
        lines.comment("a client may not bring the headers that come from the agent's variables");
        let pattern = side.prefix.header_pattern();
        lines.line(&format!("http-request del-header {pattern} -m reg"));
    }
    write_kept(side, lines);
    let of_request = side.messages.iter().filter(|message| !message.is_of_response);
    let of_response = side.messages.iter().filter(|message| message.is_of_response);
    for (at, message) in of_request.enumerate() {
        write_rules(side, message, at == 0, lines);
    }
    for message in of_response {
        write_rules(side, message, false, lines);
    }
    write_headers(side, lines);
    // HAProxy forgets `default-path` behind a filter's file: what follows would not be found.
    write_filters(side, lines);
}

fn write_filters(side: &HaproxySide, lines: &mut Lines) {
    let file = side.path(&side.spoe_name());
    lines.gap();
    for engine in side.engines() {
        let sections: Vec<_> = engine.messages.iter().map(|message| message.from()).collect();
        lines.comment(&sections.join(", "));
        lines.line(&format!("filter spoe engine {} config {file}", engine.name));
    }
}

fn write_options(side: &HaproxySide, lines: &mut Lines) {
    use spoa_handlers::configuration::{Action, Unanswered};
    let messages = || side.messages.iter();
    if let Some(message) = messages().find(|message| message.reads_body()) {
        lines.comment(&format!("{} run: a handler reads the body", message.from()));
        lines.line("option http-buffer-request");
    }
    let closed = messages().find(|message| message.unanswered == Some(Unanswered::Deny));
    if let Some(message) = closed.filter(|_| side.version.aborts_on_close()) {
        lines.comment(&format!(
            "{} unanswered = \"deny\": a client that closes its sending side is answered, too",
            message.from()
        ));
        lines.line("no option abortonclose");
    }
    if let Some(message) = messages().find(|message| message.may(Action::Tarpit)) {
        lines.comment(&format!("{} run: how long `tarpit` delays", message.from()));
        lines.line("timeout tarpit 10s");
    }
}

fn write_log(side: &HaproxySide, lines: &mut Lines) {
    lines
        .comment("HAProxy's own format, and behind it the verdict; `error` says why there is none");
    let mut format = LOG.to_owned();
    for name in ["action", "reason", "by"] {
        format.push_str(&format!(" {name}=%[{}]", side.variable(name)));
    }
    format.push_str(&format!(" error=%[{},add(0)]", side.variable("error")));
    if side.is_traced {
        format.push_str(&format!(" trace=%[{},field(2,-)]", side.variable("traceparent")));
    }
    lines.line(&format!("log-format \"{format}\""));
}

/// On all responses: those of the server, and HAProxy's own.
fn write_headers(side: &HaproxySide, lines: &mut Lines) {
    for (text, verb, header) in HEADERS {
        let from: Vec<_> = side
            .messages
            .iter()
            .filter(|message| message.has_text(text))
            .map(|message| message.from())
            .collect();
        if from.is_empty() {
            continue;
        }
        let variable = side.variable(text);
        lines.gap();
        lines.comment(&format!("{} run: `{text}` of a verdict", from.join(", ")));
        lines.line(&format!(
            "http-after-response {verb} {header} %[{variable}] if {{ {variable} -m found }}"
        ));
    }
}
