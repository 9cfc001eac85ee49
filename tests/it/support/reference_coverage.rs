//! Writes docs/coverage.md: what published guides state, and what is observed of each statement.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use kube_hipaa::catalog::{ARTICLES, Catalog, Covered, FACTS, GuideStatement};
use kube_hipaa::collect::inventory::{Part, inventory};
use kube_hipaa::facts::schemas;
use kube_hipaa::model::{EXHIBITS, SourceId};

use super::reference::{GENERATED, anchor};

/// Writing to a String cannot fail.
macro_rules! line {
    ($out:expr) => { $out.push('\n') };
    ($out:expr, $($text:tt)*) => {{ let _ = writeln!($out, $($text)*); }};
}

fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

fn codes<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|item| format!("`{}`", item.to_string())).collect::<Vec<_>>().join(", ")
}

/// What most tables rest on is named by these words; the page says what they stand for.
struct Kinds {
    /// Pods and everything of Kubernetes' own that makes them.
    pods: BTreeSet<SourceId>,
    /// Kinds of add-ons that make pods.
    makers: BTreeSet<SourceId>,
}

impl Kinds {
    fn new() -> Self {
        let of = |name: &str| schemas().into_iter().find(|schema| schema.name == name).unwrap_or_else(|| panic!("there is a table {name}"));
        let (core, makers): (Vec<SourceId>, _) = of("pods").sources.iter().cloned().partition(is_core);
        Self { pods: core.into_iter().collect(), makers: makers.into_iter().collect() }
    }

    /// The sources in a cell: kinds of add-ons by their groups.
    fn in_words(&self, mut sources: BTreeSet<SourceId>) -> String {
        let mut parts = Vec::new();
        for (all, word) in [(&self.pods, "[workloads](#sources)"), (&self.makers, "[makers of pods](#sources)")] {
            if !all.is_empty() && all.is_subset(&sources) {
                sources = sources.difference(all).cloned().collect();
                parts.push(word.to_owned());
            }
        }
        let (core, addons): (Vec<SourceId>, Vec<SourceId>) = sources.into_iter().partition(is_core);
        if !core.is_empty() {
            parts.push(codes(core));
        }
        let groups: BTreeSet<String> = addons.iter().map(group).collect();
        if !groups.is_empty() {
            parts.push(format!("of add-ons: {}", codes(groups)));
        }
        parts.join(", ")
    }
}

fn is_core(source: &SourceId) -> bool {
    inventory().iter().any(|entry| entry.source == *source && entry.part == Part::Core)
}

/// What a source of an add-on is called: its group, or the object that is read by name.
fn group(source: &SourceId) -> String {
    if source.object().is_some() || source.api_group().is_empty() { source.to_string() } else { source.api_group().to_owned() }
}

/// The page.
pub fn coverage(catalog: &Catalog) -> String {
    let all = &catalog.reference().guides;
    let kinds = Kinds::new();
    let mut out = format!("# What three guides state, and what is observed of it\n\n{GENERATED}\n\n");
    line!(
        out,
        "Three published articles tell engineers how to set up Kubernetes for the HIPAA Security Rule. Here stands each of their {} statements, in our own words, with the controls and questions that speak to it, what is observed and from which sources, what no API shows or nothing reads yet, and what people hand in instead. Where a statement is not right, the row says what is, and on whose word.",
        all.len()
    );
    line!(
        out,
        "\nA row says what can be seen of a statement. It says nothing about a cluster, and no number of rows decides a paragraph of the rule ([the mapping](mapping.md) says which control is evidence for which).\n"
    );
    counts(&mut out, all);
    for (number, (letter, ids)) in ["First", "Second", "Third"].into_iter().zip(ARTICLES) {
        line!(out, "## {number} article: {} to {}\n", ids.start(), ids.end());
        line!(
            out,
            "| | statement | | controls and questions | observed | from | cannot be seen | to attest |\n|---:|---|---|---|---|---|---|---|"
        );
        for one in all.iter().filter(|one| one.id.value.starts_with(letter)) {
            row(&mut out, catalog, &kinds, one);
        }
        line!(out);
    }
    sources(&mut out, &kinds);
    out
}

fn counts(out: &mut String, all: &[GuideStatement]) {
    let mut by: BTreeMap<(Covered, char), usize> = BTreeMap::new();
    for one in all {
        *by.entry((one.state, one.id.value.chars().next().unwrap_or_default())).or_default() += 1;
    }
    let meaning = |state: Covered| match state {
        Covered::Observed => "observed; where that ends stands beside it",
        Covered::Partly => "an important part is not seen, and is named",
        Covered::Asked => "only people know, and a question asks them",
        Covered::WrongInTheSeed => "not right as it is written; the row says what is",
        Covered::NotCovered => "neither observed nor asked; the row says why",
    };
    line!(out, "| state | meaning | first | second | third | all |\n|---|---|---:|---:|---:|---:|");
    for state in Covered::ALL {
        let numbers = ARTICLES.map(|(letter, _)| by.get(&(state, letter)).copied().unwrap_or_default());
        let [first, second, third] = numbers;
        line!(out, "| {} | {} | {first} | {second} | {third} | {} |", state.word(), meaning(state), numbers.iter().sum::<usize>());
    }
    let numbers = ARTICLES.map(|(_, ids)| ids.count());
    let [first, second, third] = numbers;
    line!(out, "| | | {first} | {second} | {third} | {} |\n", numbers.iter().sum::<usize>());
}

fn row(out: &mut String, catalog: &Catalog, kinds: &Kinds, one: &GuideStatement) {
    let number = one.id.value.trim_start_matches(char::is_alphabetic);
    let mut speak: Vec<String> = one.controls.iter().map(|id| format!("[`{}`](controls.md#{})", id.value, anchor(&id.value))).collect();
    let mut read: BTreeSet<SourceId> =
        one.controls.iter().filter_map(|id| catalog.control(&id.value)?.check()).flat_map(|check| check.sources()).collect();
    for shown in &one.shown {
        match shown.value.strip_prefix(FACTS) {
            Some(table) => {
                speak.push(format!("shown: [{table}](tables.md#{table})"));
                let schema = schemas().into_iter().find(|schema| schema.name == table);
                read.extend(schema.into_iter().flat_map(|schema| schema.sources.iter().cloned()));
            }
            None => speak.push(format!("shown: {}", exhibit(&shown.value))),
        }
    }
    let mut observed = if one.observed.trim().is_empty() { "Nothing.".to_owned() } else { cell(&one.observed) };
    let because = cell(&one.because);
    if !because.is_empty() {
        let word = if one.state == Covered::NotCovered { "Why" } else { "What is right" };
        let _ = write!(observed, "<br>**{word}:** {because}");
    }
    line!(
        out,
        "| {number} | {} | {} | {} | {observed} | {} | {} | {} |",
        cell(&one.statement),
        one.state.word(),
        dash(speak.join(", ")),
        dash(kinds.in_words(read)),
        cell(&one.cannot),
        dash(cell(&one.attest))
    );
}

fn dash(text: String) -> String {
    if text.is_empty() { "–".to_owned() } else { text }
}

/// The part of a report up to what says more of it.
fn exhibit(id: &str) -> &'static str {
    let (_, title) = EXHIBITS.iter().find(|(known, _)| *known == id).unwrap_or_else(|| panic!("there is a part {id}"));
    title.split([':', ',']).next().unwrap_or(title)
}

fn sources(out: &mut String, kinds: &Kinds) {
    line!(out, "## Sources\n");
    line!(
        out,
        "They come from the controls and tables of a row, never from hand: what a control needs to have read, each with its right in [sources](sources.md). Kinds of add-ons are named by their API group. A table may consult more where a row asks for it ([tables](tables.md)). People's answers, and parts of a report that are put together from several tables, have none of their own.\n"
    );
    line!(out, "- workloads: {}", codes(&kinds.pods));
    line!(out, "- makers of pods, of add-ons: {}", codes(&kinds.makers));
}
