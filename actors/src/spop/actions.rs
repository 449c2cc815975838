//! LIST-OF-ACTIONS: the payload of an ACK.
//!
//! ```text
//! LIST-OF-ACTIONS : [ <ACTION> … ]                         (may be empty)
//! ```

use std::fmt;

use super::{
    action::{Action, ActionError, check_name},
    put::Put,
    scope::Scope,
    short_bytes::ShortBytes,
    to_typed_data::ToTypedData,
    var::Var,
    wire::{Reader, WireError},
};

/// The actions of an answer, in order.
///
/// Set variables with [`set`](Self::set) and a [`Var`] constant, whose name is checked when your
/// program is compiled. Names made at run time are checked when the action is made. HAProxy drops
/// an action that it cannot apply without an error.
///
/// ```
/// use spoa_actors::{Actions, Scope, Var};
///
/// const SCORE: Var = Var::session("ip_score");
/// const REASON: Var = Var::transaction("reason");
///
/// let actions = Actions::new().set(SCORE, 20).unset(REASON);
/// assert_eq!(actions.to_string(), "set-var sess.ip_score 20, unset-var txn.reason");
///
/// let computed = format!("ip_{}", "score");
/// let actions = Actions::new().set_var(Scope::Session, &computed, 20)?;
/// assert_eq!(actions.to_string(), "set-var sess.ip_score 20");
/// assert!(Actions::new().set_var(Scope::Session, "ip-score", 20).is_err());
/// # Ok::<(), spoa_actors::ActionError>(())
/// ```
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Actions {
    bytes: ShortBytes,
}

impl Actions {
    /// No action: the answer changes nothing.
    #[must_use]
    #[inline]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends an action that sets a variable. A value of `None` or NULL unsets it.
    #[must_use]
    #[inline]
    pub fn set(self, var: Var, value: impl ToTypedData) -> Self {
        self.set_var_unchecked(var.scope(), var.name().as_bytes(), value)
    }

    /// Appends an action that unsets a variable.
    #[must_use]
    #[inline]
    pub fn unset(self, var: Var) -> Self {
        self.unset_var_unchecked(var.scope(), var.name().as_bytes())
    }

    /// Appends an action that sets a variable with a name made at run time. A value of `None` or
    /// NULL unsets it. If the name is a constant, use [`set`](Self::set).
    ///
    /// # Errors
    ///
    /// If the name is empty, longer than [`MAX_VAR_NAME`](super::MAX_VAR_NAME) bytes, or has a
    /// character that HAProxy does not allow.
    #[inline]
    pub fn set_var(
        self,
        scope: Scope,
        name: &str,
        value: impl ToTypedData,
    ) -> Result<Self, ActionError> {
        check_name(name)?;
        Ok(self.set_var_unchecked(scope, name.as_bytes(), value))
    }

    /// Appends an action that unsets a variable with a name made at run time.
    ///
    /// # Errors
    ///
    /// If the name is empty, longer than [`MAX_VAR_NAME`](super::MAX_VAR_NAME) bytes, or has a
    /// character that HAProxy does not allow.
    pub fn unset_var(self, scope: Scope, name: &str) -> Result<Self, ActionError> {
        check_name(name)?;
        Ok(self.unset_var_unchecked(scope, name.as_bytes()))
    }

    /// Appends an action that sets a variable, without a check of its name. For relays and test
    /// peers.
    #[must_use]
    #[inline]
    pub fn set_var_unchecked(mut self, scope: Scope, name: &[u8], value: impl ToTypedData) -> Self {
        self.push(&Action::SetVar { scope, name, value: value.to_typed_data() });
        self
    }

    /// Appends an action that unsets a variable, without a check of its name. For relays and test
    /// peers.
    #[must_use]
    pub fn unset_var_unchecked(mut self, scope: Scope, name: &[u8]) -> Self {
        self.push(&Action::UnsetVar { scope, name });
        self
    }

    #[inline]
    fn push(&mut self, action: &Action<'_>) {
        action.write(&mut self.bytes);
    }

    /// Appends all actions of `others`.
    #[inline]
    pub fn append(&mut self, others: Self) {
        // The list is moved with its memory: a handler's answer is not copied.
        if self.bytes.is_empty() {
            *self = others;
        } else {
            self.bytes.put(others.bytes.as_slice());
        }
    }

    /// Appends a copy of all actions of `others`.
    pub(crate) fn append_all(&mut self, others: &Self) {
        self.bytes.put(others.bytes.as_slice());
    }

    /// Whether there is no action.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The actions in order.
    pub fn iter(&self) -> impl Iterator<Item = Action<'_>> {
        let mut reader = Reader::new(self.bytes.as_slice());
        std::iter::from_fn(move || Action::read(&mut reader).ok())
    }

    /// The bytes of the leading actions that fit into `room`, and how many actions do not.
    pub(super) fn fit(&self, room: usize) -> (&[u8], usize) {
        if self.bytes.len() <= room {
            return (self.bytes.as_slice(), 0);
        }
        let mut reader = Reader::new(self.bytes.as_slice());
        let mut fitting = 0;
        let mut left_out = 0;
        while Action::read(&mut reader).is_ok() {
            let end = self.bytes.len() - reader.left();
            if end <= room {
                fitting = end;
            } else {
                left_out += 1;
            }
        }
        (self.bytes.as_slice().get(..fitting).unwrap_or_default(), left_out)
    }

    /// Drops the actions from the end that exceed `room` bytes; returns how many.
    pub(crate) fn fit_to(&mut self, room: usize) -> usize {
        let (fitting, left_out) = self.fit(room);
        let length = fitting.len();
        self.bytes.truncate(length);
        left_out
    }

    /// Removes what was appended after the first `length` bytes.
    pub(crate) fn take_back(&mut self, length: usize) {
        self.bytes.truncate(length);
    }

    /// How many bytes the actions take in an ACK.
    pub(crate) fn encoded_len(&self) -> usize {
        self.bytes.len()
    }

    /// All actions as encoded in an ACK.
    #[inline]
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.bytes.as_slice()
    }

    /// Decodes the payload of an ACK.
    ///
    /// # Errors
    ///
    /// If the bytes are not a complete list of actions.
    pub fn decode(payload: &[u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(payload);
        while !reader.is_empty() {
            Action::read(&mut reader)?;
        }
        Ok(Self { bytes: payload.into() })
    }
}

/// The actions, separated by commas; nothing if there is none.
impl fmt::Display for Actions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, action) in self.iter().enumerate() {
            write!(f, "{}{action}", if index == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Actions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{self}]")
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, reason = "a test may panic")]
mod tests {
    use super::{
        super::{action::MAX_VAR_NAME, typed_data::TypedData},
        *,
    };

    #[test]
    fn actions_are_the_bytes_of_the_grammar() -> Result<(), ActionError> {
        let actions = Actions::new()
            .set_var(Scope::Session, "ip_score", 20)?
            .set_var(Scope::Response, "a.b", Option::<bool>::None)?
            .unset_var(Scope::Process, "gone")?;
        let bytes = b"\x01\x03\x01\x08ip_score\x04\x14\x01\x03\x04\x03a.b\x00\x02\x02\x00\x04gone";
        assert_eq!(actions.as_bytes(), bytes);
        assert_eq!(Actions::decode(bytes), Ok(actions));
        Ok(())
    }

    #[test]
    fn checklist_25_a_name_that_haproxy_would_drop_is_an_error_when_the_action_is_made() {
        let long = "a".repeat(MAX_VAR_NAME + 1);
        for name in ["", "ip-score", "ip score", "café", "a:b", "a\0", long.as_str()] {
            assert!(Actions::new().set_var(Scope::Session, name, 1).is_err(), "{name:?}");
            assert!(Actions::new().unset_var(Scope::Session, name).is_err(), "{name:?}");
        }
        for name in ["a", "A.b_C9", &long[..MAX_VAR_NAME]] {
            assert!(Actions::new().set_var(Scope::Session, name, 1).is_ok(), "{name:?}");
        }
    }

    #[test]
    fn checklist_26_the_default_scope_is_the_transaction_and_unknown_scopes_are_refused() {
        assert_eq!(Scope::default(), Scope::Transaction);
        assert_eq!(Actions::decode(b"\x02\x02\x05\x01a"), Err(WireError::UnknownScope { id: 5 }));
    }

    #[test]
    fn checklist_28_a_null_value_is_sent_as_null_which_unsets_the_variable() {
        let actions =
            Actions::new().set_var(Scope::Transaction, "reason", TypedData::Null).expect("a name");
        assert_eq!(actions.as_bytes(), b"\x01\x03\x02\x06reason\x00");
    }

    #[test]
    fn actions_that_do_not_fit_are_left_out_from_the_end() {
        let action = |name| Actions::new().set_var(Scope::Session, name, 1).expect("a name");
        let mut actions = action("a");
        let length = actions.as_bytes().len();
        actions.append(action("bb"));
        actions.append(action("c"));
        assert_eq!(actions.fit(usize::MAX), (actions.as_bytes(), 0));
        assert_eq!(actions.fit(3 * length + 1), (actions.as_bytes(), 0));
        assert_eq!(actions.fit(3 * length), (&actions.as_bytes()[..2 * length + 1], 1));
        assert_eq!(actions.fit(length), (action("a").as_bytes(), 2));
        assert_eq!(actions.fit(length - 1), (&[][..], 3));
    }

    #[test]
    fn malformed_actions_are_refused_by_their_term() {
        let table: [(&[u8], WireError); 4] = [
            (&[3, 0], WireError::UnknownAction { id: 3 }),
            (&[1, 2], WireError::ActionArity { action: "set-var", count: 2 }),
            (&[2, 3], WireError::ActionArity { action: "unset-var", count: 3 }),
            (&[1, 3, 0, 1, b'a'], WireError::Truncated { term: "typed-data" }),
        ];
        for (bytes, error) in table {
            assert_eq!(Actions::decode(bytes), Err(error));
        }
    }
}
