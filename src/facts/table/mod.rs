//! What every table stands on: reading a snapshot, coverage, cells, schemas. It knows no table.

mod coverage;
pub(in crate::facts) mod known;
pub(in crate::facts) mod merged;
mod older;
pub(in crate::facts) mod placed;
pub(in crate::facts) mod read;
pub(in crate::facts) mod schema;

pub use coverage::{CompleteCoverage, Coverage, unseen_source};
pub use known::{Cell, ColumnType, Known};
pub use schema::{Column, Row, Sources, Table, TableRow, TableSchema, Typed};
