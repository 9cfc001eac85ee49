//! Numbers of benchmarks beside findings and controls. A number is never shown without its version.

use serde::Serialize;

use crate::model::{Assessment, BenchmarkItem, ControlResult};

/// One item that a control speaks to.
#[derive(Debug, Serialize)]
pub(super) struct ItemView {
    /// `CIS Kubernetes Benchmark 2.0.1, 5.2.2`.
    number: String,
    /// `level 1`; absent where no source gave one.
    level: Option<String>,
    about: String,
    extent: &'static str,
    differs: String,
}

fn named(assessment: &Assessment, item: &BenchmarkItem) -> String {
    let title = match &assessment.benchmark {
        Some(benchmark) if benchmark.framework == item.framework => &benchmark.title,
        _ => &item.framework,
    };
    format!("{title} {}", item.version)
}

/// All items of a control.
pub(super) fn items(assessment: &Assessment, control: &ControlResult) -> Vec<ItemView> {
    control
        .benchmark
        .iter()
        .map(|item| ItemView {
            number: format!("{}, {}", named(assessment, item), item.id),
            level: item.level.map(|level| format!("level {level}")),
            about: item.about.clone(),
            extent: item.extent.word(),
            differs: item.differs.clone(),
        })
        .collect()
}

/// The numbers in one line: `CIS Kubernetes Benchmark 2.0.1: 5.2.2, 5.2.10`.
pub(super) fn line(assessment: &Assessment, control: &ControlResult) -> Option<String> {
    let mut parts: Vec<(String, Vec<&str>)> = Vec::new();
    for item in &control.benchmark {
        let name = named(assessment, item);
        match parts.iter_mut().find(|(known, _)| *known == name) {
            Some((_, ids)) => ids.push(&item.id),
            None => parts.push((name, vec![&item.id])),
        }
    }
    let parts: Vec<String> = parts.into_iter().map(|(name, ids)| format!("{name}: {}", ids.join(", "))).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// Which version the numbers are of; empty where an assessment has none.
pub(super) fn version(assessment: &Assessment) -> String {
    assessment.benchmark.as_ref().map_or_else(String::new, |benchmark| format!(" {}", benchmark.why))
}

/// What the numbers mean and which version they are of; empty where an assessment has none.
pub(super) fn intro(assessment: &Assessment) -> String {
    let version = version(assessment);
    if version.is_empty() {
        return version;
    }
    format!(" A benchmark's number beside a control says that the control checks what that item asks, to the extent stated.{version}")
}
