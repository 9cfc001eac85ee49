//! A file that maps own controls to the paragraphs of a framework that is there already.

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::{Framework, Mapping, OURS, lint};
use crate::catalog::lint::Problems;

/// What stands behind the version of a mapping to which relations were added.
const EXTENDED: &str = "+extended";

/// The file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::catalog) struct Extension {
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
    pub(in crate::catalog) fn is_one(text: &str) -> bool {
        text.lines().any(|line| line.starts_with("extends:"))
    }

    /// Adds the mappings, or reports what does not exist.
    pub(in crate::catalog) fn apply(self, file: &str, frameworks: &mut [(String, Framework)], controls: &[&str], problems: &mut Problems) {
        let ids: Vec<String> = frameworks.iter().map(|(_, framework)| framework.id.clone()).collect();
        let Some((_, framework)) = frameworks.iter_mut().find(|(_, framework)| framework.id == self.extends.value) else {
            problems.spanned(file, &self.extends, format!("there is no framework `{}`; there are {}", self.extends.value, ids.join(", ")));
            return;
        };
        let mut extended = false;
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
                } else if mapping.authority != OURS {
                    problems.spanned(
                        file,
                        control,
                        format!("`{}`: relations of your own rest on your word: leave `authority` out", control.value),
                    );
                } else {
                    lint::relation(file, &mapping, &framework.authorities, problems);
                    paragraph.controls.push(mapping);
                    extended = true;
                }
            }
        }
        // Build metadata of semantic versions: the relations are not those of the version alone.
        if extended && !framework.version.ends_with(EXTENDED) {
            framework.version.push_str(EXTENDED);
        }
    }
}
