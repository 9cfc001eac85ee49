//! Rows of which many are equal: those of the pods of one workload.

use std::borrow::Borrow;
use std::collections::BTreeMap;

use super::known::ColumnValue;
use super::schema::{Row, Typed};
use crate::facts::Known;
use crate::model::{Evidence, FactValue};

/// How many origins a merged row keeps; the number of pods stands in its own column.
const ORIGINS_KEPT: usize = 2;

/// Rows in which equal ones are one, with the numbers of their pods added up.
pub(in crate::facts) struct Merged {
    /// Where the table counts pods.
    pods: usize,
    /// By key: those that differ, which are few.
    rows: BTreeMap<String, Vec<(Row, i64)>>,
    /// The rows of the last pod, until it is known how many more look like it.
    last: Vec<Row>,
    /// Where that pod was seen.
    place: Option<Evidence>,
    /// How many more there are, and where the first of them were seen.
    more: i64,
    places: Vec<Evidence>,
}

impl Merged {
    /// Rows of the table whose column `pods` is that one.
    pub(in crate::facts) fn counting<T: ColumnValue>(pods: Typed<T>) -> Self {
        Self { pods: pods.index(), rows: BTreeMap::new(), last: Vec::new(), place: None, more: 0, places: Vec::new() }
    }

    /// Adds the rows of one pod, which was seen at `place`.
    pub(in crate::facts) fn add_all(&mut self, place: &Evidence, rows: Vec<Row>) {
        self.settle();
        self.last = rows;
        self.place = Some(place.clone());
    }

    /// The same rows again, for a pod that looks like the last one and was seen at `place`.
    pub(in crate::facts) fn again(&mut self, place: &Evidence) {
        self.more += 1;
        self.places.push(place.clone());
        keep_first(&mut self.places);
    }

    /// Adds the rows of the last pod, with all pods that look like it.
    fn settle(&mut self) {
        let (rows, places) = (std::mem::take(&mut self.last), std::mem::take(&mut self.places));
        let (place, more) = (self.place.take(), std::mem::take(&mut self.more));
        for mut row in rows {
            if let Some(place) = place.as_ref().filter(|_| more > 0) {
                also_at(&mut row.origins, place, &places);
                row.cell_evidence.values_mut().for_each(|list| also_at(list, place, &places));
            }
            self.add(row, more);
        }
    }

    /// Adds a row that stands for as many pods as it says.
    pub(in crate::facts) fn add_one(&mut self, row: Row) {
        self.add(row, 0);
    }

    fn add(&mut self, mut row: Row, more: i64) {
        let mut number = 0;
        if let Some(cell) = row.cells.get_mut(self.pods) {
            if let Known::Known(FactValue::Int(pods)) = cell {
                number = *pods + more;
            }
            *cell = Known::Known(FactValue::Int(0));
        }
        let variants = self.rows.entry(row.key.clone()).or_default();
        let Some((merged, pods)) = variants.iter_mut().find(|(known, _)| known.cells == row.cells) else {
            variants.push((row, number));
            return;
        };
        *pods += number;
        merged.origins.append(&mut row.origins);
        keep_first(&mut merged.origins);
        for (column, mut evidence) in row.cell_evidence {
            let kept = merged.cell_evidence.or_default(column);
            kept.append(&mut evidence);
            keep_first(kept);
        }
    }

    /// The rows, by key; those with one key in no fixed order.
    pub(in crate::facts) fn into_rows(mut self) -> Vec<Row> {
        self.settle();
        let pods = self.pods;
        let with_number = |(mut row, number): (Row, i64)| {
            if let Some(cell) = row.cells.get_mut(pods) {
                *cell = Known::Known(FactValue::Int(number));
            }
            row
        };
        self.rows.into_values().flatten().map(with_number).collect()
    }
}

/// What stands in the object at `place` itself stands in those at `places` too, which look the same.
fn also_at<E: Borrow<Evidence> + From<Evidence>>(list: &mut Vec<E>, place: &Evidence, places: &[Evidence]) {
    let own: Vec<Evidence> = list.iter().map(Borrow::borrow).filter(|one| one.reading == place.reading).cloned().collect();
    let moved = |one: &Evidence, other: &Evidence| other.at(one.pointer.clone()).graded(one.grade);
    list.extend(places.iter().flat_map(|other| own.iter().map(move |one| moved(one, other))).map(E::from));
    keep_first(list);
}

/// The first few in a fixed order, so that the order of the input does not matter.
pub(in crate::facts) fn keep_first(origins: &mut Vec<impl Borrow<Evidence>>) {
    origins.sort_by(|a, b| {
        let (a, b): (&Evidence, &Evidence) = (a.borrow(), b.borrow());
        (a.object(), &a.pointer).cmp(&(b.object(), &b.pointer))
    });
    origins.truncate(ORIGINS_KEPT);
}
