//! `who-can`: who may do something, by RBAC.

use super::args::{WhoCanArgs, WhoCanFormat};
use super::error::{CliError, Exit};
use super::grid::grid;
use super::nearest::{nearest, there_are};
use super::output::print;
use super::{inputs, live};
use crate::facts::rbac::{Allowed, Answer, Question, QuestionError};
use crate::snapshot::{Finishing, Snapshot};

pub(super) fn run(args: &WhoCanArgs, finishing: &Finishing) -> Result<Exit, CliError> {
    let question = Question::parse(&args.verb, &args.resource, args.name.as_deref(), args.namespace.as_deref())?;
    let ask = |snapshot: &Snapshot| Ok::<_, CliError>(question.on(snapshot)?.map_err(meant)?.ask(snapshot)?);
    let answer = match &args.from {
        Some(path) => ask(&inputs::snapshot(path)?)?,
        None => {
            let (snapshot, _scratch) = live::look(&args.connect, &args.collect, finishing)?;
            ask(&snapshot)?
        }
    };
    let text = match args.format {
        WhoCanFormat::Table => listing(&answer, args.all),
        WhoCanFormat::Json => json(&answer),
    };
    print(text.as_bytes())?;
    if !answer.gaps.is_empty() {
        let gaps: Vec<String> = answer.gaps.iter().map(|gap| format!("{}: {}", gap.what, gap.why)).collect();
        super::tell(&format!("note: subjects may be missing:\n  {}", gaps.join("\n  ")));
    }
    Ok(if answer.gaps.is_empty() { Exit::Done } else { Exit::Incomplete })
}

/// What does not exist, with the nearest name; of a few names, all of them.
fn meant(error: QuestionError) -> CliError {
    const FEW: usize = 30;
    let QuestionError::Unknown { what, name, known } = error else { return error.into() };
    let all = known.iter().map(String::as_str);
    let plain = name.split('.').next().unwrap_or(&name);
    if what == "subresource" && known.is_empty() {
        let sentence = "It has none; the name of one object stands apart: kube-hipaa who-can VERB RESOURCE NAME.".to_owned();
        return CliError::Unknown { what, name, known: sentence };
    }
    let sentence = match nearest(&name, all.clone()).or_else(|| nearest(plain, all.clone())) {
        _ if known.len() <= FEW => there_are(&name, all),
        Some(near) => format!("Did you mean `{near}`? `kubectl api-resources` lists what the cluster has."),
        None => "`kubectl api-resources` lists what the cluster has; write a custom resource as PLURAL.GROUP.".to_owned(),
    };
    CliError::Unknown { what, name, known: sentence }
}

/// Own grants first; those of Kubernetes' own parts are counted, unless all are wanted.
fn listing(answer: &Answer, all: bool) -> String {
    let (system, own): (Vec<&Allowed>, Vec<&Allowed>) = answer.subjects.iter().partition(|subject| subject.is_of_the_system());
    let shown = own.iter().chain(system.iter().filter(|_| all));
    let rows = shown.flat_map(|subject| {
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
    let mut text = if own.is_empty() && !all {
        "nobody through a binding of your own\n".to_owned()
    } else {
        grid(&["kind", "name", "binding", "role", "rule"], rows)
    };
    if !system.is_empty() && !all {
        let plural = if system.len() == 1 { "" } else { "s" };
        text.push_str(&format!("\nand {} part{plural} of Kubernetes itself, through its own bindings (--all lists them)\n", system.len()));
    }
    text.push_str(&format!("\n{} subjects, by RBAC; other authorizers can allow more\n", answer.subjects.len()));
    text
}

fn json(answer: &Answer) -> String {
    let subjects: Vec<serde_json::Value> = answer.subjects.iter().map(|subject| serde_json::json!(subject)).collect();
    format!("{:#}\n", serde_json::json!({"complete": answer.gaps.is_empty(), "subjects": subjects}))
}
