//! Runs the controls of a catalog over tables.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::answers::{Answers, Asked};
use super::scope::{Membership, ResolvedScope};
use super::verdict::{self, Conclusion, Tally};
use crate::catalog::{Catalog, Check, Control, ControlKind, Environment, Reach, RowContext, Values, Work};
use crate::digest::sha256_parts;
use crate::facts::{Coverage, Known, Row, TableSchema, Tables};
use crate::model::{
    EphiScope, Evidence, Exposure, FactValue, Facts, Finding, NonEmpty, Sample, ScopeRole, Undecided, Unseen, UnseenKind, risk,
};

/// How many passing rows are shown as a sample.
const SAMPLE: usize = 5;
/// How many pieces of evidence one finding carries; further equal pods are counted in the facts.
const EVIDENCE: usize = 4;
/// And one passing row of a sample.
const SAMPLE_EVIDENCE: usize = 1;
/// How many reasons for undecided rows are kept one by one.
const REASONS: usize = 20;
/// How many undecided things are named.
const UNDECIDED: usize = 5000;

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
    /// Which things could not be decided; none where there are none.
    pub undecided: Option<Undecided>,
    /// What became of it.
    pub conclusion: Conclusion,
}

/// Controls on their way through the tables, one table after the other. A table is not needed any more when it has passed.
pub struct Evaluation<'a> {
    chosen: Vec<&'a Control>,
    scope: &'a ResolvedScope<'a>,
    done: BTreeMap<&'a str, Run<'a>>,
}

impl<'a> Evaluation<'a> {
    /// Nothing has passed yet; only controls that are `wanted` are evaluated.
    pub fn new(catalog: &'a Catalog, scope: &'a ResolvedScope<'a>, wanted: impl Fn(&Control) -> bool) -> Self {
        Self { chosen: catalog.controls().iter().filter(|control| wanted(control)).collect(), scope, done: BTreeMap::new() }
    }

    /// Evaluates every chosen control over one table, whose rows are sorted by key, so that a row's value is built once for all of them.
    pub fn rows(&mut self, schema: &'static TableSchema, rows: &[Row]) {
        let mut runs: Vec<Run<'a>> = self.chosen.iter().filter_map(|control| Run::new(control, schema, self.scope)).collect();
        if runs.is_empty() {
            return;
        }
        let asks = runs.iter().any(|run| run.check.asks_scope());
        let environment = Environment::default().with_ephi(self.scope.ephi_names().filter(|_| asks));
        let mut things = 0;
        let values: Vec<Values> = runs.iter().map(|run| run.values.clone()).collect();
        let mut asked: Vec<Asked<'_>> = runs.iter().zip(&values).map(|(run, values)| Asked::of(run.check, values, schema)).collect();
        for (index, row) in rows.iter().enumerate() {
            // Rows with one key describe variants of one thing, which counts once.
            if index.checked_sub(1).and_then(|before| rows.get(before)).is_none_or(|before| before.key != row.key) {
                things += 1;
            }
            let context = RowContext::new(&environment, schema, row);
            let membership =
                row.namespace.as_deref().map_or(Membership::In(ScopeRole::Maintains), |namespace| self.scope.membership(namespace));
            for (run, asked) in runs.iter_mut().zip(&mut asked) {
                run.row(&Seen { thing: things, row, context: &context, membership: &membership }, asked);
            }
        }
        for mut run in runs {
            run.things = things;
            self.done.insert(run.control.id.as_str(), run);
        }
    }

    /// The outcomes, in the order of the catalog, when every table has passed. `coverage` is what the tables rest on.
    pub fn finish(self, coverage: &Coverage) -> Vec<Evaluated<'a>> {
        let Self { chosen, scope, mut done } = self;
        let outcome = |control: &'a Control| match (&control.kind, done.remove(control.id.as_str())) {
            (ControlKind::Manual(question), _) => Evaluated::of_nothing(control, verdict::of_question(question.clone())),
            (ControlKind::Check(_), Some(run)) => run.finish(coverage, scope),
            (ControlKind::Check(check), None) => {
                let none = Tally { findings: Vec::new(), examined: 0, undecided: Vec::new(), rows: 0, sample: Vec::new() };
                Evaluated::of_nothing(control, verdict::of_check(none, Err(NonEmpty::one(no_table(check.table.name)))))
            }
        };
        chosen.into_iter().map(outcome).collect()
    }
}

impl<'a> Evaluated<'a> {
    fn of_nothing(control: &'a Control, conclusion: Conclusion) -> Self {
        Self { control, examined: 0, failed: 0, unknown: 0, undecided: None, conclusion }
    }
}

/// Evaluates every control.
pub fn evaluate<'a>(catalog: &'a Catalog, tables: &Tables, scope: &'a ResolvedScope<'a>) -> Vec<Evaluated<'a>> {
    evaluate_those(catalog, tables, scope, |_| true)
}

/// The same for some controls only, without the work for the others.
pub fn evaluate_those<'a>(
    catalog: &'a Catalog,
    tables: &Tables,
    scope: &'a ResolvedScope<'a>,
    wanted: impl Fn(&Control) -> bool,
) -> Vec<Evaluated<'a>> {
    let mut evaluation = Evaluation::new(catalog, scope, wanted);
    tables.all().iter().for_each(|table| evaluation.rows(table.schema, &table.rows));
    evaluation.finish(tables.coverage())
}

fn no_table(name: &str) -> Unseen {
    Unseen::not_understood(format!("the table {name}"), "it was not computed", "Report this as a bug of kube-hipaa.")
}

/// A row as the controls see it.
struct Seen<'c, 'r> {
    /// The number of the thing that it describes: rows with one key have one number, and come one after the other.
    thing: u64,
    row: &'r Row,
    context: &'c RowContext<'r>,
    membership: &'c Membership,
}

/// How many different things, counted as they come.
#[derive(Default)]
struct Things {
    last: u64,
    count: u64,
}

impl Things {
    fn add(&mut self, thing: u64) {
        if self.last != thing {
            (self.last, self.count) = (thing, self.count + 1);
        }
    }
}

/// How far what the row shows can be reached.
fn exposure<'r>(seen: &Seen<'_, 'r>, asked: &mut Asked<'r>) -> Exposure {
    // Not known counts as reachable: a rank must not fall because something was not seen.
    let holds = |exposed: &mut Answers<'r>| exposed.holds(seen.row, seen.context, &mut Work::default());
    let open = asked.exposed.as_mut().is_some_and(|exposed| holds(exposed) != Ok(false));
    match (open, &seen.row.namespace) {
        (true, _) => Exposure::Open,
        (false, None) => Exposure::Cluster,
        (false, Some(_)) => Exposure::Namespace,
    }
}

/// One control while it goes through the rows of its table.
struct Run<'a> {
    control: &'a Control,
    check: &'a Check,
    /// Of its parameters.
    values: Values,
    schema: &'static TableSchema,
    /// How many things the table has.
    things: u64,
    /// Columns that decide and columns that are only shown, by name.
    fact_columns: Vec<(&'static str, usize)>,
    /// The deciding columns by name, with their relative pointers.
    required: Vec<(&'static str, &'static str)>,
    deciding: Vec<usize>,
    findings: Vec<Finding>,
    /// In scope, failing, and not decided: variants of one thing count once.
    examined: Things,
    failed: Things,
    unknown: Things,
    /// Fingerprints of those that are not decided.
    undecided: BTreeSet<String>,
    reasons: BTreeSet<Unseen>,
    /// How many more of each kind.
    more_reasons: BTreeMap<UnseenKind, u64>,
    sample: Vec<Sample>,
    /// What its expressions may still do.
    work: Work,
}

impl<'a> Run<'a> {
    fn new(control: &'a Control, schema: &'static TableSchema, scope: &ResolvedScope<'_>) -> Option<Self> {
        let check = control.check()?;
        if check.table.name != schema.name {
            return None;
        }
        let columns: Vec<usize> = check.columns().iter().filter_map(|name| schema.column(name)).map(|(index, _)| index).collect();
        let required: Vec<usize> = check.require.columns().iter().filter_map(|name| schema.column(name)).map(|(index, _)| index).collect();
        let pointed: Vec<(&'static str, &'static str)> =
            required.iter().filter_map(|&index| schema.columns.get(index)).map(|column| (column.name, column.at.unwrap_or(""))).collect();
        let shown = required.iter().chain(&check.show);
        let mut fact_columns: Vec<(&'static str, usize)> =
            shown.filter_map(|&index| Some((schema.columns.get(index)?.name, index))).collect();
        fact_columns.sort_unstable();
        fact_columns.dedup();
        Some(Self {
            control,
            check,
            values: control.values(scope.parameters_of(&control.id)),
            schema,
            things: 0,
            fact_columns,
            required: pointed,
            deciding: columns,
            findings: Vec::new(),
            examined: Things::default(),
            failed: Things::default(),
            unknown: Things::default(),
            undecided: BTreeSet::new(),
            reasons: BTreeSet::new(),
            more_reasons: BTreeMap::new(),
            sample: Vec::new(),
            work: Work::default(),
        })
    }

    fn row<'r>(&mut self, seen: &Seen<'_, 'r>, asked: &mut Asked<'r>) {
        if self.check.reach == Reach::Ephi {
            match seen.membership {
                Membership::In(role) if seen.row.namespace.is_none() || self.check.roles.contains(role) => {}
                Membership::In(_) | Membership::Out => return,
                Membership::Unknown(unseen) => {
                    self.not_decided(seen);
                    self.reason(unseen);
                    return;
                }
            }
        }
        match asked.when.as_mut().map(|when| when.holds(seen.row, seen.context, &mut self.work)) {
            None | Some(Ok(true)) => {}
            Some(Ok(false)) => return,
            Some(Err(undecided)) => return self.undecided(seen, &undecided.to_string()),
        }
        let answer = match asked.require.holds(seen.row, seen.context, &mut self.work) {
            Ok(answer) => answer,
            Err(undecided) => return self.undecided(seen, &undecided.to_string()),
        };
        self.examined.add(seen.thing);
        match answer {
            true if self.sample.len() < SAMPLE => {
                let row = seen.row;
                let sample = Sample { subject: row.subject.clone(), facts: self.facts(row), evidence: self.evidence(row, SAMPLE_EVIDENCE) };
                self.sample.push(sample);
            }
            true => {}
            false => self.finding(seen, asked),
        }
    }

    /// A row that may be in scope and could not be decided counts as examined and unknown.
    fn undecided(&mut self, seen: &Seen<'_, '_>, error: &str) {
        self.examined.add(seen.thing);
        self.not_decided(seen);
        let unknown = |&index: &usize| match seen.row.cells.get(index) {
            Some(Known::Unknown(unseen)) => Some(&**unseen),
            _ => None,
        };
        let reasons: Vec<&Unseen> = self.deciding.iter().filter_map(unknown).collect();
        let explained = !reasons.is_empty();
        reasons.into_iter().for_each(|unseen| self.reason(unseen));
        if !explained {
            self.reason(&Unseen::not_understood(
                format!("{} of the table {}", seen.row.key, self.schema.name),
                error.to_owned(),
                "Look at the object by hand; report it as a bug of this control.",
            ));
        }
    }

    fn not_decided(&mut self, seen: &Seen<'_, '_>) {
        self.unknown.add(seen.thing);
        // One more than is told shows that there are more.
        if self.undecided.len() <= UNDECIDED {
            let print = self.fingerprint(seen.row);
            self.undecided.insert(print);
        }
    }

    /// Of a finding about this row.
    fn fingerprint(&self, row: &Row) -> String {
        let digest = sha256_parts([self.control.id.as_bytes(), self.schema.name.as_bytes(), row.key.as_bytes()]);
        digest.chars().take(16).collect()
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

    fn facts(&self, row: &Row) -> Facts {
        self.fact_columns.iter().map(|&(name, index)| (Cow::Borrowed(name), row.fact(index))).collect()
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
        // It stays until the last document is written.
        evidence.shrink_to_fit();
        evidence
    }

    fn finding<'r>(&mut self, seen: &Seen<'_, 'r>, asked: &mut Asked<'r>) {
        let row = seen.row;
        let variant = self.failed.last == seen.thing;
        self.failed.add(seen.thing);
        let evidence = self.evidence(row, EVIDENCE);
        let facts = self.facts(row);
        let exposure = exposure(seen, asked);
        let scope = match (&row.namespace, seen.membership) {
            (None, _) => EphiScope::ClusterWide,
            (Some(_), Membership::Out) => EphiScope::Elsewhere,
            (Some(_), Membership::In(_) | Membership::Unknown(_)) => EphiScope::Ephi,
        };
        let risk = risk(self.control.severity, exposure, scope);
        if variant && let Some(known) = self.findings.last_mut() {
            // A variant of the same thing, such as another pod of the workload during a rollout.
            let room = EVIDENCE.saturating_sub(known.evidence.len());
            known.risk = known.risk.max(risk);
            known.exposure = known.exposure.max(exposure);
            known.evidence.extend(evidence.into_iter().take(room));
            // Where the thing is in several namespaces, each of them counts, with what it has of its own there.
            known.namespaces.extend(row.namespace.clone());
            for (value, (_, other)) in known.facts.values_mut().zip(facts.iter()) {
                merge_fact(value, other);
            }
            return;
        }
        let finding = Finding {
            fingerprint: self.fingerprint(row),
            severity: self.control.severity,
            risk,
            exposure,
            statement: self.check.finding.fill(row, &self.values),
            subject: row.subject.clone(),
            namespace: row.namespace.clone().filter(|namespace| row.subject.place() != Some(namespace)),
            namespaces: row.namespace.iter().cloned().collect(),
            related: row.related.clone(),
            facts,
            evidence,
            waiver: None,
        };
        self.findings.push(finding);
    }

    fn finish(self, coverage: &Coverage, scope: &ResolvedScope<'_>) -> Evaluated<'a> {
        let mut findings = self.findings;
        findings.iter_mut().for_each(say_namespaces);
        findings.sort_by(|a, b| (&a.subject, &a.statement, &a.fingerprint).cmp(&(&b.subject, &b.statement, &b.fingerprint)));
        let mut undecided: Vec<Unseen> = self.reasons.into_iter().collect();
        if self.check.reach == Reach::Ephi {
            undecided.extend(scope.gaps().cloned());
        }
        for (kind, more) in self.more_reasons {
            undecided.push(Unseen::remainder(kind, more, self.schema.name));
        }
        // An object that could only have decided about a namespace without ePHI leaves a verdict on those with it as it is.
        let across = self.check.reach != Reach::Ephi || self.schema.reaches_across();
        let concern = |namespace: &str| across || !matches!(scope.membership(namespace), Membership::Out);
        let complete = coverage.complete_within(&self.check.sources(), self.schema.left_out_anywhere(), concern);
        let known = self.undecided.len() <= UNDECIDED;
        let others_decided = complete.is_ok() && known && (self.check.reach != Reach::Ephi || scope.gaps().next().is_none());
        let fingerprints = self.undecided.into_iter().take(UNDECIDED).collect::<Vec<_>>();
        let undecided_things = (!fingerprints.is_empty()).then_some(Undecided { fingerprints, others_decided });
        let tally = Tally { findings, examined: self.examined.count, undecided, rows: self.things, sample: self.sample };
        Evaluated {
            control: self.control,
            examined: self.examined.count,
            failed: self.failed.count,
            unknown: self.unknown.count,
            undecided: undecided_things,
            conclusion: verdict::of_check(tally, complete),
        }
    }
}

/// Keeps the list of namespaces where there are several, and says them.
fn say_namespaces(finding: &mut Finding) {
    const SAID: usize = 5;
    let mut namespaces = std::mem::take(&mut finding.namespaces);
    namespaces.sort();
    namespaces.dedup();
    if namespaces.len() < 2 {
        return;
    }
    let said: Vec<&str> = namespaces.iter().take(SAID).map(String::as_str).collect();
    let more = match namespaces.len().saturating_sub(SAID) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    finding.statement.push_str(&format!(" (in {} namespaces: {}{more})", namespaces.len(), said.join(", ")));
    finding.namespaces = namespaces;
}

/// Texts of one column in several rows of one thing: all that differ, as a list. Numbers and switches are those of the first row.
fn merge_fact(known: &mut FactValue, other: &FactValue) {
    fn texts(value: &FactValue) -> Option<Vec<String>> {
        match value {
            FactValue::List(texts) => Some(texts.clone()),
            FactValue::Text(text) => Some(vec![text.clone()]),
            _ => None,
        }
    }
    if known == other {
        return;
    }
    if let (Some(mut all), Some(more)) = (texts(known), texts(other)) {
        all.extend(more);
        all.sort();
        all.dedup();
        *known = FactValue::List(all);
    }
}
