//! `[limits]`: how much the agent takes from all its peers together, and how long it waits for them.

use std::time::Duration;

use crate::value::Size;

settings! {
    /// How much the agent takes from all its peers together, and how long it waits for them.
    pub struct LimitSettings, "`[limits]`" {
        /// How many connections may be open.
        connections: u32 = 10_000,
        /// Start with fewer connections if the limit of open files is too low.
        allow_fewer_connections: bool = false,
        /// How many connections beyond these are refused, and not left in the kernel's queue.
        excess_connections: u32 = 1_024,
        /// How many TLS handshakes may be in progress.
        handshakes: u32 = 1_000,
        /// How many messages may wait for their answers in the whole agent.
        in_flight: u32 = 16_384,
        /// How many messages may wait for their answers on one connection.
        in_flight_per_connection: u32 = 2_048,
        /// How many bytes all connections together may buffer; by default 256 MiB, or a quarter of the cgroup's limit.
        memory: Option<Size>,
        /// The largest frame.
        frame: Size = Size(1 << 20),
        /// The largest NOTIFY in fragments, which HAProxy up to 3.0 sends.
        reassembled: Size = Size(4 << 20),
        /// The largest ACK in fragments, which no HAProxy accepts.
        fragmented_ack: Size = Size(4 << 20),
        /// How many unread bytes of one connection are buffered.
        output_buffer: Size = Size(256 << 10),
        /// How long PROXY header, TLS handshake and HELLO may take together.
        hello_timeout: Duration = Duration::from_secs(10),
        /// How long a frame may take from its first byte to its last.
        read_timeout: Duration = Duration::from_secs(30),
        /// How long a peer may read nothing.
        write_timeout: Duration = Duration::from_secs(30),
        /// How late a refused HELLO or connection is answered.
        refusal_delay: Duration = Duration::from_millis(100),
        /// How old a connection becomes, ±10 %; by default as old as HAProxy wants.
        connection_age: Option<Duration>,
    }
}
