//! From tables and a catalog to an assessment. No clock, no disk, no environment: the same input gives the same bytes.

mod evaluate;
mod exhibits;
mod scope;
mod verdict;

use std::collections::BTreeMap;

pub use evaluate::{Evaluated, Evaluation, evaluate, evaluate_those};
pub use scope::{Declared, Membership, ResolvedScope, ScopeDeclaration, Selector, SelectorError};
pub use verdict::Conclusion;

use crate::catalog::{Catalog, Framework};
use crate::facts::{Computation, Computed, FactsError};
use crate::model::{
    ASSESSMENT_SCHEMA, Assessment, BenchmarkItem, ControlResult, LookedAt, OutcomeCounts, OutcomeWord, Paragraph, SeverityCounts,
    SnapshotIndex, SourceCoverage, Support, ToolIdentity, Totals,
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
    /// Who assesses.
    pub tool: ToolIdentity,
}

/// Assesses a snapshot. The only error is that it cannot be read.
pub fn assess(input: Input<'_>) -> Result<Assessment, FactsError> {
    let Input { index, index_sha256, tables, catalog, framework, scope, tool } = input;
    let namespaces = tables.namespaces()?;
    let scope = ResolvedScope::new(scope, &namespaces);
    // Each table goes away when its controls are done, while the next one is made.
    let (computed, (evaluation, kept)) = parallel::beside(
        |hand_over| tables.each(|schema, rows| hand_over((schema, rows))),
        |tables| {
            let (mut evaluation, mut kept) = (Evaluation::new(catalog, &scope, |_| true), exhibits::Kept::default());
            for (schema, rows) in tables {
                evaluation.rows(schema, &rows);
                kept.add(schema, rows);
            }
            (evaluation, kept)
        },
    );
    let Computed { coverage: read, network } = computed?;
    let (exhibits, evaluated) = parallel::both(|| kept.build(&read, &network, &scope), || evaluation.finish(&read));
    let paragraphs_of = framework.paragraphs_of();
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
        let control = control_result(result, paragraphs.into_iter().flatten().collect(), benchmark);
        control.findings().iter().for_each(|finding| totals.findings.add(finding.severity));
        controls.push(control);
    }
    let coverage = coverage(index, catalog);
    for source in &coverage {
        *totals.sources.entry(source.state.word().to_owned()).or_default() += 1;
    }
    Ok(Assessment {
        schema: ASSESSMENT_SCHEMA.to_owned(),
        tool,
        catalog: catalog.identity().clone(),
        snapshot_sha256: index_sha256.to_owned(),
        cluster: index.cluster.clone(),
        collected: index.collected.clone(),
        scope: scope.describe(),
        totals,
        coverage,
        controls,
        paragraphs: framework.paragraphs.iter().map(|paragraph| paragraph_result(paragraph, &outcomes)).collect(),
        benchmark: fitting.map(|fitting| fitting.described),
        exhibits,
    })
}

fn control_result(result: Evaluated<'_>, paragraphs: Vec<String>, benchmark: Vec<BenchmarkItem>) -> ControlResult {
    let Evaluated { control, examined, failed, unknown, conclusion } = result;
    let check = control.check();
    ControlResult {
        id: control.id.clone(),
        version: control.version,
        title: control.title.clone(),
        severity: control.severity,
        area: control.area().to_owned(),
        table: check.map(|check| check.table.name.to_owned()).unwrap_or_default(),
        paragraphs,
        benchmark,
        because: control.because.clone(),
        fix: control.fix.clone(),
        limits: control.limits.clone(),
        looked_at: check.map_or(LookedAt::Nothing, |check| check.reach.looked_at()),
        counts: check.map(|check| check.table.counts.to_owned()).unwrap_or_default(),
        fails: check.map(|check| check.fails.clone()).unwrap_or_default(),
        examined,
        failed,
        unknown,
        outcome: conclusion.into_outcome(),
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

fn paragraph_result(paragraph: &crate::catalog::FrameworkParagraph, outcomes: &BTreeMap<String, OutcomeWord>) -> Paragraph {
    let mut counts = OutcomeCounts::default();
    for mapping in &paragraph.controls {
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
        controls: paragraph
            .controls
            .iter()
            .map(|mapping| Support { control: mapping.control.value.clone(), extent: mapping.extent })
            .collect(),
        counts,
        cluster_shows: paragraph.cluster_shows.trim().to_owned(),
        cluster_cannot_show: paragraph.cluster_cannot_show.trim().to_owned(),
        ask_for: paragraph.ask_for.clone(),
    }
}
