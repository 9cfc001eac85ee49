//! `questions`: what people still have to answer.

use std::collections::{BTreeMap, BTreeSet};

use super::args::{QuestionsArgs, QuestionsFormat};
use super::error::{CliError, Exit};
use super::grid::grid;
use super::output::print;
use super::people::{asked_about, catalog, framework, read, today};
use super::workspace::{Found, find};
use super::{access_review, sheet};
use crate::assess::{Workspace, Written};
use crate::catalog::{Catalog, ControlKind, Framework};
use crate::model::{AskedQuestion, QuestionState, Role, UNSEEN_PREFIX, questions};
use crate::report::escape;

pub(super) fn run(args: &QuestionsArgs) -> Result<Exit, CliError> {
    let found = args.workspace.as_deref().map(find).transpose()?;
    let catalog = catalog(found.as_ref())?;
    let workspace = found.as_ref().map(|found| read(found, &catalog)).transpose()?;
    let assessment = asked_about(args.from.as_deref(), found.as_ref(), workspace.as_ref())?;
    if let (Some(path), Some(assessment)) = (&args.access_review, &assessment) {
        access_review::write(path, assessment, args.force)?;
        return Ok(Exit::Done);
    }
    let all = match &assessment {
        Some(assessment) => match &assessment.people {
            Some(people) => people.asked.clone(),
            None => questions(assessment),
        },
        None => of_catalog(&catalog, framework(&catalog)?, workspace.as_ref(), found.as_ref()),
    };
    let shown: Vec<&AskedQuestion> = all.iter().filter(|question| args.all || question.state != QuestionState::Answered).collect();
    let text = match args.format {
        QuestionsFormat::Json => format!("{:#}\n", serde_json::json!(all)),
        QuestionsFormat::Csv => String::from_utf8_lossy(&sheet::to_csv(&rows(&all))).into_owned(),
        QuestionsFormat::Table => table(&shown, all.len(), args.from.is_some()),
        QuestionsFormat::Markdown => markdown(&shown),
    };
    print(text.as_bytes())?;
    Ok(Exit::Done)
}

/// Without evidence: what the catalog asks, and what files of the workspace ask beyond that, on the day of today.
fn of_catalog(catalog: &Catalog, framework: &Framework, workspace: Option<&Workspace>, found: Option<&Found>) -> Vec<AskedQuestion> {
    let today = today();
    let files = workspace.map(|workspace| workspace.files.answers.as_slice()).unwrap_or_default();
    let state = |id: &str| {
        let mut said: Vec<_> =
            files.iter().filter(|file| file.question == id).filter_map(|file| Some((file.answered.as_ref()?, file))).collect();
        said.sort_by_cached_key(|(said, file)| std::cmp::Reverse((said.until.clone(), said.on.clone(), Written::of(&file.path))));
        let waiting = files.iter().find(|file| file.question == id && file.answered.is_none()).map(|file| file.path.clone());
        let good = said.iter().find(|(said, _)| said.on <= today && said.evidence.iter().all(|file| file.broken.is_none()));
        match good {
            Some((said, file)) if said.until >= today => (QuestionState::Answered, Some(file.path.clone())),
            Some((_, file)) => (QuestionState::Expired, Some(file.path.clone())),
            None => (QuestionState::Open, said.first().map(|(_, file)| file.path.clone()).or(waiting)),
        }
    };
    let (paragraphs_of, asks_of) = (framework.concerned_by(), framework.asks_of());
    let mut all = Vec::new();
    for control in catalog.controls() {
        let ControlKind::Manual(question) = &control.kind else { continue };
        let (state, file) = state(&control.id);
        all.push(AskedQuestion {
            id: control.id.clone(),
            paragraphs: paragraphs_of.get(control.id.as_str()).cloned().unwrap_or_default(),
            controls: vec![control.id.clone()],
            question: question.ask.clone(),
            answered_by: question.who.clone(),
            evidence_wanted: question.evidence.clone(),
            role: question.role,
            period: question.period.clone(),
            applies_when: question.applies_when.clone(),
            asks: asks_of.get(control.id.as_str()).into_iter().flatten().map(|id| (*id).to_owned()).collect(),
            how_often: question.how_often.clone().unwrap_or_else(|| "At least yearly".to_owned()),
            state,
            file,
        });
    }
    let known = found.map(Found::paths).unwrap_or_default();
    let others: BTreeSet<&str> = files.iter().map(|file| file.question.as_str()).filter(|id| id.starts_with(UNSEEN_PREFIX)).collect();
    for id in others {
        let asked =
            files.iter().filter(|file| file.question == id && known.contains(file.path.as_str())).find_map(|file| file.asked.clone());
        let (state, file) = state(id);
        all.push(AskedQuestion {
            id: id.to_owned(),
            paragraphs: Vec::new(),
            controls: Vec::new(),
            question: asked.unwrap_or_else(|| "Something that was not seen; --from EVIDENCE says what.".to_owned()),
            answered_by: String::new(),
            evidence_wanted: String::new(),
            role: None,
            period: None,
            applies_when: None,
            asks: Vec::new(),
            how_often: "When it changes, and at least yearly".to_owned(),
            state,
            file,
        });
    }
    all
}

fn rows(all: &[AskedQuestion]) -> sheet::Rows {
    let head = ["id", "paragraphs", "question", "answered_by", "evidence_wanted", "how_often", "role", "period", "asks", "state", "file"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for one in all {
        rows.push(vec![
            one.id.clone(),
            one.paragraphs.join(" "),
            one.question.clone(),
            one.answered_by.clone(),
            one.evidence_wanted.clone(),
            one.how_often.clone(),
            one.role.map(|role| role.word().to_owned()).unwrap_or_default(),
            one.period.clone().unwrap_or_default(),
            one.asks.join(" "),
            one.state.word().to_owned(),
            one.file.clone().unwrap_or_default(),
        ]);
    }
    rows
}

fn table(shown: &[&AskedQuestion], all: usize, with_evidence: bool) -> String {
    let cells = shown.iter().map(|one| {
        let more = one.paragraphs.len().saturating_sub(1);
        let first = one.paragraphs.first().cloned().unwrap_or_default();
        let paragraph = if more > 0 { format!("{first} +{more}") } else { first };
        vec![paragraph, one.state.word().to_owned(), one.id.clone(), escape::clip(&one.question, 160), one.answered_by.clone()]
    });
    let mut text = if shown.is_empty() { String::new() } else { grid(&["paragraph", "state", "id", "question", "who knows"], cells) };
    text.push_str(&format!(
        "\n{} of {all} questions wait for an answer\n",
        shown.iter().filter(|one| one.state != QuestionState::Answered).count()
    ));
    if !with_evidence {
        text.push_str("--from EVIDENCE adds what no API shows and people can say\n");
    }
    if let Some(first) = shown.first() {
        text.push_str(&format!("{}\n", escape::terminal(&format!("kube-hipaa answer {} -w DIR writes an answer", first.id))));
    }
    text
}

/// One part for each role, ready to be sent; in it, in the order of the regulation.
fn markdown(shown: &[&AskedQuestion]) -> String {
    let plain = |text: &str| {
        let mut out = Vec::new();
        // Writing to memory cannot fail.
        let _ = escape::markdown(text, &mut out);
        String::from_utf8_lossy(&out).into_owned()
    };
    let mut by_role: BTreeMap<&str, Vec<&AskedQuestion>> = BTreeMap::new();
    for one in shown {
        let role = one.role.map(Role::word).or(Some(one.answered_by.as_str()).filter(|who| !who.is_empty()));
        by_role.entry(role.unwrap_or("To be found out")).or_default().push(one);
    }
    let mut text = String::from(
        "# Questions about a cluster that only people can answer\n\nAnswers are evidence for the HIPAA Security Rule (45 CFR Part 164 Subpart C). Please answer each with the evidence that is asked for, your name, your role and the date.\n",
    );
    for (role, questions) in by_role {
        text.push_str(&format!("\n## For: {}\n", plain(role)));
        for one in questions {
            let paragraphs = if one.paragraphs.is_empty() { "no paragraph".to_owned() } else { one.paragraphs.join(", ") };
            text.push_str(&format!("\n### {}\n\n{}\n\n- Paragraphs: {}\n", plain(&one.id), plain(&one.question), plain(&paragraphs)));
            let asks = one.asks.join(", ");
            for (name, value) in [
                ("Expected to know", one.answered_by.as_str()),
                ("Evidence wanted", &one.evidence_wanted),
                ("For which time", one.period.as_deref().unwrap_or_default()),
                ("How often", &one.how_often),
                ("Only where", one.applies_when.as_deref().unwrap_or_default()),
                ("Asks of the audit protocol", &asks),
                ("State", one.state.word()),
            ] {
                if !value.is_empty() {
                    text.push_str(&format!("- {name}: {}\n", plain(value)));
                }
            }
        }
    }
    text
}
