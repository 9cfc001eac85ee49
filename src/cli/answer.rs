//! `answer`: writes the answer to a question into the workspace.

use std::path::{Path, PathBuf};

use super::args::AnswerArgs;
use super::ask::Asking;
use super::error::{CliError, Exit};
use super::nearest::there_are;
use super::output::print;
use super::people::{attach, catalog, free, has_come, in_a_year, not_before, read, today, write_new, write_over};
use super::workspace::{Found, find};
use super::{access_review, people, yaml};
use crate::catalog::{AnswerFile, Catalog, ControlKind, PeopleContext, PeopleFiles, PeopleKind, PeopleText, is_date, read_people};
use crate::model::{AskedQuestion, is_unseen_id, questions};

/// Everything that an answer says.
#[derive(Clone, Default)]
pub(super) struct Said {
    pub(super) question: String,
    pub(super) asked: Option<String>,
    pub(super) statement: String,
    pub(super) name: String,
    pub(super) role: String,
    pub(super) on: String,
    pub(super) until: String,
    pub(super) evidence: Vec<(String, String)>,
    pub(super) reference: Option<String>,
    /// Lines of `review:`, made by [`access_review`].
    pub(super) review: String,
}

pub(super) fn run(args: &AnswerArgs) -> Result<Exit, CliError> {
    let found = find(&args.into.workspace)?;
    let catalog = catalog(Some(&found))?;
    let workspace = read(&found, &catalog)?;
    if let Some(sheet) = &args.access_review {
        return access_review::read_back(sheet, args, &found, &catalog);
    }
    let id = args.id.clone().unwrap_or_default();
    let waiting = workspace.files.answers.iter().find(|file| file.answered.is_none() && file.question == id);
    let question = known(&id, args, &found, &catalog, waiting.is_some())?;
    said_as_flags(args, &id, &catalog)?;
    let mut asking = Asking::new();
    if let Some(question) = &question {
        asking.tell(&format!(
            "{}\nEvidence wanted: {}\nExpected to know: {}",
            question.question, question.evidence_wanted, question.answered_by
        ));
    }
    let mut said = gather(args, &mut asking, &id)?;
    said.asked = question.map(|question| question.question);
    asking.finish()?;
    check(&said, &catalog)?;
    for file in &args.evidence {
        said.evidence.push(attach(found.root(), file)?);
    }
    let place = write(&found, waiting, &said, &catalog)?;
    print(crate::report::escape::terminal_lines(&format!("Wrote {}\n", place.display())).as_bytes())?;
    Ok(Exit::Done)
}

/// What was said, or what stands for it until it is.
pub(super) fn or(said: Option<&String>, other: &str) -> String {
    said.filter(|text| !text.trim().is_empty()).map_or_else(|| other.to_owned(), Clone::clone)
}

/// An error where a flag is wrong, before anybody types.
pub(super) fn said_as_flags(args: &AnswerArgs, id: &str, catalog: &Catalog) -> Result<(), CliError> {
    let said = Said {
        question: id.to_owned(),
        statement: or(args.statement.as_ref(), "-"),
        name: or(args.by.as_ref(), "-"),
        role: or(args.role.as_ref(), "-"),
        on: args.on.clone().unwrap_or_else(today),
        until: or(args.until.as_ref(), "9999-12-31"),
        reference: args.reference.clone(),
        ..Said::default()
    };
    let late = args.on.as_deref().filter(|day| is_date(day)).map(has_come).and_then(Result::err);
    would_be_read_with(PeopleKind::Answer, &text(&said), catalog, late)
}

/// What was said as flags, and what was asked for.
pub(super) fn gather(args: &AnswerArgs, asking: &mut Asking, id: &str) -> Result<Said, CliError> {
    let statement =
        if args.access_review.is_some() { String::new() } else { asking.get_text(args.statement.as_ref(), "--statement", "The answer")? };
    let name = asking.get(args.by.as_ref(), "--by", "Who answers (name)")?;
    let role = asking.get(args.role.as_ref(), "--role", "As what (role)")?;
    let on = args.on.clone().unwrap_or_else(today);
    let last = format!("The last day on which it holds, such as {}", in_a_year(&on));
    let until = asking.get_checked(args.until.as_ref(), "--until", &last, &|day| not_before(day, &on))?;
    Ok(Said { question: id.to_owned(), statement, name, role, on, until, reference: args.reference.clone(), ..Said::default() })
}

/// The question of that id, where its words are at hand; an error where there is none.
fn known(id: &str, args: &AnswerArgs, found: &Found, catalog: &Catalog, waiting: bool) -> Result<Option<AskedQuestion>, CliError> {
    let asked = match &args.from {
        Some(path) => questions(&people::assessment(path, Some(found))?),
        None => Vec::new(),
    };
    if let Some(question) = asked.iter().find(|question| question.id == id) {
        return Ok(Some(question.clone()));
    }
    let manual = catalog.controls().iter().filter_map(|control| match &control.kind {
        ControlKind::Manual(question) => Some((control.id.as_str(), question)),
        ControlKind::Check(_) => None,
    });
    if let Some((_, question)) = manual.clone().find(|(known, _)| *known == id) {
        return Ok(Some(AskedQuestion {
            id: id.to_owned(),
            paragraphs: Vec::new(),
            controls: vec![id.to_owned()],
            question: question.ask.clone(),
            answered_by: question.who.clone(),
            evidence_wanted: question.evidence.clone(),
            role: None,
            period: None,
            applies_when: None,
            asks: Vec::new(),
            how_often: String::new(),
            state: crate::model::QuestionState::Open,
            file: None,
        }));
    }
    // A control that was not assessed can be answered for as a whole.
    if waiting || (args.from.is_none() && catalog.control(id).is_some()) {
        return Ok(None);
    }
    let not_assessed = asked.iter().any(|question| question.controls.iter().any(|control| control == id));
    if not_assessed {
        return Ok(None);
    }
    let known = there_are(id, manual.map(|(known, _)| known).chain(asked.iter().map(|question| question.id.as_str())));
    let known =
        if is_unseen_id(id) && args.from.is_none() { "Name the evidence that asks it with --from EVIDENCE.".to_owned() } else { known };
    Err(CliError::Unknown { what: "question", name: id.to_owned(), known })
}

/// An error where what is to be written would not be read again.
pub(super) fn check(said: &Said, catalog: &Catalog) -> Result<(), CliError> {
    let without_files = Said { evidence: Vec::new(), asked: None, ..said.clone() };
    would_be_read_with(PeopleKind::Answer, &text(&without_files), catalog, None)
}

/// The same for every kind of file; beside what would not be read stands what else is wrong.
pub(super) fn would_be_read_with(kind: PeopleKind, text: &str, catalog: &Catalog, wrong: Option<String>) -> Result<(), CliError> {
    let mut problems: Vec<String> = wrong.into_iter().collect();
    for problem in as_read(kind, text, catalog)?.err().unwrap_or_default() {
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(CliError::WouldNotBeRead(problems)) }
}

/// What a file says, or everything that is wrong with it. Files that it names are not looked at.
fn as_read(kind: PeopleKind, text: &str, catalog: &Catalog) -> Result<Result<PeopleFiles, Vec<String>>, CliError> {
    let texts = [PeopleText { kind, path: "new.yaml".to_owned(), shown: "new".to_owned(), text: text.to_owned() }];
    let attached = std::collections::BTreeMap::new();
    let context =
        PeopleContext { catalog, framework: people::framework(catalog)?, attached: &attached, every_id: false, allow_missing: true };
    Ok(read_people(&texts, &context).map_err(|problems| problems.into_iter().map(|problem| problem.message).collect()))
}

/// The file.
fn text(said: &Said) -> String {
    let asked = said.asked.as_ref().map(|asked| format!("asked: {}\n", yaml::quoted(asked))).unwrap_or_default();
    format!("schema: {}\nquestion: {}\n{asked}{}", PeopleKind::Answer.schema(), yaml::quoted(&said.question), filled_in(said))
}

/// What is filled in where a file waits for it.
fn filled_in(said: &Said) -> String {
    let mut text = format!(
        "statement: {}\nanswered_by:\n  name: {}\n  role: {}\nanswered_on: {}\nvalid_until: {}\n",
        yaml::quoted(&said.statement),
        yaml::quoted(&said.name),
        yaml::quoted(&said.role),
        yaml::quoted(&said.on),
        yaml::quoted(&said.until)
    );
    if let Some(reference) = &said.reference {
        text.push_str(&format!("reference: {}\n", yaml::quoted(reference)));
    }
    text.push_str(&files("evidence", &said.evidence));
    text.push_str(&said.review);
    text
}

/// A list of files with their digests.
pub(super) fn files(key: &str, files: &[(String, String)]) -> String {
    if files.is_empty() {
        return String::new();
    }
    let one = |(file, sha256): &(String, String)| format!("- file: {}\n  sha256: {sha256}\n", yaml::quoted(file));
    format!("{key}:\n{}", files.iter().map(one).collect::<String>())
}

/// The keys that an answer fills in.
const FILLED_IN: [&str; 8] = ["statement", "answered_by", "answered_on", "valid_until", "evidence", "reference", "cluster_uid", "review"];

/// Fills the file that waits for the answer, or makes a new one.
pub(super) fn write(found: &Found, waiting: Option<&AnswerFile>, said: &Said, catalog: &Catalog) -> Result<PathBuf, CliError> {
    let root: &Path = found.root();
    check(said, catalog)?;
    if let Some(file) = waiting {
        let known = found.texts.iter().find(|one| one.path == file.path).map(|one| one.text.as_str()).unwrap_or_default();
        let place = root.join(&file.path);
        write_over(&place, filled(known, file, said, catalog)?.as_bytes())?;
        return Ok(place);
    }
    let folder = root.join(PeopleKind::Answer.folder());
    let stem = yaml::slug(&said.question);
    let taken = folder.join(format!("{stem}.yaml")).symlink_metadata().is_ok();
    let place = free(&folder, &if taken { format!("{stem}-{}", said.on) } else { stem }, ".yaml");
    write_new(&place, text(said).as_bytes())?;
    Ok(place)
}

/// The text of a file that waited, with the answer in it. What people wrote there stays: comments, and a question in their own words.
fn filled(known: &str, file: &AnswerFile, said: &Said, catalog: &Catalog) -> Result<String, CliError> {
    let ours = catalog.control(&said.question).and_then(|control| match &control.kind {
        ControlKind::Manual(question) => Some(question.ask.as_str()),
        ControlKind::Check(_) => None,
    });
    let asked = match (&file.asked, &said.asked) {
        (Some(theirs), _) if ours.is_none_or(|ours| ours.trim() != theirs) => theirs,
        (None, None) => &String::new(),
        (Some(known), None) => known,
        (_, Some(asked)) => asked,
    };
    let said = Said { asked: Some(asked.clone()).filter(|asked| !asked.is_empty()), ..said.clone() };
    let keeps_asked = file.asked == said.asked;
    let (mut keys, mut lines) = (FILLED_IN.to_vec(), filled_in(&said));
    if let Some(asked) = said.asked.as_ref().filter(|_| !keeps_asked) {
        keys.push("asked");
        lines = format!("asked: {}\n{lines}", yaml::quoted(asked));
    }
    let text = yaml::refilled(known, &keys, &lines);
    let is_read = as_read(PeopleKind::Answer, &text, catalog)?.is_ok_and(|files| {
        files.answers.iter().any(|read| {
            read.question == said.question
                && read.asked.as_deref().map(str::trim) == said.asked.as_deref().map(str::trim)
                && read.answered.as_ref().is_some_and(|answered| answered.statement == said.statement.trim() && answered.on == said.on)
        })
    });
    // Written in a form that is not filled in line by line: then anew, below all comments.
    Ok(if is_read { text } else { format!("{}{}", yaml::comments(known), self::text(&said)) })
}
