//! Admin options: where the admin endpoint is, and who may look.

use std::{fmt, path::PathBuf};

use clap::Args;
use spoa_load::options::address;

use crate::options;

/// Where the admin endpoint is, and who may look.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Admin endpoint")]
pub(crate) struct AdminOptions {
    /// Serve the admin endpoint on a TCP address, such as `127.0.0.1:9901`, or on a UNIX socket, such as
    /// `unix:/run/spoa/admin.sock`: a status page, /healthz, /readyz, /metrics, /status.json and
    /// /log-filter. Without --admin-token-file it has no authentication: bind it to localhost or a
    /// management network. Port 0 takes a free one
    #[arg(long, value_name = "HOST:PORT|unix:PATH", value_parser = place)]
    pub(crate) admin: Option<AdminPlace>,
    /// A host name, without a port, that clients may use in a URL of the admin endpoint; may be repeated. IP addresses,
    /// localhost and the host of --admin are always accepted, all others are refused with 421, except
    /// for /healthz and /readyz
    #[arg(long, value_name = "NAME", requires = "admin", value_parser = host)]
    pub(crate) admin_host: Vec<String>,
    /// Require the token in this file as `Authorization: Bearer TOKEN` for /metrics, /status.json and
    /// /log-filter; /healthz, /readyz and the files of the page stay open
    #[arg(long, value_name = "FILE", requires = "admin")]
    pub(crate) admin_token_file: Option<PathBuf>,
    /// The permission bits of the UNIX socket of the admin endpoint
    #[arg(long, value_name = "OCTAL", value_parser = options::mode, default_value = "600")]
    pub(crate) admin_unix_mode: u32,
}

/// Where the admin endpoint shall be.
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

/// A host name. A colon or a slash would never match: a Host is compared without its port.
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
