//! What a reader must know of an assessment that is not of a cluster as it was seen.

use crate::model::{Hypothetical, LaidNote, ObjectRef};
use crate::report::escape::clip;

/// Objects that a sentence names.
const NAMED: usize = 12;

/// Sentences, the most important one first.
pub(crate) fn said(what: &Hypothetical) -> Vec<String> {
    let mut lines = vec![
        what.said(),
        "Shown as if the manifests had been applied and controllers had done their work. What admission would refuse or change, and which fields a server would not let be changed, is not simulated; what was not read of the cluster is as unknown as before.".to_owned(),
    ];
    for (word, objects) in [("Created", &what.created), ("Replaced", &what.replaced), ("Deleted", &what.deleted)] {
        if !objects.is_empty() {
            lines.push(format!("{word}: {}.", names(objects.iter())));
        }
    }
    for (word, notes) in [
        ("Left out, because it would not be there any more", &what.left_out),
        ("Stays as it is", &what.kept),
        ("Not looked at", &what.not_looked_at),
    ] {
        let each: Vec<String> = notes
            .iter()
            .take(NAMED)
            .map(|LaidNote { object, why }| format!("{} ({})", clip(&object.to_string(), 120), clip(why, 240)))
            .collect();
        if !each.is_empty() {
            lines.push(format!("{word}: {}{}.", each.join("; "), more(notes.len())));
        }
    }
    lines
}

fn names<'o>(objects: impl ExactSizeIterator<Item = &'o ObjectRef>) -> String {
    let all = objects.len();
    let each: Vec<String> = objects.take(NAMED).map(|object| clip(&object.to_string(), 120)).collect();
    format!("{}{}", each.join(", "), more(all))
}

fn more(all: usize) -> String {
    if all > NAMED { format!(" and {} more", all - NAMED) } else { String::new() }
}
