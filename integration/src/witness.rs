//! Programs that others have written, which tell whether the agent's telemetry is right.

use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::Failure;
use crate::version::run;

/// Where a program comes from; `integration/witnesses/get` keeps them under `target/witnesses`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Witness {
    /// A receiver of OTLP.
    Rotel,
    /// A scraper, and `promtool`.
    Prometheus,
    /// A browser, and `chromedriver`.
    Chromium,
    /// A wall clock that is wrong.
    Faketime,
}

impl Witness {
    fn name(self) -> &'static str {
        match self {
            Self::Rotel => "rotel",
            Self::Prometheus => "prometheus",
            Self::Chromium => "chromium",
            Self::Faketime => "faketime",
        }
    }

    /// Fetches it if it is not there yet, and tells where its `program` is.
    pub(crate) async fn program(self, program: &str) -> Result<PathBuf, Failure> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let cache = here.join("../target/witnesses").join(self.name());
        run(Command::new(here.join("witnesses/get")).arg(self.name()).arg(&cache)).await?;
        Ok(cache.join(program))
    }
}
