//! The access matrix: who reaches what in the namespaces with ePHI.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::parts::{Object, digits, list, many};
use super::unseen::NotSeen;
use super::words::{Linker, Prose};
use crate::model::{AccessCell, AccessMatrix, SubjectAccess};
use crate::report::escape::clip;

/// Columns that a page has room for; with more namespaces each row names those that are alike together.
const COLUMNS: usize = 12;
/// Rows in one document; all are in access.csv.
const ROWS: usize = 200;
/// Namespaces that are named in one cell.
const NAMES: usize = 8;

/// One kind of reach with the letter that stands for it.
#[derive(Debug, Serialize)]
struct Letter {
    letter: String,
    label: String,
    meaning: String,
    /// How many of the subjects have it somewhere.
    count: String,
}

/// One cell: letters, over one column or several.
#[derive(Debug, PartialEq, Serialize)]
struct Cell {
    /// What the cell is about, where rows are folded into lists.
    label: String,
    span: usize,
    /// The columns that it covers, for documents that cannot join cells.
    columns: Vec<usize>,
    letters: Vec<String>,
}

/// A binding, and the namespaces into which it reaches.
#[derive(Debug, Serialize)]
struct Via {
    binding: String,
    places: String,
}

#[derive(Debug, Serialize)]
struct Row {
    subject: Object,
    cells: Vec<Cell>,
    via: Vec<Via>,
    bindings: String,
}

/// The matrix.
#[derive(Debug, Serialize)]
pub(super) struct Access {
    intro: Prose,
    letters: Vec<Letter>,
    namespaces: Vec<String>,
    /// Whether there is a column per namespace.
    columns: bool,
    /// Whether the heads of the columns have to stand upright.
    upright: bool,
    rows: Vec<Row>,
    omitted: String,
    shipped: String,
    unseen: Vec<NotSeen>,
}

/// A, B, … Z, AA, …
fn letter(index: usize) -> String {
    let tail = char::from(b'A' + (index % 26) as u8);
    if index < 26 { tail.to_string() } else { format!("{}{tail}", letter(index / 26 - 1)) }
}

/// Names of namespaces, or how many they are.
fn places(names: &[&String], all: usize) -> String {
    if names.len() == all && all > 1 {
        return format!("all {} namespaces with ePHI", digits(all as u64));
    }
    let mut words: Vec<String> = names.iter().take(NAMES).map(|name| clip(name, 63)).collect();
    if names.len() > NAMES {
        words.push(format!("{} more", digits((names.len() - NAMES) as u64)));
    }
    list(&words)
}

impl Access {
    pub(super) fn new<'a>(matrix: &'a AccessMatrix, linker: &mut Linker) -> Self {
        let letters: BTreeMap<&str, String> = matrix.reaches.iter().enumerate().map(|(i, reach)| (reach.id.as_str(), letter(i))).collect();
        let columns = matrix.namespaces.len() <= COLUMNS;
        let holders =
            |id: &'a str| matrix.subjects.iter().filter(move |row| row.cells.iter().any(|cell| cell.reaches.iter().any(|one| one == id)));
        let rows = matrix.subjects.iter().take(ROWS).map(|row| Row {
            subject: Object::new(&row.subject),
            cells: if columns { cells(matrix, row, &letters) } else { alike(matrix, row, &letters) },
            via: via(matrix, row),
            bindings: many(via(matrix, row).len() as u64, "binding", "bindings"),
        });
        let omitted = matrix.subjects.len().saturating_sub(ROWS) as u64;
        Self {
            intro: linker.prose(&format!(
                "By RBAC, {} beyond what Kubernetes ships can do one of the things below in {}. Each letter is one kind of reach. Rights that are given in other ways (client certificates in the group system:masters, webhooks, the cloud provider) are not in it, and neither are those that hold in kube-system alone (control access/system-namespace).",
                many(matrix.subjects.len() as u64, "identity", "identities"),
                many(matrix.namespaces.len() as u64, "namespace with ePHI", "namespaces with ePHI"),
            )),
            letters: matrix
                .reaches
                .iter()
                .map(|reach| Letter {
                    letter: letters.get(reach.id.as_str()).cloned().unwrap_or_default(),
                    label: reach.label.clone(),
                    meaning: reach.meaning.clone(),
                    count: held_by(holders(&reach.id).count(), if reach.id == EVERYTHING { 0 } else { holders(EVERYTHING).count() }),
                })
                .collect(),
            namespaces: matrix.namespaces.clone(),
            columns,
            upright: matrix.namespaces.len() > 4,
            rows: rows.collect(),
            omitted: if omitted == 0 { String::new() } else { many(omitted, "more identity", "more identities") },
            shipped: if matrix.shipped == 0 {
                String::new()
            } else {
                let noun = many(matrix.shipped, "identity that has", "identities that have");
                format!("Left out: {noun} such reach only by bindings that Kubernetes ships.")
            },
            unseen: matrix.unseen.iter().map(NotSeen::new).collect(),
        }
    }

    pub(super) fn attached(&self) -> bool {
        !self.omitted.is_empty()
    }
}

fn spell(cell: &AccessCell, letters: &BTreeMap<&str, String>) -> Vec<String> {
    // A kind that the legend does not have is shown by its id rather than dropped.
    cell.reaches.iter().map(|id| letters.get(id.as_str()).unwrap_or(id).clone()).collect()
}

/// One cell per namespace; neighbours are never joined, but a row that is the same everywhere is one cell.
fn cells(matrix: &AccessMatrix, row: &SubjectAccess, letters: &BTreeMap<&str, String>) -> Vec<Cell> {
    let reached: BTreeMap<&String, &AccessCell> = row.cells.iter().map(|cell| (&cell.namespace, cell)).collect();
    let mut cells: Vec<Cell> = matrix
        .namespaces
        .iter()
        .enumerate()
        .map(|(i, name)| Cell {
            label: clip(name, 63),
            span: 1,
            columns: vec![i],
            letters: reached.get(name).map(|cell| spell(cell, letters)).unwrap_or_default(),
        })
        .collect();
    let same = cells.windows(2).all(|pair| matches!(pair, [a, b] if a.letters == b.letters));
    if same && cells.len() > 1 {
        cells.truncate(1);
        for cell in &mut cells {
            cell.span = matrix.namespaces.len();
            cell.columns = (0..cell.span).collect();
            cell.label = format!("all {} namespaces", matrix.namespaces.len());
        }
    }
    cells
}

/// One cell per set of letters, with the namespaces for which it holds.
fn alike(matrix: &AccessMatrix, row: &SubjectAccess, letters: &BTreeMap<&str, String>) -> Vec<Cell> {
    let mut sets: BTreeMap<Vec<String>, Vec<&String>> = BTreeMap::new();
    for cell in &row.cells {
        sets.entry(spell(cell, letters)).or_default().push(&cell.namespace);
    }
    sets.into_iter()
        .map(|(letters, names)| Cell { label: places(&names, matrix.namespaces.len()), span: 1, columns: vec![], letters })
        .collect()
}

/// Every binding of a row once.
fn via(matrix: &AccessMatrix, row: &SubjectAccess) -> Vec<Via> {
    let mut by_binding: BTreeMap<&String, BTreeSet<&String>> = BTreeMap::new();
    for cell in &row.cells {
        cell.via.iter().for_each(|binding| {
            by_binding.entry(binding).or_default().insert(&cell.namespace);
        });
    }
    by_binding
        .into_iter()
        .map(|(binding, names)| Via {
            binding: binding.clone(),
            places: places(&names.into_iter().collect::<Vec<_>>(), matrix.namespaces.len()),
        })
        .collect()
}

/// The kind of reach that all others are part of (`facts::rbac::Kind::Everything`).
const EVERYTHING: &str = "everything";

/// How many have a kind of reach; whoever has everything is not counted again.
fn held_by(own: usize, everything: usize) -> String {
    match everything {
        0 => digits(own as u64),
        everything => format!("{} beside the {} with everything", digits(own as u64), digits(everything as u64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_go_on_after_z() {
        assert_eq!([0, 25, 26, 51, 52].map(letter), ["A", "Z", "AA", "AZ", "BA"]);
    }
}
