//! Typed tables computed from a snapshot. Everything that needs knowledge of Kubernetes' semantics happens here; controls only
//! ask short questions about rows.

mod admission;
mod agents;
pub mod audit_policy;
mod context;
mod custom;
mod detection;
mod effects;
mod exposure;
mod image;
mod labels;
mod mesh;
mod metrics;
mod namespaces;
pub mod network;
mod nodes;
pub mod pod_security;
pub mod rbac;
mod secrets;
mod settings;
mod storage;
mod table;
mod times;
mod workloads;

use std::collections::{BTreeMap, BTreeSet};

pub use labels::{Selector, SelectorError};
pub use namespaces::SYSTEM_NAMESPACES;
pub use storage::VolumeRow;
pub use table::{
    Cell, Column, ColumnType, CompleteCoverage, Coverage, Known, Row, Sources, Table, TableRow, TableSchema, Typed, unseen_source,
};
pub use workloads::containers::ContainerRow;

use context::Context;

use crate::model::sources::NAMESPACES;
use crate::model::{SourceId, Unseen};
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
    rows: fn(&Context<'_>, &mut Beside) -> Result<Vec<Vec<Row>>, FactsError>,
}

/// What tables give beside their rows.
#[derive(Debug, Default)]
struct Beside {
    /// With the tables of the network.
    network: Option<network::Network>,
}

impl Family {
    fn has(&self, wanted: &dyn Fn(&str) -> bool) -> bool {
        (self.schemas)().iter().any(|schema| wanted(schema.name))
    }

    /// Computes its tables. What it read it must have declared: otherwise nobody could say what it costs not to see it.
    fn compute(&self, context: &Context<'_>, beside: &mut Beside) -> Result<Vec<Vec<Row>>, FactsError> {
        let (rows, asked) = context.reader.asked_by(|| (self.rows)(context, beside));
        debug_assert!(
            undeclared(&(self.schemas)(), &asked).is_empty(),
            "{} read what they do not declare: {:?}",
            (self.schemas)().iter().map(|schema| schema.name).collect::<Vec<_>>().join(", "),
            undeclared(&(self.schemas)(), &asked)
        );
        rows
    }
}

/// The sources among those that were read that no table declares. Kinds that users define are declared by their group.
fn undeclared(schemas: &[&TableSchema], asked: &BTreeSet<SourceId>) -> Vec<String> {
    let declared: BTreeSet<&SourceId> = schemas.iter().flat_map(|schema| schema.declared()).collect();
    let of_group = |source: &SourceId| declared.iter().any(|known| known.is_whole_group() && known.api_group() == source.api_group());
    asked.iter().filter(|source| !declared.contains(source) && !of_group(source)).map(ToString::to_string).collect()
}

/// Every family: a further table of one is declared there, a further family is a line here.
const FAMILIES: &[Family] = &[
    workloads::pass::FAMILY,
    admission::NAMESPACES,
    workloads::past::FAMILY,
    workloads::service_accounts::FAMILY,
    rbac::FAMILY,
    exposure::SERVICES,
    exposure::INGRESSES,
    exposure::GATEWAYS,
    exposure::ENTRANCES,
    exposure::PUBLISHED,
    settings::FAMILY,
    audit_policy::FAMILY,
    network::FAMILY,
    storage::FAMILY,
    nodes::FAMILY,
    effects::FAMILY,
    admission::FAMILY,
    exposure::CERTIFICATES,
    detection::FAMILY,
    image::FAMILY,
    mesh::FAMILY,
    secrets::FAMILY,
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
    /// How namespaces reach one another, and what enforces it; nothing where no table of the network was wanted.
    pub network: network::Network,
}

impl<'a> Computation<'a> {
    /// What several tables need is read when it is needed, and each source as few times as can be.
    pub fn begin(snapshot: &'a Snapshot) -> Self {
        Self { context: Context::new(snapshot) }
    }

    /// The namespaces. Nothing that is read later puts them in doubt.
    pub fn namespaces(&self) -> Result<ReadNamespaces, FactsError> {
        let labels = self.context.namespaces()?.labels();
        let complete = self.context.reader.known_if_complete(&NAMESPACES, || ());
        Ok(ReadNamespaces { labels, gap: complete.unseen().cloned() })
    }

    /// Hands over every table in the order of [`schemas`], with its rows sorted by key and then by cells.
    pub fn each(self, take: impl FnMut(&'static TableSchema, Vec<Row>)) -> Result<Computed, FactsError> {
        self.those(&|_| true, take)
    }

    /// Hands over the tables whose names are `wanted`, and computes no others.
    pub fn those(
        self,
        wanted: &dyn Fn(&str) -> bool,
        mut take: impl FnMut(&'static TableSchema, Vec<Row>),
    ) -> Result<Computed, FactsError> {
        let mut beside = Beside::default();
        for family in FAMILIES.iter().filter(|family| family.has(wanted)) {
            for (schema, mut rows) in (family.schemas)().into_iter().zip(family.compute(&self.context, &mut beside)?) {
                debug_assert_eq!(strange(schema, &rows), None, "evidence of a column that {} does not have", schema.name);
                if wanted(schema.name) {
                    rows.sort_by(|a, b| (&a.key, &a.cells, &a.origins).cmp(&(&b.key, &b.cells, &b.origins)));
                    take(schema, rows);
                }
            }
        }
        let network = beside.network.unwrap_or_else(network::Network::not_computed);
        Ok(Computed { coverage: self.context.reader.coverage(), network })
    }
}

/// A column for which rows have evidence and which their table does not have.
fn strange(schema: &TableSchema, rows: &[Row]) -> Option<&'static str> {
    rows.iter().flat_map(|row| row.cell_evidence.keys()).copied().find(|name| schema.column(name).is_none())
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
        Self::those(snapshot, &|_| true)
    }

    /// Computes the tables whose names are `wanted`, and keeps them.
    pub fn those(snapshot: &Snapshot, wanted: &dyn Fn(&str) -> bool) -> Result<Self, FactsError> {
        let computation = Computation::begin(snapshot);
        let (namespaces, mut all) = (computation.namespaces()?, Vec::new());
        let computed = computation.those(wanted, |schema, rows| all.push((schema, rows)))?;
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
