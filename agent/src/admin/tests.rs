//! The endpoint over HTTP, with a real agent behind it.
