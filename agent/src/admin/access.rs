//! Access: requests need a known host, which keeps other web pages out, and the token if one is set.

use std::{io, net::IpAddr, os::unix::fs::PermissionsExt, path::Path};

use spoa_actors::regular_file;
use subtle::ConstantTimeEq;
use thiserror::Error;

use crate::{
    admin::{
        request::Request,
        response::{Response, Status},
    },
    telemetry::admin_counters::Outcome,
};

/// What probes ask, which know neither a name nor a token.
const FOR_PROBES: [&str; 2] = ["/healthz", "/readyz"];
/// What tells of the agent. All else are the files of the page, which are the same everywhere.
const FOR_OPERATORS: [&str; 3] = ["/metrics", "/status.json", "/log-filter"];

const SHORTEST_TOKEN: usize = 16;
const LONGEST_TOKEN: u64 = 4096;

/// Who may look.
#[derive(Debug)]
pub(super) struct Access {
    /// Names of this host, in lower case; nothing if any will do.
    hosts: Option<Vec<String>>,
    token: Option<Token>,
}

/// What a client has to know.
pub(super) struct Token(Vec<u8>);

/// Why a token cannot be used.
#[derive(Debug, Error)]
pub(crate) enum TokenError {
    #[error("{0}; name a file that this user can read with --admin-token-file")]
    Read(io::Error),
    #[error(
        "it must have one line of {SHORTEST_TOKEN} to {LONGEST_TOKEN} printable characters without \
         spaces; make it with `openssl rand -hex 32`"
    )]
    Malformed,
}

impl Access {
    /// On TCP: an address, `localhost` and these names are known.
    pub(super) fn over_tcp(hosts: impl IntoIterator<Item = String>, token: Option<Token>) -> Self {
        let hosts = hosts.into_iter().map(|host| without_dot(&host).to_ascii_lowercase());
        Self { hosts: Some(hosts.chain(["localhost".to_owned()]).collect()), token }
    }

    /// On a UNIX socket, which no browser reaches.
    pub(super) fn over_unix(token: Option<Token>) -> Self {
        Self { hosts: None, token }
    }

    /// Whether a request is answered; if not, why, and what it gets.
    pub(super) fn judge(&self, request: &Request) -> Result<(), (Outcome, Response)> {
        let path = &*request.path;
        if FOR_PROBES.contains(&path) {
            return Ok(());
        }
        if !request.hosts.iter().all(|host| self.knows(host)) {
            let text = "this host is not known here, so that no page elsewhere can look: ask for an IP address or \
                localhost, or name the host with --admin-host";
            return Err((Outcome::Misdirected, Response::line(Status::MISDIRECTED, text)));
        }
        let is_secret = FOR_OPERATORS.contains(&path);
        match &self.token {
            Some(token) if is_secret && !token.is_in(request.authorization.as_deref()) => {
                let text = "this path needs the token of --admin-token-file: send `Authorization: Bearer TOKEN`";
                let response = Response::line(Status::UNAUTHORIZED, text);
                Err((Outcome::Unauthorized, response.with("www-authenticate", "Bearer")))
            }
            _ => Ok(()),
        }
    }

    /// Whether a Host, with or without a port, is one of this machine. A page that has made a name of its
    /// own point here has that name in it.
    fn knows(&self, host: &str) -> bool {
        let Some(known) = &self.hosts else { return true };
        let host = host.trim();
        let name = match host.rsplit_once(':') {
            // Within an IPv6 address there are more.
            Some((name, port)) if !port.contains(']') && port.parse::<u16>().is_ok() => name,
            _ => host,
        };
        let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
        let name = without_dot(bare).to_ascii_lowercase();
        bare.parse::<IpAddr>().is_ok() || known.contains(&name)
    }
}

/// A name is the same with the dot of the root behind it.
fn without_dot(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

impl Token {
    /// Reads it, and tells whether others can, too.
    pub(super) fn read(path: &Path) -> Result<(Self, bool), TokenError> {
        let read = regular_file::read(path, LONGEST_TOKEN);
        let (bytes, metadata) = read.map_err(|error| match error.kind() {
            io::ErrorKind::FileTooLarge => TokenError::Malformed,
            _ => TokenError::Read(error),
        })?;
        let is_open = metadata.permissions().mode() & 0o004 != 0;
        Ok((Self::of(&bytes)?, is_open))
    }

    /// Takes it, with or without a line feed behind it.
    pub(super) fn of(bytes: &[u8]) -> Result<Self, TokenError> {
        let token = bytes.trim_ascii();
        let has_length = (SHORTEST_TOKEN..=LONGEST_TOKEN as usize).contains(&token.len());
        let is_sound = has_length && token.iter().all(u8::is_ascii_graphic);
        if is_sound { Ok(Self(token.to_owned())) } else { Err(TokenError::Malformed) }
    }

    fn is_in(&self, authorization: Option<&[u8]>) -> bool {
        let Some((scheme, given)) = authorization.and_then(|value| value.split_at_checked(7))
        else {
            return false;
        };
        scheme.eq_ignore_ascii_case(b"bearer ") && self.0.ct_eq(given.trim_ascii()).into()
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &[u8] = b"0123456789abcdef";

    fn judged(access: &Access, path: &str, host: &str, authorization: Option<&[u8]>) -> u16 {
        let request = Request {
            path: path.to_owned(),
            hosts: vec![host.to_owned()],
            authorization: authorization.map(<[u8]>::to_vec),
            ..Request::default()
        };
        access.judge(&request).map_or_else(|(_, response)| response.status.0, |()| 200)
    }

    #[test]
    fn a_page_that_points_its_own_name_here_sees_nothing() {
        let names = ["Agent-1.Example.org", "agent-2.example.org."].map(str::to_owned);
        let access = Access::over_tcp(names, None);
        for host in [
            "127.0.0.1:9901",
            "192.0.2.1",
            "[::1]:9901",
            "[::1]",
            "localhost:9901",
            "LOCALHOST",
            "agent-1.example.org.:80",
            "agent-2.example.org:80",
        ] {
            assert_eq!(judged(&access, "/status.json", host, None), 200, "{host}");
        }
        for host in
            ["evil.example", "evil.example:9901", "127.0.0.1.evil.example", "", "[evil]", "::1:x"]
        {
            assert_eq!(judged(&access, "/status.json", host, None), 421, "{host}");
            assert_eq!(judged(&access, "/", host, None), 421, "{host}");
            assert_eq!(judged(&access, "/healthz", host, None), 200, "{host}");
        }
        assert_eq!(judged(&Access::over_unix(None), "/metrics", "evil.example", None), 200);
        let two = Request { hosts: vec!["::1".into(), "evil".into()], ..Request::default() };
        assert!(access.judge(&two).is_err());
        assert!(access.judge(&Request::default()).is_ok(), "a probe of HTTP/1.0 names no host");
    }

    #[test]
    fn what_tells_of_the_agent_needs_the_token_and_probes_do_not() {
        let access = Access::over_unix(Some(Token(TOKEN.to_vec())));
        for path in FOR_OPERATORS {
            for (given, status) in [
                (None, 401),
                (Some(&b"Bearer"[..]), 401),
                (Some(b"Bearer 0123456789abcdeF"), 401),
                (Some(b"Bearer 0123456789abcdef0"), 401),
                (Some(b"Basic 0123456789abcdef"), 401),
                (Some(b"bearer 0123456789abcdef"), 200),
            ] {
                assert_eq!(judged(&access, path, "a", given), status, "{path} {given:?}");
            }
        }
        for path in ["/", "/page.js", "/healthz", "/readyz"] {
            assert_eq!(judged(&access, path, "a", None), 200, "{path}");
        }
    }
}
