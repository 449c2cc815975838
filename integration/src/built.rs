//! Programs of this workspace, as the tests find them: built from the sources that are there now.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use tokio::process::Command;
use tokio::sync::Mutex;

use crate::Failure;
use crate::version::run;

/// What the programs are made of.
const SOURCES: [&str; 5] =
    ["actors/src", "agent/src", "agent/handlers/src", "examples/src", "Cargo.lock"];

/// Finds a program beside the test that runs, where `cargo test --workspace` has built it; builds it
/// if it is not there, or older than a source.
///
/// # Errors
/// It does not build; with cargo's words.
pub async fn built(package: &str, program: &str) -> Result<PathBuf, Failure> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());
    let _alone = ONE_AT_A_TIME.lock().await;
    let test = std::env::current_exe().map_err(Failure::during("this test has no path"))?;
    let profile =
        test.ancestors().find(|path| path.join("deps").is_dir() && path.join("build").is_dir());
    let profile =
        profile.ok_or_else(|| Failure::new("this test is in no target folder of cargo"))?;
    let path = profile.join(program);
    if !is_fresh(&path) {
        let is_release = profile.ends_with("release");
        build(package, program, is_release).await?;
    }
    Ok(path)
}

async fn build(package: &str, program: &str, is_release: bool) -> Result<(), Failure> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(["build", "--quiet"]);
    command.args(["--package", package, "--bin", program]);
    outside_of_cargo(&mut command);
    if is_release {
        command.arg("--release");
    }
    run(&mut command).await.map(|_| ())
}

/// Takes from a command what cargo has told this test about its package: build scripts of dependencies that look
/// at these variables would run again, and all that depends on them would be built again.
fn outside_of_cargo(command: &mut Command) {
    for (name, _) in std::env::vars() {
        if ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|prefix| name.starts_with(prefix)) {
            command.env_remove(name);
        }
    }
}

fn is_fresh(program: &Path) -> bool {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let Some(built) = modified(program) else { return false };
    SOURCES
        .iter()
        .all(|source| newest(&workspace.join(source)).is_none_or(|change| change <= built))
}

/// When anything in this file or folder has changed last.
fn newest(path: &Path) -> Option<SystemTime> {
    if !path.is_dir() {
        return modified(path);
    }
    let entries = fs::read_dir(path).ok()?;
    entries.filter_map(|entry| newest(&entry.ok()?.path())).max()
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).ok()?.modified().ok()
}
