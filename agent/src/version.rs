//! Version: what `--version` prints; `-V` has its first line alone.

use crate::program::Program;

/// Of which sources the agent is built.
const COMMIT: &str = env!("SPOA_BUILD_COMMIT");
/// For what, and what is in it.
const BUILD: &str = concat!(
    "target:   ",
    env!("SPOA_BUILD_TARGET"),
    "\nfeatures: SPOP 2.0, PROXY protocol 1 and 2, TLS 1.2 and 1.3,",
    "\n          OTLP by gRPC and HTTP, Prometheus",
);

/// The version, the commit that was checked out when it was built, for what, and what is in it. The commit of a
/// program with handlers of its own is not known here: it has that of the agent that it is made of.
pub(crate) fn long(program: &Program) -> String {
    let version = program.version();
    let (name, agent) = (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
    if program.name == name {
        format!("{version}\ncommit:   {COMMIT}\n{BUILD}")
    } else {
        format!("{version}\nlibrary:  {name} {agent}, commit {COMMIT}\n{BUILD}")
    }
}
