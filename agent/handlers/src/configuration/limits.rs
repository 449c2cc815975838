//! `[limits]`: how much the agent takes from all its peers together.

use crate::value::Size;

settings! {
    /// How much the agent takes from all its peers together.
    pub struct LimitSettings, "`[limits]`" {
        /// How many connections may be open.
        connections: u32 = 10_000,
        /// How many messages may wait for their answers in the whole agent.
        in_flight: u32 = 16_384,
        /// How many messages may wait for their answers on one connection.
        in_flight_per_connection: u32 = 2_048,
        /// How many bytes all connections together may buffer; by default 256 MiB, or a quarter of the cgroup's limit.
        memory: Option<Size>,
        /// The largest frame.
        frame: Size = Size(1 << 20),
    }
}
