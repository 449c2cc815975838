//! Loopback ports that nobody else of this process was given.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};

/// Below the kernel's ephemeral range, so that no outgoing connection takes one meanwhile.
const FIRST: u32 = 20_000;
const COUNT: u32 = 12_000;

static GIVEN: AtomicU32 = AtomicU32::new(0);

/// Takes a port on 127.0.0.1 that is free now and that this process gives away only once.
///
/// # Panics
/// No port of the range is free.
#[must_use]
pub fn free_port() -> u16 {
    // Each process starts elsewhere: two test runs at once do not meet.
    let start = std::process::id().wrapping_mul(97);
    for _ in 0..COUNT {
        let step = GIVEN.fetch_add(1, Ordering::Relaxed);
        let port = FIRST + start.wrapping_add(step) % COUNT;
        if let Some(port) = u16::try_from(port).ok().filter(|port| is_free(*port)) {
            return port;
        }
    }
    panic!("no free port between {FIRST} and {}", FIRST + COUNT);
}

fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}
