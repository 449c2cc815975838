//! Connection limit: refuses connections over it.

use crate::{
    arbiter::ArbiterContext,
    limit::Limit,
    log,
    observe::Cause,
    origin::Peer,
    spop::{Disconnect, StatusCode},
};

/// Counts and logs a connection that is refused because no permit is free.
pub(crate) fn report(shared: &ArbiterContext, peer: &Peer) {
    shared.counters.count(|statistics| statistics.connections_refused += 1);
    if let Some(suppressed) = shared.limited(Cause::Refused) {
        let connections = shared.common.name(Limit::Connections);
        log::warn!(
            peer = %peer.address,
            limit = shared.common.start_limits.connections,
            suppressed,
            "connection limit reached: refused a connection; raise {connections} or reduce \
             HAProxy's threads"
        );
    }
}

/// The DISCONNECT of a refused connection.
pub(super) fn disconnect() -> Disconnect {
    let message = "the agent has reached its limit of connections".into();
    Disconnect { status_code: StatusCode::NO_RESOURCE, message }
}
