//! Namespace × direction × isolation, and which namespaces reach which.

use std::collections::BTreeMap;

use crate::assess::{Membership, ResolvedScope};
use crate::facts::network::Network;
use crate::facts::{Known, Row, Table};
use crate::model::{DirectionIsolation, FactValue, IsolationMatrix, NamespaceFlow, NamespaceIsolation};

/// How many namespaces the matrix shows: it grows with their square.
const MOST: usize = 60;

/// The table that it is made of.
pub(super) const TABLE: &str = "namespace_isolation";

/// The matrix.
pub(super) fn build(table: &Table, network: &Network, scope: &ResolvedScope<'_>) -> IsolationMatrix {
    let mut rows: BTreeMap<(bool, String), NamespaceIsolation> = BTreeMap::new();
    for row in &table.rows {
        let Some(name) = row.namespace.clone() else { continue };
        // Not known counts as holding ePHI, as it does for findings.
        let ephi = !matches!(scope.membership(&name), Membership::Out);
        let own = rows.entry((!ephi, name.clone())).or_insert_with(|| empty(name, ephi));
        let at = Cells { table, row };
        own.pods = at.number("pods");
        own.host_network = at.number("host_network_pods");
        let direction = DirectionIsolation {
            default_deny: at.boolean("default_deny"),
            isolated: at.number("isolated_pods"),
            open: at.number("open_pods"),
            unknown: at.number("unknown_pods"),
        };
        match at.text("direction").as_deref() {
            Some("ingress") => own.ingress = direction,
            _ => own.egress = direction,
        }
    }
    let mut namespaces: Vec<NamespaceIsolation> = rows.into_values().filter(|row| row.ephi || row.pods + row.host_network > 0).collect();
    let left_out = namespaces.len().saturating_sub(MOST);
    namespaces.truncate(MOST);
    let names: Vec<String> = namespaces.iter().map(|row| row.namespace.clone()).collect();
    for row in &mut namespaces {
        let flow = |to: &String| NamespaceFlow { to: to.clone(), flow: network.flows.between(&row.namespace, to) };
        row.reaches = names.iter().map(flow).collect();
    }
    let columns = table.schema.columns.iter().map(|column| column.name);
    let unseen = match table.coverage.complete(&table.schema.sources_for(columns)) {
        Ok(_) => Vec::new(),
        Err(gaps) => gaps.into_vec(),
    };
    IsolationMatrix {
        unseen,
        engines: network.engines.clone(),
        enforcement: network.enforcement.to_owned(),
        enforcement_because: network.because.clone(),
        namespaces,
        left_out: u64::try_from(left_out).unwrap_or(u64::MAX),
    }
}

fn empty(namespace: String, ephi: bool) -> NamespaceIsolation {
    let direction = || DirectionIsolation { default_deny: None, isolated: 0, open: 0, unknown: 0 };
    NamespaceIsolation { namespace, ephi, pods: 0, host_network: 0, ingress: direction(), egress: direction(), reaches: Vec::new() }
}

/// The cells of one row by name.
struct Cells<'a> {
    table: &'a Table,
    row: &'a Row,
}

impl Cells<'_> {
    fn value(&self, name: &str) -> Option<&FactValue> {
        let (index, _) = self.table.schema.column(name)?;
        self.row.cells.get(index).and_then(Known::known)
    }
    fn boolean(&self, name: &str) -> Option<bool> {
        match self.value(name) {
            Some(FactValue::Bool(value)) => Some(*value),
            _ => None,
        }
    }
    fn text(&self, name: &str) -> Option<String> {
        match self.value(name) {
            Some(FactValue::Text(value)) => Some(value.clone()),
            _ => None,
        }
    }
    /// 0 where it is not known; then `unseen` says why.
    fn number(&self, name: &str) -> u64 {
        match self.value(name) {
            Some(FactValue::Int(value)) => u64::try_from(*value).unwrap_or(0),
            _ => 0,
        }
    }
}
