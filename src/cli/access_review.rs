//! The sheet of the access review: written with everybody who has access and is not a part of Kubernetes itself, read back as an answer.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::answer::{self, gather};
use super::args::AnswerArgs;
use super::ask::Asking;
use super::error::{CliError, Exit};
use super::output::print;
use super::people::{attach, read, today, write_new, write_over};
use super::sheet::{self, Filled, Rows};
use super::workspace::Found;
use super::{inputs, yaml};
use crate::catalog::{Catalog, is_date};
use crate::digest::{sha256_hex, sha256_parts};
use crate::model::{ACCESS_REVIEW, Access, Assessment, ReviewDecision};
use crate::report::escape;

/// Why a sheet is not written or not read.
#[derive(Debug, thiserror::Error)]
pub enum SheetError {
    /// An ending that says of no form.
    #[error("will not use {} as a sheet: its name ends neither in .csv nor in .xlsx", .0.display())]
    Form(PathBuf),
    /// The evidence holds no list of who has access.
    #[error("the evidence holds no list of who has access")]
    NoList,
    /// Somebody has begun to fill it in.
    #[error("will not replace {}: decisions stand in it", .0.display())]
    FilledIn(PathBuf),
    /// It is no sheet of this program, or rows of it cannot be understood.
    #[error("cannot read {} as a filled-in access review:\n{}", .path.display(), .problems.iter().map(|p| format!("  {p}")).collect::<Vec<_>>().join("\n"))]
    Content {
        /// Which.
        path: PathBuf,
        /// What is wrong, each with its row.
        problems: Vec<String>,
    },
}

impl SheetError {
    /// What the user can do about it.
    pub fn advice(&self) -> String {
        match self {
            Self::Form(_) => "Name it such as access-review.xlsx.".to_owned(),
            Self::NoList => "Assess the snapshot again with this version.".to_owned(),
            Self::FilledIn(_) => "Read it back with `kube-hipaa answer --access-review FILE`, or name another file.".to_owned(),
            Self::Content { .. } => "Correct these rows in the sheet; nothing was written.".to_owned(),
        }
    }
}

/// The columns, in this order; the last four are for people.
const COLUMNS: [&str; 14] = [
    "cluster_uid",
    "cluster",
    "collected",
    "key",
    "identity",
    "access",
    "holds",
    "ephi_namespaces",
    "reach",
    "rules",
    "decision",
    "by",
    "on",
    "note",
];
/// Their widths in a spreadsheet.
const WIDTHS: [u16; 14] = [12, 14, 20, 10, 34, 44, 16, 30, 36, 44, 11, 18, 12, 40];
/// The place of the decision.
const DECISION: usize = 10;
/// No sheet of so many accesses is larger.
const MOST: u64 = 64 * 1024 * 1024;

/// Whether it is to be a spreadsheet or plain text.
fn is_xlsx(path: &Path) -> Result<bool, CliError> {
    match path.extension().map(|end| end.to_string_lossy().to_ascii_lowercase()).as_deref() {
        Some("xlsx") => Ok(true),
        Some("csv") => Ok(false),
        _ => Err(SheetError::Form(path.to_owned()).into()),
    }
}

/// How a sheet says that an access holds in every namespace.
const EVERYWHERE: &str = "in the whole cluster";

/// What a sheet says of one access: the columns that are not for people.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Shown {
    cluster_uid: String,
    cluster: String,
    collected: String,
    identity: String,
    access: String,
    holds: String,
    ephi_namespaces: String,
    reach: String,
    rules: String,
}

impl Shown {
    fn of(access: &Access, assessment: &Assessment) -> Self {
        Self {
            cluster_uid: assessment.cluster.uid.clone().unwrap_or_default(),
            cluster: assessment.cluster.name.trim().to_owned(),
            collected: assessment.collected.finished.clone(),
            identity: access.identity.clone(),
            access: access.access.clone(),
            holds: if access.everywhere { EVERYWHERE } else { "in one namespace" }.to_owned(),
            ephi_namespaces: access.ephi_namespaces.join(", "),
            reach: access.reach.join(", "),
            rules: access.rules.join("\n").trim().to_owned(),
        }
    }

    /// What stands for all of it, whatever a spreadsheet makes of the ends of lines.
    fn key(&self) -> String {
        let Self { cluster_uid, cluster, collected, identity, access, holds, ephi_namespaces, reach, rules } = self;
        let parts = [cluster_uid, cluster, collected, identity, access, holds, ephi_namespaces, reach, rules];
        let parts: Vec<String> = parts.into_iter().map(|text| text.replace("\r\n", "\n")).collect();
        sha256_parts(parts.iter().map(|text| text.as_bytes())).chars().take(16).collect()
    }

    /// What signs that are shown as numbers come back as; of names and rules only, as those are shown so.
    fn original(self) -> Self {
        let Self { identity, access, rules, cluster, .. } = &self;
        let (identity, access, rules, cluster) = (original(identity), original(access), original(rules), original(cluster));
        Self { identity, access, rules, cluster, ..self }
    }
}

/// The parts of a list in a cell.
fn listed(cell: &str) -> Vec<String> {
    cell.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// A text with what is not shown as numbers, so that it comes back as it was.
fn shown(text: &str) -> String {
    if escape::visible(text) == text {
        return text.to_owned();
    }
    text.chars()
        .map(
            |c| {
                if escape::visible(c.encode_utf8(&mut [0; 4])).chars().eq([c]) {
                    c.to_string()
                } else {
                    format!("\\u{{{:x}}}", u32::from(c))
                }
            },
        )
        .collect()
}

/// The same back.
fn original(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\\u{") {
        out.push_str(before);
        let number = after.split_once('}').and_then(|(digits, rest)| Some((char::from_u32(u32::from_str_radix(digits, 16).ok()?)?, rest)));
        match number {
            Some((c, after)) => {
                out.push(c);
                rest = after;
            }
            None => {
                out.push_str("\\u{");
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

/// The rows of a sheet.
fn rows(assessment: &Assessment) -> Result<Rows, CliError> {
    let list = assessment.exhibits.accesses.as_ref().ok_or(SheetError::NoList)?;
    let mut rows = vec![COLUMNS.map(str::to_owned).to_vec()];
    for access in &list.accesses {
        let said = Shown::of(access, assessment);
        rows.push(vec![
            said.cluster_uid.clone(),
            shown(&said.cluster),
            said.collected.clone(),
            said.key(),
            shown(&said.identity),
            shown(&said.access),
            said.holds,
            said.ephi_namespaces,
            said.reach,
            access.rules.iter().map(|rule| shown(rule)).collect::<Vec<_>>().join("\n"),
            String::new(),
            String::new(),
            String::new(),
            String::new(),
        ]);
    }
    Ok(rows)
}

/// Writes the sheet.
pub(super) fn write(path: &Path, assessment: &Assessment, force: bool) -> Result<(), CliError> {
    let xlsx = is_xlsx(path)?;
    let rows = rows(assessment)?;
    let words: Vec<&str> = ReviewDecision::ALL.into_iter().map(ReviewDecision::word).collect();
    let bytes = if xlsx {
        sheet::to_xlsx("Access review", &rows, &WIDTHS, (DECISION, &words)).map_err(CliError::write(path))?
    } else {
        sheet::to_csv(&rows)
    };
    if path.symlink_metadata().is_err() {
        write_new(path, &bytes)?;
    } else if !force {
        return Err(CliError::Exists(path.to_owned()));
    } else {
        // Only what this program wrote, and nobody has written into.
        let known = load(path)?.rows;
        let decided = known.iter().skip(1).any(|row| row.get(DECISION..).unwrap_or_default().iter().any(|cell| !cell.trim().is_empty()));
        if known.first().is_none_or(|names| names.get(3).map(String::as_str) != Some("key")) {
            return Err(CliError::NotOurs { path: path.to_owned(), why: "it is no sheet of an access review".to_owned() });
        }
        if decided {
            return Err(SheetError::FilledIn(path.to_owned()).into());
        }
        write_over(path, &bytes)?;
    }
    let doubt = match assessment.exhibits.accesses.as_ref().map_or(0, |list| list.unseen.len()) {
        0 => String::new(),
        several => format!("▲ {several} things were not seen, so that accesses may be missing; chapter 2 of the report says which\n"),
    };
    let text = format!(
        "Wrote {} to {}\n{doubt}Fill in decision (keep, change or remove), by, on; then:\n  kube-hipaa answer -w DIR --access-review {}\n",
        accesses(rows.len() - 1),
        path.display(),
        path.display()
    );
    print(escape::terminal_lines(&text).as_bytes())
}

fn accesses(count: usize) -> String {
    if count == 1 { "1 access".to_owned() } else { format!("{count} accesses") }
}

fn load(path: &Path) -> Result<Filled, CliError> {
    let xlsx = is_xlsx(path)?;
    let bytes = inputs::read_file(path, MOST)?;
    let read = if xlsx { sheet::from_xlsx(&bytes) } else { sheet::from_csv(&bytes) };
    read.map_err(|why| SheetError::Content { path: path.to_owned(), problems: vec![why] }.into())
}

/// One access that was decided on.
struct Decided {
    shown: Shown,
    decision: ReviewDecision,
    by: String,
    on: String,
    note: String,
}

/// What stands in a filled-in sheet.
struct Decisions {
    decided: Vec<Decided>,
    /// Rows that nobody decided on.
    open: usize,
}

/// The places of the columns by name, or what is wrong with the first row.
fn columns(rows: &Rows) -> Result<BTreeMap<&'static str, usize>, String> {
    let names: Vec<String> = rows.first().map(|row| row.iter().map(|name| name.trim().to_ascii_lowercase()).collect()).unwrap_or_default();
    let places = |name: &str| names.iter().enumerate().filter(|(_, known)| *known == name).map(|(place, _)| place).collect::<Vec<_>>();
    let missing: Vec<&str> = COLUMNS.into_iter().filter(|name| places(name).is_empty()).collect();
    if !missing.is_empty() {
        let missing = missing.join(", ");
        return Err(format!("the first row names no column {missing}; it is the one that `questions --access-review` writes"));
    }
    match COLUMNS.into_iter().find(|name| places(name).len() > 1) {
        Some(name) => Err(format!("the first row names the column {name} more than once, and nobody knows which one counts")),
        None => Ok(COLUMNS.into_iter().filter_map(|name| Some((name, *places(name).first()?))).collect()),
    }
}

/// The decisions of a sheet; who decided and when, where a row does not say it, is handed over. No day of a row is after that.
fn decisions(filled: &Filled, by: &str, on: &str) -> Result<Decisions, Vec<String>> {
    let Filled { rows, numbers, calendar } = filled;
    let columns = columns(rows).map_err(|why| vec![why])?;
    let (mut decided, mut problems, mut open) = (Vec::<Decided>::new(), Vec::new(), 0);
    let (mut seen, mut clusters) = (BTreeSet::new(), BTreeSet::new());
    for (row, number) in rows.iter().zip(numbers).skip(1) {
        let cell = |name: &str| columns.get(name).and_then(|at| row.get(*at)).map(|text| text.trim().to_owned()).unwrap_or_default();
        if row.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        // A name may end in a space.
        let as_is = |name: &str| columns.get(name).and_then(|at| row.get(*at)).cloned().unwrap_or_default();
        let mut wrong = |what: String| problems.push(format!("row {number}: {}", escape::visible(&escape::clip(&what, 300))));
        let said = Shown {
            cluster_uid: cell("cluster_uid"),
            cluster: cell("cluster"),
            collected: cell("collected"),
            identity: as_is("identity"),
            access: as_is("access"),
            holds: cell("holds"),
            ephi_namespaces: cell("ephi_namespaces"),
            reach: cell("reach"),
            rules: cell("rules").replace("\r\n", "\n"),
        };
        let of = cell("key");
        let Some(said) = [said.clone(), said.clone().original()].into_iter().find(|said| said.key() == of) else {
            wrong(format!("the columns before `decision` are not those of its key (`{}`): leave them as they were written", said.identity));
            continue;
        };
        clusters.insert(said.cluster_uid.clone());
        if clusters.len() > 1 {
            wrong("it is of another cluster than the rows before".to_owned());
            continue;
        }
        if !seen.insert((said.identity.clone(), said.access.clone())) {
            wrong(format!("{} by {} stands there twice", said.identity, said.access));
            continue;
        }
        let word = cell("decision").to_lowercase();
        if word.is_empty() {
            open += 1;
            continue;
        }
        let Some(decision) = ReviewDecision::from_word(&word) else {
            wrong(format!("`{word}` is no decision; write keep, change or remove"));
            continue;
        };
        let or = |text: String, other: &str| if text.is_empty() { other.to_owned() } else { text };
        let (by, day) = (or(cell("by"), by), sheet::date(&or(cell("on"), on), *calendar));
        if !is_date(&day) {
            wrong(format!("`{day}` is not a date such as 2026-11-28"));
        } else if is_date(on) && day.as_str() > on {
            wrong(format!("{day} is after {on}, the day of the answer"));
        } else if by.is_empty() {
            wrong("it does not say who decided".to_owned());
        }
        decided.push(Decided { shown: said, decision, by, on: day, note: cell("note") });
    }
    match (problems.is_empty(), decided.is_empty()) {
        (false, _) => Err(problems),
        (true, true) => Err(vec!["no row has a decision".to_owned()]),
        (true, false) => Ok(Decisions { decided, open }),
    }
}

/// The lines of `review:`.
fn review(decided: &[Decided]) -> String {
    let list = |items: Vec<String>| items.iter().map(|item| yaml::quoted(item)).collect::<Vec<_>>().join(", ");
    let uid = decided.first().map(|one| one.shown.cluster_uid.as_str()).filter(|uid| !uid.is_empty());
    let mut text = uid.map(|uid| format!("cluster_uid: {}\n", yaml::quoted(uid))).unwrap_or_default();
    text.push_str("review:\n");
    for one in decided {
        let said = &one.shown;
        let places = if said.holds == EVERYWHERE { vec!["*".to_owned()] } else { listed(&said.ephi_namespaces) };
        text.push_str(&format!(
            "- identity: {}\n  access: {}\n  reach: [{}]\n  namespaces: [{}]\n  rules_sha256: {}\n  decision: {}\n  by: {}\n  on: {}\n",
            yaml::quoted(&said.identity),
            yaml::quoted(&said.access),
            list(listed(&said.reach)),
            list(places),
            yaml::quoted(&sha256_hex(said.rules.as_bytes())),
            one.decision.word(),
            yaml::quoted(&one.by),
            yaml::quoted(&one.on)
        ));
        if !one.note.is_empty() {
            text.push_str(&format!("  note: {}\n", yaml::quoted(&one.note)));
        }
    }
    text
}

/// Reads a filled-in sheet back as the answer to the question about access.
pub(super) fn read_back(path: &Path, args: &AnswerArgs, found: &Found, catalog: &Catalog) -> Result<Exit, CliError> {
    let filled = load(path)?;
    answer::said_as_flags(args, ACCESS_REVIEW, catalog)?;
    let wrong = |problems| SheetError::Content { path: path.to_owned(), problems };
    // What is wrong with the rows is said before anybody types.
    decisions(&filled, &answer::or(args.by.as_ref(), "-"), &args.on.clone().unwrap_or_else(today)).map_err(wrong)?;
    let mut asking = Asking::new();
    let mut said = gather(args, &mut asking, ACCESS_REVIEW)?;
    asking.finish()?;
    let Decisions { decided, open } = decisions(&filled, &said.name, &said.on).map_err(wrong)?;
    let count = |decision: ReviewDecision| decided.iter().filter(|one| one.decision == decision).count();
    let (keep, change, remove) = (count(ReviewDecision::Keep), count(ReviewDecision::Change), count(ReviewDecision::Remove));
    let left = match open {
        0 => String::new(),
        1 => " 1 more was not decided on.".to_owned(),
        several => format!(" {several} more were not decided on."),
    };
    let were = if decided.len() == 1 { "was" } else { "were" };
    said.statement = format!("{} {were} reviewed: {keep} to keep, {change} to change, {remove} to remove.{left}", accesses(decided.len()));
    said.review = review(&decided);
    if let Some(Decided { shown, .. }) = decided.first() {
        said.asked = Some(format!("Is each access to the cluster {}, as it was on {}, still needed?", shown.cluster, shown.collected));
    }
    answer::check(&said, catalog)?;
    said.evidence.push(attach(found.root(), path)?);
    for file in &args.evidence {
        said.evidence.push(attach(found.root(), file)?);
    }
    let workspace = read(found, catalog)?;
    let waiting = workspace.files.answers.iter().find(|file| file.answered.is_none() && file.question == ACCESS_REVIEW);
    let place = answer::write(found, waiting, &said, catalog)?;
    print(escape::terminal_lines(&format!("{}\nWrote {}\n", said.statement, place.display())).as_bytes())?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::super::sheet::Calendar;
    use super::*;

    fn said(identity: &str, reach: &str) -> Shown {
        Shown {
            cluster_uid: "7c0f".to_owned(),
            cluster: "clinic".to_owned(),
            collected: "2026-11-29T16:03:00Z".to_owned(),
            identity: identity.to_owned(),
            access: "RoleBinding a/b → Role c".to_owned(),
            holds: "in one namespace".to_owned(),
            ephi_namespaces: "a".to_owned(),
            reach: reach.to_owned(),
            rules: "get pods\nlist pods".to_owned(),
        }
    }

    /// A row as the sheet has it, with what people filled in.
    fn row(of: &Shown, decision: &str, by: &str, on: &str) -> Vec<String> {
        let Shown { cluster_uid, cluster, collected, identity, access, holds, ephi_namespaces, reach, rules } = of.clone();
        let mut row = vec![cluster_uid, cluster, collected, of.key(), shown(&identity), access, holds, ephi_namespaces, reach, rules];
        row.extend([decision, by, on, ""].map(str::to_owned));
        row
    }

    fn filled(rows: Vec<Vec<String>>) -> Filled {
        let rows = [vec![COLUMNS.map(str::to_owned).to_vec()], rows].concat();
        let numbers = (1..=rows.len()).collect();
        Filled { rows, numbers, calendar: Calendar::From1900 }
    }

    #[test]
    fn names_come_back_as_they_were() {
        for name in ["User jane", "User a\u{1b}[1mb", "User DOMAIN\\user", "User x\\u{41}", "User \u{202e}evil", "ServiceAccount a/b"] {
            assert!(escape::visible(&shown(name)) == shown(name), "{name:?}");
            let row = row(&said(name, "exec, read-secrets"), " Remove ", "", "46355");
            let Decisions { decided, open } =
                decisions(&filled(vec![row]), "A. Owner", "2026-11-29").unwrap_or_else(|problems| panic!("{problems:?}"));
            let one = &decided[0];
            assert_eq!((one.shown.identity.as_str(), one.on.as_str(), one.by.as_str(), open), (name, "2026-11-29", "A. Owner", 0));
        }
    }

    #[test]
    fn what_was_changed_in_a_sheet_is_said_with_its_row() {
        let problems = |rows: Vec<Vec<String>>| decisions(&filled(rows), "", "2026-11-29").map(|_| ()).expect_err("wrong").join("; ");
        let good = |decision: &str, on: &str| row(&said("User a", "exec"), decision, "x", on);
        // Whatever stands before the decision was written by the program.
        for column in (0..DECISION).filter(|column| *column != 3) {
            let mut changed = good("keep", "2026-01-01");
            changed[column].push('x');
            let said = problems(vec![changed]);
            assert!(said.contains("row 2: the columns before `decision` are not those of its key"), "{}: {said}", COLUMNS[column]);
        }
        assert!(problems(vec![good("perhaps", "2026-01-01")]).contains("row 2: `perhaps` is no decision"));
        assert!(problems(vec![good("keep", "yesterday")]).contains("row 2: `yesterday` is not a date"));
        assert!(problems(vec![good("keep", "2026")]).contains("row 2: `2026` is not a date"));
        assert!(problems(vec![good("keep", "2099-01-01")]).contains("row 2: 2099-01-01 is after 2026-11-29, the day of the answer"));
        assert!(
            problems(vec![good("", ""), good("keep", "2026-01-01")])
                .contains("row 3: User a by RoleBinding a/b → Role c stands there twice")
        );
        assert!(problems(vec![good("", "")]).contains("no row has a decision"));
        let other = Shown { cluster_uid: "8d1a".to_owned(), ..said("User b", "") };
        assert!(problems(vec![good("keep", ""), row(&other, "keep", "x", "")]).contains("row 3: it is of another cluster"));
        // Twice the same head: nobody knows which one was meant.
        let mut twice = filled(vec![good("keep", "")]);
        twice.rows[0].push("Decision ".to_owned());
        twice.rows[1].push("remove".to_owned());
        assert!(
            decisions(&twice, "", "2026-11-29").is_err_and(|problems| problems.join("").contains("the column decision more than once"))
        );
        let nothing = Filled { rows: vec![vec!["x".to_owned()]], numbers: vec![1], calendar: Calendar::From1900 };
        assert!(decisions(&nothing, "", "").is_err());
        // The number is that of the spreadsheet.
        let mut gap = filled(vec![good("maybe", "")]);
        gap.numbers = vec![1, 10];
        assert!(decisions(&gap, "", "").is_err_and(|problems| problems[0].starts_with("row 10: ")));
    }
}
