//! Open files: their limit is raised, and what it does not allow is said.

/// What is open beside connections: those that wait to be refused, listeners, threads.
const OTHERS: usize = 1200;

/// Raises the soft limit of open files to the hard one; warns if that is not enough for so many
/// connections.
pub(crate) fn raise_limit(connections: usize) {
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) if usize::try_from(limit).is_ok_and(|limit| limit < connections + OTHERS) => {
            tracing::warn!(
                limit,
                connections,
                "fewer files can be open than connections and those that are refused need; set LimitNOFILE in the systemd \
                 unit or raise `ulimit -Hn`, or lower --max-connections"
            );
        }
        Ok(limit) => tracing::debug!(limit, "open files"),
        Err(error) => tracing::warn!(%error, "the limit of open files cannot be raised"),
    }
}
