//! The handlers that come with the agent.

mod ip_reputation;

use spoa_actors::Registry;

use ip_reputation::IpReputation;

/// What the agent answers.
pub(crate) fn registry() -> Registry {
    Registry::new()
        .on("check-client-ip", IpReputation::default)
        .on("get-ip-reputation", IpReputation::default)
}
