//! Tests of what lies in `src/trace/`.

mod traces;
