//! `init`: writes a workspace, and adds to one what is new. No file that is there is ever changed.

use std::collections::BTreeSet;
use std::path::Path;

use super::args::InitArgs;
use super::error::{CliError, Exit};
use super::output::print;
use super::people::{catalog, free, read, write_new};
use super::run::assess_for_people;
use super::workspace::{Found, NEW_NAMESPACES, README, find};
use super::{inputs, live, yaml};
use crate::assess::hints::{self, NamespaceHints};
use crate::assess::{SCOPE_FILE, ScopeDeclaration};
use crate::catalog::{PeopleKind, SCOPE_SCHEMA};
use crate::facts::Tables;
use crate::model::{AskedQuestion, Assessment, questions};
use crate::report::escape;
use crate::snapshot::{Finishing, Snapshot};

const README_TEXT: &str = include_str!("../../templates/workspace/README.md");

pub(super) fn run(args: &InitArgs, finishing: &Finishing) -> Result<Exit, CliError> {
    let root = &args.into.workspace;
    // What is wrong with files that are there is said before a cluster is asked anything.
    let found = if root.symlink_metadata().is_ok() { Some(find(root)?) } else { None };
    let catalog = catalog(found.as_ref())?;
    let workspace = found.as_ref().map(|found| read(found, &catalog)).transpose()?;
    let (snapshot, _scratch) = match &args.from {
        Some(path) => (inputs::snapshot(path)?, None),
        None => live::look(&args.connect, &args.collect, finishing).map(|(snapshot, scratch)| (snapshot, Some(scratch)))?,
    };
    let undeclared = assess_for_people(&snapshot, None)?;
    let hints = hints_of(&snapshot, &undeclared)?;
    let declared = match &found {
        Some(found) => Some(assess_for_people(&snapshot, Some(found))?),
        None => None,
    };
    let asked = questions(declared.as_ref().unwrap_or(&undeclared));
    std::fs::create_dir_all(root).map_err(CliError::write(root))?;
    let mut written = Vec::new();
    let mut add = |name: &str, text: &str| -> Result<(), CliError> {
        let path = root.join(name);
        if path.symlink_metadata().is_ok() {
            return Ok(());
        }
        if finishing.is_interrupted() {
            return Err(CliError::Interrupted);
        }
        write_new(&path, text.as_bytes())?;
        written.push(name.to_owned());
        Ok(())
    };
    add(README, README_TEXT)?;
    let mut notes = Vec::new();
    if hints.is_empty() {
        notes.push(format!("note: the namespaces were not read, so that no {SCOPE_FILE} was written"));
    } else if let Some(known) = declared_before(root, found.as_ref())? {
        let new: Vec<&NamespaceHints> = hints.iter().filter(|one| !known.contains(&one.name)).collect();
        if !new.is_empty() {
            let place = free(root, NEW_NAMESPACES, ".yaml");
            let name = place.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            add(&name, &new_namespaces(&undeclared, &new))?;
            let names: Vec<&str> = new.iter().map(|one| one.name.as_str()).collect();
            notes.push(format!(
                "new namespaces: {}; decide about them in {SCOPE_FILE}, {name} says what speaks for and against",
                names.join(", ")
            ));
        }
    } else {
        add(SCOPE_FILE, &scope_file(&undeclared, &hints))?;
    }
    let there: BTreeSet<&str> =
        workspace.iter().flat_map(|workspace| &workspace.files.answers).map(|file| file.question.as_str()).collect();
    for question in asked.iter().filter(|question| !there.contains(question.id.as_str())) {
        add(&format!("{}/{}.yaml", PeopleKind::Answer.folder(), yaml::slug(&question.id)), &open_question(question, &undeclared))?;
    }
    print(escape::terminal_lines(&report(root, &written, &notes, found.is_some())).as_bytes())?;
    Ok(Exit::Done)
}

fn hints_of(snapshot: &Snapshot, assessment: &Assessment) -> Result<Vec<NamespaceHints>, CliError> {
    let tables = Tables::those(snapshot, &|name| hints::TABLES.contains(&name))?;
    Ok(hints::of(&tables, assessment))
}

fn report(root: &Path, written: &[String], notes: &[String], again: bool) -> String {
    let mut text = match (written.is_empty(), again) {
        (true, _) => format!("Nothing is new: {} holds everything already\n", root.display()),
        (false, true) => format!("Added to {}, in which nothing was changed:\n", root.display()),
        (false, false) => format!("Wrote {}:\n", root.display()),
    };
    written.iter().for_each(|name| text.push_str(&format!("  {name}\n")));
    notes.iter().for_each(|note| text.push_str(&format!("{note}\n")));
    if !again {
        let root = root.display();
        text.push_str(&format!(
            "Next:\n  declare where ePHI is in {root}/{SCOPE_FILE}\n  kube-hipaa questions -w {root}\n  kube-hipaa scan -w {root} -o evidence\n"
        ));
    }
    text
}

/// Every namespace that stands in a list of the scope file or of those that told of new ones, in a comment too: it was looked at. Words
/// elsewhere, such as those of the comments that are written here, are no entries.
fn declared_before(root: &Path, found: Option<&Found>) -> Result<Option<BTreeSet<String>>, CliError> {
    let Some((path, scope)) = found.and_then(|found| found.scope.as_ref()) else { return Ok(None) };
    let declared = inputs::scope_of(path, scope, None).map_err(|problems| CliError::Problems { path: path.clone(), problems })?;
    let mut known = entries(scope, false);
    if let ScopeDeclaration::Declared { namespaces, declared, .. } = declared {
        known.extend(namespaces);
        known.extend(declared.others.into_iter().flat_map(|others| others.namespaces));
        if let Some(said) = declared.declarations {
            known.extend(said.excluded.into_iter().map(|one| one.namespace));
            known.extend(said.environments.into_values().chain(said.components.into_values()).flatten());
        }
    }
    for entry in std::fs::read_dir(root).map_err(CliError::read(root))? {
        let path = entry.map_err(CliError::read(root))?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(NEW_NAMESPACES)) {
            known.extend(entries(&String::from_utf8_lossy(&inputs::read_file(&path, inputs::MOST_YAML)?), true));
        }
    }
    Ok(Some(known))
}

/// The namespaces that stand below `namespaces:` one a line, commented out or not; `within` where a text begins in such a list.
fn entries(text: &str, mut within: bool) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for line in text.lines().map(|line| line.trim_start_matches(['#', ' ', '\t']).trim_end()) {
        let plain = |text: &str| text.trim().trim_matches(['"', '\'']).to_owned();
        if let Some(entry) = line.strip_prefix("- ").filter(|_| within) {
            found.extend(inputs::namespace(&plain(entry.split_once(" #").map_or(entry, |(name, _)| name))).ok());
        } else if let Some(list) = line.strip_prefix("namespaces:") {
            within = true;
            let inside = list.trim().strip_prefix('[').and_then(|list| list.split_once(']')).map(|(list, _)| list).unwrap_or_default();
            found.extend(inside.split(',').filter_map(|name| inputs::namespace(&plain(name)).ok()));
        } else if let Some((key, _)) = line.split_once(':') {
            within &= !KEYS.contains(&key);
        }
    }
    found
}

/// The other keys of a scope file: below them no namespace is listed one a line.
const KEYS: [&str; 19] = [
    "schema",
    "ephi",
    "selectors",
    "declared_by",
    "declared_on",
    "organisation",
    "purpose",
    "operator",
    "environments",
    "allowed_registries",
    "break_glass",
    "duties",
    "retention",
    "transmits",
    "administers",
    "excluded",
    "entity",
    "components",
    "vendors",
];

/// A namespace as comment lines, below its own name.
fn about(one: &NamespaceHints) -> String {
    let mut text = String::new();
    for (word, clauses) in [("for", &one.speaks_for), ("against", &one.speaks_against), ("also", &one.readers)] {
        for clause in clauses {
            text.push_str(&yaml::comment(&format!("  {word}: {clause}"), 2));
        }
    }
    text
}

fn scope_file(assessment: &Assessment, hints: &[NamespaceHints]) -> String {
    let mut text = yaml::comment(
        &format!(
            "Which namespaces hold ePHI, and who says so. Begun by kube-hipaa init with what was seen of the cluster {} on {}. Nobody has decided \
             anything yet: as without this file, every namespace but Kubernetes' own is listed. Take out those that hold none, and say who \
             decided, and when. What speaks for and against stands above each name; it is a hint, and decides nothing.",
            assessment.cluster.name, assessment.collected.finished
        ),
        0,
    );
    text.push_str(&format!("schema: {SCOPE_SCHEMA}\nephi:\n  namespaces:\n"));
    let (system, own): (Vec<&NamespaceHints>, Vec<&NamespaceHints>) = hints.iter().partition(|one| one.system);
    for one in own {
        text.push_str(&format!("{}  - {}\n", about(one), yaml::quoted(&one.name)));
    }
    text.push_str("  # Namespaces of Kubernetes itself; take the sign # away where one holds ePHI.\n");
    for one in system {
        text.push_str(&format!("{}  # - {}\n", about(one), one.name));
    }
    text.push_str(
        "  # One label is enough, too; then new namespaces are counted without a change of this file.\n  # selectors: [\"data=ephi\"]\n\n\
         # What has to do with ePHI without keeping it: entrances, queues and log shippers pass it on; backup and monitoring can reach it.\n\
         # transmits: {namespaces: [ingress]}\n# administers: {namespaces: [backup, monitoring]}\n\n\
         # What was looked at and left out, with the reason: no_ephi, de_identified (45 CFR 164.514) or synthetic.\n\
         # excluded:\n# - {namespaces: [sandbox], reason: synthetic, because: made by a generator, by: owner of the data, on: \"2026-11-29\"}\n\n\
         # Without these two the report says that nobody declared it.\n# declared_by: security official\n# declared_on: \"2026-11-29\"\n\n\
         # What else can be declared. The first four stand in the report, the others are set against what was observed.\n\
         # organisation: the covered entity or business associate\n# purpose: why the evidence is collected\n# operator: who runs the cluster\n\
         # retention: {years: 6}\n# environments: {production: [records], test: [sandbox]}\n# allowed_registries: [registry.example/team]\n\
         # entity: {kind: covered_entity, clearinghouse: false, group_health_plan: false, hybrid: false}\n\
         # components: {hospital: [records], university: [courses]}\n# vendors: [User/remote-support]\n\
         # break_glass: [User/emergency, ServiceAccount/rescue/operator]\n# duties: [{name: deploy and approve, apart: [write-workloads, change-policies]}]\n",
    );
    text
}

fn new_namespaces(assessment: &Assessment, new: &[&NamespaceHints]) -> String {
    let mut text = yaml::comment(
        &format!(
            "Namespaces that {SCOPE_FILE} did not know, as seen in the cluster {} on {}. This file is read by nobody but people: decide in {SCOPE_FILE}, \
             then remove it.",
            assessment.cluster.name, assessment.collected.finished
        ),
        0,
    );
    for one in new {
        text.push_str(&format!("{}  # - {}\n", about(one), one.name));
    }
    text
}

/// A file that waits for its answer.
fn open_question(question: &AskedQuestion, assessment: &Assessment) -> String {
    let mut text = String::new();
    let paragraphs = question.paragraphs.join(", ");
    text.push_str(&yaml::comment(&format!("{} {paragraphs}", question.id), 0));
    text.push_str(&yaml::comment(&question.question, 0));
    text.push_str(&yaml::comment(&format!("Evidence wanted: {}", question.evidence_wanted), 0));
    text.push_str(&yaml::comment(&format!("Expected to know: {}. {}.", question.answered_by, question.how_often), 0));
    text.push_str(&yaml::comment(
        &format!("Asked about the cluster {} as of {}.", assessment.cluster.name, assessment.collected.finished),
        0,
    ));
    text.push_str(&format!(
        "schema: {}\nquestion: {}\nasked: {}\nstatement: \"\"\nanswered_by:\n  name: \"\"\n  role: \"\"\nanswered_on: \"\"\nvalid_until: \"\"\n",
        PeopleKind::Answer.schema(),
        yaml::quoted(&question.id),
        yaml::quoted(&question.question)
    ));
    text.push_str("# Files below evidence/: {file: evidence/NAME, sha256: as sha256sum prints it, title: what it is}\nevidence: []\nreference: \"\"\n");
    text.push_str(&yaml::comment(
        &format!("The question is open as long as nothing is filled in. kube-hipaa answer {} -w DIR fills it in, too.", question.id),
        0,
    ));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_entry_of_a_list_of_namespaces_is_one_that_was_looked_at() {
        let text = "# sandbox and records were asked about\nephi:\n  namespaces:\n  #   for: data\n  - \"a\"  # since May\n  # - b\n  # selectors: [\"data=ephi\"]\n\
            # allowed_registries:\n# - registry\n# namespaces: [c, 'd']\n# environments: {production: [records], test: [sandbox]}\n";
        let found: Vec<String> = entries(text, false).into_iter().collect();
        assert_eq!(found, ["a", "b", "c", "d"]);
        assert_eq!(entries("#   for: x\n# - e\n", true).into_iter().collect::<Vec<_>>(), ["e"]);
    }
}
