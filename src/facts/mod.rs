//! Typed tables computed from a snapshot. Everything that needs knowledge of Kubernetes' semantics happens here; controls only
//! ask short questions about rows.

mod admission;
mod containers;
mod context;
mod coverage;
mod effects;
mod exposure;
mod image;
mod known;
mod labels;
mod merged;
mod metrics;
mod namespaces;
pub mod network;
mod nodes;
pub mod pod_security;
mod pod_text;
mod pods;
pub mod rbac;
mod read;
mod schema;
mod service_accounts;
mod settings;
pub mod sources;
mod storage;
mod times;
mod workloads;

use std::collections::BTreeMap;

pub use coverage::{CompleteCoverage, Coverage, unseen_source};
pub use known::{Cell, ColumnType, Known};
pub use namespaces::SYSTEM_NAMESPACES;
pub use schema::{Column, Row, Table, TableRow, TableSchema};

use context::Context;

use crate::model::Unseen;
use crate::snapshot::{Snapshot, SnapshotError};

/// Tables could not be computed because the snapshot itself cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FactsError {
    /// The snapshot is damaged.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
}

/// Tables that are computed together, because they come from the same pass over their sources.
struct Family {
    /// Their schemas, in the order in which tables are listed.
    schemas: fn() -> Vec<&'static TableSchema>,
    /// Their rows, in the same order. The context holds what several families need.
    rows: fn(&Context<'_>) -> Result<Vec<Vec<Row>>, FactsError>,
}

/// Every family: a further table of one is declared there, a further family is a line here.
const FAMILIES: &[Family] = &[
    context::WORKLOADS,
    namespaces::FAMILY,
    service_accounts::FAMILY,
    rbac::FAMILY,
    exposure::SERVICES,
    exposure::INGRESSES,
    exposure::GATEWAYS,
    settings::FAMILY,
    network::FAMILY,
    storage::FAMILY,
    nodes::FAMILY,
    effects::FAMILY,
    admission::FAMILY,
    exposure::CERTIFICATES,
];

/// Every table's schema, in the order in which they are listed.
pub fn schemas() -> Vec<&'static TableSchema> {
    FAMILIES.iter().flat_map(|family| (family.schemas)()).collect()
}

/// All tables of one snapshot.
#[derive(Debug)]
pub struct Tables {
    tables: Vec<Table>,
    namespaces: BTreeMap<String, BTreeMap<String, String>>,
    namespace_coverage: Result<CompleteCoverage, Unseen>,
    network: network::Network,
}

impl Tables {
    /// Computes every table; each source is read as few times as can be.
    pub fn compute(snapshot: &Snapshot) -> Result<Self, FactsError> {
        let context = Context::read(snapshot)?;
        let mut computed = Vec::new();
        for family in FAMILIES {
            computed.extend((family.schemas)().into_iter().zip((family.rows)(&context)?));
        }
        // Taken last: it also holds what could not be understood.
        let coverage = context.reader.coverage();
        let table = |(schema, mut rows): (&'static TableSchema, Vec<Row>)| {
            rows.sort_by(|a, b| (&a.key, &a.cells, &a.origins).cmp(&(&b.key, &b.cells, &b.origins)));
            Table { schema, rows, coverage: coverage.clone() }
        };
        Ok(Self {
            namespace_coverage: coverage.complete(std::slice::from_ref(&sources::NAMESPACES)).map_err(|gaps| gaps.first().clone()),
            namespaces: context.namespaces.labels(),
            network: context.network.take(),
            tables: computed.into_iter().map(table).collect(),
        })
    }

    /// All tables in their order.
    pub fn all(&self) -> &[Table] {
        &self.tables
    }
    /// The table of that name.
    pub fn get(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.schema.name == name)
    }
    /// Namespaces that were read, with their labels.
    pub fn namespaces(&self) -> &BTreeMap<String, BTreeMap<String, String>> {
        &self.namespaces
    }
    /// How namespaces reach one another, and what enforces it.
    pub fn network(&self) -> &network::Network {
        &self.network
    }
    /// Whether that is all of them.
    pub fn namespaces_complete(&self) -> &Result<CompleteCoverage, Unseen> {
        &self.namespace_coverage
    }
}
