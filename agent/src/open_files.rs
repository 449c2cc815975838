//! Open files: how many there may be, and how many connections that is enough for.

use std::{
    num::NonZero,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    thread,
};

use rlimit::Resource;
use spoa_actors::Limits;
use thiserror::Error;

use crate::run_options::RunOptions;

/// What is open beside sockets, up to: the log, the runtimes, the collector's connections.
const OTHERS: usize = 128;
/// What each arbiter has open for itself.
const OF_AN_ARBITER: usize = 4;
/// What each listener has open: itself, and what it has accepted and not handed over.
const OF_A_LISTENER: usize = 2;

/// How many descriptors are kept for the admin endpoint: when connections, handlers or exports have used
/// up all others, it still answers.
const RESERVE: usize = 16;

/// How many are kept: they lie between the soft limit and the hard one.
static KEPT: AtomicU64 = AtomicU64::new(0);

/// Why the agent does not start with so few open files.
#[derive(Debug, Error)]
#[error(
    "too few open files: the limit is {limit}, and --max-connections {connections} needs {needed}; \
     set LimitNOFILE in the systemd unit or raise `ulimit -Hn`{}",
    otherwise(.is_allowed_fewer)
)]
pub(crate) struct TooFewOpenFiles {
    limit: usize,
    connections: usize,
    needed: usize,
    /// Whether it would have started with fewer connections.
    is_allowed_fewer: bool,
}

fn otherwise(is_allowed_fewer: &bool) -> &'static str {
    if *is_allowed_fewer {
        ""
    } else {
        ", lower --max-connections, or start with --allow-fewer-connections"
    }
}

/// Raises the soft limit of open files to the hard one, and fits the limits of the agent into it: so that
/// connections never take the last ones, and the admin endpoint still answers its clients when all places
/// are taken.
pub(crate) fn fit(
    options: &RunOptions,
    limits: Limits,
    listeners: usize,
    admin_clients: usize,
) -> Result<Limits, TooFewOpenFiles> {
    // Where it cannot be raised, it stays as it is.
    let raised = rlimit::increase_nofile_limit(u64::MAX);
    let Ok(limit) = raised.or_else(|_| Resource::NOFILE.get_soft()) else { return Ok(limits) };
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let others = others(options, listeners, admin_clients);
    fit_into(limit, others, limits, options.limits.allow_fewer_connections)
}

/// What is open beside connections.
fn others(options: &RunOptions, listeners: usize, admin_clients: usize) -> usize {
    let cores = || thread::available_parallelism().map_or(1, NonZero::get);
    let arbiters = options.worker_threads.unwrap_or_else(cores);
    // The reserve is out of reach of all others.
    let admin = options.admin.admin.as_ref().map_or(0, |_| 1 + admin_clients + RESERVE);
    OTHERS + OF_AN_ARBITER.saturating_mul(arbiters) + OF_A_LISTENER * listeners + admin
}

fn fit_into(
    limit: usize,
    others: usize,
    limits: Limits,
    allow_fewer: bool,
) -> Result<Limits, TooFewOpenFiles> {
    let Limits { connections, excess_connections, .. } = limits;
    let needed = others.saturating_add(connections).saturating_add(excess_connections);
    if needed <= limit {
        return Ok(limits);
    }
    let room = limit.saturating_sub(others);
    if !allow_fewer || room < 2 {
        return Err(TooFewOpenFiles { limit, connections, needed, is_allowed_fewer: allow_fewer });
    }
    let excess_connections = excess_connections.min(room / 4).max(1);
    Ok(limits
        .connections(connections.min(room - excess_connections))
        .excess_connections(excess_connections))
}

/// Keeps some descriptors for the admin endpoint, once the limit is raised.
pub(crate) fn keep_reserve() {
    if let Ok((soft, hard)) = Resource::NOFILE.get() {
        // Where there are few, the agent needs them more.
        let kept = (RESERVE as u64).min(soft / 16);
        if Resource::NOFILE.set(soft - kept, hard).is_ok() {
            KEPT.store(kept, Relaxed);
        }
    }
}

/// Opens something with the reserve. It is only for this moment that others can take of it, too.
pub(crate) fn with_reserve<T>(open: impl FnOnce() -> T) -> T {
    let kept = KEPT.load(Relaxed);
    let limits = Resource::NOFILE.get().ok().filter(|_| kept > 0);
    if let Some((soft, hard)) = limits {
        let _ = Resource::NOFILE.set(hard.min(soft + kept), hard);
    }
    let opened = open();
    if let Some((soft, hard)) = limits {
        let _ = Resource::NOFILE.set(soft, hard);
    }
    opened
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fitted(limit: usize, allow_fewer: bool) -> Result<(usize, usize), TooFewOpenFiles> {
        let limits = Limits::default().connections(1000).excess_connections(500);
        let limits = fit_into(limit, 100, limits, allow_fewer)?;
        Ok((limits.connections, limits.excess_connections))
    }

    #[test]
    fn an_agent_has_the_connections_that_it_is_told_to_have_or_does_not_start() {
        assert!(matches!(fitted(1600, false), Ok((1000, 500))));
        assert!(matches!(fitted(usize::MAX, true), Ok((1000, 500))));
        let error = fitted(1599, false).expect_err("one is missing").to_string();
        assert!(error.contains("limit is 1599") && error.contains("1000 needs 1600"), "{error}");
    }

    #[test]
    fn an_agent_that_may_has_as_many_connections_as_there_are_open_files() {
        assert!(matches!(fitted(1599, true), Ok((1000, 374))));
        assert!(matches!(fitted(1100, true), Ok((750, 250))));
        assert!(matches!(fitted(102, true), Ok((1, 1))));
        for limit in [0, 101] {
            let error = fitted(limit, true).expect_err("there is no room for one").to_string();
            assert!(error.ends_with("or raise `ulimit -Hn`"), "what was done is advised: {error}");
        }
    }
}
