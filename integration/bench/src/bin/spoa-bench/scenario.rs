//! Scenario: a workload with a letter, so that tables and options can name it.

use clap::ValueEnum;

use crate::workload::Workload;

const CLIENT: &[&str] = &["check-client-ip", "ip=10.0.0.1"];
const BODY: &[&str] = &["--binary", "body:8192", "read-all"];
const MANY: &[&str] = &["--fill", "40:28", "read-all"];

/// What is measured; the README says why each is there.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
#[value(rename_all = "UPPER")]
pub(crate) enum Scenario {
    /// One frame at a time.
    A,
    /// 16 connections, one frame in flight on each.
    B,
    /// 16 connections, 16 frames in flight on each.
    C,
    /// 4 connections, 64 frames in flight on each.
    D,
    /// 256 connections, one frame in flight on each.
    E,
    /// 8 KiB in one binary argument.
    F,
    /// 20,000 frames a second, whether or not answers come.
    G,
    /// 40 arguments.
    H,
    /// B over a UNIX socket.
    U,
    /// Idle connections.
    I,
    /// A second arbiter.
    S,
    /// Connections and sizes.
    N,
}

impl Scenario {
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::A => "A 1×1",
            Self::B => "B 16×1",
            Self::C => "C 16×16",
            Self::D => "D 4×64",
            Self::E => "E 256×1",
            Self::F => "F 4×16, 8 KiB",
            Self::G => "G 8, 20,000/s",
            Self::H => "H 4×16, 40 arguments",
            Self::U => "U 16×1, UNIX",
            Self::I => "I idle",
            Self::S => "S scale",
            Self::N => "N flatness",
        }
    }

    /// What it asks of a server; nothing if it is more than one workload.
    pub(crate) fn workload(self) -> Option<Workload> {
        let (connections, window, message) = match self {
            Self::A => (1, 1, CLIENT),
            Self::B | Self::U => (16, 1, CLIENT),
            Self::C => (16, 16, CLIENT),
            Self::D => (4, 64, CLIENT),
            Self::E => (256, 1, CLIENT),
            Self::F => (4, 16, BODY),
            Self::G => (8, 64, CLIENT),
            Self::H => (4, 16, MANY),
            Self::I | Self::S | Self::N => return None,
        };
        let rate = (self == Self::G).then_some(20_000);
        Some(Workload { connections, window, rate, message })
    }

    pub(crate) fn is_on_unix(self) -> bool {
        self == Self::U
    }
}
