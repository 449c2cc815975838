//! Tests of what lies in `src/agent/`.

mod bounds;
mod readiness;
mod reception;
mod reload;
mod reload_together;
mod runtimes;
mod status;
