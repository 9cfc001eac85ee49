//! What has to hold of a framework file before anything is said by it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Framework, FrameworkParagraph, Mapping, OURS};
use crate::catalog::control::Control;
use crate::catalog::lint::Problems;
use crate::model::{Authority, AuthorityKind, DECISIONS, EXHIBITS, Implementation, ParagraphKind};

/// How questions to people begin.
const MANUAL: &str = "manual/";
/// One sentence has to do.
const BECAUSE: usize = 240;

/// A relation says why it is one, and on whose word.
pub(super) fn relation(file: &str, mapping: &Mapping, authorities: &[Authority], problems: &mut Problems) {
    let (id, line) = (&mapping.control.value, mapping.control.referenced.line());
    let because = mapping.because.trim();
    if because.is_empty() {
        problems.at(file, line, format!("`{id}`: `because` says in one sentence why it is evidence for the paragraph"));
    } else if because.chars().count() > BECAUSE || !because.ends_with('.') {
        problems.at(file, line, format!("`{id}`: `because` is one sentence of at most {BECAUSE} characters that ends with a period"));
    }
    if mapping.authority == OURS {
        return;
    }
    if !authorities.iter().any(|authority| authority.id == mapping.authority) {
        let known: Vec<&str> = authorities.iter().map(|authority| authority.id.as_str()).collect();
        problems.at(file, line, format!("`{id}`: there is no authority `{}`; there are {}", mapping.authority, known.join(", ")));
    }
    if mapping.at.as_deref().is_none_or(|at| at.trim().is_empty()) {
        problems.at(file, line, format!("`{id}`: `at` says where `{}` says so", mapping.authority));
    }
}

/// The form of the ids of a paragraph's asks: `ocr/164.312-a-1/` for `164.312(a)(1)`.
fn asks_begin(paragraph: &str) -> String {
    format!("ocr/{}/", paragraph.replace('(', "-").replace(')', ""))
}

impl Framework {
    /// Checks both directions: every control is mapped or says why not; every paragraph is supported or says why a cluster cannot
    /// show it; every relation has a reason; every ask is answered by what exists and is listed there, or says why nobody answers it.
    pub(in crate::catalog) fn lint(&self, file: &str, controls: &[&str], problems: &mut Problems) {
        let mut seen = BTreeSet::new();
        let standards: BTreeSet<&str> =
            self.paragraphs.iter().filter(|one| one.kind == ParagraphKind::Standard).map(|one| one.id.value.as_str()).collect();
        for paragraph in &self.paragraphs {
            let file = paragraph.file.as_deref().unwrap_or(file);
            let line = paragraph.id.referenced.line();
            let mut wrong = |message: String| problems.at(file, line, format!("paragraph {}: {message}", paragraph.id.value));
            if !seen.insert(&paragraph.id.value) {
                wrong("stands twice".to_owned());
            }
            if self.proposed.is_none() && !standards.contains(paragraph.standard.as_str()) {
                wrong(format!("there is no standard `{}`", paragraph.standard));
            }
            for (key, text) in [("title", &paragraph.title), ("section", &paragraph.section), ("text", &paragraph.text)] {
                if text.trim().is_empty() {
                    wrong(format!("`{key}` must not be empty"));
                }
            }
            if !self.texts.is_empty() && self.text_source(paragraph).is_none() {
                wrong("`texts` does not say where the text of its section comes from".to_owned());
            }
            if paragraph.ask_for().iter().any(|ask| ask.trim().is_empty()) {
                wrong("an ask says nothing".to_owned());
            }
            if [&paragraph.continues, &paragraph.part_of].into_iter().flatten().any(|id| *id == paragraph.id.value) {
                wrong("`continues` and `part_of` name another paragraph".to_owned());
            }
            for (key, id) in [("continues", &paragraph.continues), ("part_of", &paragraph.part_of)] {
                if let Some(id) = id.as_ref().filter(|id| !self.paragraphs.iter().any(|one| one.id.value == **id)) {
                    wrong(format!("`{key}` names `{id}`, which is not there"));
                }
            }
            if paragraph.controls.is_empty() != paragraph.cluster_shows.trim().is_empty() {
                wrong("`cluster_shows` must be written exactly where controls support it".to_owned());
            }
            if paragraph.cluster_cannot_show.trim().is_empty() || paragraph.ask_for().is_empty() {
                wrong("`cluster_cannot_show` and `asks` (or `ask_for`) must not be empty".to_owned());
            }
            self.lint_relations(file, paragraph, controls, problems);
            lint_asks(file, paragraph, controls, problems);
        }
        self.lint_authorities(file, problems);
        self.lint_unmapped(file, controls, problems);
    }

    fn lint_relations(&self, file: &str, paragraph: &FrameworkParagraph, controls: &[&str], problems: &mut Problems) {
        let (mut seen, mut reasons) = (BTreeSet::new(), BTreeMap::new());
        for mapping in &paragraph.controls {
            let (id, line) = (mapping.control.value.as_str(), mapping.control.referenced.line());
            if !controls.contains(&id) {
                problems.at(file, line, format!("there is no control `{id}`"));
            }
            if !seen.insert(id) {
                problems.at(file, line, format!("`{id}` is mapped to {} already", paragraph.id.value));
            }
            if let Some(other) = reasons.insert(mapping.because.trim(), id).filter(|_| !mapping.because.is_empty()) {
                problems.at(file, line, format!("`{id}` has the same `because` as `{other}`; a reason is a control's own"));
            }
            relation(file, mapping, &self.authorities, problems);
        }
    }

    /// Numbers are those of the control, and one control is asked with one number.
    pub(in crate::catalog) fn lint_parameters(&self, file: &str, controls: &BTreeMap<String, Control>, problems: &mut Problems) {
        let mut asked: BTreeMap<(&str, &str), i64> = BTreeMap::new();
        for paragraph in &self.paragraphs {
            let file = paragraph.file.as_deref().unwrap_or(file);
            for mapping in &paragraph.controls {
                let (id, line) = (mapping.control.value.as_str(), mapping.control.referenced.line());
                let Some(control) = controls.get(id) else { continue };
                for (name, value) in &mapping.parameters {
                    let known = control.parameters.iter().find(|one| one.name == *name);
                    if known.is_none_or(|one| *value < one.range.0 || *value > one.range.1) {
                        problems.at(file, line, format!("`{id}` has no parameter `{name}` that may be {value}"));
                    }
                    if asked.insert((id, name), *value).is_some_and(|before| before != *value) {
                        problems.at(file, line, format!("`{name}` of `{id}` has another number in another paragraph"));
                    }
                    if self.proposed.is_none() {
                        problems.at(
                            file,
                            line,
                            format!("`{id}`: only a proposed rule has numbers of its own; the scope file sets those of a report"),
                        );
                    }
                }
            }
        }
    }

    fn lint_authorities(&self, file: &str, problems: &mut Problems) {
        let used: BTreeSet<&str> = self.paragraphs.iter().flat_map(|one| &one.controls).map(|one| one.authority.as_str()).collect();
        let mut ids = BTreeSet::new();
        for authority in &self.authorities {
            if !ids.insert(&authority.id) {
                problems.at(file, 1, format!("the authority `{}` stands twice", authority.id));
            }
            if (authority.id == OURS) != (authority.kind == AuthorityKind::Ours) {
                problems.at(
                    file,
                    1,
                    format!("the authority `{}`: `{OURS}` is nobody's word but its author's, and no other is of that kind", authority.id),
                );
            }
        }
        for authority in self.authorities.iter().filter(|authority| !used.contains(authority.id.as_str())) {
            problems.at(file, 1, format!("nothing rests on the authority `{}`", authority.id));
        }
    }

    fn lint_unmapped(&self, file: &str, controls: &[&str], problems: &mut Problems) {
        let mapped = self.paragraphs_of();
        for unmapped in &self.unmapped {
            let id = unmapped.control.value.as_str();
            let line = unmapped.control.referenced.line();
            if !controls.contains(&id) {
                problems.at(file, line, format!("there is no control `{id}`"));
            }
            if mapped.contains_key(id) {
                problems.at(file, line, format!("`{id}` is mapped and also listed under `unmapped`"));
            }
            if unmapped.why.trim().is_empty() {
                problems.at(file, line, format!("`{id}`: `why` must not be empty"));
            }
        }
    }

    /// Controls that are neither mapped nor listed as unmapped. A rule that is not in force need not speak of all.
    pub(in crate::catalog) fn forgotten<'a>(&self, controls: &[&'a str]) -> Vec<&'a str> {
        if self.proposed.is_some() {
            return Vec::new();
        }
        let mapped = self.paragraphs_of();
        controls
            .iter()
            .copied()
            .filter(|id| !mapped.contains_key(id) && !self.unmapped.iter().any(|unmapped| unmapped.control.value == *id))
            .collect()
    }
}

fn lint_asks(file: &str, paragraph: &FrameworkParagraph, controls: &[&str], problems: &mut Problems) {
    if paragraph.asks.is_empty() {
        return;
    }
    let line = paragraph.id.referenced.line();
    let mut wrong = |message: String| problems.at(file, line, format!("paragraph {}: {message}", paragraph.id.value));
    let listed: BTreeSet<&str> = paragraph.controls.iter().map(|mapping| mapping.control.value.as_str()).collect();
    let mut named = BTreeSet::new();
    for (i, ask) in paragraph.asks.iter().enumerate() {
        let id = format!("{}{}", asks_begin(&paragraph.id.value), i + 1);
        if ask.id != id {
            wrong(format!("the ask `{}` is to be `{id}`", ask.id));
        }
        if ask.ask.trim().is_empty() {
            wrong(format!("`{id}` asks nothing"));
        }
        if ask.answered_by.is_empty() != ask.nobody.as_deref().is_some_and(|why| !why.trim().is_empty()) {
            wrong(format!("`{id}` names what answers it in `answered_by`, or says in `nobody` why nothing does"));
        }
        for answer in &ask.answered_by {
            named.insert(answer.as_str());
            let is_exhibit = EXHIBITS.iter().any(|(exhibit, _)| exhibit == answer);
            if is_exhibit || answer == DECISIONS && controls.contains(&DECISIONS) {
                continue;
            }
            if !listed.contains(answer.as_str()) {
                wrong(format!("`{id}` is answered by `{answer}`, which is neither listed under the paragraph nor a part of the report"));
            }
        }
    }
    for question in listed.iter().filter(|id| id.starts_with(MANUAL) && !named.contains(*id)) {
        wrong(format!("`{question}` is listed and serves none of the asks"));
    }
    if (paragraph.required == Implementation::Addressable) != named.contains(DECISIONS) {
        wrong(format!("an addressable specification has an ask that `{DECISIONS}` answers (45 CFR 164.306(d)(3)), and no other has"));
    }
}
