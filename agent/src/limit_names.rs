//! Limit names: the option of each limit, for lines of the log and errors.

use spoa_actors::Limit;

/// The option that sets this limit.
pub(crate) fn option(limit: Limit) -> &'static str {
    match limit {
        Limit::Deadline => "--deadline",
        Limit::Connections => "--max-connections",
        Limit::Surplus => "--max-surplus-connections",
        Limit::Handshakes => "--max-handshakes",
        Limit::InFlight => "--max-in-flight-per-connection",
        Limit::InFlightPerAgent => "--max-in-flight",
        Limit::MaxFrameSize => "--max-frame-size",
        Limit::MaxReassembledSize => "--max-reassembled-size",
        Limit::MaxFragmentedAck => "--max-fragmented-ack",
        Limit::HelloTimeout => "--hello-timeout",
        Limit::ReadTimeout => "--read-timeout",
        Limit::Memory => "--max-memory",
        Limit::OutputBuffer => "--output-buffer",
        Limit::WriteTimeout => "--write-timeout",
        Limit::RefusalDelay => "--refusal-delay",
        Limit::MaxConnectionAge => "--max-connection-age",
        Limit::StartTimeout => "--start-timeout",
        Limit::NoticePeriod => "--notice-period",
        Limit::ShutdownTimeout => "--shutdown-timeout",
        other => other.path(),
    }
}
