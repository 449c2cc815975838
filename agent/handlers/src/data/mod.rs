//! Data from files: read beside the requests, followed when the files change, and the last good data kept.
//!
//! | file | what |
//! |---|---|
//! | `source` | which files, and what is believed of them |
//! | `error` | why data is not taken |
//! | `stamp`, `files` | what tells one state of a file from another; the files that there are, and what is in them |
//! | `bad_lines` | lines that could not be read: how many, and where the first ones are |
//! | `load` | what makes a table of files |
//! | `state` | how a data set is, for those who look at it from outside |
//! | `ip_reading` | what the lines of a list say, on the way into the table |
//! | `ip_list`, `ip_lines`, `ip_csv` | lists of addresses, as text and as CSV |
//! | `record`, `rows_file`, `rows_csv`, `rows_json` | tables of rows, from CSV and JSON |
//! | `mmdb` | databases in MaxMind's format |
//! | `shared`, `followed`, `follower` | a table as arbiters take it; the thread that looks at the files |

mod bad_lines;
mod error;
mod files;
mod followed;
mod follower;
mod ip_csv;
mod ip_lines;
mod ip_list;
mod ip_reading;
mod load;
mod mmdb;
mod record;
mod rows_csv;
mod rows_file;
mod rows_json;
mod shared;
mod source;
mod stamp;
mod state;

pub use bad_lines::{BadLine, BadLines, OnBadLines};
pub use error::DataError;
pub use files::{Contents, Files};
pub use followed::{Current, Followed};
pub use ip_csv::CsvColumns;
pub use ip_list::{IpList, ListFormat};
pub use load::{Load, Loaded};
pub use mmdb::Mmdb;
pub use rows_file::{RowsFile, RowsFormat};
pub use source::Source;
pub use state::DataState;
