//! Data from real files.

mod any_bytes;
mod followed;
mod ip_list;
mod mmdb;
mod rows;

use std::{
    thread,
    time::{Duration, Instant},
};

use spoa_handlers::data::Source;

/// A source that is looked at often.
fn source(file: &std::path::Path) -> Source {
    let mut source = Source::new("test", [file.display().to_string()]);
    source.every = Duration::from_millis(10);
    source
}

/// Waits until something is so.
#[track_caller]
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let last = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < last, "waited for a minute: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}
