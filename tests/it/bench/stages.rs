//! What a scan does after collecting, stage by stage, by the same functions in this process.

use std::path::Path;
use std::time::Instant;

use kube_hipaa::assess::{Input, ScopeDeclaration, assess};
use kube_hipaa::catalog::Catalog;
use kube_hipaa::facts::{Computation, Tables};
use kube_hipaa::model::ToolIdentity;
use kube_hipaa::report::{FORMATS, Format, Reported};
use kube_hipaa::snapshot::Snapshot;

/// The stages in order.
pub const STAGES: [&str; 7] =
    ["load catalog", "open", "facts alone", "facts and controls", "render html", "render markdown", "render json"];

/// The stages with their seconds, and the number of findings.
pub fn run(snapshot: &Path) -> (Vec<(&'static str, f64)>, usize) {
    let mut times = Vec::new();
    let mut last = Instant::now();
    let mut lap = |stage: &'static str| {
        times.push((stage, last.elapsed().as_secs_f64()));
        last = Instant::now();
    };
    let catalog = Catalog::without_built_in_cases(&[]).unwrap();
    let framework = catalog.framework("hipaa").unwrap();
    lap("load catalog");
    let snapshot = Snapshot::open(snapshot).unwrap();
    lap("open");
    let tables = Tables::compute(&snapshot).unwrap();
    lap("facts alone");
    drop(tables);
    let assessment = assess(Input {
        index: snapshot.index(),
        index_sha256: snapshot.index_sha256(),
        tables: Computation::begin(&snapshot),
        catalog: &catalog,
        framework,
        scope: &ScopeDeclaration::Default,
        workspace: None,
        tool: ToolIdentity { name: "bench".to_owned(), version: String::new(), commit: String::new() },
    })
    .unwrap();
    lap("facts and controls");
    for format in FORMATS {
        for document in format.render(&Reported::new(&assessment)).unwrap() {
            document.write_to(&mut std::io::sink()).unwrap();
        }
        lap(stage_of(*format));
    }
    let findings = assessment.controls.iter().map(|control| control.findings().len()).sum();
    (times, findings)
}

fn stage_of(format: &dyn Format) -> &'static str {
    let name = format!("render {}", format.name());
    STAGES.into_iter().find(|stage| *stage == name).unwrap_or("render another format")
}
