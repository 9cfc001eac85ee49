//! `asks`: what the audit protocol asks for, and where evidence or a question stands for it.

use super::args::{AsksArgs, AsksFormat};
use super::error::{CliError, Exit};
use super::grid::grid;
use super::output::print;
use super::workspace::find;
use super::{people, sheet};
use crate::catalog::Catalog;
use crate::model::{AskAnswer, AskState, EXHIBITS, answered_asks};
use crate::report::escape;

pub(super) fn run(args: &AsksArgs) -> Result<Exit, CliError> {
    let found = args.workspace.as_deref().map(find).transpose()?;
    let catalog = people::catalog(found.as_ref())?;
    let workspace = found.as_ref().map(|found| people::read(found, &catalog)).transpose()?;
    let assessed = people::asked_about(args.from.as_deref(), found.as_ref(), workspace.as_ref())?;
    let all = match &assessed {
        Some(assessment) => answered_asks(assessment),
        None => of_catalog(&catalog)?,
    };
    let shown: Vec<&AskState> =
        all.iter().filter(|one| args.paragraph.as_ref().is_none_or(|prefix| one.paragraph.starts_with(prefix.as_str()))).collect();
    if let (true, Some(paragraph)) = (shown.is_empty(), &args.paragraph) {
        let paragraphs = all.iter().map(|one| one.paragraph.as_str());
        return Err(CliError::Unknown {
            what: "paragraph with an ask",
            name: paragraph.clone(),
            known: super::nearest::there_are(paragraph, paragraphs),
        });
    }
    let text = match args.format {
        AsksFormat::Json => format!("{:#}\n", serde_json::json!(shown)),
        AsksFormat::Csv => String::from_utf8_lossy(&sheet::to_csv(&rows(&shown))).into_owned(),
        AsksFormat::Table => table(&shown, assessed.is_some()),
    };
    print(text.as_bytes())?;
    Ok(Exit::Done)
}

/// Without evidence: what would answer.
fn of_catalog(catalog: &Catalog) -> Result<Vec<AskState>, CliError> {
    let framework = people::framework(catalog)?;
    let state = |id: &String| AskAnswer {
        title: match EXHIBITS.iter().find(|(exhibit, _)| exhibit == id) {
            Some((_, title)) => (*title).to_owned(),
            None => catalog.control(id).map(|control| control.title.clone()).unwrap_or_default(),
        },
        id: id.clone(),
        outcome: None,
    };
    let asks = framework.paragraphs.iter().flat_map(|paragraph| paragraph.asks.iter().map(move |ask| (paragraph, ask)));
    Ok(asks
        .map(|(paragraph, ask)| AskState {
            id: ask.id.clone(),
            paragraph: paragraph.id.value.clone(),
            ask: ask.ask.clone(),
            origin: ask.origin,
            answered_by: ask.answered_by.iter().map(state).collect(),
            nobody: ask.nobody.clone(),
        })
        .collect())
}

/// What answers one, in a cell.
fn answers(one: &AskState) -> String {
    if let Some(why) = &one.nobody {
        return format!("nothing here: {why}");
    }
    let each = one.answered_by.iter().map(|answer| match &answer.outcome {
        Some(outcome) => format!("{} ({outcome})", answer.id),
        None => answer.id.clone(),
    });
    each.collect::<Vec<_>>().join(", ")
}

fn rows(shown: &[&AskState]) -> sheet::Rows {
    let mut rows = vec![["id", "paragraph", "ask", "origin", "answered_by", "nobody"].map(str::to_owned).to_vec()];
    for one in shown {
        let answered = if one.nobody.is_some() { String::new() } else { answers(one) };
        let origin = if one.origin.is_some() { "ours" } else { "protocol" };
        rows.push(vec![
            one.id.clone(),
            one.paragraph.clone(),
            one.ask.clone(),
            origin.to_owned(),
            answered,
            one.nobody.clone().unwrap_or_default(),
        ]);
    }
    rows
}

fn table(shown: &[&AskState], with_evidence: bool) -> String {
    let cells = shown.iter().map(|one| vec![one.id.clone(), escape::clip(&one.ask, 200), escape::clip(&answers(one), 240)]);
    let mut text = grid(&["ask", "what to hand over", "evidence or question here"], cells);
    let nobody = shown.iter().filter(|one| one.nobody.is_some()).count();
    let nobody = match nobody {
        0 => String::new(),
        1 => "; for 1 of them nothing is here, and it says why".to_owned(),
        several => format!("; for {several} of them nothing is here, and each says why"),
    };
    text.push_str(&format!("\n{} asks{nobody}\n", shown.len()));
    if !with_evidence {
        text.push_str("--from EVIDENCE says what each answer came to\n");
    }
    text
}
