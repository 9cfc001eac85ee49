use std::collections::BTreeMap;

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::lint::Problems;
use crate::model::{Extent, Implementation, ParagraphKind};

/// A framework file: the only place where citations live.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Framework {
    /// Its id, such as `hipaa`.
    pub id: String,
    /// Its title.
    pub title: String,
    /// The date of the text it follows.
    pub as_of: String,
    /// Its paragraphs in the framework's own order.
    pub paragraphs: Vec<FrameworkParagraph>,
    /// Controls that are evidence for no paragraph, with the reason.
    #[serde(default)]
    pub unmapped: Vec<Unmapped>,
}

/// One paragraph.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FrameworkParagraph {
    /// The exact citation.
    pub id: Spanned<String>,
    /// Its title.
    pub title: String,
    /// The section it stands in.
    pub section: String,
    /// The standard it belongs to; itself for a standard.
    pub standard: String,
    /// Standard or implementation specification.
    pub kind: ParagraphKind,
    /// Required, addressable, or left to the specifications of a standard.
    pub required: Implementation,
    /// The text.
    pub text: String,
    /// Controls that are evidence for it.
    #[serde(default)]
    pub controls: Vec<Mapping>,
    /// What a cluster shows; empty when nothing.
    #[serde(default)]
    pub cluster_shows: String,
    /// What it does not show.
    pub cluster_cannot_show: String,
    /// What to ask for.
    pub ask_for: Vec<String>,
}

/// One control's contribution to a paragraph.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// The control.
    pub control: Spanned<String>,
    /// How much of the paragraph it speaks to.
    pub extent: Extent,
}

/// A file that maps own controls to the paragraphs of a framework that is there already.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Extension {
    /// The framework's id.
    extends: Spanned<String>,
    /// Its paragraphs with the controls to add.
    paragraphs: Vec<ExtendedParagraph>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExtendedParagraph {
    id: Spanned<String>,
    controls: Vec<Mapping>,
}

impl Extension {
    /// Whether a file is one: it says `extends` where a framework says `id`.
    pub(super) fn is_one(text: &str) -> bool {
        text.lines().any(|line| line.starts_with("extends:"))
    }

    /// Adds the mappings, or reports what does not exist.
    pub(super) fn apply(self, file: &str, frameworks: &mut [(String, Framework)], controls: &[&str], problems: &mut Problems) {
        let ids: Vec<String> = frameworks.iter().map(|(_, framework)| framework.id.clone()).collect();
        let Some((_, framework)) = frameworks.iter_mut().find(|(_, framework)| framework.id == self.extends.value) else {
            problems.spanned(file, &self.extends, format!("there is no framework `{}`; there are {}", self.extends.value, ids.join(", ")));
            return;
        };
        for ExtendedParagraph { id, controls: added } in self.paragraphs {
            let Some(paragraph) = framework.paragraphs.iter_mut().find(|paragraph| paragraph.id.value == id.value) else {
                problems.spanned(file, &id, format!("the framework `{}` has no paragraph `{}`", framework.id, id.value));
                continue;
            };
            for mapping in added {
                let control = &mapping.control;
                if !controls.contains(&control.value.as_str()) {
                    problems.spanned(file, control, format!("there is no control `{}`", control.value));
                } else if paragraph.controls.iter().any(|known| known.control.value == control.value) {
                    problems.spanned(file, control, format!("`{}` is mapped to {} already", control.value, id.value));
                } else {
                    paragraph.controls.push(mapping);
                }
            }
        }
    }
}

/// A control that is evidence for no paragraph.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unmapped {
    /// The control.
    pub control: Spanned<String>,
    /// Why.
    pub why: String,
}

impl Framework {
    /// Paragraphs per control.
    pub fn paragraphs_of(&self) -> BTreeMap<&str, Vec<String>> {
        let mut map: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for paragraph in &self.paragraphs {
            for mapping in &paragraph.controls {
                map.entry(&mapping.control.value).or_default().push(paragraph.id.value.clone());
            }
        }
        map
    }

    /// Checks both directions: every control is mapped or says why not; every paragraph is supported or says why a cluster cannot
    /// show it.
    pub(super) fn lint(&self, file: &str, controls: &[&str], problems: &mut Problems) {
        let mut seen = std::collections::BTreeSet::new();
        for paragraph in &self.paragraphs {
            let line = paragraph.id.referenced.line();
            if !seen.insert(&paragraph.id.value) {
                problems.at(file, line, format!("paragraph {} stands twice", paragraph.id.value));
            }
            if paragraph.controls.is_empty() != paragraph.cluster_shows.trim().is_empty() {
                problems.at(
                    file,
                    line,
                    format!("paragraph {}: `cluster_shows` must be written exactly where controls support it", paragraph.id.value),
                );
            }
            if paragraph.cluster_cannot_show.trim().is_empty() || paragraph.ask_for.is_empty() {
                problems.at(file, line, format!("paragraph {}: `cluster_cannot_show` and `ask_for` must not be empty", paragraph.id.value));
            }
            for mapping in &paragraph.controls {
                if !controls.contains(&mapping.control.value.as_str()) {
                    problems.at(file, mapping.control.referenced.line(), format!("there is no control `{}`", mapping.control.value));
                }
            }
        }
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

    /// Controls that are neither mapped nor listed as unmapped.
    pub(super) fn forgotten<'a>(&self, controls: &[&'a str]) -> Vec<&'a str> {
        let mapped = self.paragraphs_of();
        controls
            .iter()
            .copied()
            .filter(|id| !mapped.contains_key(id) && !self.unmapped.iter().any(|unmapped| unmapped.control.value == *id))
            .collect()
    }
}
