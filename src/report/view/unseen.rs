//! What could not be seen: reads that failed, things that no API shows, things that were not understood.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::parts::{Ref, State, digits, left_out, many};
use super::words::{Linker, Prose};
use crate::model::{AccessRule, Assessment, SourceId, SourceState, Unseen, UnseenKind};

/// One source that was not read completely.
#[derive(Debug, Serialize)]
struct Unread {
    number: String,
    source: String,
    state: State,
    why: String,
    got: Option<String>,
    needed_by: u64,
    costs: Vec<Ref>,
    rule: Vec<String>,
}

/// One thing that no read would show, with whom to ask.
#[derive(Debug, Serialize)]
struct Gap {
    what: String,
    why: String,
    how: String,
    costs: Vec<Ref>,
}

/// One thing that was not seen, beside what it would have been needed for.
#[derive(Debug, Serialize)]
pub(super) struct NotSeen {
    what: String,
    why: String,
    how: String,
}

impl NotSeen {
    pub(super) fn new(unseen: &Unseen) -> Self {
        Self { what: unseen.what.clone(), why: unseen.why.clone(), how: unseen.how_to_see.clone() }
    }
}

/// The chapter.
#[derive(Debug, Serialize)]
pub(super) struct Chapter {
    intro: Prose,
    unread: Vec<Unread>,
    rules: Vec<String>,
    rules_intro: Prose,
    invisible_intro: Prose,
    invisible: Vec<Gap>,
    not_understood: Vec<Gap>,
    other: Vec<Gap>,
    not_asked: Vec<Gap>,
    /// Whether there is nothing but one sentence.
    brief: bool,
}

/// A rule as it stands in a Role or ClusterRole. JSON strings are YAML strings, and cannot be left.
fn yaml(rule: &AccessRule) -> Vec<String> {
    let list = |words: &[String]| {
        let quoted: Vec<String> = words.iter().map(|word| serde_json::Value::from(word.as_str()).to_string()).collect();
        format!("[{}]", quoted.join(", "))
    };
    let fields = [
        ("apiGroups", &rule.api_groups),
        ("resources", &rule.resources),
        ("resourceNames", &rule.resource_names),
        ("nonResourceURLs", &rule.non_resource_urls),
        ("verbs", &rule.verbs),
    ];
    let mut lines: Vec<String> =
        fields.iter().filter(|(_, words)| !words.is_empty()).map(|(name, words)| format!("  {name}: {}", list(words))).collect();
    if let Some(first) = lines.first_mut() {
        first.replace_range(..2, "- ");
    }
    if let Some(namespace) = &rule.namespace {
        lines.insert(0, format!("# a Role in the namespace {} is enough", serde_json::Value::from(namespace.as_str())));
    }
    lines
}

type GapKey<'a> = (&'a str, &'a str, &'a str);

fn gaps(map: BTreeMap<GapKey<'_>, BTreeSet<Ref>>) -> Vec<Gap> {
    map.into_iter()
        .map(|((what, why, how), costs)| Gap { what: what.into(), why: why.into(), how: how.into(), costs: costs.into_iter().collect() })
        .collect()
}

impl Chapter {
    /// Number of things that no read would show.
    pub(super) fn invisible(&self) -> usize {
        self.invisible.len()
    }

    /// Words the chapter. `number` is that of the chapter.
    pub(super) fn new(assessment: &Assessment, number: usize, linker: &mut Linker, refs: &super::Refs) -> Self {
        let mut failed: BTreeMap<&SourceId, BTreeSet<Ref>> =
            assessment.coverage.iter().filter(|row| row.has_gap()).map(|row| (&row.source, BTreeSet::new())).collect();
        let (mut invisible, mut not_understood, mut other) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for control in &assessment.controls {
            for unseen in control.unseen() {
                let key = (unseen.what.as_str(), unseen.why.as_str(), unseen.how_to_see.as_str());
                let link = refs.control(&control.id);
                let map: &mut BTreeMap<GapKey<'_>, BTreeSet<Ref>> = match unseen.kind {
                    UnseenKind::NotVisible => &mut invisible,
                    UnseenKind::NotUnderstood => &mut not_understood,
                    UnseenKind::ReadFailed => match unseen.source.as_ref().and_then(|source| failed.get_mut(source)) {
                        Some(costs) => {
                            costs.insert(link);
                            continue;
                        }
                        None => &mut other,
                    },
                };
                map.entry(key).or_default().insert(link);
            }
        }
        let mut unread = Vec::new();
        let mut rules = BTreeSet::new();
        for row in assessment.coverage.iter().filter(|row| row.has_gap()) {
            rules.extend(row.missing_rule.clone());
            unread.push(Unread {
                number: format!("{number}.{}", unread.len() + 1),
                source: row.source.to_string(),
                state: State::of_source(row),
                why: row.state.why().map(str::to_owned).or_else(|| left_out(row)).unwrap_or_default(),
                got: matches!(row.state, SourceState::Partial { .. })
                    .then(|| many(row.state.count(), "object was read", "objects were read")),
                needed_by: row.needed_by.len() as u64,
                costs: failed.remove(&row.source).unwrap_or_default().into_iter().collect(),
                rule: row.missing_rule.as_ref().map(yaml).unwrap_or_default(),
            });
        }
        let not_asked = assessment
            .coverage
            .iter()
            .filter(|row| matches!(row.state, SourceState::NotRequested { .. }))
            .map(|row| Gap {
                what: row.source.to_string(),
                why: row.state.why().unwrap_or_default().to_owned(),
                how: String::new(),
                costs: row.needed_by.iter().map(|id| refs.control(id)).collect(),
            })
            .collect();
        let intro = linker.prose(&if unread.is_empty() {
            "Every source that was asked for was read to its end, and no object of it was left out.".to_owned()
        } else {
            format!(
                "{} not read completely. A control that needs one of them is not assessed, unless what was read already shows a failure. What is missing is unknown: neither good nor bad.",
                match unread.len() as u64 {
                    1 => "1 source was".to_owned(),
                    several => format!("{} sources were", digits(several)),
                }
            )
        });
        let brief = unread.is_empty() && invisible.is_empty() && not_understood.is_empty() && other.is_empty();
        Self {
            intro,
            brief,
            unread,
            rules: rules.iter().flat_map(yaml).collect(),
            rules_intro: linker.prose("Granted to the identity on the first page by a role and a binding, these rules allow what was denied. They permit reading only."),
            invisible_intro: linker.prose("These things leave no trace in the API: the disks of nodes, files of the control plane, what a provider runs on the customer's behalf. Somebody has to be asked."),
            invisible: gaps(invisible),
            not_understood: gaps(not_understood),
            other: gaps(other),
            not_asked,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_yaml_and_cannot_be_left() {
        let rule = AccessRule {
            verbs: vec!["list".into()],
            api_groups: vec![String::new()],
            resources: vec!["pods\n- evil".into()],
            resource_names: vec![],
            non_resource_urls: vec![],
            namespace: None,
        };
        assert_eq!(yaml(&rule), ["- apiGroups: [\"\"]", "  resources: [\"pods\\n- evil\"]", "  verbs: [\"list\"]"]);
    }
}
