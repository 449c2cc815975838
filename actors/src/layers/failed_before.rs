//! Failed before: the error of a call that others share.

use std::sync::Arc;

use thiserror::Error;

use crate::{error::HandlerError, supervision::panics};

/// The error of another call for the same key, which this one did not make again.
#[derive(Clone, Debug, Error)]
#[error("the same call has failed: {text}")]
pub(super) struct FailedBefore {
    text: Arc<str>,
}

/// So much of an error is kept, in bytes: it can have words of a client in it.
const LONGEST: usize = 512;

impl FailedBefore {
    pub(super) fn new(error: impl ToString) -> Self {
        // The words are code of the handler.
        let text = panics::catch(|| error.to_string());
        let mut text = text.unwrap_or_else(|panic| panic.to_string());
        let mut end = LONGEST.min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        Self { text: text.into() }
    }

    pub(super) fn len(&self) -> usize {
        self.text.len()
    }
}

impl From<FailedBefore> for HandlerError {
    fn from(failure: FailedBefore) -> Self {
        Self::Failed(failure.into())
    }
}
