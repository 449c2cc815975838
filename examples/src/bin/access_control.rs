//! Access control: the agent decides by path and client, and HAProxy denies with 403.
//!
//! It fails closed twice: the fallback denies, and HAProxy denies if there is no answer at all. The
//! handler never waits, so its path borrows from the frame. Run it with
//! `cargo run -p spoa-examples --bin access_control` and put HAProxy in front of it,
//! `haproxy -f examples/haproxy/access_control.cfg`; then
//!
//! ```text
//! curl -i 127.0.0.1:8080/public/logo                             200, for everybody
//! curl -i 127.0.0.1:8080/admin                                   200, from 127.0.0.1
//! curl -i --interface 127.0.0.2 127.0.0.1:8080/admin             403, from anywhere else
//! ```
//!
//! Stop the agent, and every request gets 403.
//!
//! The trusted clients follow the agent's address: `-- 127.0.0.1:12345 192.0.2.7 192.0.2.8`
//! [default: 127.0.0.1]. HAProxy's `src` must be the client. Behind a TLS terminator or another
//! proxy on the same host, every client would come from 127.0.0.1, and be trusted. Let that proxy
//! use the PROXY protocol, and add `accept-proxy` to HAProxy's `bind`. Then only that proxy must
//! reach the port, because a PROXY header can name any client.

use std::{
    env,
    net::{IpAddr, Ipv4Addr},
};

use serde::Deserialize;
use spoa_actors::{Actions, Agent, BoxError, Origin, ReadyHandler, Registry, Route, Var};

const ACCESS_ALLOWED: Var = Var::transaction("access_allowed");

/// Who is trusted if nobody is named.
const TRUSTED: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

#[derive(Deserialize)]
struct Request<'a> {
    ip: IpAddr,
    #[serde(borrow)]
    path: &'a str,
}

struct AccessControl {
    /// Who may see everything.
    trusted: Vec<IpAddr>,
}

impl ReadyHandler for AccessControl {
    type Args<'a> = Request<'a>;

    fn handle(&self, request: Request<'_>, _: &Origin) -> Result<Actions, BoxError> {
        // Behind a dual-stack bind an IPv4 client comes as `::ffff:192.0.2.1`: it is the same address.
        let is_trusted = self.trusted.contains(&request.ip.to_canonical());
        Ok(verdict(is_trusted || is_public(request.path)))
    }
}

/// What is not known to be public is not: a server may read `..` and `%2e` as a way out.
fn is_public(path: &str) -> bool {
    let is_plain = !path.contains("..") && !path.contains("//") && !path.contains('%');
    is_plain && (path == "/" || path.starts_with("/public/"))
}

fn verdict(access_allowed: bool) -> Actions {
    Actions::new().set(ACCESS_ALLOWED, access_allowed)
}

/// Closed: without an answer, nobody may.
fn registry(trusted: Vec<IpAddr>) -> Registry {
    let handler = move || AccessControl { trusted: trusted.clone() };
    let route = Route::ready(handler).fallback(verdict(false));
    Registry::new().on("check-access", route)
}

#[actix_rt::main]
async fn main() -> Result<(), BoxError> {
    let mut arguments = env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:12345".to_owned());
    let parse = |ip: String| match ip.parse::<IpAddr>() {
        Ok(ip) => Ok(ip.to_canonical()),
        Err(error) => Err(format!("{ip}: {error}")),
    };
    let mut trusted = arguments.map(parse).collect::<Result<Vec<_>, _>>()?;
    if trusted.is_empty() {
        trusted.push(TRUSTED);
    }
    Ok(Agent::bind(address)?.serve(registry(trusted)).await?)
}

#[cfg(test)]
mod tests {
    use spoa_actors::{
        Message,
        testing::{ClientError, FakeHaproxy},
    };

    use super::{TRUSTED, is_public, registry};

    #[test]
    fn a_way_out_of_the_public_folder_is_not_public() {
        assert!(is_public("/") && is_public("/public/a/b"));
        for path in ["/public", "/admin", "/public/../admin", "/public/%2e%2e/admin", "//public/"] {
            assert!(!is_public(path), "{path}");
        }
    }

    #[actix_rt::test]
    async fn a_message_without_its_arguments_is_denied() -> Result<(), ClientError> {
        let mut haproxy = FakeHaproxy::start(registry(vec![TRUSTED])).await?;
        let actions = haproxy.notify(Message::new("check-access").arg("path", "/")).await?;
        assert_eq!(actions.to_string(), "set-var txn.access_allowed false");
        Ok(())
    }
}
