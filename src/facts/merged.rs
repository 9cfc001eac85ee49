//! Rows of which many are equal: those of the pods of one workload.

use std::borrow::Borrow;
use std::collections::BTreeMap;

use super::Known;
use super::schema::{Row, TableSchema};
use crate::model::{Evidence, FactValue};

/// How many origins a merged row keeps; the number of pods stands in its own column.
pub(super) const ORIGINS_KEPT: usize = 2;

/// Rows in which equal ones are one, with the numbers of their pods added up.
pub(super) struct Merged {
    /// Where the table counts pods.
    pods: Option<usize>,
    /// By key: those that differ, which are few.
    rows: BTreeMap<String, Vec<(Row, i64)>>,
}

impl Merged {
    pub(super) fn new(schema: &TableSchema) -> Self {
        Self { pods: schema.column("pods").map(|(index, _)| index), rows: BTreeMap::new() }
    }

    pub(super) fn add(&mut self, mut row: Row) {
        let mut number = 0;
        if let Some(cell) = self.pods.and_then(|index| row.cells.get_mut(index)) {
            if let Known::Known(FactValue::Int(pods)) = cell {
                number = *pods;
            }
            *cell = Known::Known(FactValue::Int(0));
        }
        let Some(variants) = self.rows.get_mut(&row.key) else {
            self.rows.insert(row.key.clone(), vec![(row, number)]);
            return;
        };
        let Some((merged, pods)) = variants.iter_mut().find(|(known, _)| known.cells == row.cells) else {
            variants.push((row, number));
            return;
        };
        *pods += number;
        merged.origins.append(&mut row.origins);
        keep_first(&mut merged.origins);
        for (column, mut evidence) in row.cell_evidence {
            let kept = merged.cell_evidence.entry(column).or_default();
            kept.append(&mut evidence);
            keep_first(kept);
        }
    }

    /// The rows, by key; those with one key in no fixed order.
    pub(super) fn into_rows(self) -> Vec<Row> {
        let pods = self.pods;
        let with_number = |(mut row, number): (Row, i64)| {
            if let Some(cell) = pods.and_then(|index| row.cells.get_mut(index)) {
                *cell = Known::Known(FactValue::Int(number));
            }
            row
        };
        self.rows.into_values().flatten().map(with_number).collect()
    }
}

/// The first few in a fixed order, so that the order of the input does not matter.
pub(super) fn keep_first(origins: &mut Vec<impl Borrow<Evidence>>) {
    origins.sort_by(|a, b| {
        let (a, b): (&Evidence, &Evidence) = (a.borrow(), b.borrow());
        (&a.object, &a.pointer).cmp(&(&b.object, &b.pointer))
    });
    origins.truncate(ORIGINS_KEPT);
}
