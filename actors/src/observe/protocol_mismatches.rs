//! Protocol mismatches: what connections began with instead of the expected protocol.

use crate::spop::ForeignProtocol;

/// Connections that began with an unexpected protocol, by what it was.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct ProtocolMismatches {
    /// HTTP.
    pub http: u64,
    /// TLS where none is configured, or where a PROXY header is expected.
    pub tls: u64,
    /// A PROXY header where none is configured.
    pub proxy_header: u64,
    /// Something else, most likely plain SPOP, where a PROXY header or TLS is expected.
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
