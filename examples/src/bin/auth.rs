//! Who is it? A signed session cookie is checked here; HAProxy sends whoever has none to the login.
//!
//! This is the half of an OIDC login that every request needs. The other half, the login itself, is a
//! web application at `/login`: it speaks OIDC with the provider and then sets the cookie
//! `session=USER.EXPIRES.SIGNATURE`. EXPIRES is in seconds since 1970, SIGNATURE is the HMAC-SHA256 of
//! `USER.EXPIRES` in hexadecimal, with a key of 32 bytes or more that both know. Run it, put HAProxy
//! in front of it, and be the login yourself:
//!
//! ```text
//! export SESSION_KEY=$(openssl rand -hex 32)
//! cargo run -p spoa-examples --bin auth
//! haproxy -f examples/haproxy/auth.cfg
//! curl -i 127.0.0.1:8080/shop                             302 to /login?next=%2Fshop
//! claim=ann.$(($(date +%s) + 3600))
//! signature=$(printf %s $claim | openssl dgst -sha256 -hmac $SESSION_KEY -r | cut -d' ' -f1)
//! curl -i -b session=$claim.$signature 127.0.0.1:8080/shop      200, x-user: ann
//! ```

use std::{
    env,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha2::Sha256;
use spoa_actors::{Actions, Agent, BoxError, Origin, ReadyHandler, Registry, Route, Scope};

/// A shorter key could be guessed.
const SHORTEST_KEY: usize = 32;

#[derive(Deserialize)]
struct Cookies<'a> {
    #[serde(borrow)]
    session: Option<&'a str>,
}

/// The key, ready for use.
#[derive(Clone)]
struct Sessions(Hmac<Sha256>);

impl Sessions {
    fn new(key: &[u8]) -> Result<Self, BoxError> {
        if key.len() < SHORTEST_KEY {
            return Err("SESSION_KEY is shorter than 32 bytes; try: openssl rand -hex 32".into());
        }
        Ok(Self(Hmac::new_from_slice(key)?))
    }

    /// The user of a session that is signed and has not expired.
    fn user<'a>(&self, session: &'a str, now: SystemTime) -> Option<&'a str> {
        let (claim, signature) = session.rsplit_once('.')?;
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

    /// Says who it is, or nothing.
    fn handle(&self, cookies: Cookies<'_>, _: &Origin) -> Result<Actions, BoxError> {
        match cookies.session.and_then(|session| self.user(session, SystemTime::now())) {
            Some(user) => Ok(Actions::none().set_var(Scope::Transaction, "user", user)?),
            None => Ok(Actions::none()),
        }
    }
}

#[actix_rt::main]
async fn main() -> Result<(), BoxError> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:12345".to_owned());
    let key = env::var("SESSION_KEY").map_err(|error| format!("SESSION_KEY: {error}"))?;
    let sessions = Sessions::new(key.as_bytes())?;
    let route = Route::ready(move || sessions.clone());
    Ok(Agent::bind(address)?.serve(Registry::new().on("check-session", route)).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of `printf %s ann.1000 | openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef`.
    const SIGNATURE: &str = "42b3979e7982b76c6ba95aea38dd07935347fedf2a5dfb16196fb4ebc1725a52";

    #[test]
    fn only_a_signed_session_that_has_not_expired_has_a_user() {
        let sessions = Sessions::new(b"0123456789abcdef0123456789abcdef").unwrap();
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        let session = format!("ann.1000.{SIGNATURE}");
        assert_eq!(sessions.user(&session, at(999)), Some("ann"));
        assert_eq!(sessions.user(&session, at(1000)), None, "expired");
        for wrong in [
            format!("bob.1000.{SIGNATURE}"),
            format!("ann.9999.{SIGNATURE}"),
            format!("ann.1000.{}", &SIGNATURE[2..]),
            format!("ann.1000.00{}", &SIGNATURE[2..]),
            "ann.1000.".to_owned(),
            "ann".to_owned(),
        ] {
            assert_eq!(sessions.user(&wrong, at(999)), None, "{wrong}");
        }
        assert!(Sessions::new(b"short").is_err());
    }
}
