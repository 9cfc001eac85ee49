//! Writes docs/mapping.md: the mapping for people, from the catalog.

use std::collections::BTreeMap;
use std::fmt::Write;

use kube_hipaa::catalog::{Catalog, Framework, FrameworkParagraph};
use kube_hipaa::model::{EXHIBITS, Implementation, ParagraphKind};

use super::reference::GENERATED;

/// Writing to a String cannot fail.
macro_rules! line {
    ($out:expr) => { $out.push('\n') };
    ($out:expr, $($text:tt)*) => {{ let _ = writeln!($out, $($text)*); }};
}

fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn cell(text: &str) -> String {
    flat(text).replace('|', "\\|")
}

/// The page.
pub fn mapping(catalog: &Catalog) -> String {
    let hipaa = catalog.framework("hipaa").unwrap_or_else(|| panic!("built in"));
    let mut out = format!("# The mapping\n\n{GENERATED}\n\n");
    let relations: usize = hipaa.paragraphs.iter().map(|one| one.controls.len()).sum();
    let asks: Vec<_> = hipaa.paragraphs.iter().flat_map(|one| &one.asks).collect();
    let ours = asks.iter().filter(|ask| ask.origin.is_some()).count();
    let nobody = asks.iter().filter(|ask| ask.nobody.is_some()).count();
    line!(
        out,
        "Which control or question is evidence for which paragraph of 45 CFR 164.308 to 164.316, why, and on whose word: version {} of the mapping `{}`, {} paragraphs, {relations} relations, {} asks in our own words: those of the rows of OCR's audit protocol, and {ours} of ours where a row is broken down to what a cluster has or the rule asks without a row. For {nobody} of them nothing is here. The text of the rule is that of {}.",
        hipaa.version,
        hipaa.id,
        hipaa.paragraphs.len(),
        asks.len(),
        hipaa.as_of
    );
    line!(out);
    line!(
        out,
        "A relation means relevance. No control decides a paragraph, no number of controls does, and most paragraphs ask for more than a cluster can show. It is the judgement of this project and no legal advice."
    );
    line!(out);
    line!(
        out,
        "`kube-hipaa controls export -o DIR` writes all of it as JSON, as lists (CSV) and as OSCAL 1.2.3 (catalogue, mapping collection to NIST SP 800-53, component definition), with a SHA-256 of each paragraph's text (every run of white space as one space), so that a change of the rule is noticed. `kube-hipaa asks` lists the asks. What changed from version to version stands in `controls/reference/hipaa-changes.yaml`; the program refuses a mapping whose relations are not those of its version."
    );
    line!(out);
    criteria(&mut out, hipaa);
    silent(&mut out, hipaa);
    wrong(&mut out, catalog);
    paragraphs(&mut out, hipaa);
    others(&mut out, catalog, hipaa);
    out
}

fn criteria(out: &mut String, hipaa: &Framework) {
    line!(out, "## Criteria\n");
    for criterion in &hipaa.criteria {
        line!(out, "- **{}**: {}", criterion.id, flat(&criterion.rule));
    }
    line!(
        out,
        "\nExtents: *substantial* speaks to most of what a paragraph asks of a cluster (no single control does), *partial* to a definite part of it, *supporting* indirectly or to a small part. The kind of support is in the vocabulary of NIST IR 8477: *example of* (one way among others), *integral to* (not to be done without it), *precedes* (has to be there before).\n"
    );
    line!(out, "## Authorities\n");
    line!(out, "| id | what it is | date | relations |\n|---|---|---|---:|");
    let mut used: BTreeMap<&str, usize> = BTreeMap::new();
    hipaa.paragraphs.iter().flat_map(|one| &one.controls).for_each(|one| *used.entry(&one.authority).or_default() += 1);
    for authority in &hipaa.authorities {
        let count = used.get(authority.id.as_str()).copied().unwrap_or_default();
        line!(out, "| `{}` | {} | {} | {count} |", authority.id, cell(&authority.title), authority.dated.as_deref().unwrap_or("–"));
    }
    line!(out);
}

fn silent(out: &mut String, hipaa: &Framework) {
    line!(out, "## Why a paragraph has no control\n");
    line!(out, "| paragraph | why | what is asked for instead |\n|---|---|---|");
    for one in hipaa.paragraphs.iter().filter(|one| one.controls.is_empty()) {
        line!(out, "| {} {} | {} | {} |", one.id.value, cell(&one.title), cell(&one.cluster_cannot_show), cell(&one.ask_for().join("; ")));
    }
    line!(out, "\n## Controls that are evidence for no paragraph\n");
    for one in &hipaa.unmapped {
        line!(out, "- `{}`: {}", one.control.value, flat(&one.why));
    }
    line!(out);
}

fn wrong(out: &mut String, catalog: &Catalog) {
    line!(out, "## Mappings that are often seen, and wrong\n");
    line!(out, "| seen | why it is wrong | what belongs there |\n|---|---|---|");
    for one in &catalog.reference().wrong {
        line!(out, "| {} | {} | {} |", cell(&one.wrong), cell(&one.why), cell(&one.right));
    }
    line!(out);
}

fn paragraphs(out: &mut String, hipaa: &Framework) {
    line!(out, "## Paragraph by paragraph\n");
    for one in hipaa.paragraphs.iter().filter(|one| !one.controls.is_empty()) {
        line!(out, "### {} {}\n", one.id.value, one.title);
        line!(out, "{} {}\n", designation(one), text_of(hipaa, one));
        if let Some(note) = &one.note {
            line!(out, "Note: {}\n", flat(note));
        }
        line!(out, "*A cluster shows*: {}\n\n*It cannot show*: {}\n", flat(&one.cluster_shows), flat(&one.cluster_cannot_show));
        line!(out, "| control | extent | supports | because | authority |\n|---|---|---|---|---|");
        for mapping in &one.controls {
            let authority = match &mapping.at {
                Some(at) => format!("{}: {}", mapping.authority, cell(at)),
                None => mapping.authority.clone(),
            };
            line!(
                out,
                "| `{}` | {} | {} | {} | {authority} |",
                mapping.control.value,
                mapping.extent.word(),
                mapping.supports.word(),
                cell(&mapping.because)
            );
        }
        line!(out, "\n| ask | what to hand over | evidence or question here |\n|---|---|---|");
        for ask in &one.asks {
            let answered = match &ask.nobody {
                Some(why) => format!("nothing: {}", cell(why)),
                None => ask.answered_by.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", "),
            };
            let ours = if ask.origin.is_some() { " (ours)" } else { "" };
            line!(out, "| `{}`{ours} | {} | {answered} |", ask.id, cell(&ask.ask));
        }
        line!(out);
    }
    line!(out, "Parts of a report that asks name: {}.\n", EXHIBITS.map(|(id, what)| format!("`{id}`, {what}")).join("; "));
}

fn text_of(hipaa: &Framework, one: &FrameworkParagraph) -> String {
    let text = hipaa.text_source(one).expect("where it comes from");
    format!("Text: {}, {}; {}.", text.source, text.as_of, text.published)
}

fn designation(one: &FrameworkParagraph) -> String {
    let kind = match (one.kind, one.required) {
        (ParagraphKind::Standard, Implementation::BySpecification) => "Standard.",
        (ParagraphKind::Standard, _) => "Standard without specifications.",
        (ParagraphKind::ImplementationSpecification, Implementation::Addressable) => "Implementation specification, addressable.",
        (ParagraphKind::ImplementationSpecification, _) => "Implementation specification, required.",
    };
    format!("{kind} SHA-256 of its text: `{}`.", one.text_sha256())
}

fn others(out: &mut String, catalog: &Catalog, hipaa: &Framework) {
    line!(out, "## Other frameworks\n");
    line!(out, "Kept as data with their sources in `controls/reference/`, and written out by `controls export`:\n");
    for crosswalk in &catalog.reference().crosswalks {
        let memory = crosswalk.relations.iter().filter(|one| one.confidence.is_some()).count();
        let doubt = if memory > 0 { format!("; the numbers of {memory} were not read in the framework itself") } else { String::new() };
        line!(
            out,
            "- `{}`: {}, {}; {} relations{doubt}. {}",
            crosswalk.id,
            crosswalk.title,
            crosswalk.edition,
            crosswalk.relations.len(),
            crosswalk.sources.join(". ")
        );
    }
    for framework in catalog.frameworks().iter().filter(|one| one.id != hipaa.id) {
        let count: usize = framework.paragraphs.iter().map(|one| one.controls.len()).sum();
        line!(
            out,
            "- `{}`: {}; {} paragraphs, {count} relations, not in force; off unless `--proposed {}` asks for it.",
            framework.id,
            framework.title,
            framework.paragraphs.len(),
            framework.id
        );
    }
}
