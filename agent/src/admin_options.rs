//! Admin options: the address of the admin endpoint, and its access.

use std::{fmt, path::PathBuf, sync::Arc};

use clap::Args;
use spoa_handlers::value::Secret;

use crate::{option_values::address, options};

/// The address of the admin endpoint, and its access.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Admin endpoint")]
pub(crate) struct AdminOptions {
    /// Serve a status page, metrics and probes at this address, such as 127.0.0.1:9901
    ///
    /// It serves /, /healthz, /readyz, /metrics, /status.json and /log-filter. A UNIX socket is written as
    /// `unix:/run/spoa/admin.sock`; port 0 takes a free one. Without --admin-token-file the admin endpoint
    /// has no authentication: bind it to localhost or a management network.
    #[arg(long, value_name = "HOST:PORT|unix:PATH", value_parser = place)]
    pub(crate) admin: Option<AdminPlace>,
    /// Accept this host name in a URL of the admin endpoint; repeatable
    ///
    /// Write it without a port. IP addresses, localhost and the host of --admin are always
    /// accepted. Requests for any other host get 421, except for /healthz and /readyz.
    #[arg(long, value_name = "NAME", requires = "admin", value_parser = host)]
    #[arg(hide_short_help = true)]
    pub(crate) admin_host: Vec<String>,
    /// Require the token in this file for /metrics, /status.json and /log-filter
    ///
    /// A client sends it as `Authorization: Bearer TOKEN`. /healthz, /readyz and the files of the
    /// page need no token.
    #[arg(long, value_name = "FILE", requires = "admin")]
    pub(crate) admin_token_file: Option<PathBuf>,
    /// Set the permission bits of the UNIX socket of the admin endpoint
    #[arg(long, value_name = "OCTAL", value_parser = options::mode, default_value = "600")]
    #[arg(hide_short_help = true)]
    pub(crate) admin_unix_mode: u32,
    /// The token, if the configuration file names it as a secret.
    #[arg(skip)]
    pub(crate) token: Option<NamedToken>,
}

/// A secret of the configuration file.
#[derive(Clone)]
pub(crate) struct NamedToken {
    pub(crate) name: String,
    pub(crate) secret: Arc<Secret>,
}

impl fmt::Debug for NamedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("NamedToken").field(&self.name).finish()
    }
}

/// The address of the admin endpoint.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum AdminPlace {
    Tcp(String),
    Unix(PathBuf),
}

impl fmt::Display for AdminPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => f.write_str(address),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// A host name. With a colon or a slash it would never match, because a Host is compared without
/// its port.
fn host(text: &str) -> Result<String, String> {
    if text.is_empty() || text.contains([':', '/']) {
        return Err("write a name without scheme and port, such as agent.example".to_owned());
    }
    Ok(text.to_owned())
}

fn place(text: &str) -> Result<AdminPlace, String> {
    match text.strip_prefix("unix:") {
        Some("") => Err("it has no path: write unix:/run/spoa/admin.sock".to_owned()),
        Some(path) => Ok(AdminPlace::Unix(path.into())),
        None => address(text).map(AdminPlace::Tcp),
    }
}
