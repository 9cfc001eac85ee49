//! `who-can`: who may do something, by RBAC.

use super::args::{WhoCanArgs, WhoCanFormat};
use super::error::{CliError, Exit};
use super::grid::grid;
use super::output::print;
use super::{inputs, live};
use crate::facts::rbac::{Answer, Question};
use crate::snapshot::Finishing;

pub(super) fn run(args: &WhoCanArgs, finishing: &Finishing) -> Result<Exit, CliError> {
    let question = Question::parse(&args.verb, &args.resource, args.name.as_deref(), args.namespace.as_deref())?;
    let answer = match &args.from {
        Some(path) => question.ask(&inputs::snapshot(path)?)?,
        None => {
            let (snapshot, _scratch) = live::look(&args.connect, &args.collect, finishing)?;
            question.ask(&snapshot)?
        }
    };
    let text = match args.format {
        WhoCanFormat::Table => listing(&answer),
        WhoCanFormat::Json => json(&answer),
    };
    print(text.as_bytes())?;
    if !answer.gaps.is_empty() {
        let gaps: Vec<String> = answer.gaps.iter().map(|gap| format!("{}: {}", gap.what, gap.why)).collect();
        super::tell(&format!("note: subjects may be missing:\n  {}", gaps.join("\n  ")));
    }
    Ok(if answer.gaps.is_empty() { Exit::Done } else { Exit::Incomplete })
}

fn listing(answer: &Answer) -> String {
    let rows = answer.subjects.iter().flat_map(|subject| {
        let name = match &subject.namespace {
            Some(namespace) => format!("{namespace}/{}", subject.name),
            None => subject.name.clone(),
        };
        let ways = subject.via.iter().enumerate();
        ways.map(move |(index, via)| {
            let (kind, name) = if index == 0 { (subject.kind.clone(), name.clone()) } else { (String::new(), String::new()) };
            vec![kind, name, via.binding.clone(), via.role.clone(), via.rule.clone()]
        })
    });
    let table = grid(&["kind", "name", "binding", "role", "rule"], rows);
    format!("{table}\n{} subjects, by RBAC; other authorizers can allow more\n", answer.subjects.len())
}

fn json(answer: &Answer) -> String {
    let subjects: Vec<serde_json::Value> = answer.subjects.iter().map(|subject| serde_json::json!(subject)).collect();
    format!("{:#}\n", serde_json::json!({"complete": answer.gaps.is_empty(), "subjects": subjects}))
}
