//! Typed tables computed from a snapshot. Everything that needs knowledge of Kubernetes' semantics happens here; controls only
//! ask short questions about rows.

mod admission;
#[expect(dead_code, reason = "of what other engines than network plugins need, some is not asked for yet")]
mod agents;
mod context;
#[cfg_attr(not(test), expect(dead_code, reason = "conditions are for kinds that are not read this way yet"))]
mod custom;
mod effects;
mod exposure;
mod labels;
mod metrics;
mod namespaces;
pub mod network;
mod nodes;
pub mod pod_security;
pub mod rbac;
mod settings;
mod storage;
mod table;
mod times;
mod workloads;

use std::collections::BTreeMap;

pub use labels::{Selector, SelectorError};
pub use namespaces::SYSTEM_NAMESPACES;
pub use table::{Cell, Column, ColumnType, CompleteCoverage, Coverage, Known, Row, Table, TableRow, TableSchema, unseen_source};

use context::Context;

use crate::model::Unseen;
use crate::model::sources::NAMESPACES;
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
    workloads::service_accounts::FAMILY,
    rbac::FAMILY,
    exposure::SERVICES,
    exposure::INGRESSES,
    exposure::GATEWAYS,
    exposure::ENTRANCES,
    exposure::PUBLISHED,
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

/// The namespaces that were read.
#[derive(Debug)]
pub struct ReadNamespaces {
    /// Their labels by name.
    pub labels: BTreeMap<String, BTreeMap<String, String>>,
    /// Why these are not all of them, where they are not.
    pub gap: Option<Unseen>,
}

/// Tables on their way: each is handed over when it is done, so that a large cluster's need not all be held at once.
pub struct Computation<'a> {
    context: Context<'a>,
}

/// What is known when every table has been handed over.
#[derive(Debug)]
pub struct Computed {
    /// What every table rests on. It also holds what could not be understood, which is known only at the end.
    pub coverage: Coverage,
    /// How namespaces reach one another, and what enforces it.
    pub network: network::Network,
}

impl<'a> Computation<'a> {
    /// Reads what several tables need; each source is read as few times as can be.
    pub fn begin(snapshot: &'a Snapshot) -> Result<Self, FactsError> {
        Ok(Self { context: Context::read(snapshot)? })
    }

    /// The namespaces. Nothing that is read later puts them in doubt.
    pub fn namespaces(&self) -> ReadNamespaces {
        let complete = self.context.reader.coverage().complete(std::slice::from_ref(&NAMESPACES));
        ReadNamespaces { labels: self.context.namespaces.labels(), gap: complete.err().map(|gaps| gaps.first().clone()) }
    }

    /// Hands over every table in the order of [`schemas`], with its rows sorted by key and then by cells.
    pub fn each(self, mut take: impl FnMut(&'static TableSchema, Vec<Row>)) -> Result<Computed, FactsError> {
        for family in FAMILIES {
            for (schema, mut rows) in (family.schemas)().into_iter().zip((family.rows)(&self.context)?) {
                rows.sort_by(|a, b| (&a.key, &a.cells, &a.origins).cmp(&(&b.key, &b.cells, &b.origins)));
                take(schema, rows);
            }
        }
        Ok(Computed { coverage: self.context.reader.coverage(), network: self.context.network.take() })
    }
}

/// All tables of one snapshot.
#[derive(Debug)]
pub struct Tables {
    tables: Vec<Table>,
    namespaces: ReadNamespaces,
    computed: Computed,
}

impl Tables {
    /// Computes every table and keeps all of them.
    pub fn compute(snapshot: &Snapshot) -> Result<Self, FactsError> {
        let computation = Computation::begin(snapshot)?;
        let (namespaces, mut all) = (computation.namespaces(), Vec::new());
        let computed = computation.each(|schema, rows| all.push((schema, rows)))?;
        let table = |(schema, rows)| Table { schema, rows, coverage: computed.coverage.clone() };
        Ok(Self { namespaces, tables: all.into_iter().map(table).collect(), computed })
    }

    /// All tables in their order.
    pub fn all(&self) -> &[Table] {
        &self.tables
    }
    /// The table of that name.
    pub fn get(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.schema.name == name)
    }
    /// What every table rests on.
    pub fn coverage(&self) -> &Coverage {
        &self.computed.coverage
    }
    /// How namespaces reach one another, and what enforces it.
    pub fn network(&self) -> &network::Network {
        &self.computed.network
    }
    /// The namespaces that were read.
    pub fn namespaces(&self) -> &ReadNamespaces {
        &self.namespaces
    }
}
