//! VAR-SCOPE: how long a variable lives.
//!
//! ```text
//! VAR-SCOPE : PROCESS 0 | SESSION 1 | TRANSACTION 2 | REQUEST 3 | RESPONSE 4      (one byte)
//! ```

use std::fmt;

use super::wire::WireError;

/// The scope of a variable that an action sets or unsets.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Scope {
    /// `proc`: the whole process. HAProxy sets such a variable only if its configuration names the
    /// variable, or has `option force-set-var`.
    Process,
    /// `sess`: the client connection. All requests of a keep-alive connection share it.
    Session,
    /// `txn`: the request and its response. Use it unless you need another scope.
    #[default]
    Transaction,
    /// `req`: the request. In events of the response, HAProxy drops it without an error.
    Request,
    /// `res`: the response. In events of the request, HAProxy drops it without an error.
    Response,
}

impl Scope {
    /// All scopes, in the order of their ids.
    pub const ALL: [Self; 5] =
        [Self::Process, Self::Session, Self::Transaction, Self::Request, Self::Response];

    /// The name that HAProxy's configuration uses: `proc`, `sess`, `txn`, `req` or `res`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Process => "proc",
            Self::Session => "sess",
            Self::Transaction => "txn",
            Self::Request => "req",
            Self::Response => "res",
        }
    }

    pub(super) fn id(self) -> u8 {
        match self {
            Self::Process => 0,
            Self::Session => 1,
            Self::Transaction => 2,
            Self::Request => 3,
            Self::Response => 4,
        }
    }

    pub(super) fn from_id(id: u8) -> Result<Self, WireError> {
        Self::ALL.get(usize::from(id)).copied().ok_or(WireError::UnknownScope { id })
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
