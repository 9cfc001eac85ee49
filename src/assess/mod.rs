//! From tables and a catalog to an assessment. No clock, no disk, no environment: the same input gives the same bytes.

mod evaluate;
mod exhibits;
mod scope;
mod verdict;

use std::collections::BTreeMap;

pub use evaluate::{Evaluated, evaluate, evaluate_those};
pub use scope::{Membership, ResolvedScope, ScopeDeclaration, Selector, SelectorError};
pub use verdict::{Outcome, Parts};

use crate::catalog::{Catalog, Framework};
use crate::facts::Tables;
use crate::model::{
    ASSESSMENT_SCHEMA, Assessment, BenchmarkItem, ControlResult, OutcomeCounts, OutcomeWord, Paragraph, SeverityCounts, SnapshotIndex,
    SourceCoverage, SourceId, Support, ToolIdentity, Totals,
};

/// What an assessment is made of.
#[derive(Debug)]
pub struct Input<'a> {
    /// The snapshot's index.
    pub index: &'a SnapshotIndex,
    /// Its digest.
    pub index_sha256: &'a str,
    /// The tables computed from the snapshot.
    pub tables: &'a Tables,
    /// The controls.
    pub catalog: &'a Catalog,
    /// The framework whose paragraphs are reported.
    pub framework: &'a Framework,
    /// Which namespaces hold ePHI.
    pub scope: &'a ScopeDeclaration,
    /// Who assesses.
    pub tool: ToolIdentity,
}

/// Assesses a snapshot.
pub fn assess(input: &Input<'_>) -> Assessment {
    let scope = ResolvedScope::new(input.scope, input.tables);
    let evaluated = evaluate(input.catalog, input.tables, &scope);
    let paragraphs_of = input.framework.paragraphs_of();
    let cluster = &input.index.cluster;
    let fitting =
        input.catalog.benchmarks().and_then(|benchmarks| benchmarks.fitting(cluster.version.as_deref(), cluster.distribution.as_deref()));
    let mut outcomes: BTreeMap<String, OutcomeWord> = BTreeMap::new();
    let mut totals = Totals { controls: OutcomeCounts::default(), findings: SeverityCounts::default(), sources: BTreeMap::new() };
    let mut controls = Vec::new();
    for result in evaluated {
        let word = result.outcome.word();
        let paragraphs = paragraphs_of.get(result.control.id.as_str()).cloned();
        outcomes.insert(result.control.id.clone(), word);
        totals.controls.add(word);
        let benchmark = fitting.as_ref().map(|fitting| fitting.items_of(&result.control.id)).into_iter().flatten().collect();
        let control = control_result(result, paragraphs.into_iter().flatten().collect(), benchmark);
        control.findings.iter().for_each(|finding| evaluate::count(&mut totals.findings, finding.severity));
        controls.push(control);
    }
    let coverage = coverage(input);
    for source in &coverage {
        *totals.sources.entry(source.state.word().to_owned()).or_default() += 1;
    }
    Assessment {
        schema: ASSESSMENT_SCHEMA.to_owned(),
        tool: input.tool.clone(),
        catalog: input.catalog.identity().clone(),
        snapshot_sha256: input.index_sha256.to_owned(),
        cluster: input.index.cluster.clone(),
        collected: input.index.collected.clone(),
        scope: scope.describe(),
        totals,
        coverage,
        controls,
        paragraphs: input.framework.paragraphs.iter().map(|paragraph| paragraph_result(paragraph, &outcomes)).collect(),
        benchmark: fitting.map(|fitting| fitting.described),
        exhibits: exhibits::build(input.tables, &scope),
    }
}

fn control_result(result: Evaluated<'_>, paragraphs: Vec<String>, benchmark: Vec<BenchmarkItem>) -> ControlResult {
    let Evaluated { control, examined, failed, unknown, outcome } = result;
    let word = outcome.word();
    let Parts { findings, unseen, proof, question } = outcome.into_parts();
    let check = control.check();
    ControlResult {
        id: control.id.clone(),
        version: control.version,
        title: control.title.clone(),
        severity: control.severity,
        area: control.area().to_owned(),
        table: check.map(|check| check.table.name.to_owned()).unwrap_or_default(),
        outcome: word,
        paragraphs,
        benchmark,
        because: control.because.clone(),
        fix: control.fix.clone(),
        limits: control.limits.clone(),
        looked_at: check.map(|check| check.reach.word().to_owned()).unwrap_or_default(),
        counts: check.map(|check| check.table.counts.to_owned()).unwrap_or_default(),
        fails: check.map(|check| check.fails.clone()).unwrap_or_default(),
        examined,
        failed,
        unknown,
        findings,
        proof,
        unseen,
        question,
    }
}

fn coverage(input: &Input<'_>) -> Vec<SourceCoverage> {
    let needs: Vec<(&str, Vec<SourceId>)> =
        input.catalog.controls().iter().filter_map(|control| Some((control.id.as_str(), control.check()?.sources()))).collect();
    input
        .index
        .sources
        .iter()
        .map(|record| SourceCoverage {
            resource: record.source.resource().to_owned(),
            group: record.source.api_group().to_owned(),
            state: record.state.clone(),
            missing_rule: record.missing_rule.clone(),
            needed_by: needs.iter().filter(|(_, needed)| needed.contains(&record.source)).map(|(id, _)| (*id).to_owned()).collect(),
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
        kind: paragraph.kind.clone(),
        required: paragraph.required.clone(),
        text: paragraph.text.clone(),
        controls: paragraph
            .controls
            .iter()
            .map(|mapping| Support { control: mapping.control.value.clone(), extent: mapping.extent.word().to_owned() })
            .collect(),
        counts,
        cluster_shows: paragraph.cluster_shows.trim().to_owned(),
        cluster_cannot_show: paragraph.cluster_cannot_show.trim().to_owned(),
        ask_for: paragraph.ask_for.clone(),
    }
}
