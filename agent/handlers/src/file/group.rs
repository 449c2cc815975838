//! The groups of sections that a file may have.

/// What a section is about: the first name of its header.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Group {
    /// `[agent]`: what holds for all messages.
    Agent,
    /// `[listen.NAME]`: an address or a socket.
    Listen,
    /// `[limits]`: how much the agent takes.
    Limits,
    /// `[log]`: what is logged, and how.
    Log,
    /// `[trace]`: where traces go.
    Trace,
    /// `[admin]`: the admin endpoint.
    Admin,
    /// `[secrets]`: names for what is secret.
    Secrets,
    /// `[args]`: where arguments of all messages come from.
    Args,
    /// `[data.NAME]`: lists, databases, keys and tables.
    Data,
    /// `[service.NAME]`: what is asked over the network.
    Service,
    /// `[handler.NAME]`: one check.
    Handler,
    /// `[message.NAME]`: an SPOE message and what answers it.
    Message,
    /// `[[test]]`: what `spoa-agent test` runs.
    Test,
}

/// How the sections of a group are written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Form {
    /// `[group]`.
    Single,
    /// `[group.NAME]`.
    Named,
    /// `[[group]]`.
    Repeated,
}

impl Group {
    /// All groups, in the order in which a file has them.
    pub const ALL: &[Self] = &[
        Self::Agent,
        Self::Listen,
        Self::Limits,
        Self::Log,
        Self::Trace,
        Self::Admin,
        Self::Secrets,
        Self::Args,
        Self::Data,
        Self::Service,
        Self::Handler,
        Self::Message,
        Self::Test,
    ];

    /// Its name in a header.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Listen => "listen",
            Self::Limits => "limits",
            Self::Log => "log",
            Self::Trace => "trace",
            Self::Admin => "admin",
            Self::Secrets => "secrets",
            Self::Args => "args",
            Self::Data => "data",
            Self::Service => "service",
            Self::Handler => "handler",
            Self::Message => "message",
            Self::Test => "test",
        }
    }

    /// How its sections are written.
    #[must_use]
    pub fn form(self) -> Form {
        match self {
            Self::Agent
            | Self::Limits
            | Self::Log
            | Self::Trace
            | Self::Admin
            | Self::Secrets
            | Self::Args => Form::Single,
            Self::Listen | Self::Data | Self::Service | Self::Handler | Self::Message => {
                Form::Named
            }
            Self::Test => Form::Repeated,
        }
    }

    /// What is wrong with the name of a section, and how it is to be.
    ///
    /// # Errors
    ///
    /// If it cannot be seen where the name is used: in variables, metrics and logs.
    pub fn check_name(self, name: &str) -> Result<(), &'static str> {
        let fits = |first: fn(&u8) -> bool, others: fn(&u8) -> bool| {
            let bytes = name.as_bytes();
            name.len() <= 64 && bytes.first().is_some_and(first) && bytes.iter().all(others)
        };
        match self {
            Self::Handler if fits(u8::is_ascii_lowercase, is_part_of_identifier) => Ok(()),
            Self::Handler => {
                Err("use lower-case letters, digits and `_`, up to 64: the name is part \
                                  of HAProxy's variables")
            }
            Self::Message if fits(u8::is_ascii_graphic, u8::is_ascii_graphic) => Ok(()),
            Self::Message => Err("use the name of HAProxy's `spoe-message`, without blanks"),
            _ if fits(u8::is_ascii_alphanumeric, is_part_of_name) => Ok(()),
            _ => Err("use letters, digits, `-`, `_` and `.`, up to 64"),
        }
    }
}

fn is_part_of_identifier(byte: &u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'_'
}

fn is_part_of_name(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.".contains(byte)
}
