//! ACTION: sets or unsets a variable of HAProxy.
//!
//! ```text
//! ACTION           : <ACTION-TYPE:1 byte><NB-ARGS:1 byte><ACTION-ARGS>
//! ACTION-SET-VAR   : 1, 3, <VAR-SCOPE:1 byte><VAR-NAME:string><VAR-VALUE:TYPED-DATA>
//! ACTION-UNSET-VAR : 2, 2, <VAR-SCOPE:1 byte><VAR-NAME:string>
//! ```

use std::fmt;

use thiserror::Error;

use super::{
    foreign_text::ForeignText,
    put::Put,
    scope::Scope,
    typed_data::TypedData,
    varint,
    wire::{Reader, WireError},
};

const SET_VAR: u8 = 1;
const UNSET_VAR: u8 = 2;

/// The longest variable name, in bytes.
///
/// HAProxy stores `scope.prefix.name` in 63 bytes and drops longer names without an error. The
/// prefix (`option var-prefix`) is not known here, so this limit leaves 25 bytes for it.
pub const MAX_VAR_NAME: usize = 32;

/// One action, borrowed from its list.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Action<'a> {
    /// Sets a variable.
    SetVar {
        /// How long the variable lives.
        scope: Scope,
        /// Its name, without scope and prefix.
        name: &'a [u8],
        /// Its value; NULL unsets it.
        value: TypedData<'a>,
    },
    /// Unsets a variable.
    UnsetVar {
        /// How long the variable lives.
        scope: Scope,
        /// Its name, without scope and prefix.
        name: &'a [u8],
    },
}

/// An action that HAProxy would drop without an error.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum ActionError {
    /// The name is empty.
    #[error("a variable needs a name")]
    EmptyName,
    /// The name is longer than [`MAX_VAR_NAME`].
    #[error("variable name {:?} is longer than {MAX_VAR_NAME} bytes", ForeignText::new(.name))]
    NameTooLong {
        /// The name.
        name: String,
    },
    /// The name has a character that HAProxy does not allow.
    #[error(
        "variable name {:?} has a character other than ASCII letters, digits, '_' and '.'",
        ForeignText::new(.name)
    )]
    NameCharacters {
        /// The name.
        name: String,
    },
}

impl<'a> Action<'a> {
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, WireError> {
        let id = reader.byte("ACTION-TYPE")?;
        let count = reader.byte("NB-ARGS")?;
        match (id, count) {
            (SET_VAR, 3) => Ok(Self::SetVar {
                scope: Scope::from_id(reader.byte("VAR-SCOPE")?)?,
                name: reader.string("VAR-NAME")?,
                value: TypedData::read(reader)?,
            }),
            (UNSET_VAR, 2) => Ok(Self::UnsetVar {
                scope: Scope::from_id(reader.byte("VAR-SCOPE")?)?,
                name: reader.string("VAR-NAME")?,
            }),
            (SET_VAR, count) => Err(WireError::ActionArity { action: "set-var", count }),
            (UNSET_VAR, count) => Err(WireError::ActionArity { action: "unset-var", count }),
            (id, _) => Err(WireError::UnknownAction { id }),
        }
    }

    #[inline]
    pub(super) fn write(&self, dst: &mut impl Put) {
        match *self {
            Self::SetVar { scope, name, value } => {
                dst.put(&[SET_VAR, 3, scope.id()]);
                varint::write_string(name, dst);
                value.write(dst);
            }
            Self::UnsetVar { scope, name } => {
                dst.put(&[UNSET_VAR, 2, scope.id()]);
                varint::write_string(name, dst);
            }
        }
    }
}

/// Whether HAProxy takes the name. A loop, because constants cannot use iterators.
#[inline]
pub(super) const fn is_name(name: &str) -> bool {
    let mut rest = name.as_bytes();
    while let [byte, behind @ ..] = rest {
        if !(byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.')) {
            return false;
        }
        rest = behind;
    }
    !name.is_empty() && name.len() <= MAX_VAR_NAME
}

#[inline]
pub(super) fn check_name(name: &str) -> Result<(), ActionError> {
    if is_name(name) { Ok(()) } else { Err(wrong(name)) }
}

#[cold]
fn wrong(name: &str) -> ActionError {
    let name = name.to_owned();
    match name.len() {
        0 => ActionError::EmptyName,
        1..=MAX_VAR_NAME => ActionError::NameCharacters { name },
        _ => ActionError::NameTooLong { name },
    }
}

/// `set-var sess.ip_score 20`
impl fmt::Display for Action<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SetVar { scope, name, value } => {
                write!(f, "set-var {scope}.{} {value}", ForeignText::new(name))
            }
            Self::UnsetVar { scope, name } => {
                write!(f, "unset-var {scope}.{}", ForeignText::new(name))
            }
        }
    }
}
