//! `controls`: the catalog.

use super::args::{ControlsArgs, ControlsCommand};
use super::error::{CliError, Exit};
use super::grid::grid;
use super::nearest::{nearest, there_are};
use super::output::print;
use super::{cases, export, inputs};
use crate::catalog::{Case, Catalog, CatalogError, Control, ControlKind, Parameter, Problem};
use crate::model::ScopeRole;
use crate::snapshot::Finishing;

pub(super) fn run(args: &ControlsArgs, finishing: &Finishing) -> Result<Exit, CliError> {
    let catalog = inputs::catalog(&args.controls)?;
    match &args.command {
        ControlsCommand::List => print(list(&catalog).as_bytes())?,
        ControlsCommand::Show { id } => {
            let control = catalog.control(id).ok_or_else(|| CliError::Unknown {
                what: "control",
                name: id.clone(),
                known: there_are(id, catalog.controls().iter().map(|control| control.id.as_str())),
            })?;
            print(show(&catalog, control).as_bytes())?;
        }
        ControlsCommand::Lint => {
            let problems = not_stored(&catalog);
            if !problems.is_empty() {
                return Err(CatalogError { problems }.into());
            }
            let cases = catalog.cases().len();
            print(
                format!(
                    "{} controls, {} cases, {} frameworks: no problems\n",
                    catalog.controls().len(),
                    cases,
                    catalog.frameworks().len() + usize::from(catalog.benchmarks().is_some())
                )
                .as_bytes(),
            )?;
        }
        ControlsCommand::Export { output, framework, force } => return export::run(&catalog, framework, output, *force, finishing),
        ControlsCommand::Test { id } => test(&catalog, id.as_deref())?,
    }
    Ok(Exit::Done)
}

/// What cases show and no cluster could: objects that nothing reads, answers that are not kept.
fn not_stored(catalog: &Catalog) -> Vec<Problem> {
    let of_case = |case: &Case| -> Vec<Problem> {
        let problem =
            |why: String| Problem { file: case.file.clone(), line: 1, column: None, message: format!("case `{}`: {why}", case.name) };
        cases::not_stored(case).into_iter().map(problem).collect()
    };
    catalog.cases().iter().flat_map(of_case).collect()
}

fn list(catalog: &Catalog) -> String {
    let rows = catalog.controls().iter().map(|control| {
        let looks_at = match &control.kind {
            ControlKind::Check(check) => format!("{} ({})", check.table.name, check.reach.looked_at().word()),
            ControlKind::Manual(_) => "a person answers".to_owned(),
        };
        vec![control.id.clone(), control.severity.word().to_owned(), looks_at, control.title.clone()]
    });
    let text = grid(&["control", "severity", "over", "states"], rows);
    format!("{text}\n{} controls; `kube-hipaa controls show ID` prints one whole\n", catalog.controls().len())
}

/// Which namespaces a control looks at.
fn in_scope(roles: &[ScopeRole]) -> &'static str {
    match (roles.contains(&ScopeRole::Transmits), roles.contains(&ScopeRole::Administers)) {
        (true, true) => "in namespaces that hold ePHI, pass it on or administer it",
        (true, false) => "in namespaces that hold ePHI or pass it on",
        (false, true) => "in namespaces that hold ePHI or administer it",
        (false, false) => "in namespaces that hold ePHI",
    }
}

/// One control as plain text.
fn show(catalog: &Catalog, control: &Control) -> String {
    let mut text = format!("{} (version {}, {})\n{}\n", control.id, control.version, control.severity.word(), control.title);
    let mut field = |name: &str, value: &str| {
        if !value.is_empty() {
            text.push_str(&format!("\n{name}\n  {}\n", value.replace('\n', "\n  ")));
        }
    };
    field("Why it matters", &control.because);
    field("Why this severity", &control.severity_because);
    match &control.kind {
        ControlKind::Check(check) => {
            field(
                "Looks at",
                &format!(
                    "the table {}, {}",
                    check.table.name,
                    match check.reach {
                        crate::catalog::Reach::Ephi => in_scope(&check.roles),
                        crate::catalog::Reach::Cluster => "in the whole cluster",
                    }
                ),
            );
            field("In scope when", check.when.as_ref().map_or("always", |when| when.source()));
            field("Passes when", check.require.source());
            field("Open to everybody when", check.exposed.as_ref().map_or("", |exposed| exposed.source()));
            field("Needs to read", &check.sources().iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
        }
        ControlKind::Manual(question) => {
            field("Asks", &question.ask);
            field("Evidence expected", &question.evidence);
            field("Who answers", &question.who);
            field("For which time", question.period.as_deref().unwrap_or_default());
            field("How often", question.how_often.as_deref().unwrap_or_default());
            field("Asked where", question.applies_when.as_deref().unwrap_or_default());
        }
    }
    let parameter = |one: &Parameter| {
        let (least, most) = one.range;
        format!("{}: {}; {} {} where nothing is set, {least} to {most} can be set", one.name, one.means, one.default, one.unit)
    };
    field("Can be set", &control.parameters.iter().map(parameter).collect::<Vec<_>>().join("\n"));
    field("What to change", &control.fix);
    field("What it does not show", &control.limits);
    for framework in catalog.frameworks() {
        let relations = framework.paragraphs.iter().flat_map(|paragraph| {
            paragraph.controls.iter().filter(|mapping| mapping.control.value == control.id).map(move |mapping| (paragraph, mapping))
        });
        let lines: Vec<String> = relations
            .map(|(paragraph, mapping)| format!("{} ({}): {}", paragraph.id.value, mapping.extent.word(), mapping.because.trim()))
            .collect();
        field(&format!("Evidence relevant to ({})", framework.title), &lines.join("\n"));
    }
    if let Some(benchmarks) = catalog.benchmarks() {
        for item in benchmarks.everything_of(&control.id) {
            let mut lines: Vec<String> = item.numbers_in_words();
            lines.push(format!(
                "{}{}",
                item.extent.word(),
                if item.differs.is_empty() { String::new() } else { format!(": {}", item.differs) }
            ));
            field(&format!("{}: {}", benchmarks.title, item.about), &lines.join("\n"));
        }
        field(&format!("No item in {}", benchmarks.title), benchmarks.unmapped(&control.id).unwrap_or_default());
    }
    text
}

fn test(catalog: &Catalog, only: Option<&str>) -> Result<(), CliError> {
    let (mut all, mut failed) = (0, 0);
    for case in catalog.cases().iter().filter(|case| only.is_none_or(|id| case.control_id() == id)) {
        all += 1;
        let result = cases::run(catalog, case)?;
        if let Some(difference) = result.difference {
            failed += 1;
            print(format!("{}: {}: {difference}\n", result.control, result.name).as_bytes())?;
        }
    }
    if let (0, Some(id)) = (all, only) {
        return Err(CliError::Unknown {
            what: "control with cases",
            name: id.to_owned(),
            known: match nearest(id, catalog.controls().iter().map(|control| control.id.as_str())) {
                Some(near) => format!("Did you mean `{near}`? `kube-hipaa controls list` names all."),
                None => "`kube-hipaa controls list` names all.".to_owned(),
            },
        });
    }
    print(format!("{} of {all} cases came out as written\n", all - failed).as_bytes())?;
    if failed > 0 { Err(CliError::CasesFailed { failed, all }) } else { Ok(()) }
}
