//! `gen-config`: HAProxy's side, written from the agent's file.
//!
//! | file | what |
//! |---|---|
//! | `gen_config_options`, `haproxy_version`, `prefix` | what the command line chooses |
//! | `haproxy_side` | HAProxy's side before it is text: messages, what may come back, servers |
//! | `side_of_file` | what the agent's file says of it |
//! | `haproxy_files` | the files, and what their heads say |
//! | `spoe_file` | engines and messages |
//! | `kept` | arguments that stand in a variable before they are sent |
//! | `frontend_lines`, `verdict_rules` | a frontend, and the rules of each of its messages |
//! | `backend_section` | the backend of the agent |
//! | `pages` | what clients see |
//! | `lines` | lines, each with the line of ours that it comes from |

mod backend_section;
mod frontend_lines;
mod gen_config_options;
mod haproxy_files;
mod haproxy_side;
mod haproxy_version;
mod kept;
mod lines;
mod pages;
mod prefix;
mod side_of_file;
mod spoe_file;
mod verdict_rules;

#[cfg(test)]
mod tests;

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use thiserror::Error;

use crate::{config_file::ConfigFile, failure::Failure};
pub(crate) use gen_config_options::GenConfigOptions;
use haproxy_files::HaproxyFile;

/// Why files are not written.
#[derive(Debug, Error)]
enum WriteError {
    #[error("{0} is there already; write to another folder, or overwrite it with --force")]
    IsThere(PathBuf),
    #[error("cannot write {path}")]
    Write { path: PathBuf, source: io::Error },
    #[error("{0} has no message, so HAProxy has nothing to send; add a `[message.NAME]`")]
    NoMessage(PathBuf),
}

/// Prints HAProxy's side of a configuration file, or writes its files.
///
/// # Errors
///
/// If the file has mistakes, or HAProxy's files cannot be written.
pub(crate) fn gen_config(options: &GenConfigOptions) -> Result<(), Failure> {
    let mut file = ConfigFile::open(&options.config)?;
    let (side, findings) = side_of_file::side_of(&file, options);
    if !findings.is_empty() {
        findings.into_iter().for_each(|finding| file.loaded.findings.add(finding));
        return Err(Failure::Findings(file.report()));
    }
    if side.messages.is_empty() {
        return Err(failed(WriteError::NoMessage(options.config.clone())));
    }
    let files = side.files();
    match &options.write {
        Some(folder) => write(&files, folder, options.force).map_err(failed),
        None => print(&files).map_err(|error| Failure::Failed(error.into())),
    }
}

fn failed(error: WriteError) -> Failure {
    Failure::Failed(error.into())
}

/// All files as one text.
fn print(files: &[HaproxyFile]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    for (at, file) in files.iter().enumerate() {
        let gap = if at == 0 { "" } else { "\n" };
        write!(stdout, "{gap}# ==> {} <==\n{}", file.name, file.text)?;
    }
    stdout.flush()
}

/// Writes all files, or none if one of them is there.
fn write(files: &[HaproxyFile], folder: &Path, is_forced: bool) -> Result<(), WriteError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| WriteError::Write { path, source }
    };
    fs::create_dir_all(folder).map_err(failed(folder))?;
    let paths: Vec<_> = files.iter().map(|file| folder.join(&file.name)).collect();
    if !is_forced && let Some(path) = paths.iter().find(|path| path.symlink_metadata().is_ok()) {
        return Err(WriteError::IsThere(path.clone()));
    }
    for (file, path) in files.iter().zip(&paths) {
        let mut options = OpenOptions::new();
        options.write(true).truncate(true).create(true).create_new(!is_forced);
        let mut opened = options.open(path).map_err(failed(path))?;
        opened.write_all(file.text.as_bytes()).map_err(failed(path))?;
        let mut stdout = io::stdout().lock();
        writeln!(stdout, "{}", path.display()).map_err(failed(path))?;
    }
    Ok(())
}
