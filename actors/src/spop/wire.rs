//! The cursor over received bytes, and what can be wrong with them.
//!
//! All reading goes through [`Reader`], which compares each length with the remaining bytes before
//! memory is allocated. Every list of the grammar runs to the end of its frame, so trailing bytes
//! are a truncated item. There is no index arithmetic elsewhere.

use thiserror::Error;

use super::varint::{self, Malformed};

/// The bytes are not SPOP.
///
/// Each variant names the term of the specification's grammar at which reading stopped.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum WireError {
    /// The length of a frame is smaller than the smallest frame.
    #[error("frame length {length} is below {minimum}, the smallest frame")]
    FrameTooShort {
        /// The announced length in bytes.
        length: u32,
        /// The smallest allowed length in bytes.
        minimum: u32,
    },
    /// The length of a frame exceeds the agreed max-frame-size.
    #[error("frame length {length} is above the limit of {limit} bytes")]
    FrameTooLarge {
        /// The announced length in bytes.
        length: u32,
        /// The current limit in bytes.
        limit: u32,
    },
    /// The bytes end within a term.
    #[error("{term} is truncated")]
    Truncated {
        /// The term of the grammar.
        term: &'static str,
    },
    /// A length exceeds the remaining bytes.
    #[error("{term} announces {length} bytes where {left} are left")]
    LengthBeyondFrame {
        /// The term of the grammar.
        term: &'static str,
        /// The announced length in bytes.
        length: u64,
        /// The remaining bytes.
        left: usize,
    },
    /// A varint exceeds 64 bits or 10 bytes.
    #[error("varint of {term} overflows 64 bits")]
    VarintOverflow {
        /// The term of the grammar.
        term: &'static str,
    },
    /// A typed-data id that the specification reserves (10 to 15).
    #[error("typed-data type {id} is reserved")]
    ReservedType {
        /// The type id.
        id: u8,
    },
    /// A key of a KV-LIST has another type than in the specification.
    #[error("{key} has the wrong type")]
    WrongType {
        /// The key.
        key: &'static str,
    },
    /// HELLO or DISCONNECT without FIN: these frames cannot be fragmented.
    #[error("{term} without FIN")]
    NotFinal {
        /// The frame's name.
        term: &'static str,
    },
    /// HELLO or DISCONNECT with a STREAM-ID or FRAME-ID other than 0.
    #[error("{term} with a stream-id or frame-id other than 0")]
    NonZeroIds {
        /// The frame's name.
        term: &'static str,
    },
    /// An action id that the specification does not have.
    #[error("action type {id} is unknown")]
    UnknownAction {
        /// The action id.
        id: u8,
    },
    /// An action has another number of arguments than its type requires.
    #[error("action {action} with {count} arguments")]
    ActionArity {
        /// The action's name.
        action: &'static str,
        /// The announced NB-ARGS.
        count: u8,
    },
    /// A scope id that the specification does not have.
    #[error("variable scope {id} is unknown")]
    UnknownScope {
        /// The scope id.
        id: u8,
    },
}

impl WireError {
    /// The kind of it in `snake_case`.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::FrameTooShort { .. } => "frame_too_short",
            Self::FrameTooLarge { .. } => "frame_too_large",
            Self::Truncated { .. } => "truncated",
            Self::LengthBeyondFrame { .. } => "length_beyond_frame",
            Self::VarintOverflow { .. } => "varint_overflow",
            Self::ReservedType { .. } => "reserved_type",
            Self::WrongType { .. } => "wrong_type",
            Self::NotFinal { .. } => "not_final",
            Self::NonZeroIds { .. } => "nonzero_ids",
            Self::UnknownAction { .. } => "unknown_action",
            Self::ActionArity { .. } => "action_arity",
            Self::UnknownScope { .. } => "unknown_scope",
        }
    }
}

/// A cursor over the bytes of one frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// How many bytes are left.
    pub(super) fn left(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The bytes between this position and a later one.
    #[inline]
    pub(super) fn up_to(&self, later: &Self) -> &'a [u8] {
        let length = self.left().saturating_sub(later.left());
        self.bytes.get(..length).unwrap_or_default()
    }

    #[inline(always)]
    pub(super) fn byte(&mut self, term: &'static str) -> Result<u8, WireError> {
        let (&first, rest) = self.bytes.split_first().ok_or(WireError::Truncated { term })?;
        self.bytes = rest;
        Ok(first)
    }

    #[inline(always)]
    pub(super) fn take(
        &mut self,
        length: usize,
        term: &'static str,
    ) -> Result<&'a [u8], WireError> {
        let (taken, rest) =
            self.bytes.split_at_checked(length).ok_or(WireError::Truncated { term })?;
        self.bytes = rest;
        Ok(taken)
    }

    #[inline]
    pub(super) fn array<const N: usize>(
        &mut self,
        term: &'static str,
    ) -> Result<[u8; N], WireError> {
        let (taken, rest) = self.bytes.split_first_chunk().ok_or(WireError::Truncated { term })?;
        self.bytes = rest;
        Ok(*taken)
    }

    /// A name and a value with this type byte before it, if both have a length of one byte, as most
    /// arguments have. Otherwise nothing is taken.
    #[inline(always)]
    pub(super) fn short_pair(&mut self, type_byte: u8) -> Option<(&'a [u8], &'a [u8])> {
        let (&name_length, rest) = self.bytes.split_first()?;
        // Longer names, and all other types, take the general path; nothing has been read then.
        if name_length >= varint::MULTI_BYTE {
            return None;
        }
        let (name, rest) = rest.split_at_checked(name_length.into())?;
        let (&[found, length], rest) = rest.split_first_chunk()?;
        if found != type_byte || length >= varint::MULTI_BYTE {
            return None;
        }
        let (value, rest) = rest.split_at_checked(length.into())?;
        self.bytes = rest;
        Some((name, value))
    }

    #[inline(always)]
    pub(super) fn varint(&mut self, term: &'static str) -> Result<u64, WireError> {
        let (value, rest) = varint::read(self.bytes).map_err(|malformed| match malformed {
            Malformed::Truncated => WireError::Truncated { term },
            Malformed::Overflow => WireError::VarintOverflow { term },
        })?;
        self.bytes = rest;
        Ok(value)
    }

    /// A varint length and that many bytes.
    #[inline(always)]
    pub(super) fn string(&mut self, term: &'static str) -> Result<&'a [u8], WireError> {
        let length = self.varint(term)?;
        let left = self.left();
        // Compared with the remaining bytes first: a length is 64 bits of the peer's choice.
        let taken = usize::try_from(length).ok().and_then(|at| self.bytes.split_at_checked(at));
        let Some((taken, rest)) = taken else {
            return Err(WireError::LengthBeyondFrame { term, length, left });
        };
        self.bytes = rest;
        Ok(taken)
    }
}
