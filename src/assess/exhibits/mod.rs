//! The matrices, from tables and scope.

mod access;
mod isolation;

use super::ResolvedScope;
use crate::facts::network::{NamespaceIsolationRow, Network};
use crate::facts::rbac::ReachRow;
use crate::facts::{Coverage, Row, Table, TableRow, TableSchema};
use crate::model::Exhibits;

/// The tables that matrices are made of, kept until all is known.
#[derive(Debug, Default)]
pub(super) struct Kept(Vec<(&'static TableSchema, Vec<Row>)>);

impl Kept {
    /// Keeps the rows of a table that a matrix needs.
    pub(super) fn add(&mut self, schema: &'static TableSchema, rows: Vec<Row>) {
        if [ReachRow::schema().name, NamespaceIsolationRow::schema().name].contains(&schema.name) {
            self.0.push((schema, rows));
        }
    }

    /// Every matrix that the tables give.
    pub(super) fn build(self, coverage: &Coverage, network: &Network, scope: &ResolvedScope<'_>) -> Exhibits {
        let tables: Vec<Table> = self.0.into_iter().map(|(schema, rows)| Table { schema, rows, coverage: coverage.clone() }).collect();
        let table = |name: &str| tables.iter().find(|table| table.schema.name == name);
        Exhibits {
            access: table(ReachRow::schema().name).map(|table| access::matrix(table, scope)),
            isolation: table(NamespaceIsolationRow::schema().name).map(|table| isolation::build(table, network, scope)),
        }
    }
}
