//! Tests of what lies in `src/supervision/`.

mod bulkheads;
mod panics;
mod restarts;
mod supervision;
