//! What people handed in, laid beside what was observed. Nothing here changes an outcome: it reads an assessment that is complete, and
//! writes into places that no verdict looks at. The day is that of the snapshot, so that assessing again gives the same bytes.

mod answers;
mod dispositions;
pub mod hints;
mod names;
mod observe;
mod review;
mod signs;
mod waivers;

use std::collections::BTreeSet;

pub use names::{Written, same_person};
pub(super) use observe::{Images, observe};
pub(super) use signs::Signs;

use crate::catalog::{Attached, PeopleFiles, is_date};
use crate::model::{Assessment, NamedFile, People, PeopleProblem, PeopleProblemKind, ScopeSource, WorkspaceUsed};

/// A workspace as it was read.
#[derive(Clone, Debug, Default)]
pub struct Workspace {
    /// Which files, with their digests.
    pub used: WorkspaceUsed,
    /// What they say.
    pub files: PeopleFiles,
}

/// The scope file of a workspace.
pub const SCOPE_FILE: &str = "scope.yaml";

/// Gathers problems.
#[derive(Default)]
struct Problems(BTreeSet<PeopleProblem>);

impl Problems {
    fn add(&mut self, kind: PeopleProblemKind, file: &str, what: impl Into<String>) {
        self.0.insert(PeopleProblem { kind, file: file.to_owned(), what: what.into() });
    }
}

/// Lays everything beside what it is about, in the place of what lay there before.
pub fn lay_beside(workspace: &Workspace, assessment: &mut Assessment) {
    for control in &mut assessment.controls {
        control.answers.clear();
        control.outcome.lay_waivers(|_| None);
    }
    assessment.paragraphs.iter_mut().for_each(|paragraph| paragraph.disposition = None);
    // RFC 3339 begins with the date. Where there is none, everything that ends has ended, so that nothing is in force by it.
    let today = assessment.collected.finished.get(..10).filter(|day| is_date(day)).unwrap_or("9999-12-31").to_owned();
    let (mut problems, mut people) = (Problems::default(), People::default());
    answers::lay(&workspace.files.answers, &today, assessment, &mut people, &mut problems);
    waivers::lay(&workspace.files.waivers, &today, assessment, &mut people, &mut problems);
    dispositions::lay(&workspace.files.dispositions, &today, assessment, &mut people, &mut problems);
    people.access_review = review::last(&workspace.files.answers, &today, assessment, &mut problems);
    declarations(&today, assessment, &mut problems);
    replaced(&workspace.used, assessment, &mut problems);
    people.problems = problems.0.into_iter().collect();
    assessment.workspace = Some(workspace.used.clone());
    assessment.people = Some(people);
}

/// What the scope file says and what was observed.
fn declarations(today: &str, assessment: &Assessment, problems: &mut Problems) {
    if assessment.scope.source == ScopeSource::File && (assessment.scope.declared_by.is_none() || assessment.scope.declared_on.is_none()) {
        let what = "it does not say who declared where ePHI is, and when: write declared_by and declared_on";
        problems.add(PeopleProblemKind::DeclaredByNobody, SCOPE_FILE, what);
    }
    if let (ScopeSource::File, Some(day)) = (assessment.scope.source, assessment.scope.declared_on.as_deref())
        && day > today
    {
        problems.add(PeopleProblemKind::NotYet, SCOPE_FILE, format!("where ePHI is was declared on {day}, after the snapshot"));
    }
    for one in assessment.declarations.iter().flat_map(|declared| &declared.excluded).filter(|one| one.on.as_str() > today) {
        let what = format!("{} was left out on {}, after the snapshot", one.namespace, one.on);
        problems.add(PeopleProblemKind::NotYet, SCOPE_FILE, what);
    }
    for name in assessment.scope.unmatched.iter().filter(|_| assessment.scope.source == ScopeSource::File) {
        let what = format!("{name} is declared to be in scope, and matches no namespace that was read");
        problems.add(PeopleProblemKind::Declaration, SCOPE_FILE, what);
    }
    let observed = assessment.declarations.iter().flat_map(|declared| &declared.observed);
    for one in observed.filter(|one| one.agrees == Some(false)) {
        problems.add(PeopleProblemKind::Declaration, SCOPE_FILE, format!("{}: {}", one.declaration, one.statement));
    }
}

/// Built-in controls in whose place others stand: their outcomes are by rules that people of this cluster wrote.
fn replaced(used: &WorkspaceUsed, assessment: &Assessment, problems: &mut Problems) {
    for overlay in &assessment.catalog.overlays {
        for id in &overlay.replaces {
            let file = format!("controls/{id}.yaml");
            let file = if used.files.contains_key(&file) { file.as_str() } else { "" };
            let what = format!("the folder {} replaces the built-in control {id}: its outcome is by that rule", overlay.name);
            problems.add(PeopleProblemKind::Replaces, file, what);
        }
    }
}

/// A number with its noun.
fn counted(count: usize, one: &str, several: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {several}") }
}

fn named(attached: &Attached) -> NamedFile {
    let Attached { file, sha256, title, broken } = attached.clone();
    NamedFile { file, sha256, title, broken }
}

/// Says which files do not show what they were to show.
fn broken(files: &[Attached], of: &str, problems: &mut Problems) -> bool {
    for file in files {
        if let Some(why) = &file.broken {
            problems.add(PeopleProblemKind::Evidence, of, format!("{}: {why}", file.file));
        }
    }
    files.iter().any(|file| file.broken.is_some())
}
