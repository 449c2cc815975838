//! Lookup: the row of a key.

use spoa_actors::{ActionError, Actions, BoxError, MessageRef, Origin, ReadyHandler, Scope};

use super::{
    inputs::{address, text},
    outputs::Outputs,
};
use crate::{data::Followed, table::Rows};

const VARIABLES: [&str; 3] = ["found", "stale", "error"];
const FOUND: usize = 0;
const STALE: usize = 1;
const ERROR: usize = 2;

/// The row of a key: a variable for each column that is named here, if the row has a value in it.
///
/// | variable | type | when |
/// |---|---|---|
/// | those of the columns | as in the table | there is a row, and it has a value |
/// | `found`, `stale` | boolean | the message has all arguments of the key |
/// | `error` | text | `no_key` or `no_data`: nothing is known |
///
/// ```no_run
/// use spoa_actors::{Agent, BoxError, Registry, Scope};
/// use spoa_handlers::{
///     data::{Followed, RowsFile, Source},
///     handler::Lookup,
/// };
///
/// #[actix_rt::main]
/// async fn main() -> Result<(), BoxError> {
///     let source = Source::new("tenants", ["tenants.csv"]);
///     let rows = Followed::open(source, RowsFile::new(["host"]))?;
///     let tenant = Lookup::new(rows, ["host"], ["backend", "plan"], Scope::Transaction, "tenant")?;
///     let registry = Registry::new().on_ready("check-tenant", move || tenant.clone());
///     Ok(Agent::bind("127.0.0.1:12345")?.serve(registry).await?)
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Lookup {
    rows: Followed<Rows>,
    key: Vec<String>,
    columns: Vec<String>,
    outputs: Outputs,
}

impl Lookup {
    /// Looks up the row whose key these arguments are, and sets a variable for each of these columns.
    ///
    /// # Errors
    ///
    /// The prefix or a column cannot be part of a variable's name.
    pub fn new<'a>(
        rows: Followed<Rows>,
        key: impl IntoIterator<Item = impl Into<String>>,
        columns: impl IntoIterator<Item = &'a str>,
        scope: Scope,
        prefix: &str,
    ) -> Result<Self, ActionError> {
        let columns: Vec<_> = columns.into_iter().map(str::to_owned).collect();
        let names = VARIABLES.into_iter().chain(columns.iter().map(String::as_str));
        let outputs = Outputs::new(scope, prefix, names)?;
        Ok(Self { rows, key: key.into_iter().map(Into::into).collect(), columns, outputs })
    }
}

impl ReadyHandler for Lookup {
    type Args<'a> = MessageRef<'a>;

    fn handle(&self, message: MessageRef<'_>, _: &Origin) -> Result<Actions, BoxError> {
        let (out, actions) = (&self.outputs, Actions::new());
        let current = self.rows.current();
        let Some(rows) = current.table() else {
            return Ok(out.set(actions, ERROR, "no_data"));
        };
        let row = if let ([_], Some(address)) = (&*self.key, address(&message, &self.key)) {
            rows.find_address(address)
        } else {
            let parts = self.key.iter().map(|name| message.get(name).and_then(text));
            let Some(parts) = parts.collect::<Option<Vec<_>>>() else {
                return Ok(out.set(actions, ERROR, "no_key"));
            };
            rows.find(&parts.iter().map(|part| &**part).collect::<Vec<_>>())
        };
        let mut actions = out.set(actions, FOUND, row.is_some());
        for (variable, column) in (VARIABLES.len()..).zip(&self.columns) {
            if let Some(cell) = row.as_ref().and_then(|row| row.get(column)) {
                actions = out.set_cell(actions, variable, cell);
            }
        }
        Ok(out.set(actions, STALE, self.rows.is_stale()))
    }
}
