//! Real HAProxy as the other side of a test: started, watched, reloaded and ended from Rust.
//!
//! | File | Says |
//! |---|---|
//! | [`version`](Version) | which HAProxy, and where its binary comes from |
//! | [`engine`](Engine) | one SPOE engine: its messages, its agents |
//! | [`config`](Config) | the rest of the configuration file, or one that is there |
//! | [`haproxy`](Haproxy) | the running process |
//! | [`logs`](Logs) | what it logged, SPOE lines parsed |
//! | [`stats`](Stats) | its runtime socket |
//! | [`http`](HttpClient) | requests through it |
//! | [`app`](App) | the application behind it |
//! | [`agent_process`](AgentProcess) | an agent as a process of its own |
//! | [`spoa_agent`](SpoaAgent) | the agent that is for users, as a process |
//! | [`rotel`](Rotel), [`span`](Span) | a receiver of OTLP, and what it has received |
//! | [`prometheus`](Prometheus) | a scraper of metrics, and the judge of their form |
//! | [`browser`](Browser) | Chromium on the agent's page |
//! | [`peer`](Peer) | a peer of the agent that speaks bytes, right or wrong |
//! | [`process`](Process) | what a process holds |
//! | [`certificates`](Authority) | a CA, and what it issues |
//! | [`load`](Load) | many requests through it |
//! | [`tap`](Tap) | a recording relay between it and the agent |
//!
//! Nothing here skips: a program that cannot be had is a [`Failure`] with the reason.

mod agent_process;
mod app;
mod browser;
mod built;
mod certificates;
mod config;
mod config_files;
mod endpoint;
mod engine;
mod failure;
mod haproxy;
mod http;
mod load;
mod logs;
mod peer;
mod ports;
mod process;
mod prometheus;
mod rotel;
mod running;
mod scratch;
mod span;
mod spoa_agent;
mod stats;
mod successors;
mod tap;
mod task;
mod version;
mod wait;
mod witness;

pub use agent_process::AgentProcess;
pub use app::App;
pub use browser::{Browser, View};
pub use built::built;
pub use certificates::{Authority, Issued};
pub use config::Config;
pub use endpoint::Endpoint;
pub use engine::Engine;
pub use failure::Failure;
pub use haproxy::{Haproxy, Standstill};
pub use http::{Answer, HttpClient};
pub use load::{Load, RunningLoad, Tally};
pub use logs::{Logs, SpoeLine};
pub use peer::{Peer, frame, hello, notify, notify_with};
pub use ports::free_port;
pub use process::{Process, allow_descriptors};
pub use prometheus::{Prometheus, check_rules, promtool_findings, test_rules};
pub use rotel::Rotel;
pub use scratch::Scratch;
pub use span::{Attributes, Span, SpanEvent};
pub use spoa_agent::{SpoaAgent, SpoaAgentOptions};
pub use stats::{Stats, Status};
pub use successors::Successors;
pub use tap::{Chunk, Direction, SeenFrame, Tap};
pub use version::Version;
pub use wait::until;

/// Writes one test per HAProxy version, in a module of the test's name.
///
/// The attribute before the function is the one each test gets: `#[tokio::test]`, `#[actix_rt::test]`.
#[macro_export]
macro_rules! on_every_haproxy {
    ($(#[$attribute:meta])+ async fn $name:ident($version:ident: Version) $body:block) => {
        mod $name {
            use super::*;

            async fn on($version: $crate::Version) $body

            $crate::on_haproxy!([$(#[$attribute])+] haproxy_2_6 V2_6);
            $crate::on_haproxy!([$(#[$attribute])+] haproxy_2_8 V2_8);
            $crate::on_haproxy!([$(#[$attribute])+] haproxy_3_0 V3_0);
            $crate::on_haproxy!([$(#[$attribute])+] haproxy_3_2 V3_2);
            $crate::on_haproxy!([$(#[$attribute])+] haproxy_3_4 V3_4);
        }
    };
}

/// Like [`on_every_haproxy`], for the versions with the old engine: 2.6, 2.8 and 3.0.
#[macro_export]
macro_rules! on_old_engines {
    ($(#[$attribute:meta])+ async fn $name:ident($version:ident: Version) $body:block) => {
        mod $name {
            use super::*;

            async fn on($version: $crate::Version) $body

            $crate::on_haproxy!([$(#[$attribute])+] haproxy_2_6 V2_6);
            $crate::on_haproxy!([$(#[$attribute])+] haproxy_2_8 V2_8);
            $crate::on_haproxy!([$(#[$attribute])+] haproxy_3_0 V3_0);
        }
    };
}

/// One test of [`on_every_haproxy`] and [`on_old_engines`].
#[doc(hidden)]
#[macro_export]
macro_rules! on_haproxy {
    ([$($attributes:tt)+] $test:ident $version:ident) => {
        $($attributes)+
        async fn $test() {
            on($crate::Version::$version).await;
        }
    };
}
