//! `dispose`: writes into the workspace what was decided about an addressable specification.

use super::answer::{files, or, would_be_read_with};
use super::args::{DecisionArg, DisposeArgs};
use super::ask::Asking;
use super::error::{CliError, Exit};
use super::output::print;
use super::people::{attach, catalog, framework, free, has_come, in_a_year, not_before, read, today, write_new};
use super::workspace::find;
use super::yaml;
use crate::catalog::{PeopleKind, is_date};
use crate::model::Decision;

pub(super) fn run(args: &DisposeArgs) -> Result<Exit, CliError> {
    let found = find(&args.into.workspace)?;
    let catalog = catalog(Some(&found))?;
    read(&found, &catalog)?;
    let on = args.on.clone().unwrap_or_else(today);
    // What was said is looked at before anybody types.
    let said = Said {
        paragraph: args.paragraph.clone(),
        // An alternative belongs to one decision only.
        decision: if args.alternative.is_some() { Decision::Alternative } else { Decision::Implemented }.word().to_owned(),
        assessment: args.assessment.clone().unwrap_or_default(),
        alternative: args.alternative.clone().unwrap_or_default(),
        rationale: or(args.rationale.as_ref(), "-"),
        by: or(args.by.as_ref(), "-"),
        on: on.clone(),
        review_by: or(args.review_by.as_ref(), "9999-12-31"),
    };
    let late = args.on.as_deref().filter(|day| is_date(day)).map(has_come).and_then(Result::err);
    would_be_read_with(PeopleKind::Disposition, &text(&said), &catalog, late)?;
    let mut asking = Asking::new();
    if let Some(paragraph) = framework(&catalog)?.paragraphs.iter().find(|paragraph| paragraph.id.value == args.paragraph) {
        asking.tell(&format!("{} {}: {}", paragraph.id.value, paragraph.title, paragraph.text.trim()));
    }
    let decision = match args.decision {
        Some(DecisionArg::Implemented) => Decision::Implemented.word().to_owned(),
        Some(DecisionArg::Alternative) => Decision::Alternative.word().to_owned(),
        Some(DecisionArg::NotReasonable) => Decision::NotReasonable.word().to_owned(),
        None => asking.get_checked(None, "--decision", "implemented, alternative or not_reasonable", &|word| {
            let is_one = Decision::from_word(word).is_some();
            if is_one { Ok(()) } else { Err(format!("`{word}` is no decision; write implemented, alternative or not_reasonable")) }
        })?,
    };
    let rationale = asking.get_text(args.rationale.as_ref(), "--rationale", "Why")?;
    let mut more = |said: &Option<String>, question: &str| asking.get_or(said.as_ref(), question, "", &|_| Ok(()));
    let as_written = decision == Decision::Implemented.word();
    let assessment = if as_written {
        args.assessment.clone().unwrap_or_default()
    } else {
        more(&args.assessment, "What was weighed (size, infrastructure, cost, probability and criticality of the risk)")?
    };
    let alternative = if decision == Decision::Alternative.word() {
        more(&args.alternative, "Which equivalent measure takes its place")?
    } else {
        args.alternative.clone().unwrap_or_default()
    };
    let by = asking.get(args.by.as_ref(), "--by", "Who decided")?;
    let next = in_a_year(&on);
    let review_by = asking.get_or(args.review_by.as_ref(), "The day by which it is looked at again", &next, &|day| not_before(day, &on))?;
    asking.finish()?;
    let text = text(&Said { decision, rationale, assessment, alternative, by, review_by, ..said });
    would_be_read_with(PeopleKind::Disposition, &text, &catalog, None)?;
    let documents = args.document.iter().map(|file| attach(found.root(), file)).collect::<Result<Vec<_>, _>>()?;
    let folder = found.root().join(PeopleKind::Disposition.folder());
    let stem = yaml::slug(&args.paragraph);
    let taken = folder.join(format!("{stem}.yaml")).symlink_metadata().is_ok();
    let place = free(&folder, &if taken { format!("{stem}-{on}") } else { stem }, ".yaml");
    write_new(&place, format!("{text}{}", files("documents", &documents)).as_bytes())?;
    print(crate::report::escape::terminal_lines(&format!("Wrote {}\n", place.display())).as_bytes())?;
    Ok(Exit::Done)
}

/// Everything that a decision says.
struct Said {
    paragraph: String,
    decision: String,
    rationale: String,
    assessment: String,
    alternative: String,
    by: String,
    on: String,
    review_by: String,
}

/// The file, without its documents.
fn text(said: &Said) -> String {
    let lines = [
        ("paragraph", &said.paragraph),
        ("decision", &said.decision),
        ("rationale", &said.rationale),
        ("assessment", &said.assessment),
        ("alternative", &said.alternative),
        ("decided_by", &said.by),
        ("decided_on", &said.on),
        ("review_by", &said.review_by),
    ];
    let text: String =
        lines.iter().filter(|(_, value)| !value.is_empty()).map(|(key, value)| format!("{key}: {}\n", yaml::quoted(value))).collect();
    format!("schema: {}\n{text}", PeopleKind::Disposition.schema())
}
