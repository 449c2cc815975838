//! Run options: where and how the agent serves.

use std::path::PathBuf;

use clap::{Args, builder::BoolishValueParser};
use spoa_actors::Limits;
use spoa_handlers::configuration::Address;

use crate::{
    admin_options::AdminOptions, limit_options::LimitOptions, option_values::count, options,
    telemetry::options::TelemetryOptions, timeout_options::TimeoutOptions,
};

/// Where and how the agent serves.
#[derive(Args, Debug)]
#[command(next_help_heading = "Listeners")]
pub(crate) struct RunOptions {
    /// Serve the messages of this configuration file, with its listeners and settings
    #[arg(long, value_name = "FILE", env = "SPOA_CONFIG", hide_env = true)]
    pub(crate) config: Option<PathBuf>,
    /// Listen on this TCP address; repeatable [default: 127.0.0.1:12345, if there is no --unix]
    ///
    /// A name stands for all its addresses. Port 0 takes a free port, which the agent prints.
    /// `systemd:NAME` takes the sockets of this name that systemd hands over, and `systemd` takes
    /// all.
    #[arg(long, value_name = "HOST:PORT", value_parser = options::listen)]
    pub(crate) listen: Vec<String>,
    /// Listen on a UNIX socket at this path; repeatable
    #[arg(long, value_name = "PATH")]
    pub(crate) unix: Vec<PathBuf>,
    /// Set the permission bits of the UNIX sockets, such as 660 [default: the umask's]
    #[arg(long, value_name = "OCTAL", value_parser = options::mode, requires = "unix")]
    pub(crate) unix_mode: Option<u32>,
    /// Use TLS on the TCP addresses, with the certificate in this PEM file
    ///
    /// Its intermediate certificates follow it in the file. The agent loads the file again when it
    /// changes.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Use this private key for the certificate, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Require a client certificate (mutual TLS), signed by a CA in this PEM file
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_client_ca: Option<PathBuf>,
    /// Require a PROXY header at the start of each connection, on TCP and UNIX
    ///
    /// HAProxy up to 3.2 sends it with `send-proxy` or `send-proxy-v2` on the server line. HAProxy 3.3 and
    /// newer ignore both for agents, and need a relay.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(value_name = "BOOL", value_parser = BoolishValueParser::new(), hide_possible_values = true)]
    pub(crate) proxy_protocol: Option<bool>,
    /// Set the number of worker threads, which share the connections [default: one per core]
    #[arg(long, value_name = "N", value_parser = count::<usize>(1..=1024, "4"))]
    pub(crate) worker_threads: Option<usize>,
    #[command(flatten)]
    pub(crate) admin: AdminOptions,
    #[command(flatten)]
    pub(crate) limits: LimitOptions,
    #[command(flatten)]
    pub(crate) timeouts: TimeoutOptions,
    /// Never send an ACK without actions
    ///
    /// After an empty ACK, HAProxy 3.1.0 to 3.1.4 delay the request until `timeout processing`.
    #[arg(long, help_heading = "HAProxy versions")]
    pub(crate) fill_empty_acks: bool,
    /// Send an ACK whose connection has closed on another connection of the same engine
    ///
    /// HAProxy up to 3.0 offers this, and then waits for such an ACK until `timeout processing`.
    #[arg(long = "async", help_heading = "HAProxy versions")]
    pub(crate) asynchronous: bool,
    #[command(flatten)]
    pub(crate) telemetry: TelemetryOptions,
}

impl RunOptions {
    /// Where the options say that the agent listens; nowhere if they do not say.
    pub(crate) fn listeners(&self) -> impl Iterator<Item = Address> {
        let tcp = self.listen.iter().map(|text| match options::handed_over(text) {
            Some(name) => Address::Systemd(name.map(str::to_owned)),
            None => Address::Tcp(text.clone()),
        });
        tcp.chain(self.unix.iter().map(|path| Address::Unix(path.clone(), self.unix_mode)))
    }

    /// The limits of the agent.
    pub(crate) fn limits(&self) -> Limits {
        self.limits.limits(&self.timeouts)
    }
}
