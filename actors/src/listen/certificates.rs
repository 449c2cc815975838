//! Certificates: what is in the files of a listener, read again when they change.

use std::{fs, os::unix::fs::MetadataExt, path::Path, sync::Arc};

use tokio::{sync::watch, task::spawn_blocking, time::interval};
use tokio_rustls::rustls::ServerConfig;

use super::{
    tls::{Loaded, Tls},
    validity::{Invalid, Validity},
};
use crate::{error::AgentError, log, observe::ListenerCounters};

/// The certificates that connections get now.
#[derive(Debug)]
pub(crate) struct Certificates {
    current: watch::Receiver<Arc<ServerConfig>>,
    /// Until it is at work.
    follower: Option<Follower>,
}

/// Looks at the files as long as somebody wants to know.
#[derive(Debug)]
struct Follower {
    tls: Tls,
    /// As the files were when they were read.
    read: Stamps,
    /// As they were at the last look.
    seen: Stamps,
    /// The validity of the certificate that is in use.
    validity: Validity,
    /// Whether the log has it that this one is not valid.
    is_reported: bool,
    /// Why the certificate that was read last is not in use.
    refused: Option<Invalid>,
    current: watch::Sender<Arc<ServerConfig>>,
}

/// What tells one state of the files from another; a file that cannot be looked at has none.
type Stamps = Vec<Option<Stamp>>;

/// A replaced file has another inode, and a written one another time. The change of permissions
/// alone shows in the status time (`ctime`).
#[derive(Clone, Debug, Eq, PartialEq)]
struct Stamp {
    inode: (u64, u64),
    size: u64,
    modified: (i64, i64),
    status_changed: (i64, i64),
}

impl Certificates {
    /// Reads the files. A certificate that is not valid now is taken, as there is no other: a client that
    /// does not verify it is served, and the log says it.
    pub(crate) fn load(tls: &Tls) -> Result<Self, AgentError> {
        // Before they are read: what changes meanwhile is seen at the first look.
        let read = stamps(tls);
        let Loaded { config, validity } = tls.load()?;
        let (sender, current) = watch::channel(config);
        let follower = Follower {
            tls: tls.clone(),
            seen: read.clone(),
            read,
            validity,
            is_reported: false,
            refused: None,
            current: sender,
        };
        Ok(Self { current, follower: Some(follower) })
    }

    /// Begins to read the files again when they change, in a task of this runtime.
    pub(crate) fn follow(&mut self, listener: &Arc<str>, counters: &Arc<ListenerCounters>) {
        if let Some(follower) = self.follower.take() {
            actix_rt::spawn(follower.run(Arc::clone(listener), Arc::clone(counters)));
        }
    }

    /// The configuration for a connection that comes now.
    pub(crate) fn current(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.current.borrow())
    }
}

impl Follower {
    async fn run(mut self, listener: Arc<str>, counters: Arc<ListenerCounters>) {
        counters.certificate_expires(&listener, self.validity.expires());
        // Looked at again and again, without inotify: it tells nothing of files on network file systems,
        // nor of the symbolic links by which Kubernetes swaps a whole folder.
        let mut ticks = interval(self.tls.interval());
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = self.current.closed() => return,
            }
            self.report_invalid();
            if !self.has_changed().await {
                continue;
            }
            let tls = self.tls.clone();
            match spawn_blocking(move || tls.load()).await {
                Ok(Ok(loaded)) => match loaded.validity.check() {
                    Ok(()) => {
                        counters.certificates_reloaded();
                        counters.certificate_expires(&listener, loaded.validity.expires());
                        self.take(loaded);
                    }
                    Err(invalid) => {
                        counters.certificates_refused();
                        self.refused = Some(invalid);
                        let error = self.tls.invalid(invalid);
                        log::error!(
                            "certificate reload failed, the old certificates stay in use: {error}"
                        );
                    }
                },
                Ok(Err(error)) => {
                    counters.certificates_refused();
                    log::error!(
                        "certificate reload failed, the old certificates stay in use: {error}"
                    );
                }
                Err(_) => {
                    log::error!("certificate reload failed: the reader panicked; report this bug");
                }
            }
        }
    }

    /// Whether the files are to be read: they have changed and are settled, or the time has come from
    /// which on their certificate is valid.
    async fn has_changed(&mut self) -> bool {
        let tls = self.tls.clone();
        // A disk may be slow, and connections are accepted on this thread.
        let Ok(now) = spawn_blocking(move || stamps(&tls)).await else { return false };
        // Two looks must find the same. A certificate and its key are two files, and between their writes
        // they do not belong together.
        let is_settled = now == self.seen;
        self.seen = now;
        let is_valid_at_last = self.refused.is_some_and(Invalid::is_over);
        if !is_settled || (self.seen == self.read && !is_valid_at_last) {
            return false;
        }
        // Also if reading fails then: broken files are reported once, not every two seconds.
        self.read.clone_from(&self.seen);
        self.refused = None;
        true
    }

    fn take(&mut self, Loaded { config, validity }: Loaded) {
        self.validity = validity;
        self.is_reported = false;
        tracing::info!(files = ?self.files(), "certificates reloaded");
        // Connections that are open keep the configuration of their handshake.
        self.current.send_replace(config);
    }

    /// Says once that the certificate in use is not valid.
    fn report_invalid(&mut self) {
        let Err(invalid) = self.validity.check() else {
            self.is_reported = false;
            return;
        };
        if !std::mem::replace(&mut self.is_reported, true) {
            let error = self.tls.invalid(invalid);
            log::error!("invalid certificate in use: {error}");
        }
    }

    fn files(&self) -> Vec<&Path> {
        self.tls.files().collect()
    }
}

/// How the files are now; symbolic links are followed.
fn stamps(tls: &Tls) -> Stamps {
    let stamp = |path: &Path| {
        let metadata = fs::metadata(path).ok()?;
        Some(Stamp {
            inode: (metadata.dev(), metadata.ino()),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            status_changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    };
    tls.files().map(stamp).collect()
}
