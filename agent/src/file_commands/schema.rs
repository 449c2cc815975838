//! `schema`: the JSON schema of the file, for editors.

use spoa_handlers::{kinds::KINDS, schema};

use super::output::print;
use crate::failure::Failure;

/// Prints it.
pub(crate) fn schema() -> Result<(), Failure> {
    print(&format!("{:#}\n", schema::schema(KINDS)))
}
