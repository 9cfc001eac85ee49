use super::held::Held;

/// Names under which resources are filtered.
pub(super) const CLAIMS: &[&str] = &["persistentvolumeclaims", "persistentvolumeclaim", "pvc"];
pub(super) const VOLUMES: &[&str] = &["persistentvolumes", "persistentvolume", "pv"];
pub(super) const PODS: &[&str] = &["pods", "pod", "po"];

const PATTERN: &str = "a filter has a pattern, which not every version of Velero reads, and not all in the same way";

/// Whether what has these names is let through: an empty list includes everything.
pub(super) fn passes(included: &[&[String]], excluded: &[&[String]], names: &[&str], why_not: &str) -> Held {
    let inside = if included.iter().all(|list| list.is_empty()) { Found::Yes } else { listed(included, names) };
    let outside = listed(excluded, names);
    match (inside, outside) {
        (Found::No, _) | (_, Found::Yes) => Held::no(why_not),
        (Found::Yes, Found::No) => Held::Yes,
        (Found::Perhaps, _) | (_, Found::Perhaps) => Held::not_understood(PATTERN),
    }
}

enum Found {
    Yes,
    No,
    Perhaps,
}

fn listed(lists: &[&[String]], names: &[&str]) -> Found {
    let mut pattern = false;
    for entry in lists.iter().copied().flatten().map(|entry| entry.to_ascii_lowercase()) {
        if entry == "*" || names.contains(&entry.as_str()) {
            return Found::Yes;
        }
        pattern |= names.iter().any(|name| may_match(&entry, name));
    }
    if pattern { Found::Perhaps } else { Found::No }
}

/// Whether the entry is a pattern whose beginning and end fit. Between them anything may be meant.
fn may_match(entry: &str, name: &str) -> bool {
    let mut literal = entry.split(['*', '?', '[', ']', '{', '}']);
    match (literal.next(), literal.next_back()) {
        (Some(beginning), Some(end)) => name.starts_with(beginning) && name.ends_with(end),
        _ => false,
    }
}
