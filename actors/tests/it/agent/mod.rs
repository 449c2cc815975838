//! Tests of what lies in `src/agent/`.

mod bounds;
mod readiness;
mod reception;
mod runtimes;
mod status;
