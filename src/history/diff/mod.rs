//! What changed between two assessments, and why.
//!
//! One rule stands above all others: what is not seen any more is never gone. A finding is gone only where the new side saw everything that
//! its control rests on, or says of this very thing that it was decided.
//!
//! Causes are told apart in steps. Where the old snapshot was assessed again, each step changes one thing only: first the rules, then the
//! scope, then the cluster and what was seen of it. What appears in a step was caused by it.

mod beside;
mod control;
mod finding;
mod said;

use std::collections::BTreeMap;

use crate::model::{
    Assessment, ControlResult, DIFF_SCHEMA, Diff, DiffKind, DiffMethod, DiffSide, DiffTotals, Scope, SourceId, ToolIdentity,
};

/// A side before it is compared.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// What it was read from.
    pub kind: DiffKind,
    /// The id of a bundle.
    pub bundle: Option<&'a str>,
    /// What it says.
    pub assessment: &'a Assessment,
}

/// The old snapshot, assessed in two other ways.
#[derive(Clone, Copy, Debug)]
pub struct Again<'a> {
    /// With the rules of the new side and its own scope.
    pub rules: &'a Assessment,
    /// With the rules and the scope of the new side.
    pub scope: &'a Assessment,
}

/// What both sides have in common, and what the causes rest on.
struct Between<'a> {
    old: &'a Assessment,
    new: &'a Assessment,
    again: Option<Again<'a>>,
    same_rules: bool,
    same_scope: bool,
    /// Of each control, the sources that it needs or looks at, of which one side saw more than the other.
    otherwise_seen: BTreeMap<&'a str, OtherwiseSeen<'a>>,
}

/// Sources that one side alone saw whole.
#[derive(Debug, Default)]
struct OtherwiseSeen<'a> {
    old_only: Vec<&'a SourceId>,
    new_only: Vec<&'a SourceId>,
}

impl<'a> Between<'a> {
    fn new(old: &'a Assessment, new: &'a Assessment, again: Option<Again<'a>>) -> Self {
        Self {
            old,
            new,
            again,
            same_rules: same_rules(old, new),
            same_scope: same_scope(&old.scope, &new.scope),
            otherwise_seen: beside::otherwise_seen(old, new),
        }
    }

    /// Whether nothing but the cluster and what was seen of it can be a cause, or the steps show which it is.
    fn is_proven(&self) -> bool {
        self.again.is_some() || (self.same_rules && self.same_scope)
    }

    fn method(&self) -> DiffMethod {
        match (self.again, self.same_rules && self.same_scope) {
            (_, true) => DiffMethod::SameRules,
            (Some(_), false) => DiffMethod::AssessedAgain,
            (None, false) => DiffMethod::Concluded,
        }
    }
}

/// Whether both were assessed by the same rules: the same controls, applied by the same program.
pub fn same_rules(old: &Assessment, new: &Assessment) -> bool {
    // Another build of one version may compute other facts.
    let mapping = |side: &Assessment| side.mapping.as_ref().map(|mapping| (mapping.id.clone(), mapping.sha256.clone()));
    // Where one of them does not say it, the digest of the catalog is over the mappings, too.
    let mapped = match (mapping(old), mapping(new)) {
        (Some(old), Some(new)) => old == new,
        _ => true,
    };
    old.catalog == new.catalog && mapped && old.tool.version == new.tool.version && old.tool.commit == new.tool.commit
}

/// Whether what holds ePHI is the same: the declaration, and on which side of it each namespace lies that both sides know. One that a
/// selector does not take any more is not looked at any more, whatever changed its labels.
pub fn same_scope(old: &Scope, new: &Scope) -> bool {
    let moved = |a: &Scope, b: &Scope| a.ephi_namespaces.iter().any(|name| b.other_namespaces.contains(name));
    // What is looked at of a namespace depends on what it has to do with ePHI.
    let part = |scope: &Scope, name: &String| scope.ephi_namespaces.contains(name).then(|| scope.roles.get(name).copied());
    let other = old.ephi_namespaces.iter().filter(|name| new.ephi_namespaces.contains(name)).any(|name| part(old, name) != part(new, name));
    old.sha256 == new.sha256 && !other && !moved(old, new) && !moved(new, old)
}

/// One control wherever it stands.
struct Of<'a> {
    old: Option<&'a ControlResult>,
    /// On the old snapshot with the new rules, and with the new scope as well.
    again: Option<(Option<&'a ControlResult>, Option<&'a ControlResult>)>,
    new: Option<&'a ControlResult>,
}

fn by_id(assessment: &Assessment) -> BTreeMap<&str, &ControlResult> {
    assessment.controls.iter().map(|control| (control.id.as_str(), control)).collect()
}

/// Compares.
pub fn diff(old: Side<'_>, new: Side<'_>, again: Option<Again<'_>>, tool: ToolIdentity) -> Diff {
    let between = Between::new(old.assessment, new.assessment, again);
    let (olds, news) = (by_id(between.old), by_id(between.new));
    let agains = again.map(|again| (by_id(again.rules), by_id(again.scope)));
    let mut ids: Vec<&str> = olds.keys().chain(news.keys()).copied().collect();
    ids.sort_unstable();
    ids.dedup();
    let controls: Vec<_> = ids
        .into_iter()
        .map(|id| {
            let again = agains.as_ref().map(|(rules, scope)| (rules.get(id).copied(), scope.get(id).copied()));
            control::compare(&between, &Of { old: olds.get(id).copied(), again, new: news.get(id).copied() })
        })
        .collect();
    let mut totals = DiffTotals::default();
    for control in &controls {
        totals.controls.add(control.status);
        for finding in &control.findings {
            totals.findings.add(finding.status);
            match finding.status {
                crate::model::DiffStatus::New => totals.new.add(finding.severity),
                crate::model::DiffStatus::Gone => totals.gone.add(finding.severity),
                _ => {}
            }
        }
    }
    let method = between.method();
    Diff {
        schema: DIFF_SCHEMA.to_owned(),
        tool,
        old: side(old),
        new: side(new),
        method,
        method_said: beside::method_said(&between, method),
        warnings: beside::warnings(&between),
        totals,
        scope: beside::scope(&between),
        versions: beside::versions(&olds, &news),
        sources: beside::sources(&between),
        paragraphs: beside::paragraphs(&between),
        said: said::said(&between),
        controls,
    }
}

fn side(side: Side<'_>) -> DiffSide {
    let assessment = side.assessment;
    DiffSide {
        kind: side.kind,
        bundle: side.bundle.map(str::to_owned),
        tool: assessment.tool.clone(),
        catalog: assessment.catalog.clone(),
        snapshot_sha256: assessment.snapshot_sha256.clone(),
        hypothetical: assessment.hypothetical.clone(),
        cluster: assessment.cluster.clone(),
        collected: assessment.collected.clone(),
        scope: assessment.scope.clone(),
        controls: assessment.totals.controls,
        findings: assessment.totals.findings,
    }
}
