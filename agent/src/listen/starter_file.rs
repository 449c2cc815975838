//! The configuration file that is written out of what came: again each time when something new comes.

use std::{
    fs::{File, OpenOptions},
    io::{self, Seek, Write},
    path::Path,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread::{self, JoinHandle},
};

/// Says that something new has come. It never waits.
#[derive(Clone)]
pub(super) struct Changed(SyncSender<()>);

impl Changed {
    pub(super) fn tell(&self) {
        // If there is no room, it is told already.
        let _ = self.0.try_send(());
    }
}

/// The file, which a thread of its own writes.
pub(super) struct StarterFile(JoinHandle<io::Result<()>>);

impl StarterFile {
    /// Creates the file, which must not exist, and writes it with each change until all who tell of changes are gone.
    pub(super) fn create(
        path: &Path,
        text: impl Fn() -> String + Send + 'static,
    ) -> io::Result<(Self, Changed)> {
        let file = OpenOptions::new().write(true).create_new(true).open(path)?;
        let (sender, changes) = sync_channel(1);
        let changed = Changed(sender);
        changed.tell();
        let thread = thread::Builder::new().name("starter".to_owned());
        let thread = thread.spawn(move || follow(file, &changes, text))?;
        Ok((Self(thread), changed))
    }

    /// Waits until everything is written.
    pub(super) fn end(self) -> io::Result<()> {
        self.0
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("the thread that writes it panicked")))
    }
}

fn follow(mut file: File, changes: &Receiver<()>, text: impl Fn() -> String) -> io::Result<()> {
    while changes.recv().is_ok() {
        let text = text();
        file.rewind()?;
        file.write_all(text.as_bytes())?;
        // Only now: it is longer than before as a rule.
        file.set_len(text.len() as u64)?;
    }
    Ok(())
}
