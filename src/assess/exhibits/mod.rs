//! The matrices, from tables and scope.

mod access;
mod accesses;
mod at_rest;
mod isolation;

use super::ResolvedScope;
use super::people::{Images, Signs};
use crate::facts::ContainerRow;
use crate::facts::network::{NamespaceIsolationRow, Network};
use crate::facts::rbac::{GrantRow, ReachRow};
use crate::facts::{Coverage, Row, Table, TableRow, TableSchema, VolumeRow};
use crate::model::{AtRest, Exhibits, Undeclared};

/// The tables that matrices are made of, kept until all is known, and what is made of others as they come.
#[derive(Debug, Default)]
pub(super) struct Kept {
    tables: Vec<(&'static TableSchema, Vec<Row>)>,
    accesses: Option<accesses::Accesses>,
    at_rest: Option<Vec<AtRest>>,
    images: Images,
    signs: Signs,
}

/// What the tables gave beside the verdicts.
pub(super) struct Built {
    /// The matrices.
    pub(super) exhibits: Exhibits,
    /// Which images run where ePHI is.
    pub(super) images: Images,
    /// What speaks for ePHI where nobody declared anything.
    pub(super) undeclared: Vec<Undeclared>,
}

impl Kept {
    /// Keeps the rows of a table that a matrix needs, or what is needed of them.
    pub(super) fn add(&mut self, schema: &'static TableSchema, rows: Vec<Row>, scope: &ResolvedScope<'_>) {
        if schema.name == GrantRow::schema().name {
            self.accesses = Some(accesses::Accesses::of(&rows, scope));
        }
        if schema.name == ContainerRow::schema().name {
            self.images.add(&rows, scope);
        }
        if schema.name == VolumeRow::schema().name {
            self.at_rest = Some(at_rest::of(&rows, scope));
        }
        self.signs.add(schema, &rows, scope);
        if [ReachRow::schema().name, NamespaceIsolationRow::schema().name].contains(&schema.name) {
            self.tables.push((schema, rows));
        }
    }

    /// Every matrix that the tables give, and what else they gave.
    pub(super) fn build(self, coverage: &Coverage, network: &Network, scope: &ResolvedScope<'_>) -> Built {
        let tables: Vec<Table> = self.tables.into_iter().map(|(schema, rows)| Table { schema, rows, coverage: coverage.clone() }).collect();
        let table = |name: &str| tables.iter().find(|table| table.schema.name == name);
        let exhibits = Exhibits {
            access: table(ReachRow::schema().name).map(|table| access::matrix(table, scope)),
            isolation: table(NamespaceIsolationRow::schema().name).map(|table| isolation::build(table, network, scope)),
            accesses: self.accesses.map(|accesses| accesses.build(coverage, scope)),
            at_rest: self.at_rest.map(|volumes| at_rest::build(volumes, coverage, scope)),
        };
        Built { exhibits, images: self.images.read_of(coverage), undeclared: self.signs.of(scope) }
    }
}
