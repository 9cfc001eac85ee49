//! Typed tables computed from a snapshot. Everything that needs knowledge of Kubernetes' semantics happens here; controls only
//! ask short questions about rows.

mod api_server_settings;
mod containers;
mod coverage;
mod image;
mod known;
mod namespaces;
pub mod pod_security;
mod pods;
mod read;
mod schema;
mod service_accounts;
pub mod sources;
mod workloads;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

pub use coverage::{CompleteCoverage, Coverage, unseen_source};
pub use known::{Cell, ColumnType, Known};
pub use namespaces::SYSTEM_NAMESPACES;
pub use schema::{Column, Row, Table, TableRow, TableSchema};

use crate::model::{Evidence, FactValue, Unseen, UnseenKind};
use crate::snapshot::{Snapshot, SnapshotError};

/// Tables could not be computed because the snapshot itself cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FactsError {
    /// The snapshot is damaged.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
}

/// Every table's schema, in the order in which they are listed.
pub fn schemas() -> [&'static TableSchema; 5] {
    [
        containers::ContainerRow::schema(),
        pods::PodRow::schema(),
        namespaces::NamespaceRow::schema(),
        service_accounts::ServiceAccountRow::schema(),
        api_server_settings::ApiServerSettingRow::schema(),
    ]
}

/// All tables of one snapshot.
#[derive(Debug)]
pub struct Tables {
    tables: Vec<Table>,
    namespaces: BTreeMap<String, BTreeMap<String, String>>,
    namespace_coverage: Result<CompleteCoverage, Unseen>,
}

/// How many origins a merged row keeps; the number of pods stands in its own column.
const ORIGINS_KEPT: usize = 2;

impl Tables {
    /// Computes every table in one pass over each source.
    pub fn compute(snapshot: &Snapshot) -> Result<Self, FactsError> {
        let reader = read::Reader::new(snapshot);
        let server_minor = server_minor(&reader)?;
        let namespaces = namespaces::Namespaces::read(&reader)?;
        let accounts = service_accounts::ServiceAccounts::read(&reader)?;
        let surroundings = pods::Surroundings {
            automount: reader.known_if_complete(&sources::SERVICE_ACCOUNTS, || accounts.automount()),
            enforced: match &server_minor {
                Known::Known(minor) => reader.known_if_complete(&sources::NAMESPACES, || namespaces.enforced(*minor)),
                Known::Unknown(unseen) => Known::Unknown(unseen.clone()),
            },
            server_minor: server_minor.clone(),
            nodes: nodes(&reader)?,
        };
        let mut container_rows = Merged::new(containers::ContainerRow::schema());
        let mut pod_rows = Merged::new(pods::PodRow::schema());
        let mut usages = service_accounts::Usages::new();
        let mut counts: BTreeMap<String, (i64, BTreeSet<String>)> = BTreeMap::new();
        let listed = namespaces.labels();
        let mut strangers: BTreeSet<String> = BTreeSet::new();
        workloads::each_shape(&reader, |shape| {
            if shape.pods > 0 {
                count(shape, &mut usages, &mut counts);
            }
            if let Some(namespace) = &shape.workload.namespace
                && !listed.contains_key(namespace)
            {
                strangers.insert(namespace.clone());
            }
            pod_rows.add(pods::row(shape, &surroundings));
            for row in containers::rows(shape, &surroundings.nodes) {
                container_rows.add(row);
            }
        })?;
        for namespace in strangers {
            reader.doubt(
                &sources::NAMESPACES,
                format!("the namespace {namespace}"),
                "workloads are in it, and it was not among the namespaces that were read: it was made or removed during collection",
                "Collect again.",
            );
        }
        let usages = reader.known_if_complete(&sources::PODS, || usages);
        let counts = reader.known_if_complete(&sources::PODS, || {
            counts.into_iter().map(|(name, (pods, workloads))| (name, (pods, i64::try_from(workloads.len()).unwrap_or(i64::MAX)))).collect()
        });
        let settings = api_server_settings::rows(&reader)?;
        let namespace_rows = namespaces.rows(&server_minor, &counts);
        let account_rows = accounts.rows(&usages);
        // Taken last: it also holds what could not be understood.
        let coverage = reader.coverage();
        let table = |schema: &'static TableSchema, mut rows: Vec<Row>| {
            rows.sort_by(|a, b| (&a.key, &a.cells, &a.origins).cmp(&(&b.key, &b.cells, &b.origins)));
            Table { schema, rows, coverage: coverage.clone() }
        };
        Ok(Self {
            namespace_coverage: coverage.complete(std::slice::from_ref(&sources::NAMESPACES)).map_err(|gaps| gaps.first().clone()),
            namespaces: listed,
            tables: vec![
                table(containers::ContainerRow::schema(), container_rows.into_rows()),
                table(pods::PodRow::schema(), pod_rows.into_rows()),
                table(namespaces::NamespaceRow::schema(), namespace_rows),
                table(service_accounts::ServiceAccountRow::schema(), account_rows),
                table(api_server_settings::ApiServerSettingRow::schema(), settings),
            ],
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
    /// Whether that is all of them.
    pub fn namespaces_complete(&self) -> &Result<CompleteCoverage, Unseen> {
        &self.namespace_coverage
    }
}

fn count(shape: &workloads::Shape<'_>, usages: &mut service_accounts::Usages, counts: &mut BTreeMap<String, (i64, BTreeSet<String>)>) {
    let namespace = shape.namespace();
    let entry = counts.entry(namespace.clone()).or_default();
    entry.0 += shape.pods;
    entry.1.insert(shape.workload_text());
    if matches!(shape.phase, "Succeeded" | "Failed") {
        return;
    }
    let account = match shape.spec.service_account_name.as_deref() {
        None | Some("") => "default",
        Some(name) => name,
    };
    let usage = usages.entry((namespace, account.to_owned())).or_default();
    usage.pods += shape.pods;
    usage.workloads.insert(shape.workload_text());
    match shape.spec.automount_service_account_token {
        None => usage.leave_it_to_account.insert(shape.workload_text()),
        Some(true) => usage.ask_for_token.insert(shape.workload_text()),
        Some(false) => false,
    };
}

/// Rows in which equal ones are one, with the numbers of their pods added up.
struct Merged {
    /// Where the table counts pods.
    pods: Option<usize>,
    rows: BTreeMap<(String, Vec<Cell>), (Row, i64)>,
}

impl Merged {
    fn new(schema: &TableSchema) -> Self {
        Self { pods: schema.column("pods").map(|(index, _)| index), rows: BTreeMap::new() }
    }

    fn add(&mut self, mut row: Row) {
        let mut number = 0;
        if let Some(cell) = self.pods.and_then(|index| row.cells.get_mut(index)) {
            if let Known::Known(FactValue::Int(pods)) = cell {
                number = *pods;
            }
            *cell = Known::Known(FactValue::Int(0));
        }
        match self.rows.entry((row.key.clone(), row.cells.clone())) {
            Entry::Occupied(mut merged) => {
                let (merged, pods) = merged.get_mut();
                *pods += number;
                merged.origins.append(&mut row.origins);
                keep_first(&mut merged.origins);
            }
            Entry::Vacant(place) => {
                place.insert((row, number));
            }
        }
    }

    fn into_rows(self) -> Vec<Row> {
        let pods = self.pods;
        let with_number = |(mut row, number): (Row, i64)| {
            if let Some(cell) = pods.and_then(|index| row.cells.get_mut(index)) {
                *cell = Known::Known(FactValue::Int(number));
            }
            row
        };
        self.rows.into_values().map(with_number).collect()
    }
}

/// The first few in a fixed order, so that the order of the input does not matter.
fn keep_first(origins: &mut Vec<Evidence>) {
    origins.sort_by(|a, b| (&a.object, &a.pointer).cmp(&(&b.object, &b.pointer)));
    origins.truncate(ORIGINS_KEPT);
}

/// Name and uid of every node.
fn nodes(reader: &read::Reader<'_>) -> Result<workloads::Nodes, FactsError> {
    let mut nodes = BTreeMap::new();
    reader.each::<k8s_openapi::api::core::v1::Node>(&sources::NODES, |node, _| {
        if let (Some(name), Some(uid)) = (node.metadata.name, node.metadata.uid) {
            nodes.insert(name, uid);
        }
    })?;
    Ok(reader.known_if_complete(&sources::NODES, || nodes))
}

/// The server's minor version (`/version`): digits of `minor`, which some providers end with `+`.
fn server_minor(reader: &read::Reader<'_>) -> Result<Known<u32>, FactsError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Version {
        minor: String,
        /// Set where `--emulated-version` is (KEP-4330): admission applies the rules of that version.
        emulation_minor: Option<String>,
    }
    let unknown = |why: &str| {
        Known::Unknown(Unseen {
            kind: UnseenKind::ReadFailed,
            what: "the server's version".to_owned(),
            why: why.to_owned(),
            how_to_see: "Grant get on the URL /version, then collect again.".to_owned(),
            source: Some(sources::VERSION),
            missing_rule: None,
        })
    };
    if let Some(gap) = reader.gap(&sources::VERSION) {
        return Ok(Known::Unknown(gap));
    }
    let Some(stored) = reader.single(&sources::VERSION)? else { return Ok(unknown("the snapshot does not hold it")) };
    Ok(match serde_json::from_str::<Version>(&stored.json) {
        Ok(Version { minor, emulation_minor }) => {
            let number = |text: &str| text.trim_end_matches(|c: char| !c.is_ascii_digit()).parse::<u32>().ok();
            match (number(&minor), emulation_minor.as_deref().filter(|text| !text.is_empty()).map(number)) {
                (Some(minor), None) => Known::Known(minor),
                (Some(minor), Some(Some(emulated))) => Known::Known(minor.min(emulated)),
                _ => unknown("its minor version is not a number"),
            }
        }
        Err(error) => {
            reader.not_understood(&sources::VERSION, &stored, &error.to_string());
            unknown("it could not be decoded")
        }
    })
}
