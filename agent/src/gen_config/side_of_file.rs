//! HAProxy's side of a configuration file.

use std::{
    path::{self, Path, PathBuf},
    time::Duration,
};

use spoa_actors::{ForeignText, Scope};
use spoa_handlers::{
    chain::{Chain, Decides},
    configuration::{
        Action, Address, At, HandBack, ListenSettings, MessageSettings, TraceSettings,
    },
    file::Group,
    finding::{Finding, Place},
    input::Asked,
};

use super::{
    gen_config_options::GenConfigOptions,
    haproxy_side::{ArgumentSide, HaproxySide, MessageSide, OutputSide, ServerSide, TlsSide},
};
use crate::{ask::endpoint_options::DEFAULT_ADDRESS, config_file::ConfigFile};

/// The fetch that only a response has.
const STATUS: &str = "status";

/// HAProxy's side of a file, and what keeps it from being written.
pub(super) fn side_of(
    file: &ConfigFile,
    options: &GenConfigOptions,
) -> (HaproxySide, Vec<Finding>) {
    let configuration = &file.configuration;
    let mut findings = Vec::new();
    let messages = file.loaded.document.sections(Group::Message).filter_map(|section| {
        let name = &section.name;
        let settings = configuration.messages.get(&name.name)?;
        let chain = file.chains.get(&name.name)?;
        let deadline = configuration.deadline(settings.deadline);
        Some(message(&name.name, settings, chain, deadline, name.place, &mut findings))
    });
    let messages: Vec<_> = messages.collect();
    let listeners = file.loaded.document.sections(Group::Listen).filter_map(|section| {
        let (address, settings) = configuration.listeners.get(&section.name.name)?;
        is_word(&section.name.name, section.name.place, &mut findings);
        Some(server(&section.name.name, address, settings))
    });
    let mut servers: Vec<_> = listeners.collect();
    if servers.is_empty() {
        servers.push(default_server());
    }
    let side = HaproxySide {
        version: options.haproxy,
        prefix: options.prefix.clone(),
        folder: options.write.as_deref().map(absolute),
        file: options.config.display().to_string(),
        is_traced: configuration.trace.as_ref().is_some_and(is_traced),
        notice_period: configuration.notice_period(),
        messages,
        servers,
    };
    (side, findings)
}

/// Whether the agent hands its part of a trace back, under the names that it has by itself.
fn is_traced(trace: &TraceSettings) -> bool {
    trace.otlp.is_some() && trace.hand_back == HandBack::Txn && trace.arguments.is_none()
}

fn message(
    section: &str,
    settings: &MessageSettings,
    chain: &Chain,
    deadline: Duration,
    place: Place,
    findings: &mut Vec<Finding>,
) -> MessageSide {
    let names = settings.names.iter().flat_map(|names| &names.0);
    let name = names.map(String::as_str).find(|name| *name != "*").unwrap_or(section);
    is_word(name, place, findings);
    let decides = if settings.verdict { chain.decides() } else { Decides::nothing() };
    let arguments = arguments(section, chain, place, findings);
    let is_of_response = match settings.at {
        Some(at) => at == At::Response,
        None => {
            let reads_status = arguments.iter().any(|argument| argument.fetch == STATUS);
            let refuses = decides.actions.iter().any(|action| *action != Action::Allow);
            if reads_status && refuses {
                findings.push(unclear(section, place));
            }
            reads_status
        }
    };
    let with_status = decides.statuses.iter().map(|(action, status)| (*action, Some(*status)));
    let alone = decides.actions.iter().map(|action| (*action, None::<u16>));
    let verdicts: Vec<(Action, Option<u16>)> = alone.chain(with_status).collect();
    MessageSide {
        section: section.to_owned(),
        name: name.to_owned(),
        is_of_response,
        // A request has no status.
        arguments: arguments
            .into_iter()
            .filter(|own| is_of_response || own.fetch != STATUS)
            .collect(),
        deadline,
        unanswered: settings.unanswered.filter(|_| settings.verdict),
        verdicts,
        texts: decides.texts.iter().map(|text| text.word()).collect(),
        outputs: chain.chosen().filter_map(output).collect(),
    }
}

/// What the chain reads, each once; those without a name stand in front, in their order.
fn arguments(
    section: &str,
    chain: &Chain,
    place: Place,
    findings: &mut Vec<Finding>,
) -> Vec<ArgumentSide> {
    let (mut named, mut unnamed): (Vec<ArgumentSide>, Vec<(usize, String)>) = Default::default();
    for input in chain.arguments() {
        for (asked, fetch) in input.asked() {
            let Some(fetch) = fetch.filter(|fetch| !fetch.contains(char::is_control)) else {
                findings.push(unknown(section, input.name(), place));
                continue;
            };
            match asked {
                Asked::Named(name) if named.iter().any(|own| own.name == name) => {}
                Asked::Named(name) => {
                    is_word(name, place, findings);
                    named.push(ArgumentSide { name: name.to_owned(), fetch: fetch.to_owned() });
                }
                Asked::Position(at) => unnamed.push((at, fetch.to_owned())),
            }
        }
    }
    unnamed.sort();
    unnamed.dedup_by_key(|(at, _)| *at);
    if let Some(at) = (0..unnamed.len()).find(|at| unnamed[*at].0 != *at) {
        findings.push(unknown(section, &format!("${}", at + 1), place));
    }
    let unnamed = unnamed.into_iter().map(|(_, fetch)| ArgumentSide { name: String::new(), fetch });
    unnamed.chain(named).collect()
}

/// A handler that counts answers and refuses requests is run by two messages, and only one is of the response.
fn unclear(section: &str, place: Place) -> Finding {
    let title = format!("`[message.{section}]` does not say when HAProxy sends it");
    Finding::error(title).at(place, "reads the status of a response, and may refuse").help(
        "add `at = \"request\"`, or `at = \"response\"` for a message that HAProxy sends with the response",
    )
}

fn unknown(section: &str, argument: &str, place: Place) -> Finding {
    let title = format!("nothing says how HAProxy fetches the argument `{argument}`");
    Finding::error(title).at(place, "reads it").help(format!(
        "add `args = {{ {argument} = {{ from = \"{argument}\", fetch = \"req.hdr(x-{argument})\" }} }}` \
         to `[message.{section}]`, with the fetch as HAProxy's configuration has it"
    ))
}

/// Whether HAProxy takes it as the name of a section, a server or an argument.
/// A folder from the root on: HAProxy may be started anywhere.
fn absolute(folder: &Path) -> String {
    let absolute = path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    absolute.components().collect::<PathBuf>().display().to_string()
}

fn is_word(name: &str, place: Place, findings: &mut Vec<Finding>) {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_part) {
        let title = format!("HAProxy takes no name such as `{}`", ForeignText::of(&name));
        let finding = Finding::error(title).at(place, "not a name for HAProxy");
        findings.push(finding.help("use letters, digits, `_`, `.` and `-`"));
    }
}

fn output((handler, scope, name): (&str, Scope, &str)) -> Option<OutputSide> {
    let scope = match scope {
        Scope::Process => "proc",
        Scope::Session => "sess",
        Scope::Transaction => "txn",
        Scope::Request => "req",
        // It comes too late for the server.
        Scope::Response => return None,
    };
    Some(OutputSide { handler: handler.to_owned(), scope, name: name.to_owned() })
}

fn server(name: &str, address: &Address, settings: &ListenSettings) -> ServerSide {
    let (address, placeholder) = match address {
        Address::Tcp(tcp) => reachable(tcp),
        Address::Unix(path, _) => {
            let path = path::absolute(path).unwrap_or_else(|_| path.clone());
            (format!("unix@{}", path.display()), None)
        }
        Address::Systemd(_) => (DEFAULT_ADDRESS.to_owned(), Some("a socket of systemd".to_owned())),
    };
    let tls = settings.tls.as_ref().map(|tls| TlsSide {
        cert: tls.cert.0.display().to_string(),
        client_ca: tls.client_ca.as_ref().map(|ca| ca.0.display().to_string()),
    });
    ServerSide {
        name: name.to_owned(),
        from: format!("[listen.{name}]"),
        address: quoted(&address),
        placeholder,
        has_proxy_header: settings.proxy_protocol,
        tls,
    }
}

/// The address as a peer reaches it: an agent may listen on all addresses of its machine.
fn reachable(tcp: &str) -> (String, Option<String>) {
    let (host, port) = tcp.rsplit_once(':').unwrap_or((tcp, "12345"));
    match host {
        "0.0.0.0" | "[::]" | "[::0]" => (format!("127.0.0.1:{port}"), Some(tcp.to_owned())),
        _ => (tcp.to_owned(), None),
    }
}

/// A word of HAProxy's files.
fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-/:@[]".contains(&byte);
    if word.bytes().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn default_server() -> ServerSide {
    ServerSide {
        name: "agent".to_owned(),
        from: "no [listen]: the default address".to_owned(),
        address: DEFAULT_ADDRESS.to_owned(),
        placeholder: None,
        has_proxy_header: false,
        tls: None,
    }
}
