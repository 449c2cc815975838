//! Into registry: what handlers are made of, which may fail.

use spoa_actors::{BoxError, Registry};

/// A [`Registry`], or a `Result` with one: what [`App`](crate::App) takes.
pub trait IntoRegistry {
    /// The registry, or why there is none.
    ///
    /// # Errors
    ///
    /// If the handlers cannot be made.
    fn into_registry(self) -> Result<Registry, BoxError>;
}

impl IntoRegistry for Registry {
    fn into_registry(self) -> Result<Registry, BoxError> {
        Ok(self)
    }
}

impl<E: Into<BoxError>> IntoRegistry for Result<Registry, E> {
    fn into_registry(self) -> Result<Registry, BoxError> {
        self.map_err(Into::into)
    }
}
