//! HAProxy's side of an agent, before it is text: which messages it sends, and what it does with their answers.

use std::{cmp::max, time::Duration};

use spoa_handlers::configuration::{Action, Unanswered};

use super::{haproxy_version::HaproxyVersion, prefix::Prefix};

/// HAProxy's side of an agent.
#[derive(Clone, Debug)]
pub(super) struct HaproxySide {
    pub(super) version: HaproxyVersion,
    /// What its names begin with: those of variables, headers, files and the backend.
    pub(super) prefix: Prefix,
    /// The folder of HAProxy's files; nothing if they are named without one.
    pub(super) folder: Option<String>,
    /// The agent's file, as it was named.
    pub(super) file: String,
    /// Whether the agent has its part in traces.
    pub(super) is_traced: bool,
    /// How long the agent reports its end before it closes connections.
    pub(super) notice_period: Duration,
    pub(super) messages: Vec<MessageSide>,
    pub(super) servers: Vec<ServerSide>,
}

/// A message, and what may come back.
#[derive(Clone, Debug)]
pub(super) struct MessageSide {
    /// The name of the `[message.NAME]`.
    pub(super) section: String,
    /// The name that HAProxy sends.
    pub(super) name: String,
    /// Whether it is sent with the response.
    pub(super) is_of_response: bool,
    /// What its chain reads: the names, and HAProxy's fetches for them.
    pub(super) arguments: Vec<ArgumentSide>,
    pub(super) deadline: Duration,
    pub(super) unanswered: Option<Unanswered>,
    /// What its chain may decide, each with its status if it has one.
    pub(super) verdicts: Vec<(Action, Option<u16>)>,
    /// The texts of a verdict that its chain may set: `location`, `cookie` and so on.
    pub(super) texts: Vec<&'static str>,
    /// The variables that the server behind HAProxy gets as headers.
    pub(super) outputs: Vec<OutputSide>,
}

/// An argument of a message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct ArgumentSide {
    /// Its name; empty for one that has none.
    pub(super) name: String,
    pub(super) fetch: String,
}

/// A variable that a handler sets by its `set`.
#[derive(Clone, Debug)]
pub(super) struct OutputSide {
    /// The handler.
    pub(super) handler: String,
    /// `txn`, `sess`, `req` or `proc`.
    pub(super) scope: &'static str,
    /// The name below the prefix.
    pub(super) name: String,
}

/// Where the agent listens, as HAProxy reaches it.
#[derive(Clone, Debug)]
pub(super) struct ServerSide {
    /// The name of the `[listen.NAME]`.
    pub(super) name: String,
    /// Which of our lines it comes from.
    pub(super) from: String,
    /// As it stands behind `server NAME`.
    pub(super) address: String,
    /// What the file says, if an operator has to put another address.
    pub(super) placeholder: Option<String>,
    pub(super) has_proxy_header: bool,
    pub(super) tls: Option<TlsSide>,
}

/// TLS to an agent.
#[derive(Clone, Debug)]
pub(super) struct TlsSide {
    /// The agent's certificate.
    pub(super) cert: String,
    /// Who has to have signed HAProxy's, if it is asked for.
    pub(super) client_ca: Option<String>,
}

impl MessageSide {
    /// Its section, for comments.
    pub(super) fn from(&self) -> String {
        format!("[message.{}]", self.section)
    }

    pub(super) fn reads_body(&self) -> bool {
        self.arguments.iter().any(|argument| argument.fetch.starts_with("req.body"))
    }

    /// Whether its chain may decide so.
    pub(super) fn may(&self, action: Action) -> bool {
        self.verdicts.iter().any(|(own, _)| *own == action)
    }

    /// Whether its chain may do anything but let the request pass.
    pub(super) fn may_refuse(&self) -> bool {
        self.verdicts.iter().any(|(action, _)| *action != Action::Allow)
    }

    /// The statuses that a verdict of this kind may have, in order.
    pub(super) fn statuses(&self, action: Action) -> Vec<u16> {
        let own = self.verdicts.iter().filter(|(own, _)| *own == action);
        let mut statuses: Vec<_> = own.filter_map(|(_, status)| *status).collect();
        statuses.sort_unstable();
        statuses.dedup();
        statuses
    }

    pub(super) fn has_text(&self, text: &str) -> bool {
        self.texts.contains(&text)
    }

    /// How long HAProxy waits: longer than the agent, so that the agent's fallback comes first.
    pub(super) fn processing(&self) -> Duration {
        let more = (self.deadline / 2).clamp(Duration::from_millis(50), Duration::from_millis(500));
        // HAProxy counts milliseconds.
        Duration::from_millis(u64::try_from((self.deadline + more).as_millis()).unwrap_or(u64::MAX))
    }
}

impl HaproxySide {
    /// The messages by how long HAProxy waits for them: an engine for each, the shortest wait first.
    pub(super) fn engines(&self) -> Vec<EngineSide<'_>> {
        let mut waits: Vec<_> = self.messages.iter().map(MessageSide::processing).collect();
        waits.sort_unstable();
        waits.dedup();
        let is_alone = waits.len() == 1;
        let engine = |processing: Duration| {
            let messages =
                self.messages.iter().filter(|own| own.processing() == processing).collect();
            let name = if is_alone {
                self.prefix.to_string()
            } else {
                format!("{}_{}", self.prefix, written(processing))
            };
            EngineSide { name, processing, messages }
        };
        waits.into_iter().map(engine).collect()
    }

    /// The engine that sends a message.
    pub(super) fn engine_of(&self, message: &MessageSide) -> String {
        let engines = self.engines();
        let own = engines.iter().find(|engine| engine.processing == message.processing());
        own.map(|engine| engine.name.clone()).unwrap_or_default()
    }

    /// Where HAProxy finds a file.
    pub(super) fn path(&self, name: &str) -> String {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte);
        match &self.folder {
            None => name.to_owned(),
            Some(folder) if folder.bytes().all(is_plain) => format!("{folder}/{name}"),
            // HAProxy takes a quote in quotes for the end of the text.
            Some(folder) => format!("'{}/{name}'", folder.replace('\'', "'\\''")),
        }
    }

    /// The backend of the agent.
    pub(super) fn backend(&self) -> String {
        format!("{}_agents", self.prefix)
    }

    /// A variable of the transaction.
    pub(super) fn variable(&self, name: &str) -> String {
        format!("var(txn.{}.{name})", self.prefix)
    }

    /// How long HAProxy waits for a connection to the agent: never longer than for an answer.
    pub(super) fn connect(&self) -> Duration {
        let shortest = self.engines().first().map(|engine| engine.processing);
        shortest.unwrap_or(Duration::MAX).min(Duration::from_secs(1))
    }

    /// How often health checks come: so that two fail before the agent closes connections.
    pub(super) fn check_every(&self) -> Duration {
        max(Duration::from_millis(100), self.notice_period / 4).min(Duration::from_secs(1))
    }
}

/// An engine: the messages for whose answers HAProxy waits equally long.
#[derive(Clone, Debug)]
pub(super) struct EngineSide<'s> {
    pub(super) name: String,
    pub(super) processing: Duration,
    pub(super) messages: Vec<&'s MessageSide>,
}

/// A duration as HAProxy reads it.
pub(super) fn written(duration: Duration) -> String {
    let millis = duration.as_millis();
    match millis {
        0 => "1ms".to_owned(),
        _ if millis.is_multiple_of(60_000) => format!("{}m", millis / 60_000),
        _ if millis.is_multiple_of(1_000) => format!("{}s", millis / 1_000),
        _ => format!("{millis}ms"),
    }
}
