//! Tests of what lies in `src/agent/`.

mod bounds;
mod readiness;
mod reception;
mod status;
