//! `[listen.NAME]`: a TCP address or a UNIX socket.

use std::path::PathBuf;

use crate::{
    file::{FilePath, FromNode, Node, Reading, Section, TableReader, Text},
    finding::Finding,
    kind::Settings,
};

settings! {
    /// A certificate, and whose certificates are asked for.
    pub struct TlsSettings, "`tls`" {
        /// The certificate and those that lead to its issuer, as PEM.
        cert: FilePath,
        /// Its key, as PEM.
        key: FilePath,
        /// Who signs the certificates of clients; without it, none is asked for.
        client_ca: Option<FilePath>,
    }
}

settings! {
    /// Where the agent listens.
    pub struct ListenSettings, "`[listen]`" {
        /// An address with its port.
        tcp: Option<TcpAddress>,
        /// The path of a UNIX socket.
        unix: Option<FilePath>,
        /// The name of sockets that systemd hands over; `*` for all.
        systemd: Option<String>,
        /// The mode of the UNIX socket, in octal digits.
        mode: Option<SocketMode>,
        /// Whether a PROXY header stands in front of everything.
        proxy_protocol: bool = false,
        /// The certificate, for TLS.
        tls: Option<TlsSettings>,
    }
}

/// Where a listener is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Address {
    /// `HOST:PORT`.
    Tcp(String),
    /// The path of a socket, and its mode.
    Unix(PathBuf, Option<u32>),
    /// The name of sockets that systemd hands over; none for all of them.
    Systemd(Option<String>),
}

impl ListenSettings {
    /// Reads a section; it has one address.
    pub(super) fn of(section: &Section, reading: &mut Reading<'_>) -> Option<(Address, Self)> {
        let place = section.name.place;
        let mut table = TableReader::new(&section.table, Self::OWNER, place);
        let settings = Self::read(&mut table, reading);
        let is_whole = table.finish(reading);
        let settings = settings.filter(|_| is_whole)?;
        let mode = settings.mode.as_ref().map(|mode| mode.0);
        let address = match (&settings.tcp, &settings.unix, &settings.systemd) {
            (Some(tcp), None, None) => Address::Tcp(tcp.0.clone()),
            (None, Some(unix), None) => Address::Unix(unix.0.clone(), mode),
            (None, None, Some(name)) => Address::Systemd((name != "*").then(|| name.clone())),
            (None, None, None) => {
                return wrong(
                    section,
                    reading,
                    "has no address",
                    "add `tcp = \"127.0.0.1:12345\"` or `unix = \"/run/spoa-agent/agent.sock\"`",
                );
            }
            _ => {
                let help = "write a `[listen.NAME]` for each of them";
                return wrong(section, reading, "has two addresses", help);
            }
        };
        match &address {
            Address::Tcp(_) | Address::Systemd(_) if mode.is_some() => {
                wrong(section, reading, "has a `mode` without a UNIX socket", "remove `mode`")
            }
            Address::Unix(..) if settings.tls.is_some() => wrong(
                section,
                reading,
                "has `tls` on a UNIX socket",
                "remove `tls`: nobody reaches a UNIX socket from another machine",
            ),
            _ => Some((address, settings)),
        }
    }
}

fn wrong<T>(section: &Section, reading: &mut Reading<'_>, what: &str, help: &str) -> Option<T> {
    let title = format!("`[listen.{}]` {what}", section.name.name);
    reading.findings.add(Finding::error(title).at(section.name.place, what).help(help));
    None
}

/// `HOST:PORT`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TcpAddress(pub String);

impl FromNode for TcpAddress {
    const NAME: &'static str = "an address with its port";

    fn from_node(node: &Node, reading: &mut Reading<'_>) -> Option<Self> {
        let text = Text::from_node(node, reading)?;
        let parts = text.as_str().rsplit_once(':');
        let is_address = parts.is_some_and(|(host, port)| {
            let is_host = !host.is_empty() && host != "*" && !host.contains(['/', ' ']);
            is_host && port.parse::<u16>().is_ok()
        });
        if !is_address {
            let title = format!("`{}` is not an address with its port", text.as_str());
            let finding = Finding::error(title).at(node.place, "not an address");
            reading.findings.add(
                finding.help("write `\"127.0.0.1:12345\"`, or `\"[::]:12345\"` for all addresses"),
            );
            return None;
        }
        Some(Self(text.as_str().to_owned()))
    }

    fn write(&self) -> String {
        self.0.write()
    }

    fn schema() -> serde_json::Value {
        String::schema()
    }
}

/// The mode of a socket file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SocketMode(pub u32);

impl FromNode for SocketMode {
    const NAME: &'static str = "a mode in octal digits";

    fn from_node(node: &Node, reading: &mut Reading<'_>) -> Option<Self> {
        let text = Text::from_node(node, reading)?;
        let mode = u32::from_str_radix(text.as_str(), 8).ok().filter(|mode| *mode <= 0o777);
        if mode.is_none() {
            let title = format!("`{}` is not a mode", text.as_str());
            let finding = Finding::error(title).at(node.place, "not three octal digits");
            reading.findings.add(finding.help("write `\"660\"` for the owner and the group"));
        }
        mode.map(Self)
    }

    fn write(&self) -> String {
        format!("\"{:o}\"", self.0)
    }

    fn schema() -> serde_json::Value {
        String::schema()
    }
}
