//! What readers can narrow the chapters by, without a script: boxes and a list whose state the style sheet sees (`:has()`).

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::findings::Group;
use crate::model::Assessment;
use crate::report::escape::clip;

/// Namespaces that can be chosen; each costs a rule of the style sheet.
const MOST: usize = 40;

/// One namespace of the list.
#[derive(Clone, Debug, Serialize)]
struct Choice {
    class: String,
    name: String,
    ephi: bool,
}

/// The namespaces in which something was found, those with ePHI first.
#[derive(Debug, Serialize)]
pub(super) struct Filters {
    namespaces: Vec<Choice>,
    #[serde(skip)]
    classes: BTreeMap<String, String>,
    #[serde(skip)]
    ephi: BTreeSet<String>,
}

impl Filters {
    pub(super) fn new(assessment: &Assessment, groups: &[Group<'_>]) -> Self {
        let ephi: BTreeSet<String> = assessment.scope.ephi_namespaces.iter().cloned().collect();
        let found: BTreeSet<(bool, &String)> =
            groups.iter().flat_map(Group::places).flatten().map(|name| (!ephi.contains(name), name)).collect();
        // A list that is not whole would hide what cannot be chosen.
        let found = if found.len() > MOST { BTreeSet::new() } else { found };
        let namespaces: Vec<Choice> = found
            .into_iter()
            .enumerate()
            .map(|(i, (other, name))| Choice { class: format!("n{i}"), name: name.clone(), ephi: !other })
            .collect();
        let classes = namespaces.iter().map(|choice| (choice.name.clone(), choice.class.clone())).collect();
        let shown = namespaces.into_iter().map(|choice| Choice { name: clip(&choice.name, 63), ..choice }).collect();
        Self { namespaces: shown, classes, ephi }
    }

    /// The classes of something that concerns these namespaces: `e` for ePHI, one for each namespace. What stands in no namespace
    /// concerns ePHI too.
    pub(super) fn class<'a>(&self, places: impl Iterator<Item = Option<&'a String>>) -> String {
        let mut classes = BTreeSet::new();
        for place in places {
            match place {
                Some(namespace) => {
                    classes.extend(self.ephi.contains(namespace).then_some("e"));
                    classes.extend(self.classes.get(namespace).map(String::as_str));
                }
                None => {
                    classes.insert("e");
                }
            }
        }
        classes.into_iter().collect::<Vec<_>>().join(" ")
    }
}
