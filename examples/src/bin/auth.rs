//! Authentication: checks a signed session cookie. HAProxy redirects clients without one to the
//! login.
//!
//! This is the half of an OIDC login that every request needs. The other half, the login itself, is
//! a web application at `/login`: it does OIDC with the provider, and then sets the cookie
//! `session=USER.EXPIRES.SIGNATURE`. EXPIRES is in seconds since 1970. SIGNATURE is the HMAC-SHA256
//! of `USER.EXPIRES` in hexadecimal, with a shared key of 32 bytes or more. Run it, put HAProxy in
//! front of it, and play the login yourself:
//!
//! ```text
//! export SESSION_KEY=$(openssl rand -hex 32)
//! cargo run -p spoa-examples --bin auth &
//! haproxy -f examples/haproxy/auth.cfg &
//! curl -i 127.0.0.1:8080/shop                                  # 302 to /login?next=%2Fshop
//! claim=ann.$(($(date +%s) + 3600))
//! signature=$(printf %s "$claim" | openssl dgst -sha256 -hmac "${SESSION_KEY:?}" -r | cut -d' ' -f1)
//! curl -i -b "session=$claim.$signature" 127.0.0.1:8080/shop   # 200, x-user: ann
//! ```
//!
//! `ps` shows the key while openssl runs; a real login signs in its own process. Until the agent is
//! built, and after it has stopped, the shop gets 503, because no one can check the cookie; the
//! login stays open. Rules for the login:
//!
//! - The cookie is `HttpOnly; Secure; SameSite=Lax`: scripts cannot read it, and it is never sent
//!   in clear.
//! - A stolen cookie is valid until EXPIRES, and cannot be revoked: keep that time short.
//! - Set a new key in the agent and the login at once. It ends all sessions.
//! - A client can put anything into `next`. It is a path of this site only if it begins with
//!   exactly one `/`, and has no `\` and no control character.

use std::{
    env,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha2::Sha256;
use spoa_actors::{Actions, Agent, BoxError, Origin, ReadyHandler, Registry, Route, Var};

const USER: Var = Var::transaction("user");
const SIGNED_IN: Var = Var::transaction("signed_in");

/// A shorter key could be guessed.
const SHORTEST_KEY: usize = 32;

#[derive(Deserialize)]
struct Cookies<'a> {
    /// Bytes, since a client may send any.
    #[serde(borrow)]
    session: Option<&'a [u8]>,
}

/// The key, ready for use.
#[derive(Clone)]
struct Sessions(Hmac<Sha256>);

impl Sessions {
    fn new(key: &[u8]) -> Result<Self, BoxError> {
        if key.len() < SHORTEST_KEY {
            let hint = "try: export SESSION_KEY=$(openssl rand -hex 32)";
            return Err(format!("SESSION_KEY has less than {SHORTEST_KEY} bytes; {hint}").into());
        }
        Ok(Self(Hmac::new_from_slice(key)?))
    }

    /// The user of a session that is signed and has not expired.
    fn user<'a>(&self, session: &'a [u8], now: SystemTime) -> Option<&'a str> {
        let (claim, signature) = str::from_utf8(session).ok()?.rsplit_once('.')?;
        let mut expected = self.0.clone();
        expected.update(claim.as_bytes());
        // In constant time: how long it takes tells nothing of the signature.
        expected.verify_slice(&hex::decode(signature).ok()?).ok()?;
        let (user, expires) = claim.rsplit_once('.')?;
        let expires = UNIX_EPOCH.checked_add(Duration::from_secs(expires.parse().ok()?))?;
        (now < expires).then_some(user)
    }
}

impl ReadyHandler for Sessions {
    type Args<'a> = Cookies<'a>;

    /// Says in any case whether somebody is signed in: HAProxy takes silence for a fault, not for a no.
    fn handle(&self, cookies: Cookies<'_>, _: &Origin) -> Result<Actions, BoxError> {
        let user = cookies.session.and_then(|session| self.user(session, SystemTime::now()));
        let actions = match user {
            Some(user) => Actions::new().set(USER, user),
            None => Actions::new(),
        };
        Ok(actions.set(SIGNED_IN, user.is_some()))
    }
}

/// Without a fallback: an agent that cannot answer must not send its users to log in again.
fn registry(sessions: Sessions) -> Registry {
    Registry::new().on("check-session", Route::ready(move || sessions.clone()))
}

#[actix_rt::main]
async fn main() -> Result<(), BoxError> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:12345".to_owned());
    let key = env::var_os("SESSION_KEY").unwrap_or_default();
    let sessions = Sessions::new(key.as_encoded_bytes())?;
    Ok(Agent::bind(address)?.serve(registry(sessions)).await?)
}

#[cfg(test)]
mod tests {
    use spoa_actors::{
        Message,
        testing::{ClientError, FakeHaproxy},
    };

    use super::*;

    const KEY: &[u8] = b"0123456789abcdef0123456789abcdef";
    /// Of `printf %s ann.1000 | openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef`.
    const SIGNATURE: &str = "42b3979e7982b76c6ba95aea38dd07935347fedf2a5dfb16196fb4ebc1725a52";

    #[test]
    fn only_a_signed_session_that_has_not_expired_has_a_user() {
        let sessions = Sessions::new(KEY).unwrap();
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        let session = format!("ann.1000.{SIGNATURE}");
        assert_eq!(sessions.user(session.as_bytes(), at(999)), Some("ann"));
        assert_eq!(sessions.user(session.as_bytes(), at(1000)), None, "expired");
        for wrong in [
            format!("bob.1000.{SIGNATURE}"),
            format!("ann.9999.{SIGNATURE}"),
            format!("ann.1000.{}", &SIGNATURE[2..]),
            format!("ann.1000.00{}", &SIGNATURE[2..]),
            "ann.1000.".to_owned(),
            "ann".to_owned(),
            String::new(),
        ] {
            assert_eq!(sessions.user(wrong.as_bytes(), at(999)), None, "{wrong}");
        }
        assert_eq!(sessions.user(b"ann.1000.\xff", at(999)), None, "not UTF-8");
        assert!(Sessions::new(b"short").is_err());
    }

    #[actix_rt::test]
    async fn a_session_is_valid_or_not_and_a_fault_is_neither() -> Result<(), ClientError> {
        let mut haproxy = FakeHaproxy::start(registry(Sessions::new(KEY).unwrap())).await?;
        let check = || Message::new("check-session");
        assert_eq!(haproxy.notify(check()).await?.to_string(), "set-var txn.signed_in false");
        let actions = haproxy.notify(check().arg("session", 1)).await?;
        assert!(actions.is_empty(), "{actions}");
        Ok(())
    }
}
