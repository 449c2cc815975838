//! Version: what `--version` prints; `-V` has its first word alone.

/// The version, the commit that was checked out when it was built, for what, and what is in it.
pub(crate) const VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    "\ncommit:   ",
    env!("SPOA_BUILD_COMMIT"),
    "\ntarget:   ",
    env!("SPOA_BUILD_TARGET"),
    "\nfeatures: SPOP 2.0, PROXY protocol 1 and 2, TLS 1.2 and 1.3,",
    "\n          OTLP by gRPC and HTTP, Prometheus",
);
