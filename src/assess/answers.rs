//! One predicate over many rows, most of which look the same to it.

use std::collections::BTreeMap;

use crate::catalog::{Check, Predicate, RowContext, Undecided, Values, Work};
use crate::facts::{Cell, Row, TableSchema};

/// How many different answers are kept: a column that is another in every row is not worth more.
const KEPT: usize = 64;

/// A predicate with what it said of rows before. The same cells have the same answer, and a row that repeats them is not evaluated again.
pub(super) struct Answers<'r> {
    predicate: &'r Predicate,
    values: &'r Values,
    columns: Vec<usize>,
    known: BTreeMap<Vec<&'r Cell>, Result<bool, Undecided>>,
    asked: Vec<&'r Cell>,
}

impl<'r> Answers<'r> {
    pub(super) fn new(predicate: &'r Predicate, values: &'r Values, schema: &TableSchema) -> Self {
        let columns = predicate.columns().iter().filter_map(|name| schema.column(name)).map(|(index, _)| index).collect();
        Self { predicate, values, columns, known: BTreeMap::new(), asked: Vec::new() }
    }

    /// Whether it holds for a row, as [`Predicate::holds_within`] says it.
    pub(super) fn holds(&mut self, row: &'r Row, context: &RowContext<'r>, work: &mut Work) -> Result<bool, Undecided> {
        self.predicate.fits(context, work)?;
        self.asked.clear();
        self.asked.extend(self.columns.iter().filter_map(|&index| row.cells.get(index)));
        if let Some(answer) = self.known.get(&self.asked) {
            return answer.clone();
        }
        let answer = self.predicate.decide(context, self.values);
        if self.known.len() < KEPT {
            self.known.insert(self.asked.clone(), answer.clone());
        }
        answer
    }
}

/// The predicates of a control.
pub(super) struct Asked<'r> {
    pub(super) when: Option<Answers<'r>>,
    pub(super) require: Answers<'r>,
    pub(super) exposed: Option<Answers<'r>>,
}

impl<'r> Asked<'r> {
    pub(super) fn of(check: &'r Check, values: &'r Values, schema: &TableSchema) -> Self {
        let answers = |predicate| Answers::new(predicate, values, schema);
        Self { when: check.when.as_ref().map(answers), require: answers(&check.require), exposed: check.exposed.as_ref().map(answers) }
    }
}
