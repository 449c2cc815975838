//! Tests of what lies in `src/agent/`.

mod bounds;
mod readiness;
mod reception;
mod reload;
mod reload_kinds;
mod reload_shared;
mod reload_together;
mod reload_traces;
mod runtimes;
mod status;
