//! Compares the expressions of `spoa-handlers` with the crate `cel`: `cargo test --manifest-path agent/handlers/oracle/Cargo.toml`.
//!
//! It is not part of `.ci/run`: the other implementation and its parser take two minutes to compile.
