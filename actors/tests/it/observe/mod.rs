//! Tests of what lies in `src/observe/`.

mod frame_counts;
mod logs;
mod metering;
mod reasons;
mod statistics;
