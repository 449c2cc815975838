//! Listen: the description of one listener.

use std::{fmt, path::PathBuf};

#[cfg(feature = "tls")]
use super::{certificates::Certificates, tls::Tls};
use super::{
    listener::{Bound, Listener},
    preamble::Entrance,
};
use crate::{error::AgentError, limits::check};

/// All permission bits of a file.
const MODE_BITS: u32 = 0o777;

/// Where an agent listens, and what a connection there has to bring before SPOP.
///
/// ```no_run
/// # use spoa_actors::{Agent, AgentError, Listen};
/// # fn main() -> Result<(), AgentError> {
/// let agent = Agent::new()
///     .listen_on(Listen::tcp("0.0.0.0:12345").proxy_protocol())?
///     .listen_on(Listen::unix("/run/spoa.sock").mode(0o660))?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Listen {
    place: Place,
    proxy_header: bool,
    #[cfg(feature = "tls")]
    tls: Option<Tls>,
}

#[derive(Clone, Debug)]
enum Place {
    Tcp(String),
    Unix { path: PathBuf, mode: Option<u32> },
}

impl Listen {
    /// A TCP address, `HOST:PORT`; port 0 takes a free one.
    #[must_use]
    pub fn tcp(address: impl fmt::Display) -> Self {
        Self::at(Place::Tcp(address.to_string()))
    }

    /// The path of a UNIX socket.
    ///
    /// A socket file that nobody listens on any more is replaced; the file is removed at the end.
    #[must_use]
    pub fn unix(path: impl Into<PathBuf>) -> Self {
        Self::at(Place::Unix { path: path.into(), mode: None })
    }

    fn at(place: Place) -> Self {
        Self {
            place,
            proxy_header: false,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    /// The permission bits of the socket's file, at most `0o777`; as the umask leaves them unless this is
    /// called. A TCP address has none.
    #[must_use]
    pub fn mode(mut self, bits: u32) -> Self {
        if let Place::Unix { mode, .. } = &mut self.place {
            *mode = Some(bits);
        }
        self
    }

    /// Every connection begins with a PROXY header, version 1 or 2 (`send-proxy` or `send-proxy-v2`
    /// on HAProxy's server line); one without is closed.
    ///
    /// The source that it names becomes [`Origin::peer_address`](crate::Origin::peer_address); if it
    /// names none (UNKNOWN, LOCAL), the address of the socket stays. A header is read up to 107
    /// bytes (version 1) or 4 KiB (version 2), within `hello_timeout`.
    #[must_use]
    pub fn proxy_protocol(mut self) -> Self {
        self.proxy_header = true;
        self
    }

    /// Every connection speaks TLS, behind the PROXY header if there is one; the handshake has to be
    /// complete within `hello_timeout`. What speaks something else is closed.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Listens.
    pub(crate) fn open(self) -> Result<Listener, AgentError> {
        if let Place::Unix { mode: Some(bits), .. } = &self.place {
            check("mode of a UNIX socket", *bits <= MODE_BITS, "permission bits, at most 0o777")?;
        }
        let entrance = self.entrance()?;
        let bound =
            match self.place {
                Place::Tcp(address) => Bound::tcp(address.as_str())
                    .map_err(|cause| AgentError::Bind { address, cause })?,
                Place::Unix { path, mode } => Bound::unix(&path, mode)
                    .map_err(|cause| AgentError::BindUnix { path, cause })?,
            };
        Ok(Listener { name: bound.name(), bound, entrance })
    }

    /// What its connections have to bring before SPOP.
    pub(crate) fn entrance(&self) -> Result<Entrance, AgentError> {
        Ok(Entrance {
            proxy_header: self.proxy_header,
            #[cfg(feature = "tls")]
            certificates: self.tls.as_ref().map(Certificates::load).transpose()?,
        })
    }
}
