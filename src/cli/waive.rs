//! `waive`: writes into the workspace that somebody lives with a finding for a time.

use std::collections::BTreeSet;

use super::answer::{or, would_be_read_with};
use super::args::WaiveArgs;
use super::ask::Asking;
use super::error::{CliError, Exit};
use super::nearest::there_are;
use super::output::print;
use super::people::{catalog, free, in_a_year, not_before, read, today, write_new};
use super::workspace::find;
use super::{people, yaml};
use crate::assess::same_person;
use crate::catalog::{Catalog, PeopleKind, is_date};
use crate::model::{Assessment, Finding};

pub(super) fn run(args: &WaiveArgs) -> Result<Exit, CliError> {
    let found = find(&args.into.workspace)?;
    let catalog = catalog(Some(&found))?;
    read(&found, &catalog)?;
    let evidence = args.from.as_deref().map(|path| people::assessment(path, Some(&found))).transpose()?;
    let (control, fingerprint) = what(args, &catalog, evidence.as_ref())?;
    let from = args.starting.clone().unwrap_or_else(today);
    let mut said = Said { control, fingerprint, statements: statements(args, evidence.as_ref()), from, ..Said::default() };
    // What was said is looked at before anybody types.
    said.reason = or(args.reason.as_ref(), "-");
    said.owner = or(args.owner.as_ref(), "-");
    said.approved_by = or(args.approved_by.as_ref(), "-");
    said.until = or(args.until.as_ref(), "9999-12-31");
    let long =
        args.until.as_ref().filter(|until| not_before(until, &said.from).is_ok()).and_then(|until| for_a_year(until, &said.from).err());
    would_be_read_with(PeopleKind::Waiver, &text(args, &said), &catalog, long)?;
    let mut asking = Asking::new();
    said.reason = asking.get_text(args.reason.as_ref(), "--reason", "Why the risk is taken")?;
    said.owner = asking.get(args.owner.as_ref(), "--owner", "Who answers for it")?;
    said.approved_by = asking.get(args.approved_by.as_ref(), "--approved-by", "Who approved it (somebody else)")?;
    let last = format!("The last day on which it holds, not after {}", in_a_year(&said.from));
    said.until = asking.get_checked(args.until.as_ref(), "--until", &last, &|until| for_a_year(until, &said.from))?;
    asking.finish()?;
    let text = text(args, &said);
    would_be_read_with(PeopleKind::Waiver, &text, &catalog, None)?;
    let folder = found.root().join(PeopleKind::Waiver.folder());
    let about = [said.control.as_deref(), said.fingerprint.as_deref()].into_iter().flatten().collect::<Vec<_>>().join("-");
    let stem = yaml::slug(&match args.object.first() {
        Some(object) => format!("{about}-{object}"),
        None => about,
    });
    let place = free(&folder, &stem, ".yaml");
    write_new(&place, text.as_bytes())?;
    print(crate::report::escape::terminal_lines(&format!("Wrote {}\n", place.display())).as_bytes())?;
    if same_person(&said.owner, &said.approved_by) {
        super::tell("note: its owner approved it; --fail-on does not count it. Somebody else is to approve it");
    }
    if said.fingerprint.is_none() && args.object.is_empty() {
        super::tell(
            "note: it waives the whole control in the whole cluster; --fail-on does not count it. Name objects with --object, or the fingerprint of a finding",
        );
    }
    Ok(Exit::Done)
}

/// Everything that a waiver says beside its objects.
#[derive(Default)]
struct Said {
    control: Option<String>,
    fingerprint: Option<String>,
    statements: BTreeSet<String>,
    reason: String,
    owner: String,
    approved_by: String,
    from: String,
    until: String,
}

/// Whether a waiver that begins on a day ends within a year, and not before it.
fn for_a_year(until: &str, from: &str) -> Result<(), String> {
    let last = in_a_year(from);
    match not_before(until, from) {
        Ok(()) if is_date(from) && until > last.as_str() => Err(format!(
            "{until} is more than a year after {from}: it holds until {last} at most, and is written again when it still stands"
        )),
        Ok(()) => Ok(()),
        Err(why) => Err(why),
    }
}

/// The file.
fn text(args: &WaiveArgs, said: &Said) -> String {
    let mut text = format!("schema: {}\n", PeopleKind::Waiver.schema());
    let list = |items: &mut dyn Iterator<Item = &String>| items.map(|item| format!("- {}\n", yaml::quoted(item))).collect::<String>();
    for (key, value) in [("control", &said.control), ("fingerprint", &said.fingerprint)] {
        if let Some(value) = value {
            text.push_str(&format!("{key}: {}\n", yaml::quoted(value)));
        }
    }
    if !args.object.is_empty() {
        text.push_str(&format!("objects:\n{}", list(&mut args.object.iter())));
    }
    match (said.statements.len(), said.statements.first()) {
        (1, Some(only)) => text.push_str(&format!("statement: {}\n", yaml::quoted(only))),
        (0, _) | (_, None) => {}
        _ => text.push_str(&format!("statement:\n{}", list(&mut said.statements.iter()))),
    }
    let lines = [
        ("reason", Some(&said.reason)),
        ("compensating", args.compensating.as_ref()),
        ("owner", Some(&said.owner)),
        ("approved_by", Some(&said.approved_by)),
        ("from", Some(&said.from)),
        ("until", Some(&said.until)),
    ];
    for (key, value) in lines {
        if let Some(value) = value {
            text.push_str(&format!("{key}: {}\n", yaml::quoted(value)));
        }
    }
    text
}

fn written(finding: &Finding) -> String {
    let place = finding.subject.namespace.iter().map(|namespace| format!("{namespace}/")).collect::<String>();
    format!("{}/{place}{}", finding.subject.kind, finding.subject.name)
}

/// What the findings say that are accepted, where the evidence is at hand: one that says otherwise later is another risk.
fn statements(args: &WaiveArgs, evidence: Option<&Assessment>) -> BTreeSet<String> {
    let is_it = |control: &str, finding: &Finding| {
        finding.fingerprint == args.what || (control == args.what && args.object.contains(&written(finding)))
    };
    let controls = evidence.into_iter().flat_map(|assessment| &assessment.controls);
    let accepted = controls.flat_map(|control| control.findings().iter().filter(|finding| is_it(&control.id, finding)));
    accepted.map(|finding| finding.statement.trim().to_owned()).filter(|statement| !statement.is_empty()).collect()
}

/// The control, and the finding where one was named.
fn what(args: &WaiveArgs, catalog: &Catalog, evidence: Option<&Assessment>) -> Result<(Option<String>, Option<String>), CliError> {
    let what = &args.what;
    let findings = || {
        evidence
            .iter()
            .flat_map(|assessment| &assessment.controls)
            .flat_map(|control| control.findings().iter().map(move |one| (control, one)))
    };
    if catalog.control(what).is_some() {
        let texts = || findings().filter(|(control, _)| control.id == *what).map(|(_, finding)| written(finding));
        if let (Some(_), Some(object)) = (evidence, args.object.iter().find(|object| !texts().any(|known| known == **object))) {
            let all: Vec<String> = texts().collect();
            let known = if all.is_empty() {
                format!("No finding of {what} is in the evidence.")
            } else {
                there_are(object, all.iter().map(String::as_str))
            };
            return Err(CliError::Unknown { what: "object with such a finding", name: object.clone(), known });
        }
        return Ok((Some(what.clone()), None));
    }
    let is_fingerprint = what.len() == 16 && what.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if !is_fingerprint {
        let known = there_are(what, catalog.controls().iter().map(|control| control.id.as_str()));
        return Err(CliError::Unknown { what: "control or fingerprint", name: what.clone(), known });
    }
    match (evidence, findings().find(|(_, finding)| finding.fingerprint == *what)) {
        (_, Some((control, _))) => Ok((Some(control.id.clone()), Some(what.clone()))),
        (None, None) => Ok((None, Some(what.clone()))),
        (Some(_), None) => {
            let known = "`assessment.json` and findings.csv hold the fingerprints of all findings.".to_owned();
            Err(CliError::Unknown { what: "finding with the fingerprint", name: what.clone(), known })
        }
    }
}
