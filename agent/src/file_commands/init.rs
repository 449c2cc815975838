//! `init`: writes a commented file to start with, for one purpose.

use std::{
    fs::OpenOptions,
    io::{self, Write},
    path::{Path, PathBuf},
};

use clap::{Args, builder::PossibleValuesParser};
use thiserror::Error;

use super::output::print;
use crate::{failure::Failure, program::called};

/// The purposes, with their files.
const STARTERS: [(&str, &str); 5] = [
    ("geoip", include_str!("starters/geoip.toml")),
    ("ip-reputation", include_str!("starters/ip-reputation.toml")),
    ("rate-limit", include_str!("starters/rate-limit.toml")),
    ("rules", include_str!("starters/rules.toml")),
    ("take-over", include_str!("starters/take-over.toml")),
];

/// What `init` writes, and where.
#[derive(Args, Debug)]
pub(crate) struct InitOptions {
    /// What the file is for
    #[arg(value_parser = PossibleValuesParser::new(STARTERS.map(|(name, _)| name)))]
    purpose: String,
    /// The file, which must not exist
    #[arg(default_value = "spoa-agent.toml")]
    file: PathBuf,
}

#[derive(Debug, Error)]
#[error("cannot create {}: {cause}{}", .path.display(), fix(.cause))]
struct InitError {
    path: PathBuf,
    cause: io::Error,
}

fn fix(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AlreadyExists => "; name a file that does not exist yet",
        io::ErrorKind::NotFound => "; make its folder first",
        _ => "",
    }
}

/// Writes the file, and prints what to do next.
pub(crate) fn init(options: &InitOptions) -> Result<(), Failure> {
    let starter = STARTERS.iter().find(|(name, _)| *name == options.purpose);
    let text = starter.map(|(_, text)| *text).unwrap_or_default();
    let path = &options.file;
    create(path, text)
        .map_err(|cause| Failure::Failed(InitError { path: path.clone(), cause }.into()))?;
    let (program, path) = (called(), path.display().to_string());
    let text = format!("wrote {path}; next: {program} test {path}");
    print(&format!("{}\n", spoa_actors::ForeignText::of(&text)))
}

fn create(path: &Path, text: &str) -> io::Result<()> {
    OpenOptions::new().write(true).create_new(true).open(path)?.write_all(text.as_bytes())
}
