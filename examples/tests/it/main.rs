//! The examples as programs: started as a user starts them, asked over their sockets and through real
//! HAProxy.

#![expect(clippy::unwrap_used, reason = "in a test an unwrap is an assertion")]

mod access_control;
mod auth;
mod basics;
mod beside_http;
mod blocking;
mod conformance;
mod documents;
mod layers;
mod mirror;
mod peers;
mod program;
mod published;
mod raw;
mod reload;
mod request_response;
mod scene;
mod state;
mod stateful;
mod supervised;
mod traced;
mod unix_socket;
