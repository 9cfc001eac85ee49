//! Words that no document of ours says, because no tool can: they would be conclusions of law, or promises.

use std::path::PathBuf;

use crate::support::program::{kube_hipaa, said};
use clap::CommandFactory;
use kube_hipaa::catalog::{Catalog, ControlKind};
use kube_hipaa::cli::Cli;

/// Lower case; each with what stands in its place.
const NEVER: &[(&str, &str)] = &[
    ("compliant", "evidence relevant to a paragraph; met, not met, not assessed for a check"),
    ("hipaa compliance", "evidence relevant to the HIPAA Security Rule"),
    ("non-compliance", "exceptions noted"),
    ("certified", "nobody certifies a product or an organization for HHS"),
    ("hipaa score", "counts of checks, never one number"),
    ("satisfies", "relevant to"),
    ("passes hipaa", "a check passes; a rule does not"),
    ("fails hipaa", "exceptions noted"),
    ("violates", "does not meet the check"),
    ("hipaa violation", "only HHS or a court finds one"),
    ("required by hipaa", "the rule names no product, benchmark or level"),
    ("hipaa requires", "the rule asks for, with the citation"),
    ("safe harbor", "supports the organization's own determination"),
    (" secured phi", "say how it was encrypted, and what that does not show"),
    ("no notification", "counsel decides"),
    ("is a breach", "counsel decides"),
    ("best practice", "name the source"),
    ("guarantees", "say what was observed"),
    ("none recorded", "not supplied with this report"),
    ("risk analysis completed", "a scan is none"),
    ("endorsed by", "HHS and NIST endorse no tool"),
    ("audit-proof", "say what was observed"),
];

/// Sentences that say such a word to say that it is not said.
const SAYS_THAT_IT_IS_NOT: &[&str] = &[
    "Avoid the words *compliant*, *certified*, *satisfies* and *violation*: no tool can say that.",
    "words *compliant*, *certified*, *satisfies* and *violation* do not occur in what we write",
    "never “HIPAA compliant”",
    "never \"HIPAA compliant\"",
];

fn found(place: &str, text: &str) -> Vec<String> {
    let mut text = text.to_owned();
    text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for sentence in SAYS_THAT_IT_IS_NOT {
        text = text.replace(sentence, "");
    }
    let lower = text.to_lowercase();
    let mut found = Vec::new();
    for (word, instead) in NEVER {
        for (at, _) in lower.match_indices(word) {
            let begin = (0..=at.saturating_sub(40)).rev().find(|at| lower.is_char_boundary(*at)).unwrap_or(0);
            let end = (at + 60..lower.len()).find(|at| lower.is_char_boundary(*at)).unwrap_or(lower.len());
            found.push(format!("{place}: `{word}` ({instead}): …{}…", lower.get(begin..end).unwrap_or_default().replace('\n', " ")));
        }
    }
    found
}

/// The regulation says what it says.
fn without_the_regulation(catalog: &Catalog, text: &str) -> String {
    let hipaa = catalog.framework("hipaa").expect("built in");
    let own = hipaa.paragraphs.iter().map(|one| &one.text).chain(hipaa.definitions.iter().chain(&hipaa.context).map(|one| &one.text));
    let mut text = text.to_owned();
    for line in own.flat_map(|text| text.lines()).filter(|line| line.len() > 20) {
        text = text.replace(line, "");
    }
    text
}

#[test]
fn a_word_that_is_never_said_is_noticed() {
    assert_eq!(found("here", "This cluster is HIPAA compliant.").len(), 1);
    assert_eq!(found("here", "It satisfies 164.312(b).").len(), 1);
    assert!(found("here", "Whether health information was unsecured phi is judged by others.").is_empty());
    assert!(found("here", SAYS_THAT_IT_IS_NOT[0]).is_empty());
}

#[test]
fn no_control_and_no_mapping_says_them() {
    let catalog = Catalog::built_in().expect("good");
    let mut wrong = Vec::new();
    for control in catalog.controls() {
        let mut texts = vec![&control.title, &control.because, &control.fix, &control.limits, &control.severity_because];
        if let ControlKind::Manual(question) = &control.kind {
            texts.extend([&question.ask, &question.evidence, &question.who]);
        }
        for text in texts {
            wrong.extend(found(&control.id, text));
        }
        if let Some(check) = control.check() {
            wrong.extend(found(&control.id, &check.fails));
        }
    }
    for framework in catalog.frameworks() {
        for paragraph in &framework.paragraphs {
            let place = format!("{} {}", framework.id, paragraph.id.value);
            let mut texts = vec![paragraph.cluster_shows.clone(), paragraph.cluster_cannot_show.clone()];
            texts.extend(paragraph.ask_for());
            texts.extend(paragraph.asks.iter().filter_map(|ask| ask.nobody.clone()));
            texts.extend(paragraph.controls.iter().map(|mapping| mapping.because.clone()));
            // A proposed rule is told in our own words.
            texts.extend(framework.proposed.is_some().then(|| paragraph.text.clone()));
            texts.iter().for_each(|text| wrong.extend(found(&place, text)));
        }
    }
    for practice in &catalog.reference().practices {
        wrong.extend(found(&practice.id, &format!("{} {} {}", practice.title, practice.says, practice.not)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_document_says_them() {
    let catalog = Catalog::built_in().expect("good");
    let into = tempfile::tempdir().expect("a folder");
    let evidence = into.path().join("evidence");
    let output = kube_hipaa(["demo", "-o", &evidence.display().to_string()]);
    assert!(output.status.success(), "{}", said(&output));
    let mut wrong = found("the terminal", &said(&output));
    for name in ["report.md", "report.html"] {
        let text = std::fs::read_to_string(evidence.join(name)).expect("written");
        wrong.extend(found(name, &without_the_regulation(&catalog, &text)));
    }
    let mut help = vec![Cli::command()];
    while let Some(mut command) = help.pop() {
        wrong.extend(found(command.get_name().to_owned().as_str(), &command.render_long_help().to_string()));
        help.extend(command.get_subcommands().cloned());
    }
    let mut pages: Vec<PathBuf> =
        ["README.md", "CONTRIBUTING.md", "SECURITY.md", "controls/README.md", "templates/workspace/README.md"].map(PathBuf::from).to_vec();
    pages.extend(
        std::fs::read_dir("docs")
            .expect("there")
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| path.extension().is_some_and(|end| end == "md")),
    );
    for page in pages {
        let text = std::fs::read_to_string(&page).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
        wrong.extend(found(&page.display().to_string(), &without_the_regulation(&catalog, &text)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
