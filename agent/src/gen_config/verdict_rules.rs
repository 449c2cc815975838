//! The rules of one message: it is sent, and what the agent decides is done.

use spoa_handlers::configuration::{Action, Unanswered};

use super::{
    haproxy_side::{HaproxySide, MessageSide},
    lines::Lines,
    pages::{CHALLENGE, DENIED},
};

/// The content of a refusal.
const PAGE: &str = "content-type \"text/html; charset=utf-8\" hdr cache-control no-store lf-file";
/// Statuses whose answers have no body.
const WITHOUT_BODY: &[u16] = &[204, 304];
/// The statuses of a redirect.
const REDIRECTS: &[u16] = &[301, 302, 303, 307, 308];

/// The rules of a message; it is the first of its request, or what another has set has to go.
pub(super) fn write_rules(
    side: &HaproxySide,
    message: &MessageSide,
    is_first: bool,
    lines: &mut Lines,
) {
    let rules = Rules { side, message, verb: verb(message) };
    lines.gap();
    rules.write_question(is_first, lines);
    rules.write_unanswered(lines);
    rules.write_redirects(lines);
    if !message.is_of_response {
        rules.write_drop(lines);
        rules.write_tarpit(lines);
    }
    rules.write_respond(lines);
    rules.write_pages(lines);
    rules.write_outputs(lines);
}

fn verb(message: &MessageSide) -> &'static str {
    if message.is_of_response { "http-response" } else { "http-request" }
}

struct Rules<'s> {
    side: &'s HaproxySide,
    message: &'s MessageSide,
    verb: &'static str,
}

impl Rules<'_> {
    fn write_question(&self, is_first: bool, lines: &mut Lines) {
        let name = &self.message.name;
        lines.comment(&self.message.from());
        if !is_first {
            lines.comment("nothing of an earlier message counts");
            for variable in ["action", "error"] {
                let prefix = &self.side.prefix;
                lines.line(&format!("{} unset-var(txn.{prefix}.{variable})", self.verb));
            }
        }
        let engine = self.side.engine_of(self.message);
        lines.line(&format!("{} send-spoe-group {engine} {name}", self.verb));
        if self.side.is_traced && !self.message.is_of_response {
            lines.comment("[trace]: the agent's span is the parent of the server's");
            let parent = self.side.variable("traceparent");
            let state = self.side.variable("tracestate");
            let found = format!("if {{ {parent} -m found }}");
            lines.line(&format!("http-request set-header traceparent %[{parent}] {found}"));
            lines.line(&format!("http-request del-header tracestate {found}"));
            lines.line(&format!(
                "http-request set-header tracestate %[{state}] if {{ {state} -m found }}"
            ));
        }
    }

    fn write_unanswered(&self, lines: &mut Lines) {
        match self.message.unanswered {
            Some(Unanswered::Deny) => {
                let (action, denied) = (self.side.variable("action"), self.side.path(DENIED.name));
                self.comment(
                    "unanswered = \"deny\": without a verdict, also if the agent is away",
                    lines,
                );
                lines.line(&format!(
                    "{} return status 503 {PAGE} {denied} unless {{ {action} -m found }}",
                    self.verb
                ));
            }
            Some(Unanswered::Allow) => {
                self.comment("unanswered = \"allow\": without a verdict no rule below holds, also if the agent is away", lines);
                self.write_too_large(lines);
            }
            None => {}
        }
    }

    /// A client can make its request so large that it does not fit into a frame: that is no reason to let it pass.
    fn write_too_large(&self, lines: &mut Lines) {
        let matters = self.side.version.lacks_fragments() && !self.message.is_of_response;
        if !matters || !self.message.may_refuse() {
            return;
        }
        let (error, denied) = (self.side.variable("error"), self.side.path(DENIED.name));
        lines.comment("error 3: what the client sent does not fit into a message");
        lines.line(&format!(
            "{} return status 413 {PAGE} {denied} if {{ {error} -m int 3 }}",
            self.verb
        ));
    }

    fn write_redirects(&self, lines: &mut Lines) {
        if !self.message.may(Action::Redirect) {
            return;
        }
        self.comment("run: a handler may redirect", lines);
        let location = self.side.variable("location");
        let statuses = self.message.statuses(Action::Redirect);
        let known = statuses.iter().filter(|status| REDIRECTS.contains(status));
        let to = |code: u16, condition: &str| {
            format!(
                "{} redirect code {code} location %[{location}] if {condition} {{ {location} -m found }}",
                self.verb
            )
        };
        for status in known {
            lines.line(&to(*status, &self.with_status(Action::Redirect, *status)));
        }
        lines.line(&to(302, &self.with(Action::Redirect)));
    }

    fn write_drop(&self, lines: &mut Lines) {
        if self.message.may(Action::Drop) {
            self.comment("run: a handler may drop", lines);
            lines.line(&format!("http-request silent-drop if {}", self.with(Action::Drop)));
        }
    }

    fn write_tarpit(&self, lines: &mut Lines) {
        if !self.message.may(Action::Tarpit) {
            return;
        }
        self.comment("run: a handler may delay an answer", lines);
        let denied = self.side.path(DENIED.name);
        for status in self.with_body(Action::Tarpit) {
            let condition = self.with_status(Action::Tarpit, status);
            lines.line(&format!(
                "http-request tarpit status {status} {PAGE} {denied} if {condition}"
            ));
        }
        let condition = self.with(Action::Tarpit);
        lines.line(&format!("http-request tarpit status 403 {PAGE} {denied} if {condition}"));
    }

    fn write_respond(&self, lines: &mut Lines) {
        if !self.message.may(Action::Respond) {
            return;
        }
        self.comment("run: a handler may answer by itself", lines);
        let body = self.side.variable("body");
        let json = format!("content-type application/json lf-string \"%[{body}]\"");
        let rule = |status: u16, condition: &str| {
            let content =
                if WITHOUT_BODY.contains(&status) { String::new() } else { format!(" {json}") };
            format!("{} return status {status}{content} if {condition}", self.verb)
        };
        for status in self.message.statuses(Action::Respond) {
            lines.line(&rule(status, &self.with_status(Action::Respond, status)));
        }
        lines.line(&rule(200, &self.with(Action::Respond)));
    }

    /// Pages: a status that is no variable has a line of its own.
    fn write_pages(&self, lines: &mut Lines) {
        if self.message.may(Action::Challenge) {
            self.comment("run: a handler may ask for proof that the client is no bot", lines);
            let challenge = self.side.path(CHALLENGE.name);
            self.write_page(Action::Challenge, &challenge, lines);
            let condition = self.with(Action::Challenge);
            lines.line(&format!(
                "{} return status 403 {PAGE} {challenge} if {condition}",
                self.verb
            ));
        }
        if self.message.may(Action::Deny) {
            self.comment("run, fallback: the statuses of denials", lines);
            self.write_page(Action::Deny, &self.side.path(DENIED.name), lines);
        }
        if self.message.may_refuse() {
            self.comment("any other verdict that does not allow the request", lines);
            let (action, denied) = (self.side.variable("action"), self.side.path(DENIED.name));
            lines.line(&format!(
                "{} return status 403 {PAGE} {denied} if {{ {action} -m found }} !{{ {action} -m str allow }}",
                self.verb
            ));
        }
    }

    fn write_page(&self, action: Action, page: &str, lines: &mut Lines) {
        for status in self.message.statuses(action) {
            let content = if WITHOUT_BODY.contains(&status) {
                String::new()
            } else {
                format!(" {PAGE} {page}")
            };
            let condition = self.with_status(action, status);
            lines.line(&format!("{} return status {status}{content} if {condition}", self.verb));
        }
    }

    /// Variables that the server gets as headers.
    fn write_outputs(&self, lines: &mut Lines) {
        if self.message.is_of_response {
            return;
        }
        for output in &self.message.outputs {
            let variable = format!("var({}.{}.{})", output.scope, self.side.prefix, output.name);
            let header = self.side.prefix.header(&output.name);
            lines.comment(&format!("[handler.{}] set", output.handler));
            lines.line(&format!(
                "http-request set-header {header} %[{variable}] if {{ {variable} -m found }}"
            ));
        }
    }

    fn with_body(&self, action: Action) -> Vec<u16> {
        let mut statuses = self.message.statuses(action);
        statuses.retain(|status| !WITHOUT_BODY.contains(status));
        statuses
    }

    fn with(&self, action: Action) -> String {
        format!("{{ {} -m str {} }}", self.side.variable("action"), action.word())
    }

    fn with_status(&self, action: Action, status: u16) -> String {
        format!("{} {{ {} -m int {status} }}", self.with(action), self.side.variable("status"))
    }

    fn comment(&self, text: &str, lines: &mut Lines) {
        lines.comment(&format!("{} {text}", self.message.from()));
    }
}
