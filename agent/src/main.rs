//! `spoa-agent`: the agent with the handlers that come with it, which are samples.

mod handlers;

use std::process::ExitCode;

use spoa_agent::App;

fn main() -> ExitCode {
    App::new("spoa-agent")
        .version(env!("CARGO_PKG_VERSION"))
        .example("check-client-ip ip=127.0.0.1")
        .sample(handlers::registry())
        .run()
}
