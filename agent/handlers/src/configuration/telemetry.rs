//! `[log]`, `[trace]` and `[admin]`: what is seen of the agent.

use super::listen::{SocketMode, TcpAddress};
use crate::file::{FilePath, List, Map, SecretName};

words! {
    /// How a line of the log is written.
    pub enum LogFormat, "a format of the log" {
        /// For people on a terminal, JSON elsewhere.
        Auto = "auto",
        /// For people.
        Human = "human",
        /// One JSON object a line.
        Json = "json",
    }
}

settings! {
    /// What is logged, and how.
    pub struct LogSettings, "`[log]`" {
        /// The level, or levels by module, as in `RUST_LOG`.
        filter: String = "info".to_owned(),
        /// How a line is written.
        format: LogFormat = LogFormat::Auto,
    }
}

words! {
    /// How the collector is spoken to.
    pub enum OtlpProtocol, "a protocol of OTLP" {
        /// gRPC.
        Grpc = "grpc",
        /// Protobuf over HTTP.
        HttpProtobuf = "http/protobuf",
    }
}

words! {
    /// Which failures are traced.
    pub enum TracedFailures, "one of `always` and `sampled`" {
        /// All of them.
        Always = "always",
        /// Those that are sampled.
        Sampled = "sampled",
    }
}

words! {
    /// The scope of the variables with the agent's trace context.
    pub enum HandBack, "a scope, or `none`" {
        /// The transaction.
        Txn = "txn",
        /// The session.
        Sess = "sess",
        /// The request.
        Req = "req",
        /// The response.
        Res = "res",
        /// The process.
        Proc = "proc",
        /// No variables.
        None = "none",
    }
}

settings! {
    /// Where traces and metrics go, and which messages are traced.
    pub struct TraceSettings, "`[trace]`" {
        /// The collector's URL, for OTLP.
        otlp: Option<String>,
        /// How the collector is spoken to; by default `grpc` on port 4317, else `http/protobuf`.
        protocol: Option<OtlpProtocol>,
        /// Headers for the collector: their names, and the names of the secrets that are their values.
        headers: Option<Map<SecretName>>,
        /// The CA of the collector's certificate, as PEM; by default those of the system.
        ca: Option<FilePath>,
        /// Whether metrics are sent to the collector, too.
        metrics: bool = false,
        /// The name of this service; by default that of the program.
        service_name: Option<String>,
        /// Which part of the NOTIFYs without a parent is traced, from 0 to 1; by default all.
        ratio: Option<f64>,
        /// The part for NOTIFYs with these messages.
        messages: Option<Map<f64>>,
        /// Which NOTIFYs that fail or are late are traced; by default all.
        failures: Option<TracedFailures>,
        /// Whether only NOTIFYs with a parent are traced.
        only_with_parent: bool = false,
        /// Which argument has the parent: keys are `traceparent`, `tracestate`, `b3` and `baggage`.
        arguments: Option<Map<String>>,
        /// The scope of the variables with the agent's trace context.
        hand_back: HandBack = HandBack::Txn,
    }
}

settings! {
    /// The admin endpoint: metrics, health, the status page.
    pub struct AdminSettings, "`[admin]`" {
        /// Its address.
        tcp: Option<TcpAddress>,
        /// The path of its UNIX socket.
        unix: Option<FilePath>,
        /// The mode of the UNIX socket, in octal digits.
        mode: SocketMode = SocketMode(0o600),
        /// Host names that its URLs may have, besides IP addresses, `localhost` and that of `tcp`.
        hosts: Option<List<String>>,
        /// The secret that requests for metrics, status and the log filter have to send.
        token: Option<SecretName>,
    }
}
