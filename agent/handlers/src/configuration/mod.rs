//! The sections of the file that are not handlers, data or services, with their settings.
//!
//! | file | what |
//! |---|---|
//! | `agent`, `limits`, `telemetry` | `[agent]`, `[limits]`, `[log]`, `[trace]` and `[admin]` |
//! | `listen` | `[listen.NAME]` |
//! | `secrets` | `[secrets]` |
//! | `message`, `run`, `status` | `[message.NAME]`, the handlers that it runs, and the status of an answer |
//! | `sections` | which settings they have |
//! | `configuration` | all of them |

mod agent;
mod configuration;
mod limits;
mod listen;
mod message;
mod run;
mod secrets;
mod sections;
mod status;
mod telemetry;

pub use agent::AgentSettings;
pub use configuration::Configuration;
pub use limits::LimitSettings;
pub use listen::{Address, ListenSettings, SocketMode, TcpAddress, TlsSettings};
pub use message::{Action, At, Fallback, MessageSettings, Unanswered};
pub use run::{Run, StepName};
pub use secrets::Secrets;
pub use sections::settings_of;
pub use status::Status;
pub use telemetry::{
    AdminSettings, HandBack, LogFormat, LogSettings, OtlpProtocol, TraceSettings, TracedFailures,
};
