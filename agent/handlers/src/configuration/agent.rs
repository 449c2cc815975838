//! `[agent]`: what holds for all messages.

use std::time::Duration;

use crate::file::FilePath;

settings! {
    /// What holds for all messages.
    pub struct AgentSettings, "`[agent]`" {
        /// How long a message waits for its answer, if it has no deadline of its own.
        deadline: Duration = Duration::from_secs(1),
        /// How long health checks report the end before connections close.
        notice_period: Duration = Duration::from_secs(7),
        /// How long a handler may take to start.
        start_timeout: Duration = Duration::from_secs(10),
        /// How many worker threads there are; by default one for each core.
        workers: Option<u16>,
        /// A folder for the last good copy of data that comes from URLs.
        state_dir: Option<FilePath>,
        /// HAProxy's SPOE file, whose time limits are compared with the deadlines.
        spoe: Option<FilePath>,
    }
}
