//! Subject × namespace with ePHI × dangerous reach, from the table `reach`.

use std::collections::{BTreeMap, BTreeSet};

use crate::assess::ResolvedScope;
use crate::facts::rbac::{Kind, ReachRow};
use crate::facts::{Known, Table, TableRow, Typed};
use crate::model::{AccessCell, AccessMatrix, ObjectRef, ReachKind, SubjectAccess, Unseen};

/// What one subject has in one place.
type Cell<'t> = (BTreeSet<Kind>, BTreeSet<&'t str>);

/// What one subject has in the whole cluster, and inside namespaces.
#[derive(Default)]
struct Reaches<'t> {
    everywhere: Cell<'t>,
    inside: BTreeMap<&'t str, Cell<'t>>,
}

/// The matrix.
pub(super) fn matrix(table: &Table, scope: &ResolvedScope<'_>) -> AccessMatrix {
    // Those that are named count even where the list of namespaces was not read.
    let namespaces = scope.describe().ephi_namespaces;
    let mut subjects: Vec<SubjectAccess> = Vec::new();
    let (all, odd) = reaches(table);
    for (subject, reaches) in all {
        let cells: Vec<AccessCell> = namespaces.iter().filter_map(|namespace| cell(namespace, &reaches)).collect();
        if !cells.is_empty() {
            subjects.push(SubjectAccess { subject: subject.clone(), cells });
        }
    }
    subjects.sort_by_cached_key(|access| (weight(access), access.subject.clone()));
    let mut unseen = gaps(table, scope);
    unseen.extend(odd);
    unseen.sort();
    unseen.dedup();
    AccessMatrix { unseen, namespaces, reaches: legend(), subjects, shipped: shipped_only(table) }
}

fn legend() -> Vec<ReachKind> {
    let entry = |kind: Kind| {
        let (id, label, meaning) = kind.words();
        ReachKind { id: id.to_owned(), label: label.to_owned(), meaning: meaning.to_owned() }
    };
    Kind::ALL.into_iter().map(entry).collect()
}

/// Reach by subject, and rows that do not hold what a row of reach holds.
fn reaches(table: &Table) -> (BTreeMap<&ObjectRef, Reaches<'_>>, Vec<Unseen>) {
    let columns = ReachRow::columns();
    let mut all: BTreeMap<&ObjectRef, Reaches<'_>> = BTreeMap::new();
    let mut odd = Vec::new();
    for row in &table.rows {
        let (Some(kinds), Some(via)) = (columns.kinds.of(row), columns.via.of(row)) else {
            let why = "it does not hold what a row of reach holds";
            odd.push(Unseen::not_understood(
                format!("the row {} of {}", row.key, table.schema.name),
                why,
                "Report this as a bug of kube-hipaa.",
            ));
            continue;
        };
        let reaches = all.entry(&row.subject).or_default();
        let cell = match &row.namespace {
            None => &mut reaches.everywhere,
            Some(namespace) => reaches.inside.entry(namespace).or_default(),
        };
        // What is reached by taking over other identities is reached. What is not known of it, `gaps` says.
        let taken_over = (known(columns.kinds_by_takeover.of(row)), known(columns.takeover_via.of(row)));
        for (kinds, via) in [(kinds, via), taken_over] {
            cell.0.extend(Kind::ALL.into_iter().filter(|kind| kinds.iter().any(|id| id == kind.id())));
            cell.1.extend(via.iter().map(String::as_str));
        }
    }
    (all, odd)
}

fn known<'r>(list: Option<Known<&'r [String], &Unseen>>) -> &'r [String] {
    match list {
        Some(Known::Known(items)) => items,
        _ => &[],
    }
}

/// None where the subject reaches nothing: a large cluster has hundreds of namespaces, and most subjects live in one.
fn cell(namespace: &str, reaches: &Reaches<'_>) -> Option<AccessCell> {
    let here = reaches.inside.get(namespace);
    let parts = || std::iter::once(&reaches.everywhere).chain(here);
    if parts().all(|(kinds, _)| kinds.is_empty()) {
        return None;
    }
    let mut kinds: BTreeSet<Kind> = parts().flat_map(|(kinds, _)| kinds).copied().collect();
    let via: BTreeSet<&str> = parts().flat_map(|(_, via)| via).copied().collect();
    // All other kinds are part of it.
    if kinds.contains(&Kind::Everything) {
        kinds.retain(|kind| *kind == Kind::Everything);
    }
    Some(AccessCell {
        namespace: namespace.to_owned(),
        reaches: kinds.into_iter().map(|kind| kind.id().to_owned()).collect(),
        via: via.into_iter().map(str::to_owned).collect(),
    })
}

/// Gravest first: the gravest kind, then in how many namespaces, then how many kinds.
fn weight(access: &SubjectAccess) -> (usize, std::cmp::Reverse<(usize, usize)>) {
    let rank = |id: &String| Kind::ALL.iter().position(|kind| kind.id() == id);
    let gravest = access.cells.iter().flat_map(|cell| &cell.reaches).filter_map(rank).min().unwrap_or(usize::MAX);
    let places = access.cells.len();
    let kinds = access.cells.iter().map(|cell| cell.reaches.len()).sum();
    (gravest, std::cmp::Reverse((places, kinds)))
}

/// Subjects all of whose reach is shipped.
fn shipped_only(table: &Table) -> u64 {
    let columns = ReachRow::columns();
    let with = |list: Typed<Vec<String>>| -> BTreeSet<&ObjectRef> {
        table.rows.iter().filter(|row| list.of(row).is_some_and(|items| !items.is_empty())).map(|row| &*row.subject).collect()
    };
    let own = with(columns.kinds);
    u64::try_from(with(columns.shipped_kinds).difference(&own).count()).unwrap_or(u64::MAX)
}

/// What was not read, what of the scope is not known, and cells that could not be established.
fn gaps(table: &Table, scope: &ResolvedScope<'_>) -> Vec<Unseen> {
    let sources = table.schema.sources_for(table.schema.columns.iter().map(|column| column.name));
    let mut unseen: Vec<Unseen> = table.coverage.complete(&sources).err().map(|gaps| gaps.as_slice().to_vec()).unwrap_or_default();
    unseen.extend(scope.unseen().cloned());
    for cell in table.rows.iter().flat_map(|row| &row.cells) {
        if let Known::Unknown(gap) = cell
            && !unseen.contains(gap)
        {
            unseen.push((**gap).clone());
        }
    }
    unseen
}
