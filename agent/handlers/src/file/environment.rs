//! The environment, as `${NAME}` sees it.

/// Where `${NAME}` has its value from.
pub trait Environment {
    /// The value of a variable, if it is set, and text.
    fn get(&self, name: &str) -> Option<String>;
}

impl<F: Fn(&str) -> Option<String>> Environment for F {
    fn get(&self, name: &str) -> Option<String> {
        self(name)
    }
}
