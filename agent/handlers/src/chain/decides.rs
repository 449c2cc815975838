//! What a handler may decide, without running it.

use super::detail::Detail;
use crate::configuration::Action;

/// What a handler may decide.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Decides {
    /// What it may have HAProxy do.
    pub actions: Vec<Action>,
    /// The statuses that it may set, each with its action.
    pub statuses: Vec<(Action, u16)>,
    /// The texts of the verdict that it may set: `location`, `cookie` and so on.
    pub texts: Vec<Detail>,
}

impl Decides {
    /// Nothing: the handler only finds.
    #[must_use]
    pub fn nothing() -> Self {
        Self::default()
    }

    /// Adds an action, with its status if it has one.
    pub fn add(&mut self, action: Action, status: Option<u16>) {
        if !self.actions.contains(&action) {
            self.actions.push(action);
        }
        let status = status.map(|status| (action, status));
        self.statuses.extend(status.filter(|status| !self.statuses.contains(status)));
    }

    /// Adds a text of the verdict.
    pub fn add_text(&mut self, text: Detail) {
        if !self.texts.contains(&text) {
            self.texts.push(text);
        }
    }

    /// Adds all that another may decide.
    pub fn extend(&mut self, other: &Self) {
        other.actions.iter().for_each(|action| self.add(*action, None));
        for (action, status) in &other.statuses {
            self.add(*action, Some(*status));
        }
        other.texts.iter().for_each(|text| self.add_text(*text));
    }
}
