//! What a process holds: its memory, descriptors and threads, as `/proc` tells.

use std::fs;

use rustix::process::{Pid, Resource, Rlimit, getrlimit, setrlimit, test_kill_process};

use crate::Failure;

/// A process of this machine by its id.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Process(u32);

impl Process {
    /// The process with this id.
    #[must_use]
    pub fn new(id: u32) -> Self {
        Self(id)
    }

    /// Its id.
    #[must_use]
    pub fn id(self) -> u32 {
        self.0
    }

    /// Whether it has not ended, or has ended and nobody has asked how.
    #[must_use]
    pub fn is_there(self) -> bool {
        self.pid().is_ok_and(|pid| test_kill_process(pid).is_ok())
    }

    /// Bytes of memory in use: `VmRSS`.
    ///
    /// # Errors
    /// The process has ended.
    pub fn memory(self) -> Result<u64, Failure> {
        Ok(self.status("VmRSS")? * 1024)
    }

    /// The most bytes of memory that were in use: `VmHWM`.
    ///
    /// # Errors
    /// The process has ended.
    pub fn peak_memory(self) -> Result<u64, Failure> {
        Ok(self.status("VmHWM")? * 1024)
    }

    /// Threads.
    ///
    /// # Errors
    /// The process has ended.
    pub fn threads(self) -> Result<u64, Failure> {
        self.status("Threads")
    }

    /// Open descriptors.
    ///
    /// # Errors
    /// The process has ended, or is another user's.
    pub fn descriptors(self) -> Result<usize, Failure> {
        let path = format!("/proc/{}/fd", self.0);
        let entries =
            fs::read_dir(&path).map_err(Failure::during(format!("cannot list {path}")))?;
        Ok(entries.count())
    }

    pub(crate) fn pid(self) -> Result<Pid, Failure> {
        let pid = i32::try_from(self.0).ok().and_then(Pid::from_raw);
        pid.ok_or_else(|| Failure::new(format!("{} is not a process id", self.0)))
    }

    /// The first number of a line of `/proc/PID/status`.
    fn status(self, name: &str) -> Result<u64, Failure> {
        let path = format!("/proc/{}/status", self.0);
        let text =
            fs::read_to_string(&path).map_err(Failure::during(format!("cannot read {path}")))?;
        let lines = text.lines().filter_map(|line| line.split_once(':'));
        let value = lines.filter(|(title, _)| *title == name).map(|(_, value)| value).next();
        let number = value.and_then(|value| value.split_whitespace().next()?.parse().ok());
        number.ok_or_else(|| Failure::new(format!("no {name} in {path}")).with("it", &text))
    }
}

/// Lets this process, and those it starts from now on, open so many files.
///
/// # Errors
/// The hard limit is lower; with what to do.
pub fn allow_descriptors(wanted: u64) -> Result<(), Failure> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_none_or(|current| current >= wanted) {
        return Ok(());
    }
    if maximum.is_some_and(|maximum| maximum < wanted) {
        return Err(Failure::new(format!(
            "the test needs {wanted} descriptors; raise the hard limit of open files (ulimit -Hn)"
        )));
    }
    setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum })
        .map_err(Failure::during("cannot raise the limit of open files"))
}

#[cfg(test)]
mod tests {
    use super::Process;

    #[test]
    fn a_process_knows_what_it_holds() {
        let own = Process::new(std::process::id());
        assert!(own.is_there());
        assert!(own.memory().unwrap() > 100_000 && own.memory().unwrap() < 1 << 40);
        // Compared with what is known to be used: others use memory between two looks.
        let used = vec![1_u8; 64 << 20];
        assert_eq!(std::hint::black_box(&used).last(), Some(&1));
        drop(used);
        assert!(own.peak_memory().unwrap() >= 64 << 20);
        let before = own.descriptors().unwrap();
        // More than other tests close meanwhile.
        let open = || std::fs::File::open("/proc/self/status").unwrap();
        let files: Vec<_> = (0..200).map(|_| open()).collect();
        assert!(own.descriptors().unwrap() > before + files.len() / 2);
        assert!(own.threads().unwrap() >= 1);
    }
}
