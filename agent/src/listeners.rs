//! Listeners: where the agent listens, out of the options or the configuration file.

use std::path::PathBuf;

use spoa_actors::{Agent, AgentError, Listen, Tls};
use spoa_handlers::configuration::{Address, Configuration, ListenSettings};

use crate::{
    ask::endpoint_options::DEFAULT_ADDRESS,
    discovery::{Listening, Place},
    run_options::RunOptions,
    sockets::{Socket, SocketError, Sockets},
};

/// A place where the agent listens.
pub(crate) struct Listener {
    address: Address,
    tls: Option<TlsFiles>,
    proxy_protocol: bool,
    /// What systemd has handed over, once it is taken.
    sockets: Vec<Socket>,
}

/// The files of a TLS listener.
#[derive(Clone)]
struct TlsFiles {
    cert: PathBuf,
    key: PathBuf,
    client_ca: Option<PathBuf>,
}

/// How a peer has to speak to a listener.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Manner {
    pub(crate) proxy_protocol: bool,
    pub(crate) tls: bool,
    pub(crate) client_certificate: bool,
}

/// Where the options say; else where the file says, with what options say of all listeners; else on the usual
/// address.
pub(crate) fn listeners(options: &RunOptions, file: Option<&Configuration>) -> Vec<Listener> {
    let tls = TlsFiles::of_options(options);
    let of_options = |address: Address| {
        let tls = tls.clone().filter(|_| !matches!(address, Address::Unix(..)));
        let proxy_protocol = options.proxy_protocol.unwrap_or_default();
        Listener { address, tls, proxy_protocol, sockets: Vec::new() }
    };
    let of_file = |(address, settings): &(Address, ListenSettings)| {
        let own = settings.tls.as_ref().map(|tls| TlsFiles {
            cert: tls.cert.0.clone(),
            key: tls.key.0.clone(),
            client_ca: tls.client_ca.as_ref().map(|path| path.0.clone()),
        });
        let (address, tls) = match address {
            Address::Unix(path, mode) => {
                (Address::Unix(path.clone(), options.unix_mode.or(*mode)), None)
            }
            address => (address.clone(), tls.clone().or(own)),
        };
        let proxy_protocol = options.proxy_protocol.unwrap_or(settings.proxy_protocol);
        Listener { address, tls, proxy_protocol, sockets: Vec::new() }
    };
    let mut listeners: Vec<_> = options.listeners().map(of_options).collect();
    if let (true, Some(file)) = (listeners.is_empty(), file) {
        listeners = file.listeners.values().map(of_file).collect();
    }
    if listeners.is_empty() {
        listeners.push(of_options(Address::Tcp(DEFAULT_ADDRESS.to_owned())));
    }
    listeners
}

impl TlsFiles {
    fn of_options(options: &RunOptions) -> Option<Self> {
        Some(Self {
            cert: options.tls_cert.clone()?,
            key: options.tls_key.clone()?,
            client_ca: options.tls_client_ca.clone(),
        })
    }

    fn tls(&self) -> Tls {
        let tls = Tls::new(&self.cert, &self.key);
        match &self.client_ca {
            Some(path) => tls.client_ca(path),
            None => tls,
        }
    }
}

impl Listener {
    /// Takes what systemd has handed over for it.
    ///
    /// # Errors
    ///
    /// If there is nothing.
    pub(crate) fn take(&mut self, sockets: &mut Sockets) -> Result<(), SocketError> {
        if let Address::Systemd(name) = &self.address {
            self.sockets = sockets.take(name.as_deref())?;
        }
        Ok(())
    }

    /// Whether its socket is opened by this process.
    pub(crate) fn is_opened_here(&self) -> bool {
        !matches!(self.address, Address::Systemd(_))
    }

    /// Whether it is reached over TCP.
    pub(crate) fn is_tcp(&self) -> bool {
        match &self.address {
            Address::Tcp(_) => true,
            Address::Unix(..) => false,
            Address::Systemd(_) => self.sockets.iter().any(Socket::is_tcp),
        }
    }

    /// The paths of its UNIX sockets.
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        match &self.address {
            Address::Tcp(_) => Vec::new(),
            Address::Unix(path, _) => vec![path.clone()],
            Address::Systemd(_) => self.sockets.iter().filter_map(Socket::path).collect(),
        }
    }

    /// How a peer has to speak to it, over TCP or UNIX.
    pub(crate) fn manner(&self, is_tcp: bool) -> Manner {
        let tls = self.tls.as_ref().filter(|_| is_tcp);
        Manner {
            proxy_protocol: self.proxy_protocol,
            tls: tls.is_some(),
            client_certificate: tls.is_some_and(|tls| tls.client_ca.is_some()),
        }
    }

    /// Has the agent listen on it.
    ///
    /// # Errors
    ///
    /// If that cannot be.
    pub(crate) fn bind(self, mut agent: Agent) -> Result<Agent, AgentError> {
        let Self { address, tls, proxy_protocol, sockets } = self;
        let proxied =
            |listen: Listen| if proxy_protocol { listen.proxy_protocol() } else { listen };
        let secured = |listen: Listen| match &tls {
            Some(tls) => listen.tls(tls.tls()),
            None => listen,
        };
        match address {
            Address::Tcp(address) => agent.listen_on(proxied(secured(Listen::tcp(address)))),
            Address::Unix(path, mode) => {
                let listen = Listen::unix(path);
                agent.listen_on(proxied(match mode {
                    Some(mode) => listen.mode(mode),
                    None => listen,
                }))
            }
            Address::Systemd(_) => {
                for socket in sockets {
                    let is_tcp = socket.is_tcp();
                    let listen = proxied(socket.listen());
                    agent = agent.listen_on(if is_tcp { secured(listen) } else { listen })?;
                }
                Ok(agent)
            }
        }
    }
}

impl Manner {
    /// The place of a listener that is spoken to so.
    pub(crate) fn listening(self, place: Place) -> Listening {
        let Self { proxy_protocol, tls, client_certificate } = self;
        Listening { place, proxy_protocol, tls, client_certificate }
    }

    /// The options with which `call` speaks so.
    pub(crate) fn call_options(self) -> String {
        let proxy = if self.proxy_protocol { " --proxy-protocol" } else { "" };
        let tls = match (self.tls, self.client_certificate) {
            (false, _) => "",
            (true, false) => " --tls-ca CA.pem",
            (true, true) => " --tls-ca CA.pem --tls-cert CLIENT.pem --tls-key CLIENT.key",
        };
        format!("{proxy}{tls}")
    }
}
