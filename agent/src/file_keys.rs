//! File keys: which key of the configuration file says the same as which option of `run`.

use std::env;

use spoa_handlers::{
    configuration::settings_of,
    file::{FilePath, FromNode, Group, Loaded, Node, Value},
    finding::Place,
    kind::Setting,
};

/// A key of the file and its option.
#[derive(Debug)]
pub(crate) struct FileKey {
    pub(crate) group: Group,
    pub(crate) key: &'static str,
    /// The option, by its long name.
    pub(crate) option: &'static str,
    /// Standard variables that win over the file, if one is set.
    pub(crate) standard: &'static [&'static str],
}

/// A key that is in the file.
pub(crate) struct Given {
    pub(crate) key: &'static FileKey,
    /// What the option gets, one by one.
    pub(crate) values: Vec<String>,
    pub(crate) place: Place,
}

const fn key(group: Group, key: &'static str, option: &'static str) -> FileKey {
    FileKey { group, key, option, standard: &[] }
}

const fn standard(
    key: &'static str,
    option: &'static str,
    standard: &'static [&'static str],
) -> FileKey {
    FileKey { group: Group::Trace, key, option, standard }
}

/// All keys with an option that is the same, by section. Those of `[listen.NAME]` say more than options can.
pub(crate) const FILE_KEYS: &[FileKey] = &[
    key(Group::Agent, "deadline", "deadline"),
    key(Group::Agent, "notice_period", "notice-period"),
    key(Group::Agent, "shutdown_timeout", "shutdown-timeout"),
    key(Group::Agent, "start_timeout", "start-timeout"),
    key(Group::Agent, "workers", "worker-threads"),
    key(Group::Agent, "fill_empty_acks", "fill-empty-acks"),
    key(Group::Agent, "async", "async"),
    key(Group::Limits, "connections", "max-connections"),
    key(Group::Limits, "allow_fewer_connections", "allow-fewer-connections"),
    key(Group::Limits, "excess_connections", "max-excess-connections"),
    key(Group::Limits, "handshakes", "max-handshakes"),
    key(Group::Limits, "in_flight", "max-messages"),
    key(Group::Limits, "in_flight_per_connection", "max-messages-per-connection"),
    key(Group::Limits, "memory", "max-memory"),
    key(Group::Limits, "frame", "max-frame-size"),
    key(Group::Limits, "reassembled", "max-reassembled-size"),
    key(Group::Limits, "fragmented_ack", "max-fragmented-ack"),
    key(Group::Limits, "output_buffer", "output-buffer"),
    key(Group::Limits, "hello_timeout", "hello-timeout"),
    key(Group::Limits, "read_timeout", "read-timeout"),
    key(Group::Limits, "write_timeout", "write-timeout"),
    key(Group::Limits, "refusal_delay", "refusal-delay"),
    key(Group::Limits, "connection_age", "max-connection-age"),
    FileKey { standard: &["RUST_LOG"], ..key(Group::Log, "filter", "log") },
    key(Group::Log, "format", "log-format"),
    standard(
        "otlp",
        "otlp",
        &["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"],
    ),
    standard(
        "protocol",
        "otlp-protocol",
        &["OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"],
    ),
    standard(
        "headers",
        "otlp-header",
        &["OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS"],
    ),
    standard(
        "ca",
        "otlp-ca",
        &["OTEL_EXPORTER_OTLP_CERTIFICATE", "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE"],
    ),
    standard("metrics", "otlp-metrics", &["OTEL_METRICS_EXPORTER"]),
    standard("service_name", "service-name", &["OTEL_SERVICE_NAME"]),
    standard("ratio", "trace-ratio", &["OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG"]),
    key(Group::Trace, "messages", "trace-message"),
    key(Group::Trace, "failures", "trace-failures"),
    key(Group::Trace, "only_with_parent", "trace-only-with-parent"),
    standard("arguments", "trace-argument", &["OTEL_PROPAGATORS"]),
    key(Group::Trace, "hand_back", "trace-hand-back"),
    key(Group::Admin, "tcp", "admin"),
    key(Group::Admin, "unix", "admin"),
    key(Group::Admin, "mode", "admin-unix-mode"),
    key(Group::Admin, "hosts", "admin-host"),
    key(Group::Admin, "token", "admin-token-file"),
];

/// The keys whose values are names of secrets: what the options get is found later.
pub(crate) const SECRET_KEYS: [&str; 2] = ["otlp-header", "admin-token-file"];

/// The sections whose keys have options.
pub(crate) const SECTIONS: [Group; 5] =
    [Group::Agent, Group::Limits, Group::Log, Group::Trace, Group::Admin];

impl FileKey {
    /// The standard variable that wins over the file, if one is set.
    pub(crate) fn standard_variable(&self) -> Option<&'static str> {
        let is_set = |name: &&&str| env::var_os(name).is_some_and(|value| !value.is_empty());
        self.standard.iter().find(is_set).copied()
    }

    /// The setting that the key is.
    pub(crate) fn setting(&self) -> Option<&'static Setting> {
        settings_of(self.group)?.iter().find(|setting| setting.name == self.key)
    }
}

/// The keys that are in the file, as options get them.
pub(crate) fn given(loaded: &Loaded) -> Vec<Given> {
    let given = FILE_KEYS.iter().filter_map(|key| {
        let section = loaded.document.section(key.group)?;
        let node = &section.table.get(key.key)?.node;
        let is_path = key.setting().is_some_and(|setting| setting.value == FilePath::NAME);
        let shown = |text: String| match key.group {
            Group::Admin if key.key == "unix" => format!("unix:{text}"),
            _ => text,
        };
        let value = |node: &Node| {
            let text = text(node)?;
            Some(if is_path {
                loaded.sources.resolve(node.place.source(), text).to_string_lossy().into_owned()
            } else {
                text
            })
        };
        let values: Option<Vec<_>> = match &node.value {
            Value::Array(nodes) => nodes.iter().map(value).collect(),
            Value::Table(table) => {
                let pair = |name: &str, node| Some(format!("{name}={}", text(node)?));
                table.entries.iter().map(|one| pair(&one.key.name, &one.node)).collect()
            }
            _ => value(node).map(|value| vec![shown(value)]),
        };
        Some(Given { key, values: values?, place: node.place })
    });
    given.collect()
}

fn text(node: &Node) -> Option<String> {
    match &node.value {
        Value::Text(text) => Some(text.as_str().to_owned()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        Value::Boolean(boolean) => Some(boolean.to_string()),
        _ => None,
    }
}
