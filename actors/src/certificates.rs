//! Certificates: what is in the files of a listener, read again when they change.

use std::{fs, os::unix::fs::MetadataExt, path::Path, sync::Arc};

use tokio::{sync::watch, task::spawn_blocking, time::interval};
use tokio_rustls::rustls::ServerConfig;

use crate::{error::AgentError, listener_counters::ListenerCounters, tls::Tls};

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
    /// Reads the files.
    pub(crate) fn load(tls: &Tls) -> Result<Self, AgentError> {
        // Before they are read: what changes meanwhile is seen at the first look.
        let read = stamps(tls);
        let (sender, current) = watch::channel(tls.load()?);
        let follower = Follower { tls: tls.clone(), seen: read.clone(), read, current: sender };
        Ok(Self { current, follower: Some(follower) })
    }

    /// Begins to read the files again when they change, in a task of this runtime.
    pub(crate) fn follow(&mut self, counters: &Arc<ListenerCounters>) {
        if let Some(follower) = self.follower.take() {
            actix_rt::spawn(follower.run(Arc::clone(counters)));
        }
    }

    /// The configuration for a connection that comes now.
    pub(crate) fn current(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.current.borrow())
    }
}

impl Follower {
    async fn run(mut self, counters: Arc<ListenerCounters>) {
        let mut ticks = interval(self.tls.interval());
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = self.current.closed() => return,
            }
            let tls = self.tls.clone();
            // A disk may be slow, and connections are accepted on this thread.
            let Ok(now) = spawn_blocking(move || stamps(&tls)).await else { continue };
            let is_settled = now == self.seen;
            self.seen = now;
            if !is_settled || self.seen == self.read {
                continue;
            }
            self.read.clone_from(&self.seen);
            let tls = self.tls.clone();
            match spawn_blocking(move || tls.load()).await {
                Ok(Ok(config)) => {
                    counters.certificates_reloaded();
                    tracing::info!(files = ?self.files(), "new certificates are in use");
                    self.current.send_replace(config);
                }
                Ok(Err(error)) => {
                    counters.certificates_refused();
                    tracing::error!("the old certificates stay in use: {error}");
                }
                Err(_) => tracing::error!("the new certificates could not be read: a bug"),
            }
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
