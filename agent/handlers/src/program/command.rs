//! Command: what is run, as whom, and within which bounds.

use std::{collections::BTreeMap, io, path::PathBuf, process::Stdio, time::Duration};

use nix::unistd;
use serde_json::{Map, Value};
use tokio::process;

use super::error::StartError;

/// A program, and the bounds of its processes.
#[derive(Clone, Debug)]
pub struct ProgramCommand {
    /// The name of its handler.
    pub handler: String,
    /// The executable file, as an absolute path.
    pub file: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Where it runs.
    pub directory: PathBuf,
    /// Its environment: nothing else is in it.
    pub env: BTreeMap<String, String>,
    /// The name of the user whose rights it has; those of the agent, unless it is set.
    pub user: Option<String>,
    /// How much address space each process has.
    pub memory: Option<u64>,
    /// How many questions are answered at once, each by a process of its own.
    pub workers: usize,
    /// How many processes more are ready to take over.
    pub spares: usize,
    /// How long a process has for an answer.
    pub time: Duration,
    /// How long a process has until it is ready.
    pub start_timeout: Duration,
    /// What the program is told when it starts.
    pub settings: Map<String, Value>,
}

impl ProgramCommand {
    /// A program with the usual bounds: it runs in the folder of its file.
    #[must_use]
    pub fn new(handler: &str, file: impl Into<PathBuf>) -> Self {
        let file = file.into();
        Self {
            handler: handler.to_owned(),
            directory: file.parent().map_or_else(|| PathBuf::from("/"), PathBuf::from),
            file,
            arguments: Vec::new(),
            env: BTreeMap::new(),
            user: None,
            memory: None,
            workers: 2,
            spares: 1,
            time: Duration::from_millis(50),
            start_timeout: Duration::from_secs(10),
            settings: Map::new(),
        }
    }

    /// Starts a process, as the leader of a group of its own: whatever it forks ends with it.
    pub(super) fn spawn(&self, user: Option<User>) -> io::Result<process::Child> {
        let mut command = process::Command::new(&self.file);
        command.args(&self.arguments).current_dir(&self.directory).env_clear().envs(&self.env);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.process_group(0);
        if let Some(user) = user {
            command.uid(user.uid).gid(user.gid);
        }
        command.spawn()
    }
}

/// Whose rights a program has.
#[derive(Clone, Copy, Debug)]
pub(super) struct User {
    uid: u32,
    gid: u32,
}

impl User {
    /// The user of this name, with the group that it has by itself.
    pub(super) fn named(name: &str) -> Result<Self, StartError> {
        let found = unistd::User::from_name(name);
        let user = found.map_err(|cause| StartError::User(name.to_owned(), cause.into()))?;
        let user = user.ok_or_else(|| StartError::NoUser(name.to_owned()))?;
        Ok(Self { uid: user.uid.as_raw(), gid: user.gid.as_raw() })
    }
}
