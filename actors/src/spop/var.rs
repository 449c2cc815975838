//! Var: a variable whose name is checked when the program is compiled.

use std::fmt;

use super::{
    action::{MAX_VAR_NAME, is_name},
    scope::Scope,
};

/// A variable of HAProxy: its scope and its name, without the prefix.
///
/// HAProxy drops an invalid name without an error. If you define the `Var` as a constant, an
/// invalid name does not compile, so [`Actions::set`](super::Actions::set) cannot fail:
///
/// ```
/// use spoa_actors::{Actions, Var};
///
/// const SCORE: Var = Var::session("ip_score");
/// const REASON: Var = Var::transaction("reason");
///
/// let actions = Actions::new().set(SCORE, 20).unset(REASON);
/// assert_eq!(actions.to_string(), "set-var sess.ip_score 20, unset-var txn.reason");
/// ```
///
/// ```compile_fail,E0080
/// use spoa_actors::Var;
///
/// const SCORE: Var = Var::session("ip-score");
/// # println!("{SCORE}");
/// ```
///
/// A name has 1 to [`MAX_VAR_NAME`] bytes: ASCII letters, digits, `_` and `.`. For a name made at
/// run time, use [`Actions::set_var`](super::Actions::set_var).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Var {
    scope: Scope,
    name: &'static str,
}

impl Var {
    /// A variable of the scope `proc`.
    ///
    /// # Panics
    ///
    /// If the name is invalid. In a constant, this is a compile error.
    #[must_use]
    #[track_caller]
    pub const fn process(name: &'static str) -> Self {
        Self::new(Scope::Process, name)
    }

    /// A variable of the scope `sess`.
    ///
    /// # Panics
    ///
    /// If the name is invalid. In a constant, this is a compile error.
    #[must_use]
    #[track_caller]
    pub const fn session(name: &'static str) -> Self {
        Self::new(Scope::Session, name)
    }

    /// A variable of the scope `txn`.
    ///
    /// # Panics
    ///
    /// If the name is invalid. In a constant, this is a compile error.
    #[must_use]
    #[track_caller]
    pub const fn transaction(name: &'static str) -> Self {
        Self::new(Scope::Transaction, name)
    }

    /// A variable of the scope `req`.
    ///
    /// # Panics
    ///
    /// If the name is invalid. In a constant, this is a compile error.
    #[must_use]
    #[track_caller]
    pub const fn request(name: &'static str) -> Self {
        Self::new(Scope::Request, name)
    }

    /// A variable of the scope `res`.
    ///
    /// # Panics
    ///
    /// If the name is invalid. In a constant, this is a compile error.
    #[must_use]
    #[track_caller]
    pub const fn response(name: &'static str) -> Self {
        Self::new(Scope::Response, name)
    }

    #[track_caller]
    const fn new(scope: Scope, name: &'static str) -> Self {
        assert!(!name.is_empty(), "a variable needs a name");
        assert!(name.len() <= MAX_VAR_NAME, "the name of a variable is longer than 32 bytes");
        assert!(
            is_name(name),
            "the name of a variable has a character other than ASCII letters, digits, '_' and '.'"
        );
        Self { scope, name }
    }

    /// How long the variable lives.
    #[must_use]
    pub const fn scope(self) -> Scope {
        self.scope
    }

    /// Its name, without scope and prefix.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.name
    }
}

/// `sess.ip_score`
impl fmt::Display for Var {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.scope, self.name)
    }
}

#[cfg(test)]
mod tests {
    use std::panic;

    use super::{super::actions::Actions, *};

    #[test]
    fn every_scope_has_its_variables() {
        let of_scope = [Var::process, Var::session, Var::transaction, Var::request, Var::response];
        for (var, scope) in of_scope.map(|var| var("a.B_9")).into_iter().zip(Scope::ALL) {
            assert_eq!((var.scope(), var.name()), (scope, "a.B_9"));
            assert_eq!(var.to_string(), format!("{scope}.a.B_9"));
        }
    }

    #[test]
    fn a_var_takes_the_names_that_set_var_takes() {
        let fits: &str = "a234567890123456789012345678901b";
        let long: &str = "a234567890123456789012345678901bc";
        for name in [fits, long, "", "a", "A.b_C9", "ip-score", "ip score", "café", "a:b", "a\0"] {
            let checked = Actions::new().set_var(Scope::Session, name, 1);
            let constant = panic::catch_unwind(|| Actions::new().set(Var::session(name), 1));
            assert_eq!(constant.ok(), checked.ok(), "{name:?}");
        }
    }
}
