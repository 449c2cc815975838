//! Certificates: the TLS files of a listener, loaded again when they change.

use std::{fs, os::unix::fs::MetadataExt, path::Path, sync::Arc};

use tokio::{sync::watch, task::spawn_blocking, time::interval};
use tokio_rustls::rustls::ServerConfig;

use super::{
    tls::{Loaded, Tls},
    validity::{Invalid, Validity},
};
use crate::{error::AgentError, log, observe::ListenerCounters};

/// The current certificates for new connections.
#[derive(Debug)]
pub(crate) struct Certificates {
    current: watch::Receiver<Arc<ServerConfig>>,
    /// Until it is started.
    follower: Option<Follower>,
}

/// Polls the files, for as long as the listener is open.
#[derive(Debug)]
struct Follower {
    tls: Tls,
    /// The state of the files when they were loaded.
    read: Stamps,
    /// The state of the files at the last poll.
    seen: Stamps,
    /// The validity of the certificate in use.
    validity: Validity,
    /// Whether the log has reported that it is not valid.
    is_reported: bool,
    /// Why the certificate loaded last is not in use.
    refused: Option<Invalid>,
    current: watch::Sender<Arc<ServerConfig>>,
}

/// Identifies a state of the files; `None` for a file that cannot be read.
type Stamps = Vec<Option<Stamp>>;

/// A replaced file has another inode, and a written one another modification time. A change of
/// permissions shows in the status time (`ctime`) only.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Stamp {
    inode: (u64, u64),
    size: u64,
    modified: (i64, i64),
    status_changed: (i64, i64),
}

impl Certificates {
    /// Loads the files. A certificate that is not valid now is used, because there is no other: a
    /// client that does not verify it is served, and the log reports it.
    pub(crate) fn load(tls: &Tls) -> Result<Self, AgentError> {
        // Before the files are read: a change during the read is seen at the first poll.
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

    /// Starts to poll the files, in a task of this runtime.
    pub(crate) fn follow(&mut self, listener: &Arc<str>, counters: &Arc<ListenerCounters>) {
        if let Some(follower) = self.follower.take() {
            actix_rt::spawn(follower.run(Arc::clone(listener), Arc::clone(counters)));
        }
    }

    /// The configuration for a new connection.
    pub(crate) fn current(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.current.borrow())
    }
}

impl Follower {
    async fn run(mut self, listener: Arc<str>, counters: Arc<ListenerCounters>) {
        counters.certificate_expires(&listener, self.validity.expires());
        // Polled, without inotify: it reports nothing on network file systems, nor for the symbolic
        // links with which Kubernetes swaps a whole folder.
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

    /// Whether to load the files: they have changed and are settled, or their certificate has
    /// become valid.
    async fn has_changed(&mut self) -> bool {
        let tls = self.tls.clone();
        // A disk can be slow, and connections are accepted on this thread.
        let Ok(now) = spawn_blocking(move || stamps(&tls)).await else { return false };
        // Two polls must see the same state. A certificate and its key are two files, and between
        // two writes they do not match.
        let is_settled = now == self.seen;
        self.seen = now;
        let is_valid_at_last = self.refused.is_some_and(Invalid::is_over);
        if !is_settled || (self.seen == self.read && !is_valid_at_last) {
            return false;
        }
        // Also if loading fails: broken files are reported once, not every two seconds.
        self.read.clone_from(&self.seen);
        self.refused = None;
        true
    }

    fn take(&mut self, Loaded { config, validity }: Loaded) {
        self.validity = validity;
        self.is_reported = false;
        tracing::info!(files = ?self.files(), "certificates reloaded");
        // Open connections keep the configuration of their handshake.
        self.current.send_replace(config);
    }

    /// Reports once that the certificate in use is not valid.
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

/// The current state of the files; symbolic links are followed.
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
