//! The SPOE file: its engines, and the messages that they send.

use super::{
    haproxy_side::{EngineSide, HaproxySide, MessageSide, written},
    kept::{arguments, kept},
    lines::Lines,
};

/// The SPOE file of an agent.
pub(super) fn spoe_file(side: &HaproxySide) -> String {
    let mut lines = Lines::default();
    side.write_head("The messages that HAProxy sends to the agent.", &mut lines);
    for engine in side.engines() {
        lines.gap();
        write_engine(side, &engine, &mut lines);
    }
    lines.into_text()
}

fn write_engine(side: &HaproxySide, engine: &EngineSide<'_>, lines: &mut Lines) {
    let names: Vec<_> = engine.messages.iter().map(|message| message.name.as_str()).collect();
    let sections: Vec<_> = engine.messages.iter().map(|message| message.from()).collect();
    lines.head_comment(&sections.join(", "));
    lines.head(&format!("[{}]", engine.name));
    lines.gap();
    lines.head(&format!("spoe-agent {}", engine.name));
    lines.line(&format!("groups {}", names.join(" ")));
    lines.comment("from [listen]: the servers of this backend");
    lines.line(&format!("use-backend {}", side.backend()));
    lines.comment("--prefix: what the names of the agent's variables begin with");
    lines.line(&format!("option var-prefix {}", side.prefix));
    lines.comment(&format!("without an answer, HAProxy sets txn.{}.error to a code", side.prefix));
    lines.line("option set-on-error error");
    lines.comment("and still sends the next message of the request");
    lines.line("option continue-on-error");
    if !side.version.has_mode_spop() {
        lines.comment("HAProxy up to 3.0 warns without these two");
        lines.line("timeout hello 2s");
        lines.line("timeout idle 2m");
    }
    let deadlines: Vec<_> = engine
        .messages
        .iter()
        .map(|message| format!("{} {}", message.from(), written(message.deadline)))
        .collect();
    lines.comment(&format!("longer than the deadline: {}", deadlines.join(", ")));
    lines.line(&format!("timeout processing {}", written(engine.processing)));
    for message in &engine.messages {
        lines.gap();
        lines.head(&format!("spoe-group {}", message.name));
        lines.line(&format!("messages {}", message.name));
        lines.gap();
        lines.head_comment(&format!("{} run: what its handlers read", message.from()));
        lines.head(&format!("spoe-message {}", message.name));
        let words = words(side, message);
        if !words.is_empty() {
            lines.line(&format!("args {}", words.join(" ")));
        }
    }
}

/// The arguments as they stand behind `args`.
fn words(side: &HaproxySide, message: &MessageSide) -> Vec<String> {
    let words = arguments(side, message).into_iter().map(|argument| {
        let fetch = match kept(side, message, &argument) {
            Some(variable) => format!("var({variable})"),
            None => argument.fetch,
        };
        match argument.name.as_str() {
            "" => fetch,
            name => format!("{name}={fetch}"),
        }
    });
    words.collect()
}
