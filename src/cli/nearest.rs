//! What somebody may have meant.

/// A sentence for an error: the nearest name where one is near, else all of them.
pub(super) fn there_are<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    match nearest(written, known.iter().copied()) {
        Some(name) => format!("Did you mean `{name}`? There are: {}.", known.join(", ")),
        None => format!("There are: {}.", known.join(", ")),
    }
}

/// The name that is closest to what was written, where it is close.
pub(super) fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let written = written.to_lowercase();
    let close = |name: &str| {
        let name = name.to_lowercase();
        // Of short words, one letter more or less is a large part, and is still what was meant.
        let edits = strsim::osa_distance(&name, &written);
        let near = edits <= 1 || (edits == 2 && name.len().min(written.len()) > 4);
        let likeness = strsim::jaro_winkler(&name, &written);
        if near { likeness + 1.0 } else { likeness }
    };
    let best = known.into_iter().map(|name| (close(name), name)).max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(a.1)))?;
    (best.0 > 0.85).then_some(best.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_what_was_meant() {
        let verbs = ["get", "list", "watch", "create", "update", "patch", "delete"];
        assert_eq!(nearest("lst", verbs), Some("list"));
        assert_eq!(nearest("GET", verbs), Some("get"));
        assert_eq!(nearest("craete", verbs), Some("create"));
        assert_eq!(nearest("frobnicate", verbs), None);
        assert_eq!(nearest("recrods", ["records", "kube-system"]), Some("records"));
        assert_eq!(there_are("containrs", ["containers", "pods"]), "Did you mean `containers`? There are: containers, pods.");
        assert_eq!(there_are("x", ["containers", "pods"]), "There are: containers, pods.");
    }
}
