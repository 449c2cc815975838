//! The file: TOML with a place for every key and value, its includes, and the sections it is made of.
//!
//! | file | what |
//! |---|---|
//! | `node`, `text` | the tree of a file; a text and where each of its bytes stands |
//! | `escapes`, `interpolation`, `environment` | how a text is written, and `${NAME}` in it |
//! | `syntax`, `syntax_errors` | from TOML to the tree, and what is no TOML |
//! | `group`, `document` | which sections there are, and all sections of all files |
//! | `load` | a file and the files that it includes |
//! | `reading`, `from_node` | from the tree to a typed value, with a finding where it is none |
//! | `map` | values by names that the file chooses |
//! | `names`, `paths` | values that name another section or a file |
//! | `json` | values as JSON, and their JSON schema |
//! | `table_reader` | the keys of a table one by one, and those that nobody asks for |

mod document;
mod environment;
mod escapes;
mod from_node;
mod group;
mod interpolation;
mod json;
mod load;
mod map;
mod names;
mod node;
mod paths;
mod reading;
mod syntax;
mod syntax_errors;
mod table_reader;
mod text;

pub use document::{Document, Section};
pub use environment::Environment;
pub use from_node::{FromNode, List};
pub use group::{Form, Group};
pub use json::{json_of, json_of_node, words};
pub use load::{Loaded, load, load_text};
pub use map::Map;
pub use names::{DataName, HandlerName, SecretName, ServiceName};
pub use node::{Entry, Key, Node, Table, Value};
pub use paths::{FilePath, FilePattern};
pub use reading::Reading;
pub use table_reader::TableReader;
pub use text::Text;
