//! A framework may lie in several files: one that says `id`, and parts that say `part_of`.

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::{Framework, FrameworkParagraph};
use crate::catalog::lint::Problems;

/// Further paragraphs of a framework.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::catalog) struct Part {
    part_of: Spanned<String>,
    paragraphs: Vec<FrameworkParagraph>,
}

impl Part {
    /// Whether a file is one: it says `part_of` where a framework says `id`.
    pub(in crate::catalog) fn is_one(text: &str) -> bool {
        text.lines().any(|line| line.starts_with("part_of:"))
    }
}

/// Adds the paragraphs of parts to their frameworks, in the order of the files' names.
pub(in crate::catalog) fn join(parts: Vec<(String, Part)>, frameworks: &mut [(String, Framework)], problems: &mut Problems) {
    for (file, Part { part_of, mut paragraphs }) in parts {
        paragraphs.iter_mut().for_each(|paragraph| paragraph.file = Some(file.clone()));
        match frameworks.iter_mut().find(|(_, framework)| framework.id == part_of.value) {
            Some((_, framework)) => framework.paragraphs.extend(paragraphs),
            None => problems.spanned(&file, &part_of, format!("there is no framework `{}` of which this is a part", part_of.value)),
        }
    }
}
