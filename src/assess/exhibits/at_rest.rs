//! Claims and volumes of namespaces in scope, from the table `volumes`: where ePHI may rest, with what encrypts it.

use crate::assess::{Membership, ResolvedScope};
use crate::facts::{Coverage, Row, TableRow, VolumeRow};
use crate::model::{AtRest, AtRestList, NonEmpty, Unseen};

/// What the rows give.
pub(super) fn of(rows: &[Row], scope: &ResolvedScope<'_>) -> Vec<AtRest> {
    let columns = VolumeRow::columns();
    let mut all: Vec<AtRest> = rows
        .iter()
        .filter_map(|row| {
            let namespace = row.namespace.as_deref().filter(|name| !matches!(scope.membership(name), Membership::Out))?;
            let encrypted = columns.encrypted.of(row);
            Some(AtRest {
                namespace: namespace.to_owned(),
                title: columns.title.of(row)?.to_owned(),
                storage: columns.storage.of(row).unwrap_or("not known").to_owned(),
                encrypted: encrypted.as_ref().and_then(|known| known.known().copied()),
                unknown: encrypted.as_ref().and_then(|known| known.unseen()).map(|unseen| format!("{}. {}", unseen.why, unseen.how_to_see)),
                customer_key: columns.customer_key.of(row).and_then(|known| known.known().copied()),
                workloads: columns.workloads.of(row).map(<[String]>::to_vec).unwrap_or_default(),
            })
        })
        .collect();
    all.sort();
    all
}

/// With what was not read of that table's sources, and what of the scope is not known.
pub(super) fn build(volumes: Vec<AtRest>, coverage: &Coverage, scope: &ResolvedScope<'_>) -> AtRestList {
    let needed = VolumeRow::schema().sources_for(["storage", "encrypted", "customer_key"]);
    let mut unseen: Vec<Unseen> = scope.unseen().cloned().collect();
    for gap in coverage.complete(&needed).err().into_iter().flat_map(NonEmpty::into_vec) {
        if !unseen.contains(&gap) {
            unseen.push(gap);
        }
    }
    AtRestList { unseen, volumes }
}
