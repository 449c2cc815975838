//! Wrong traffic: what connections began with where another protocol is due.

use crate::spop::Foreign;

/// What connections began with where another protocol is due.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct WrongTraffic {
    /// HTTP.
    pub http: u64,
    /// TLS where none is configured, or where a PROXY header is due.
    pub tls: u64,
    /// A PROXY header where none is configured.
    pub proxy_header: u64,
    /// Something else, most likely plain SPOP, where a PROXY header or TLS is due.
    pub other: u64,
}

impl WrongTraffic {
    pub(crate) fn count(&mut self, found: Option<Foreign>) {
        *match found {
            Some(Foreign::Http) => &mut self.http,
            Some(Foreign::Tls) => &mut self.tls,
            Some(Foreign::ProxyHeader) => &mut self.proxy_header,
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
