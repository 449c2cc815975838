//! Into registry: a registry, or a result that can fail.

use spoa_actors::{BoxError, Registry};

/// A [`Registry`], or a `Result` with one, for [`App`](crate::App).
pub trait IntoRegistry {
    /// Returns the registry.
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
