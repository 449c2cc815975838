//! The programs that are started, built before.

use std::collections::HashMap;
use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;
use spoa_integration::Failure;

use crate::server::Server;

const LOAD: &str = "spoa-load";
const PACKAGES: [&str; 2] = [env!("CARGO_PKG_NAME"), LOAD];

/// Where cargo has put the programs.
#[derive(Debug)]
pub(crate) struct Programs(HashMap<String, PathBuf>);

/// What cargo says of something that it has built.
#[derive(Deserialize)]
struct Artifact {
    target: Target,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

impl Programs {
    /// Builds all of them, with optimizations; what is fresh is not built again.
    ///
    /// # Errors
    /// One does not compile: cargo has said why.
    pub(crate) fn build() -> Result<Self, Failure> {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.current_dir(env!("CARGO_MANIFEST_DIR")).args(["build", "--release", "--quiet"]);
        command.arg("--message-format=json-render-diagnostics");
        for package in PACKAGES {
            command.args(["--package", package]);
        }
        let output = command
            .stderr(Stdio::inherit())
            .output()
            .map_err(Failure::during("cannot run cargo; name it in CARGO"))?;
        if !output.status.success() {
            return Err(Failure::new("the programs do not build; cargo has said why"));
        }
        Ok(Self::said(&String::from_utf8_lossy(&output.stdout)))
    }

    fn said(lines: &str) -> Self {
        let artifacts =
            lines.lines().filter_map(|line| serde_json::from_str::<Artifact>(line).ok());
        let programs = artifacts.filter_map(|built| Some((built.target.name, built.executable?)));
        Self(programs.collect())
    }

    pub(crate) fn of(&self, server: Server) -> Result<&Path, Failure> {
        self.named(server.program())
    }

    pub(crate) fn load(&self) -> Result<&Path, Failure> {
        self.named(LOAD)
    }

    fn named(&self, name: &str) -> Result<&Path, Failure> {
        let path = self.0.get(name).map(PathBuf::as_path);
        path.ok_or_else(|| Failure::new(format!("cargo has built no program named {name}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cargo_has_built_is_found_by_name() {
        let programs = Programs::said(
            "{\"reason\":\"compiler-artifact\",\"target\":{\"name\":\"serde\"},\"executable\":null}\n\
             {\"reason\":\"compiler-artifact\",\"target\":{\"name\":\"floor\"},\"executable\":\"/a/floor\"}\n\
             {\"reason\":\"build-finished\",\"success\":true}\n",
        );
        assert_eq!(programs.of(Server::Floor).unwrap(), Path::new("/a/floor"));
        assert!(programs.load().unwrap_err().to_string().contains("spoa-load"));
    }
}
