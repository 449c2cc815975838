//! Limit: names one limit of an agent, in errors and log lines.

/// A field of [`Limits`](crate::Limits), where a line of the log or an error says what to do about it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Limit {
    /// [`Limits::deadline`](crate::Limits::deadline)
    Deadline,
    /// [`Limits::connections`](crate::Limits::connections)
    Connections,
    /// [`Limits::excess_connections`](crate::Limits::excess_connections)
    ExcessConnections,
    /// [`Limits::handshakes`](crate::Limits::handshakes)
    Handshakes,
    /// [`Limits::messages_per_connection`](crate::Limits::messages_per_connection)
    MessagesPerConnection,
    /// [`Limits::messages`](crate::Limits::messages)
    Messages,
    /// [`Limits::max_frame_size`](crate::Limits::max_frame_size)
    MaxFrameSize,
    /// [`Limits::max_reassembled_size`](crate::Limits::max_reassembled_size)
    MaxReassembledSize,
    /// [`Limits::max_fragmented_ack`](crate::Limits::max_fragmented_ack)
    MaxFragmentedAck,
    /// [`Limits::hello_timeout`](crate::Limits::hello_timeout)
    HelloTimeout,
    /// [`Limits::read_timeout`](crate::Limits::read_timeout)
    ReadTimeout,
    /// [`Limits::memory`](crate::Limits::memory)
    Memory,
    /// [`Limits::output_buffer`](crate::Limits::output_buffer)
    OutputBuffer,
    /// [`Limits::write_timeout`](crate::Limits::write_timeout)
    WriteTimeout,
    /// [`Limits::refusal_delay`](crate::Limits::refusal_delay)
    RefusalDelay,
    /// [`Limits::max_connection_age`](crate::Limits::max_connection_age)
    MaxConnectionAge,
    /// [`Limits::start_timeout`](crate::Limits::start_timeout)
    StartTimeout,
    /// [`Limits::notice_period`](crate::Limits::notice_period)
    NoticePeriod,
    /// [`Limits::shutdown_timeout`](crate::Limits::shutdown_timeout)
    ShutdownTimeout,
}

/// What the limits of an agent are called where an operator sets them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LimitNames(pub(crate) fn(Limit) -> &'static str);

impl LimitNames {
    pub(crate) fn of(self, limit: Limit) -> &'static str {
        (self.0)(limit)
    }
}

impl Default for LimitNames {
    fn default() -> Self {
        Self(Limit::path)
    }
}

impl Limit {
    /// All limits, in the order of [`Limits`](crate::Limits).
    pub const ALL: [Self; 19] = [
        Self::Deadline,
        Self::Connections,
        Self::ExcessConnections,
        Self::Handshakes,
        Self::MessagesPerConnection,
        Self::Messages,
        Self::MaxFrameSize,
        Self::MaxReassembledSize,
        Self::MaxFragmentedAck,
        Self::HelloTimeout,
        Self::ReadTimeout,
        Self::Memory,
        Self::OutputBuffer,
        Self::WriteTimeout,
        Self::RefusalDelay,
        Self::MaxConnectionAge,
        Self::StartTimeout,
        Self::NoticePeriod,
        Self::ShutdownTimeout,
    ];

    /// Its path in Rust, such as `Limits::connections`.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::Deadline => "Limits::deadline",
            Self::Connections => "Limits::connections",
            Self::ExcessConnections => "Limits::excess_connections",
            Self::Handshakes => "Limits::handshakes",
            Self::MessagesPerConnection => "Limits::messages_per_connection",
            Self::Messages => "Limits::messages",
            Self::MaxFrameSize => "Limits::max_frame_size",
            Self::MaxReassembledSize => "Limits::max_reassembled_size",
            Self::MaxFragmentedAck => "Limits::max_fragmented_ack",
            Self::HelloTimeout => "Limits::hello_timeout",
            Self::ReadTimeout => "Limits::read_timeout",
            Self::Memory => "Limits::memory",
            Self::OutputBuffer => "Limits::output_buffer",
            Self::WriteTimeout => "Limits::write_timeout",
            Self::RefusalDelay => "Limits::refusal_delay",
            Self::MaxConnectionAge => "Limits::max_connection_age",
            Self::StartTimeout => "Limits::start_timeout",
            Self::NoticePeriod => "Limits::notice_period",
            Self::ShutdownTimeout => "Limits::shutdown_timeout",
        }
    }
}
