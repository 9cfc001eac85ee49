//! From tables and a catalog to an assessment. No clock, no disk, no environment: the same input gives the same bytes.

mod answers;
mod evaluate;
mod exhibits;
mod people;
mod scope;
mod verdict;

use std::collections::{BTreeMap, BTreeSet};

pub use evaluate::{Evaluated, Evaluation, evaluate, evaluate_those};
pub use people::{SCOPE_FILE, Workspace, Written, hints, lay_beside, same_person};
pub use scope::{Declared, Membership, Others, ResolvedScope, ScopeDeclaration, Selector, SelectorError};
pub use verdict::Conclusion;

use crate::catalog::{Catalog, ControlTexts, Framework, FrameworkParagraph, Mapping, Values};
use crate::facts::{Computation, Computed, FactsError, Tables};
use crate::model::{
    ASSESSMENT_SCHEMA, Applies, AskedAgain, Assessment, BenchmarkItem, ControlResult, Entity, EventServed, LookedAt, OutcomeCounts,
    OutcomeWord, Paragraph, ProposedSection, RiskInput, Scope, SetParameters, SeverityCounts, SnapshotIndex, SourceCoverage, ToolIdentity,
    Totals, WeaknessOf,
};
use crate::parallel;

/// What an assessment is made of.
pub struct Input<'a> {
    /// The snapshot's index.
    pub index: &'a SnapshotIndex,
    /// Its digest.
    pub index_sha256: &'a str,
    /// The tables, which are computed from the snapshot one after the other.
    pub tables: Computation<'a>,
    /// The controls.
    pub catalog: &'a Catalog,
    /// The framework whose paragraphs are reported.
    pub framework: &'a Framework,
    /// Which namespaces hold ePHI.
    pub scope: &'a ScopeDeclaration,
    /// What people handed in.
    pub workspace: Option<&'a Workspace>,
    /// Who assesses.
    pub tool: ToolIdentity,
}

/// Assesses a snapshot. The only error is that it cannot be read.
pub fn assess(input: Input<'_>) -> Result<Assessment, FactsError> {
    let Input { index, index_sha256, tables, catalog, framework, scope, workspace, tool } = input;
    let namespaces = tables.namespaces()?;
    let scope = ResolvedScope::new(scope, &namespaces);
    // Each table goes away when its controls are done, while the next one is made.
    let (computed, (evaluation, kept)) = parallel::beside(
        |hand_over| tables.each(|schema, rows| hand_over((schema, rows))),
        |tables| {
            let (mut evaluation, mut kept) = (Evaluation::new(catalog, &scope, |_| true), exhibits::Kept::default());
            for (schema, rows) in tables {
                evaluation.rows(schema, &rows);
                kept.add(schema, rows, &scope);
            }
            (evaluation, kept)
        },
    );
    let Computed { coverage: read, network } = computed?;
    let (exhibits::Built { exhibits, images, undeclared }, evaluated) =
        parallel::both(|| kept.build(&read, &network, &scope), || evaluation.finish(&read));
    let paragraphs_of = framework.paragraphs_of();
    let entity = scope.declarations().and_then(|declared| declared.entity).unwrap_or_default();
    let idle: BTreeSet<&str> =
        framework.paragraphs.iter().filter(|one| !Applies::of(one.condition, entity).is_yes()).map(|one| one.id.value.as_str()).collect();
    let cluster = &index.cluster;
    let fitting =
        catalog.benchmarks().and_then(|benchmarks| benchmarks.fitting(cluster.version.as_deref(), cluster.distribution.as_deref()));
    let mut outcomes: BTreeMap<String, OutcomeWord> = BTreeMap::new();
    let mut requests: BTreeMap<String, u64> = BTreeMap::new();
    index.requests.iter().for_each(|request| *requests.entry(request.verb.clone()).or_default() += 1);
    let mut totals = Totals { controls: OutcomeCounts::default(), findings: SeverityCounts::default(), sources: BTreeMap::new(), requests };
    let mut controls = Vec::new();
    for result in evaluated {
        let word = result.conclusion.outcome().word();
        let paragraphs = paragraphs_of.get(result.control.id.as_str()).cloned();
        outcomes.insert(result.control.id.clone(), word);
        totals.controls.add(word);
        let benchmark = fitting.as_ref().map(|fitting| fitting.items_of(&result.control.id)).into_iter().flatten().collect();
        // A check is told of a paragraph that concerns somebody; a question may be how that is found out.
        let asks = result.control.check().is_none();
        let concerning = paragraphs.into_iter().flatten().filter(|id| asks || !idle.contains(id.as_str())).collect();
        let values = result.control.values(scope.parameters_of(&result.control.id));
        let control = control_result(result, &values, concerning, benchmark);
        control.findings().iter().for_each(|finding| totals.findings.add(finding.severity));
        controls.push(control);
    }
    let coverage = coverage(index, catalog);
    for source in &coverage {
        *totals.sources.entry(source.state.word().to_owned()).or_default() += 1;
    }
    let described = Scope { undeclared, ..scope.describe() };
    let declarations = scope.declarations().map(|declared| people::observe(declared, &described, &exhibits, &images));
    let risk_input = Some(risk_input(catalog, &controls));
    let mut assessment = Assessment {
        schema: ASSESSMENT_SCHEMA.to_owned(),
        tool,
        catalog: catalog.identity().clone(),
        snapshot_sha256: index_sha256.to_owned(),
        hypothetical: None,
        mapping: Some(framework.identity()),
        cluster: index.cluster.clone(),
        collected: index.collected.clone(),
        scope: described,
        workspace: None,
        totals,
        coverage,
        controls,
        paragraphs: framework.paragraphs.iter().map(|paragraph| paragraph_result(paragraph, &outcomes, entity)).collect(),
        proposed: None,
        risk_input,
        benchmark: fitting.map(|fitting| fitting.described),
        exhibits,
        declarations,
        people: None,
    };
    if let Some(workspace) = workspace {
        people::lay_beside(workspace, &mut assessment);
    }
    Ok(assessment)
}

/// The paragraphs of a proposed rule, with what became of the checks that are relevant to them. It changes nothing of the assessment.
pub fn proposed(framework: &Framework, assessment: &Assessment, asked_again: Vec<AskedAgain>) -> ProposedSection {
    let outcomes: BTreeMap<String, OutcomeWord> = assessment.controls.iter().map(|control| (control.id.clone(), control.word())).collect();
    let entity = assessment.declarations.as_ref().and_then(|declared| declared.entity).unwrap_or_default();
    let again: BTreeMap<&str, OutcomeWord> = asked_again.iter().map(|one| (one.control.as_str(), one.outcome)).collect();
    let result = |paragraph: &FrameworkParagraph| {
        let of = |mapping: &&Mapping| !mapping.parameters.is_empty();
        let ids = paragraph.controls.iter().filter(of).map(|mapping| mapping.control.value.as_str());
        let otherwise: Vec<(String, OutcomeWord)> = ids.filter_map(|id| Some((id.to_owned(), *again.get(id)?))).collect();
        if otherwise.is_empty() {
            return paragraph_result(paragraph, &outcomes, entity);
        }
        let mut outcomes = outcomes.clone();
        outcomes.extend(otherwise);
        paragraph_result(paragraph, &outcomes, entity)
    };
    let paragraphs = framework.paragraphs.iter().map(result).collect();
    ProposedSection { mapping: framework.identity(), paragraphs, asked_again }
}

/// Checks for which a framework has other numbers than those that count, with what they come to with its own.
pub fn asked_again(
    catalog: &Catalog,
    framework: &Framework,
    tables: impl FnOnce(&dyn Fn(&str) -> bool) -> Result<Tables, FactsError>,
    scope: &ScopeDeclaration,
) -> Result<Vec<AskedAgain>, FactsError> {
    let mut wanted = SetParameters::new();
    for mapping in framework.paragraphs.iter().flat_map(|paragraph| &paragraph.controls).filter(|one| !one.parameters.is_empty()) {
        wanted.entry(mapping.control.value.clone()).or_default().extend(mapping.parameters.clone());
    }
    let set = match scope {
        ScopeDeclaration::Default => SetParameters::new(),
        ScopeDeclaration::Declared { declared, .. } => declared.parameters.clone(),
    };
    wanted.retain(|id, numbers| catalog.control(id).is_some_and(|control| control.values(set.get(id)) != control.values(Some(numbers))));
    let table = |id: &String| catalog.control(id).and_then(|control| Some(control.check()?.table.name));
    let names: BTreeSet<&str> = wanted.keys().filter_map(table).collect();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let tables = tables(&|name| names.contains(name))?;
    let resolved = ResolvedScope::new(scope, tables.namespaces()).with_parameters(wanted.clone());
    let evaluated = evaluate_those(catalog, &tables, &resolved, |control| wanted.contains_key(&control.id));
    Ok(evaluated
        .into_iter()
        .map(|result| AskedAgain {
            control: result.control.id.clone(),
            parameters: result.control.described(&result.control.values(wanted.get(&result.control.id))),
            outcome: result.conclusion.outcome().word(),
            examined: result.examined,
            failed: result.failed,
            unknown: result.unknown,
        })
        .collect())
}

/// What the catalog says of the controls that found something or could not be decided.
fn risk_input(catalog: &Catalog, controls: &[ControlResult]) -> RiskInput {
    let open: BTreeSet<&str> = controls
        .iter()
        .filter(|control| matches!(control.word(), OutcomeWord::Fail | OutcomeWord::NotAssessed))
        .map(|control| control.id.as_str())
        .collect();
    let reference = catalog.reference();
    let weaknesses = reference.weaknesses.iter().filter(|one| open.contains(one.control.as_str())).map(|one| WeaknessOf {
        control: one.control.clone(),
        noun: one.noun.clone(),
        concerns: one.concerns.clone(),
        sp_800_190: one.sp_800_190.clone(),
    });
    let events = reference.threats.iter().map(|event| EventServed {
        id: event.id.clone(),
        title: event.title.clone(),
        kind: event.kind.word().to_owned(),
        concerns: event.concerns.clone(),
        served_by: event.served_by.iter().filter(|id| open.contains(id.as_str())).cloned().collect(),
    });
    RiskInput { weaknesses: weaknesses.collect(), events: events.collect() }
}

fn control_result(result: Evaluated<'_>, values: &Values, paragraphs: Vec<String>, benchmark: Vec<BenchmarkItem>) -> ControlResult {
    let Evaluated { control, examined, failed, unknown, undecided, conclusion } = result;
    let check = control.check();
    let ControlTexts { title, fix, limits, fails } = control.texts(values);
    ControlResult {
        id: control.id.clone(),
        version: control.version,
        title,
        severity: control.severity,
        area: control.area().to_owned(),
        table: check.map(|check| check.table.name.to_owned()).unwrap_or_default(),
        paragraphs,
        benchmark,
        parameters: control.described(values),
        because: control.because.clone(),
        fix,
        limits,
        looked_at: check.map_or(LookedAt::Nothing, |check| check.reach.looked_at()),
        counts: check.map(|check| check.table.counts.to_owned()).unwrap_or_default(),
        fails,
        examined,
        failed,
        unknown,
        undecided,
        outcome: conclusion.into_outcome(),
        answers: Vec::new(),
    }
}

fn coverage(index: &SnapshotIndex, catalog: &Catalog) -> Vec<SourceCoverage> {
    index
        .sources
        .iter()
        .map(|record| SourceCoverage {
            resource: record.source.resource().to_owned(),
            group: record.source.api_group().to_owned(),
            state: record.state.clone(),
            missing_rule: record.missing_rule.clone(),
            needed_by: catalog.needed_by(&record.source).map(|control| control.id.clone()).collect(),
            left_out: record.left_out.clone(),
            source: record.source.clone(),
        })
        .collect()
}

fn paragraph_result(paragraph: &FrameworkParagraph, outcomes: &BTreeMap<String, OutcomeWord>, entity: Entity) -> Paragraph {
    let applies = Applies::of(paragraph.condition, entity);
    let mut counts = OutcomeCounts::default();
    // What concerns nobody has no outcomes.
    for mapping in paragraph.controls.iter().filter(|_| applies.is_yes()) {
        if let Some(outcome) = outcomes.get(&mapping.control.value) {
            counts.add(*outcome);
        }
    }
    Paragraph {
        id: paragraph.id.value.clone(),
        title: paragraph.title.clone(),
        section: paragraph.section.clone(),
        standard: paragraph.standard.clone(),
        kind: paragraph.kind,
        required: paragraph.required,
        text: paragraph.text.clone(),
        continues: paragraph.continues.clone(),
        part_of: paragraph.part_of.clone(),
        condition: paragraph.condition,
        applies,
        note: paragraph.note.clone(),
        controls: paragraph.controls.iter().map(Mapping::support).collect(),
        counts,
        cluster_shows: paragraph.cluster_shows.trim().to_owned(),
        cluster_cannot_show: paragraph.cluster_cannot_show.trim().to_owned(),
        ask_for: paragraph.ask_for(),
        asks: paragraph.asks.clone(),
        disposition: None,
    }
}
