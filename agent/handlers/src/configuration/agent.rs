//! `[agent]`: what holds for all messages, and how the agent starts and stops.

use std::time::Duration;

use crate::file::FilePath;

/// The deadline of a message if neither it nor `[agent]` has one.
pub(super) const DEADLINE: Duration = Duration::from_secs(1);
/// The notice period if `[agent]` has none.
pub(super) const NOTICE_PERIOD: Duration = Duration::from_secs(7);

settings! {
    /// What holds for all messages, and how the agent starts and stops.
    pub struct AgentSettings, "`[agent]`" {
        /// How long a message waits for its answer, if it has no deadline of its own. It must be shorter than
        /// HAProxy's `timeout processing`.
        deadline: Duration = DEADLINE,
        /// How long health checks report the end before connections close.
        notice_period: Duration = NOTICE_PERIOD,
        /// How long a stop waits for connections, and then for handlers.
        shutdown_timeout: Duration = Duration::from_secs(10),
        /// How long a handler may take to start.
        start_timeout: Duration = Duration::from_secs(30),
        /// How many worker threads there are; by default one for each core.
        workers: Option<u16>,
        /// Never send an ACK without actions, for HAProxy 3.1.0 to 3.1.4.
        fill_empty_acks: bool = false,
        /// Send an ACK whose connection has closed on another connection of the same engine, for HAProxy up to 3.0.
        r#async: bool = false,
        /// A folder for the last good copy of data that comes from URLs.
        state_dir: Option<FilePath>,
        /// HAProxy's SPOE file, whose time limits are compared with the deadlines.
        spoe: Option<FilePath>,
    }
}
