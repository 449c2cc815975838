//! Protocol mismatches: connections that began with an unexpected protocol.

use crate::spop::ForeignProtocol;

/// Connections that began with an unexpected protocol, by protocol.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct ProtocolMismatches {
    /// HTTP.
    pub http: u64,
    /// TLS where it is not configured, or where a PROXY header is expected.
    pub tls: u64,
    /// A PROXY header where it is not configured.
    pub proxy_header: u64,
    /// Another protocol, most likely plain SPOP, where a PROXY header or TLS is expected.
    pub other: u64,
}

impl ProtocolMismatches {
    pub(crate) fn count(&mut self, found: Option<ForeignProtocol>) {
        *match found {
            Some(ForeignProtocol::Http) => &mut self.http,
            Some(ForeignProtocol::Tls) => &mut self.tls,
            Some(ForeignProtocol::ProxyHeader) => &mut self.proxy_header,
            None => &mut self.other,
        } += 1;
    }

    pub(super) fn add(&mut self, other: &Self) {
        let Self { http, tls, proxy_header, other } = other;
        self.http += http;
        self.tls += tls;
        self.proxy_header += proxy_header;
        self.other += other;
    }
}
