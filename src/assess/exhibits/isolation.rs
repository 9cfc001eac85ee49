//! Namespace × direction × isolation, and which namespaces reach which.

use std::collections::BTreeMap;

use crate::assess::{Membership, ResolvedScope};
use crate::facts::network::{NamespaceIsolationRow, Network};
use crate::facts::{Known, Table, TableRow};
use crate::model::{DirectionIsolation, IsolationMatrix, NamespaceFlow, NamespaceIsolation, Unseen};

/// How many namespaces the matrix shows: it grows with their square.
const MOST: usize = 60;

/// The matrix.
pub(super) fn build(table: &Table, network: &Network, scope: &ResolvedScope<'_>) -> IsolationMatrix {
    let columns = NamespaceIsolationRow::columns();
    let mut rows: BTreeMap<(bool, String), NamespaceIsolation> = BTreeMap::new();
    for row in &table.rows {
        let Some(name) = row.namespace.clone() else { continue };
        // Not known counts as holding ePHI, as it does for findings.
        let ephi = !matches!(scope.membership(&name), Membership::Out);
        let own = rows.entry((!ephi, name.clone())).or_insert_with(|| empty(name, ephi));
        own.pods = number(columns.pods.of(row));
        own.host_network = number(columns.host_network_pods.of(row));
        let direction = DirectionIsolation {
            default_deny: columns.default_deny.of(row).and_then(|known| known.known().copied()),
            isolated: number(columns.isolated_pods.of(row)),
            open: number(columns.open_pods.of(row)),
            unknown: number(columns.unknown_pods.of(row)),
        };
        match columns.direction.of(row) {
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
    let all = table.schema.columns.iter().map(|column| column.name);
    let unseen = match table.coverage.complete(&table.schema.sources_for(all)) {
        Ok(_) => Vec::new(),
        Err(gaps) => gaps.into_vec(),
    };
    IsolationMatrix {
        unseen,
        engines: network.engines.clone(),
        enforcement: network.enforcement,
        enforcement_because: network.because.clone(),
        namespaces,
        left_out: u64::try_from(left_out).unwrap_or(u64::MAX),
    }
}

fn empty(namespace: String, ephi: bool) -> NamespaceIsolation {
    let direction = || DirectionIsolation { default_deny: None, isolated: 0, open: 0, unknown: 0 };
    NamespaceIsolation { namespace, ephi, pods: 0, host_network: 0, ingress: direction(), egress: direction(), reaches: Vec::new() }
}

/// 0 where it is not known; then `unseen` says why.
fn number(read: Option<Known<i64, &Unseen>>) -> u64 {
    match read {
        Some(Known::Known(value)) => u64::try_from(value).unwrap_or(0),
        _ => 0,
    }
}
