//! `healthcheck`: does what `option spop-check` does, and prints the verdict.

use std::{
    fmt::{self, Display},
    io::{self, Write},
    os::unix::ffi::OsStrExt,
};

use spoa_actors::{ForeignText, client::Connection};
use thiserror::Error;
use tokio::time::Instant;

use crate::{
    announcement::reachable,
    ask::{ask_error::AskError, endpoint_options::EndpointOptions},
    cli::HealthcheckOptions,
    discovery::{self, Found, Listening, Place},
    failure::Failure,
};

/// Why an agent is not known to be healthy.
#[derive(Debug, Error)]
pub(crate) enum HealthcheckError {
    #[error(transparent)]
    NotHealthy(#[from] AskError),
    #[error("no agent of this user was found, and nothing answers at the default address: {0}")]
    NotFound(AskError),
    #[error("several agents run here: {0}; name one with --addr or --unix")]
    Several(String),
}

impl From<HealthcheckError> for Failure {
    fn from(error: HealthcheckError) -> Self {
        match error {
            HealthcheckError::Several(_) => Self::Usage(error.into()),
            HealthcheckError::NotHealthy(_) | HealthcheckError::NotFound(_) => {
                Self::NotHealthy(error.into())
            }
        }
    }
}

/// Asks the endpoint that is named, or all listeners of the one agent that runs here.
pub(crate) async fn healthcheck(options: HealthcheckOptions) -> Result<(), HealthcheckError> {
    if options.endpoint.is_named() {
        let verdict = ask(&options.endpoint, &options, Instant::now()).await?;
        options.say(&verdict);
        return Ok(());
    }
    let agents = discovery::find();
    match &*agents {
        [] => {
            let asked = ask(&options.endpoint, &options, Instant::now()).await;
            options.say(&asked.map_err(HealthcheckError::NotFound)?);
            Ok(())
        }
        [agent] => Ok(ask_all(agent, &options).await?),
        several => {
            let places: Vec<_> = several.iter().map(Found::to_string).collect();
            Err(HealthcheckError::Several(places.join(", ")))
        }
    }
}

async fn ask_all(agent: &Found, options: &HealthcheckOptions) -> Result<(), AskError> {
    let begun = Instant::now();
    for listening in &agent.presence.listeners {
        let endpoint = listening.endpoint(&options.endpoint);
        match ask(&endpoint, options, begun).await {
            Ok(verdict) => options.say(&format_args!("{}, {verdict}", endpoint.endpoint())),
            Err(error) if listening.client_certificate && error.is_certificate_required() => {
                options.say(&format_args!(
                    "{}, TLS alone: it asks for a client certificate; for SPOP, give one with \
                     --tls-ca, --tls-cert and --tls-key",
                    endpoint.endpoint()
                ));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Says HELLO with `healthcheck`; what is no error is healthy.
async fn ask(
    endpoint: &EndpointOptions,
    options: &HealthcheckOptions,
    begun: Instant,
) -> Result<String, AskError> {
    let left = options.timeout.saturating_sub(begun.elapsed());
    let hello =
        endpoint.converse(left, Connection::healthcheck).await.map_err(|error| match error {
            AskError::Late { endpoint, .. } => AskError::Late { endpoint, limit: options.timeout },
            error => error,
        })?;
    let version = ForeignText::new(&hello.version);
    Ok(format!("SPOP {version}, max-frame-size {}", hello.max_frame_size))
}

impl HealthcheckOptions {
    fn say(&self, verdict: &dyn Display) {
        if !self.quiet {
            // The exit code has the result, even if stdout is closed.
            let _ = writeln!(io::stdout(), "healthy: {verdict}");
        }
    }
}

impl Listening {
    /// How it is reached from here.
    fn endpoint(&self, options: &EndpointOptions) -> EndpointOptions {
        let endpoint = match &self.place {
            Place::Tcp(address) => options.at_address(reachable(*address), self.tls),
            Place::Unix(path) => options.at_path(path),
        };
        if self.proxy_protocol { endpoint.with_proxy_header() } else { endpoint }
    }
}

impl Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {}", self.pid)?;
        for (number, Listening { place, .. }) in self.presence.listeners.iter().enumerate() {
            f.write_str(if number == 0 { " at " } else { " and " })?;
            match place {
                Place::Tcp(address) => write!(f, "{}", reachable(*address))?,
                Place::Unix(path) => {
                    let path = path.as_os_str().as_bytes();
                    write!(f, "unix {}", ForeignText::new(path))?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::json;

    use super::*;
    use crate::discovery::Presence;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        endpoint: EndpointOptions,
    }

    #[test]
    fn what_another_process_claims_to_be_is_shown_escaped() {
        let hostile = json!({ "listeners": [{
            "place": { "unix": "/\u{1b}[2J\nhealthy" },
            "proxy_protocol": false, "tls": false, "client_certificate": false,
        }] });
        let presence: Presence = serde_json::from_value(hostile).unwrap();
        let endpoint = Cli::parse_from(["healthcheck"]).endpoint;
        let asked = presence.listeners[0].endpoint(&endpoint).endpoint().to_string();
        assert_eq!(asked, r"unix /\u{1b}[2J\nhealthy");
        let found = Found { pid: 7, presence }.to_string();
        assert_eq!(found, r"process 7 at unix /\u{1b}[2J\nhealthy");
    }
}
