//! The programs that are started, built before.

use std::collections::HashMap;
use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;
use spoa_integration::Failure;

use crate::server::Server;

/// The package of the load tool, and its program: it is a command of the agent.
const LOAD: &str = "spoa-agent";

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
    /// Builds the load tool and these servers, with optimizations; what is fresh is not built again.
    ///
    /// # Errors
    /// One does not compile: cargo has said why.
    pub(crate) fn build(servers: &[Server]) -> Result<Self, Failure> {
        let mut names: Vec<&str> = servers.iter().map(|server| server.program()).collect();
        names.sort_unstable();
        names.dedup();
        // Each for itself: together they would share features of their dependencies.
        let mut programs = build(env!("CARGO_PKG_NAME"), &names)?;
        programs.extend(build(LOAD, &[LOAD])?);
        Ok(Self(programs))
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

fn build(package: &str, programs: &[&str]) -> Result<HashMap<String, PathBuf>, Failure> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(["build", "--release", "--quiet"]);
    command.args(["--message-format=json-render-diagnostics", "--package", package]);
    for program in programs {
        command.args(["--bin", program]);
    }
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(Failure::during("cannot run cargo; name it in CARGO"))?;
    if !output.status.success() {
        return Err(Failure::new(format!("{package} does not build; cargo has said why")));
    }
    Ok(executables(&String::from_utf8_lossy(&output.stdout)))
}

/// What cargo says that it has built, by name.
fn executables(messages: &str) -> HashMap<String, PathBuf> {
    let artifacts = messages.lines().filter_map(|line| serde_json::from_str::<Artifact>(line).ok());
    artifacts.filter_map(|built| Some((built.target.name, built.executable?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cargo_has_built_is_found_by_name() {
        let programs = Programs(executables(
            "{\"reason\":\"compiler-artifact\",\"target\":{\"name\":\"serde\"},\"executable\":null}\n\
             {\"reason\":\"compiler-artifact\",\"target\":{\"name\":\"floor\"},\"executable\":\"/a/floor\"}\n\
             {\"reason\":\"build-finished\",\"success\":true}\n",
        ));
        assert_eq!(programs.of(Server::Floor).unwrap(), Path::new("/a/floor"));
        assert!(programs.load().unwrap_err().to_string().contains("spoa-agent"));
    }
}
