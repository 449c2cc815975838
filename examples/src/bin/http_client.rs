//! A client of another service, which checks a token, within the time that HAProxy waits.
//!
//! HAProxy also plays the service here: a frontend on port 8000 knows one token.
//!
//! ```text
//! cargo run -p spoa-examples --bin http_client -- --service http://127.0.0.1:8000/ &
//! haproxy -f examples/haproxy/http_client.cfg &
//! curl -i -H 'x-token: secret' 127.0.0.1:8080      200
//! curl -i -H 'x-token: guess' 127.0.0.1:8080       403
//! ```
//!
//! It fails closed: if the service is late or unavailable, HAProxy denies.

use std::{process::ExitCode, time::Duration};

use reqwest::{Client, StatusCode, Url};
use serde::Deserialize;
use spoa_actors::{Actions, BoxError, Deadline, Registry, Route, State, Var};
use spoa_agent::App;
use tokio_rustls::rustls::crypto::ring;

const ALLOWED: Var = Var::transaction("allowed");

#[derive(clap::Args)]
struct Own {
    /// The URL of the service that knows the tokens
    #[arg(long, value_name = "URL")]
    service: Url,
}

#[derive(Deserialize)]
struct Token {
    token: String,
}

async fn check(
    Token { token }: Token,
    State(http): State<Client>,
    State(service): State<Url>,
    deadline: Deadline,
) -> Result<Actions, BoxError> {
    // A little before the deadline, so that the log has the client's error.
    let patience = deadline.remaining().mul_f64(0.9);
    let response = http.get(service).bearer_auth(token).timeout(patience).send().await?;
    let allowed = match response.status() {
        StatusCode::OK => true,
        StatusCode::UNAUTHORIZED => false,
        other => return Err(format!("the service answered {other}").into()),
    };
    Ok(Actions::new().set(ALLOWED, allowed))
}

fn registry(own: Own) -> Result<Registry, reqwest::Error> {
    let http = Client::builder().no_proxy().build()?;
    let check = Route::new(check)
        .fallback(Actions::new().set(ALLOWED, false))
        .deadline(Duration::from_millis(500));
    Ok(Registry::new().state(http).state(own.service).on("check-token", check))
}

fn main() -> ExitCode {
    // The workspace's reqwest comes without one; with its default features this is not needed.
    let _ = ring::default_provider().install_default();
    App::new("http_client")
        .about("Asks a service whether a token is known")
        .example("check-token token=secret")
        .options(registry)
        .run()
}
