//! Handlers for an SPOE agent that need no Rust: what they decide, and from which data, stands in one file.
