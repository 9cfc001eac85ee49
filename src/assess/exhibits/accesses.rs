//! Who holds which role through which binding, from the table `grants`: what a review of access looks at.

use std::collections::{BTreeMap, BTreeSet};

use crate::assess::{Membership, ResolvedScope};
use crate::facts::rbac::{GrantRow, Kind};
use crate::facts::{Coverage, Known, Row, TableRow};
use crate::model::{Access, AccessList, Unseen};

/// What the rows give, before it is known what was read.
#[derive(Debug, Default)]
pub(super) struct Accesses {
    accesses: Vec<Access>,
    shipped: u64,
    unseen: BTreeSet<Unseen>,
}

impl Accesses {
    pub(super) fn of(rows: &[Row], scope: &ResolvedScope<'_>) -> Self {
        let columns = GrantRow::columns();
        let kinds: Vec<(Kind, usize)> = Kind::ALL.into_iter().filter_map(|kind| Some((kind, column_of(kind)?))).collect();
        let ephi = scope.describe().ephi_namespaces;
        let (mut all, mut shipped, mut unseen) = (BTreeMap::<(String, String), Access>::new(), BTreeSet::new(), BTreeSet::new());
        for row in rows {
            // A binding that names nobody gives nobody anything.
            let (Some(Some(kind)), Some(Some(name))) = (columns.subject_kind.of(row), columns.subject.of(row)) else { continue };
            let (Some(who), Some(via)) = (columns.who.of(row), columns.via.of(row)) else { continue };
            if columns.shipped.of(row) == Some(true) {
                shipped.insert((who.to_owned(), via.to_owned()));
                continue;
            }
            let everywhere = columns.cluster_wide.of(row) == Some(true);
            let one = all.entry((who.to_owned(), via.to_owned())).or_insert_with(|| Access {
                identity: who.to_owned(),
                access: via.to_owned(),
                kind: kind.to_owned(),
                namespace: columns.subject_namespace.of(row).flatten().map(str::to_owned),
                name: name.to_owned(),
                everywhere,
                ephi_namespaces: Vec::new(),
                reach: Vec::new(),
                rules: columns.rules.of(row).unwrap_or_default().to_vec(),
            });
            one.everywhere |= everywhere;
            match columns.namespace.of(row).flatten() {
                // Not known counts as holding ePHI, as it does for findings.
                Some(namespace) if !matches!(scope.membership(namespace), Membership::Out) => {
                    one.ephi_namespaces.push(namespace.to_owned())
                }
                _ if everywhere => one.ephi_namespaces.clone_from(&ephi),
                _ => {}
            }
            for (kind, column) in &kinds {
                match row.cells.get(*column) {
                    Some(Known::Known(value)) if *value == crate::model::FactValue::Bool(true) => one.reach.push(kind.id().to_owned()),
                    Some(Known::Unknown(gap)) => drop(unseen.insert((**gap).clone())),
                    _ => {}
                }
            }
        }
        let rank = |id: &String| Kind::ALL.iter().position(|kind| kind.id() == id);
        let tidy = |mut access: Access| {
            access.ephi_namespaces.sort();
            access.ephi_namespaces.dedup();
            access.reach.sort_by_key(rank);
            access.reach.dedup();
            access
        };
        Self { accesses: all.into_values().map(tidy).collect(), shipped: shipped.len() as u64, unseen }
    }

    /// With what was not read.
    pub(super) fn build(self, coverage: &Coverage, scope: &ResolvedScope<'_>) -> AccessList {
        let sources = GrantRow::schema().sources_for(std::iter::empty());
        let mut unseen = self.unseen;
        unseen.extend(coverage.complete(&sources).err().map(|gaps| gaps.into_vec()).unwrap_or_default());
        unseen.extend(scope.unseen().cloned());
        AccessList { unseen: unseen.into_iter().collect(), accesses: self.accesses, shipped: self.shipped }
    }
}

/// The place of the column that says whether a grant gives a kind of reach.
fn column_of(kind: Kind) -> Option<usize> {
    let (_, name) = crate::facts::rbac::REACH_COLUMNS.iter().find(|(of, _)| *of == kind)?;
    GrantRow::schema().column(name).map(|(index, _)| index)
}
