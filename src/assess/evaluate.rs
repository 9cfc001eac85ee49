//! Runs the controls of a catalog over tables.

use std::collections::{BTreeMap, BTreeSet};

use super::scope::{Membership, ResolvedScope};
use super::verdict::{self, Outcome, Tally};
use crate::catalog::{Catalog, Check, Control, ControlKind, Environment, Reach, RowContext};
use crate::digest::sha256_parts;
use crate::facts::{Known, Row, Table, Tables};
use crate::model::{EphiScope, Evidence, Exposure, Facts, Finding, NonEmpty, Sample, Severity, Unseen, UnseenKind, risk};
use crate::parallel;

/// How many passing rows are shown as a sample.
const SAMPLE: usize = 5;
/// How many pieces of evidence one finding carries; further equal pods are counted in the facts.
const EVIDENCE: usize = 4;
/// And one passing row of a sample.
const SAMPLE_EVIDENCE: usize = 1;
/// How many reasons for undecided rows are kept one by one.
const REASONS: usize = 20;

/// One control with its outcome and the numbers behind it.
#[derive(Debug)]
pub struct Evaluated<'a> {
    /// The control.
    pub control: &'a Control,
    /// Things in scope.
    pub examined: u64,
    /// Things that fail.
    pub failed: u64,
    /// Things that could not be decided.
    pub unknown: u64,
    /// The outcome.
    pub outcome: Outcome,
}

/// Evaluates every control.
pub fn evaluate<'a>(catalog: &'a Catalog, tables: &Tables, scope: &ResolvedScope<'_>) -> Vec<Evaluated<'a>> {
    evaluate_those(catalog, tables, scope, |_| true)
}

/// The same for some controls only, without the work for the others.
pub fn evaluate_those<'a>(
    catalog: &'a Catalog,
    tables: &Tables,
    scope: &ResolvedScope<'_>,
    wanted: impl Fn(&Control) -> bool,
) -> Vec<Evaluated<'a>> {
    let chosen: Vec<&'a Control> = catalog.controls().iter().filter(|control| wanted(control)).collect();
    let results = parallel::each(tables.all(), |table| evaluate_table(&chosen, table, scope));
    let mut results: BTreeMap<&str, Evaluated<'a>> = results.into_iter().flatten().collect();
    let mut all = Vec::new();
    for control in chosen {
        match (&control.kind, results.remove(control.id.as_str())) {
            (ControlKind::Manual(question), _) => {
                all.push(Evaluated { control, examined: 0, failed: 0, unknown: 0, outcome: verdict::of_question(question.clone()) });
            }
            (ControlKind::Check(_), Some(result)) => all.push(result),
            (ControlKind::Check(check), None) => all.push(Evaluated {
                control,
                examined: 0,
                failed: 0,
                unknown: 0,
                outcome: verdict::of_check(
                    Tally { findings: Vec::new(), examined: 0, undecided: Vec::new(), rows: 0, sample: Vec::new() },
                    Err(NonEmpty::one(no_table(check.table.name))),
                ),
            }),
        }
    }
    all
}

/// The results of every chosen control over one table, so that a row's value is built once for all of them.
fn evaluate_table<'a>(chosen: &[&'a Control], table: &Table, scope: &ResolvedScope<'_>) -> Vec<(&'a str, Evaluated<'a>)> {
    let environment = Environment::default();
    let mut runs: Vec<Run<'a, '_>> = chosen.iter().filter_map(|control| Run::new(control, table)).collect();
    if runs.is_empty() {
        return Vec::new();
    }
    for row in &table.rows {
        let context = RowContext::new(&environment, table.schema, row);
        let membership = row.namespace.as_deref().map_or(Membership::In, |namespace| scope.membership(namespace));
        for run in &mut runs {
            run.row(table, row, &context, &membership);
        }
    }
    runs.into_iter().map(|run| (run.control.id.as_str(), run.finish(table, scope))).collect()
}

fn no_table(name: &str) -> Unseen {
    Unseen {
        kind: UnseenKind::NotUnderstood,
        what: format!("the table {name}"),
        why: "it was not computed".to_owned(),
        how_to_see: "Report this as a bug of kube-hipaa.".to_owned(),
        source: None,
        missing_rule: None,
    }
}

/// One control while it goes through the rows of its table.
struct Run<'a, 't> {
    control: &'a Control,
    check: &'a Check,
    /// Columns that decide, then columns that are only shown.
    fact_columns: Vec<usize>,
    /// The deciding columns by name, with their relative pointers.
    required: Vec<(&'static str, &'static str)>,
    deciding: Vec<usize>,
    findings: BTreeMap<String, Finding>,
    /// Keys of rows in scope, of those that fail, and of those that could not be decided: variants of one thing count once.
    examined: BTreeSet<&'t str>,
    failed: BTreeSet<&'t str>,
    unknown: BTreeSet<&'t str>,
    reasons: BTreeSet<Unseen>,
    /// How many more of each kind.
    more_reasons: BTreeMap<UnseenKind, u64>,
    sample: Vec<Sample>,
}

impl<'a, 't> Run<'a, 't> {
    fn new(control: &'a Control, table: &Table) -> Option<Self> {
        let check = control.check()?;
        if check.table.name != table.schema.name {
            return None;
        }
        let columns: Vec<usize> = check.columns().iter().filter_map(|name| table.schema.column(name)).map(|(index, _)| index).collect();
        let required: Vec<usize> =
            check.require.columns().iter().filter_map(|name| table.schema.column(name)).map(|(index, _)| index).collect();
        let pointed: Vec<(&'static str, &'static str)> = required
            .iter()
            .filter_map(|&index| table.schema.columns.get(index))
            .map(|column| (column.name, column.at.unwrap_or("")))
            .collect();
        let mut fact_columns = required;
        fact_columns.extend(check.show.iter().copied());
        fact_columns.sort_unstable();
        fact_columns.dedup();
        Some(Self {
            control,
            check,
            fact_columns,
            required: pointed,
            deciding: columns,
            findings: BTreeMap::new(),
            examined: BTreeSet::new(),
            failed: BTreeSet::new(),
            unknown: BTreeSet::new(),
            reasons: BTreeSet::new(),
            more_reasons: BTreeMap::new(),
            sample: Vec::new(),
        })
    }

    fn row(&mut self, table: &Table, row: &'t Row, context: &RowContext<'_>, membership: &Membership) {
        if self.check.reach == Reach::Ephi {
            match membership {
                Membership::In => {}
                Membership::Out => return,
                Membership::Unknown(unseen) => {
                    self.unknown.insert(&row.key);
                    self.reason(unseen);
                    return;
                }
            }
        }
        match self.check.when.as_ref().map(|when| when.holds(context)) {
            None | Some(Ok(true)) => {}
            Some(Ok(false)) => return,
            Some(Err(undecided)) => return self.undecided(table, row, &undecided.to_string()),
        }
        let answer = match self.check.require.holds(context) {
            Ok(answer) => answer,
            Err(undecided) => return self.undecided(table, row, &undecided.to_string()),
        };
        self.examined.insert(&row.key);
        match answer {
            true if self.sample.len() < SAMPLE => {
                let sample =
                    Sample { subject: row.subject.clone(), facts: self.facts(table, row), evidence: self.evidence(row, SAMPLE_EVIDENCE) };
                self.sample.push(sample);
            }
            true => {}
            false => {
                self.failed.insert(&row.key);
                self.finding(table, row, context, membership);
            }
        }
    }

    /// A row that may be in scope and could not be decided counts as examined and unknown.
    fn undecided(&mut self, table: &Table, row: &'t Row, error: &str) {
        self.examined.insert(&row.key);
        self.unknown.insert(&row.key);
        let unknown = |&index: &usize| match row.cells.get(index) {
            Some(Known::Unknown(unseen)) => Some(&**unseen),
            _ => None,
        };
        let reasons: Vec<&Unseen> = self.deciding.iter().filter_map(unknown).collect();
        let explained = !reasons.is_empty();
        reasons.into_iter().for_each(|unseen| self.reason(unseen));
        if !explained {
            self.reason(&Unseen {
                kind: UnseenKind::NotUnderstood,
                what: format!("{} of the table {}", row.key, table.schema.name),
                why: error.to_owned(),
                how_to_see: "Look at the object by hand; report it as a bug of this control.".to_owned(),
                source: None,
                missing_rule: None,
            });
        }
    }

    fn reason(&mut self, unseen: &Unseen) {
        if self.reasons.contains(unseen) {
            return;
        }
        if self.reasons.len() < REASONS {
            self.reasons.insert(unseen.clone());
        } else {
            *self.more_reasons.entry(unseen.kind).or_default() += 1;
        }
    }

    fn facts(&self, table: &Table, row: &Row) -> Facts {
        self.fact_columns
            .iter()
            .filter_map(|&index| table.schema.columns.get(index).map(|column| (column.name.to_owned(), row.fact(index))))
            .collect()
    }

    fn evidence(&self, row: &Row, most: usize) -> Vec<Evidence> {
        let own = |(column, _): &&(&'static str, &'static str)| row.cell_evidence.contains_key(column);
        // What stands elsewhere comes first: it is why the row is more than its own object says.
        let elsewhere =
            self.required.iter().filter(own).filter_map(|(column, _)| row.cell_evidence.get(column)).flatten().map(|one| (**one).clone());
        let mut pointers: Vec<&'static str> = self.required.iter().filter(|required| !own(required)).map(|(_, at)| *at).collect();
        pointers.sort_unstable();
        pointers.dedup();
        // The place of the whole row says nothing beside the places of columns.
        if pointers.len() > 1 || !row.cell_evidence.is_empty() {
            pointers.retain(|at| !at.is_empty());
        }
        let pointed = row.origins.iter().flat_map(|origin| pointers.iter().map(|at| origin.below(at)));
        let mut evidence: Vec<Evidence> = Vec::new();
        for one in elsewhere.chain(pointed) {
            if evidence.len() == most {
                break;
            }
            if !evidence.iter().any(|known| known.reading == one.reading && known.pointer == one.pointer) {
                evidence.push(one);
            }
        }
        if evidence.is_empty() {
            evidence.extend(row.origins.iter().take(most).cloned());
        }
        evidence
    }

    /// How far what the row shows can be reached.
    fn exposure(&self, row: &Row, context: &RowContext<'_>) -> Exposure {
        // Not known counts as reachable: a rank must not fall because something was not seen.
        let open = self.check.exposed.as_ref().is_some_and(|exposed| exposed.holds(context) != Ok(false));
        match (open, &row.namespace) {
            (true, _) => Exposure::Open,
            (false, None) => Exposure::Cluster,
            (false, Some(_)) => Exposure::Namespace,
        }
    }

    fn finding(&mut self, table: &Table, row: &Row, context: &RowContext<'_>, membership: &Membership) {
        let digest = sha256_parts([self.control.id.as_bytes(), table.schema.name.as_bytes(), row.key.as_bytes()]);
        let fingerprint: String = digest.chars().take(16).collect();
        let evidence = self.evidence(row, EVIDENCE);
        let exposure = self.exposure(row, context);
        let scope = match (&row.namespace, membership) {
            (None, _) => EphiScope::ClusterWide,
            (Some(_), Membership::Out) => EphiScope::Elsewhere,
            (Some(_), Membership::In | Membership::Unknown(_)) => EphiScope::Ephi,
        };
        if let Some(known) = self.findings.get_mut(&fingerprint) {
            // A variant of the same thing, such as another pod of the workload during a rollout.
            let room = EVIDENCE.saturating_sub(known.evidence.len());
            known.risk = known.risk.max(risk(self.control.severity, exposure, scope));
            known.exposure = known.exposure.max(exposure);
            known.evidence.extend(evidence.into_iter().take(room));
            return;
        }
        let finding = Finding {
            fingerprint: fingerprint.clone(),
            severity: self.control.severity,
            risk: risk(self.control.severity, exposure, scope),
            exposure,
            statement: self.check.finding.fill(row),
            subject: row.subject.clone(),
            related: row.related.clone(),
            facts: self.facts(table, row),
            evidence,
        };
        self.findings.insert(fingerprint, finding);
    }

    fn finish(self, table: &Table, scope: &ResolvedScope<'_>) -> Evaluated<'a> {
        let mut findings: Vec<Finding> = self.findings.into_values().collect();
        findings.sort_by(|a, b| (&a.subject, &a.statement, &a.fingerprint).cmp(&(&b.subject, &b.statement, &b.fingerprint)));
        let mut undecided: Vec<Unseen> = self.reasons.into_iter().collect();
        if self.check.reach == Reach::Ephi {
            undecided.extend(scope.gaps().cloned());
        }
        for (kind, more) in self.more_reasons {
            undecided.push(Unseen {
                kind,
                what: format!("{more} more rows of the table {}", table.schema.name),
                why: "each has a reason of its own; only the first are listed".to_owned(),
                how_to_see: format!("List them with `kube-hipaa facts SNAPSHOT {}`.", table.schema.name),
                source: None,
                missing_rule: None,
            });
        }
        let tally = Tally {
            findings,
            examined: count_of(&self.examined),
            undecided,
            rows: count_of(&table.rows.iter().map(|row| row.key.as_str()).collect()),
            sample: self.sample,
        };
        Evaluated {
            control: self.control,
            examined: count_of(&self.examined),
            failed: count_of(&self.failed),
            unknown: count_of(&self.unknown),
            outcome: verdict::of_check(tally, table.coverage.complete(&self.check.sources())),
        }
    }
}

fn count_of(keys: &BTreeSet<&str>) -> u64 {
    u64::try_from(keys.len()).unwrap_or(u64::MAX)
}

/// The severities of findings, counted.
pub(super) fn count(counts: &mut crate::model::SeverityCounts, severity: Severity) {
    match severity {
        Severity::Critical => counts.critical += 1,
        Severity::High => counts.high += 1,
        Severity::Medium => counts.medium += 1,
        Severity::Low => counts.low += 1,
    }
}
