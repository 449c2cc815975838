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

    /// What it is about, for the schema of the file.
    #[must_use]
    pub fn doc(self) -> &'static str {
        match self {
            Self::Agent => "What applies to all messages.",
            Self::Listen => "A TCP address or a UNIX socket.",
            Self::Limits => "How much the agent accepts from all its peers together.",
            Self::Log => "What is logged, and in which format.",
            Self::Trace => "Where traces are sent.",
            Self::Admin => "The admin endpoint: metrics, health and the status page.",
            Self::Secrets => "Where each secret is, by name.",
            Self::Args => "Where the arguments of all messages come from, by name.",
            Self::Data => "A list, a database or a table, loaded from files.",
            Self::Service => "A service that handlers ask over the network.",
            Self::Handler => "A check, of one of the kinds that `spoa-agent kinds` lists.",
            Self::Message => "An SPOE message, and the handlers that answer it.",
            Self::Test => "Cases that `spoa-agent test` runs.",
        }
    }

    /// The names that its sections can have, as a pattern.
    #[must_use]
    pub fn name_pattern(self) -> &'static str {
        match self {
            Self::Handler => "^[a-z][a-z0-9_]{0,63}$",
            Self::Message => "^[!-~]{1,64}$",
            _ => "^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$",
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
