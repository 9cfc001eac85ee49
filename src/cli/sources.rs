//! Lists of sources: for `--verbose` and `preflight`.

use std::collections::BTreeSet;

use crate::catalog::{Catalog, Check, Control};
use crate::collect::inventory::{inventory, missing_manifests};
use crate::collect::{Can, Preflight};
use crate::model::sources::{KUBEADM_CONFIG, NAMESPACES, NODES, PODS, VERSION};
use crate::model::{Assessment, SourceId};
use crate::report::escape;

/// Every source with what became of it, one line each.
pub(super) fn listing(assessment: &Assessment) -> String {
    let mut text = String::from("\nSources\n");
    for source in &assessment.coverage {
        let left_out: Vec<String> = source.left_out.iter().take(3).map(ToString::to_string).collect();
        let why = match (source.state.why(), source.left_out.len()) {
            (Some(why), _) => format!("  {why}"),
            (None, 0) => String::new(),
            (None, number) => format!("  {number} left out: {}{}", left_out.join(", "), if number > 3 { ", …" } else { "" }),
        };
        let line = format!("  {:<14} {:>7}  {}{why}", source.state.word(), source.state.count(), source.source);
        text.push_str(&escape::terminal(&line));
        text.push('\n');
    }
    text
}

/// `preflight` as text, and whether everything that the cluster has can be read.
pub(super) fn preflight(report: &Preflight, catalog: &Catalog, verbose: bool) -> (String, bool) {
    let line = |text: &str| format!("{}\n", escape::terminal(text));
    let user = report.identity.user.as_deref().unwrap_or("unknown");
    let mut text = line(&format!("{}  {}", report.server, report.version.as_deref().unwrap_or("version unknown")));
    text.push_str(&line(&format!("as {user}, groups {}", report.identity.groups.join(", "))));
    let (mut can, mut absent, mut lost, mut gaps) = (0, 0, 0, Vec::new());
    for check in &report.checks {
        let (word, why) = match &check.can {
            Can::Read => {
                can += 1;
                ("can read", String::new())
            }
            Can::NotServed => {
                absent += 1;
                ("not there", String::new())
            }
            Can::Refused { missing_rule, why } => {
                ("refused", format!("  grant: {missing_rule}{}", if why.is_empty() { String::new() } else { format!(" ({why})") }))
            }
            Can::Stale { why } => ("stale", format!("  {why}")),
            Can::Unknown { why } => ("not answered", format!("  {why}")),
        };
        let gap = !matches!(check.can, Can::Read | Can::NotServed);
        if gap {
            let cost = match needed_by(catalog, &check.source) {
                0 => "no control rests on it".to_owned(),
                needed => {
                    lost += 1;
                    format!("{needed} controls would not be assessed")
                }
            };
            gaps.push(line(&format!("  {word:<13} {}{why}; {cost}", check.source)));
        } else if verbose {
            text.push_str(&line(&format!("  {word:<13} {}", check.source)));
        }
    }
    text.push_str(&format!("\n{can} sources can be read, {absent} are not there, {} cannot be read\n", gaps.len()));
    text.extend(gaps.iter().map(String::as_str));
    if !report.excess_rights.is_empty() {
        text.push_str("\nRights of this identity beyond reading, none of which a scan needs:\n");
        for right in &report.excess_rights {
            text.push_str(&line(&format!("  {right}")));
        }
    }
    if !gaps.is_empty() {
        text.push_str("\n`kube-hipaa preflight -o yaml` prints the manifests that grant what is missing, and nothing else.\n");
    }
    (text, lost == 0)
}

/// How many controls of the catalog rest on a source.
pub(super) fn needed_by(catalog: &Catalog, source: &SourceId) -> usize {
    catalog.needed_by(source).count()
}

/// What the collector itself needs to say which cluster this is and who holds what, whatever the controls are.
const ALWAYS: [SourceId; 4] = [NAMESPACES, NODES, PODS, KUBEADM_CONFIG];

/// The sources that today's catalog rests on: what has to be readable. The rest of the inventory is stocked for controls to come.
pub fn needed_today(catalog: &Catalog) -> BTreeSet<SourceId> {
    let needed = catalog.controls().iter().filter_map(Control::check).flat_map(Check::rests_on);
    // Which network plugin and which kind of cluster it is shows in the settings of kube-system.
    let of_system =
        inventory().iter().map(|entry| &entry.source).filter(|source| source.object().is_some_and(|(place, _)| place == "kube-system"));
    needed.chain(ALWAYS).chain([VERSION]).chain(of_system.cloned()).collect()
}

/// Namespaces of every cluster.
const ALWAYS_THERE: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];

/// Exactly the missing rules as manifests, bound to the identity that asked; whether nothing is lost without them; and what no rule can
/// mend.
pub(super) fn missing(report: &Preflight, catalog: &Catalog) -> (String, bool, Vec<String>) {
    let (mut rules, mut notes, mut lost) = (Vec::new(), Vec::new(), false);
    // Whoever cannot list the namespaces does not know which there are, and a Role for one that is not cannot be applied.
    let namespaces = report.checks.iter().find(|check| check.source == NAMESPACES);
    let sees_namespaces = namespaces.is_some_and(|check| check.can == Can::Read);
    let mut waiting = BTreeSet::new();
    for check in &report.checks {
        let needed = needed_by(catalog, &check.source) > 0;
        match &check.can {
            Can::Read | Can::NotServed => continue,
            Can::Refused { missing_rule, .. } => match &missing_rule.namespace {
                Some(place) if !sees_namespaces && !ALWAYS_THERE.contains(&place.as_str()) => {
                    waiting.insert(place.clone());
                }
                _ => rules.push(missing_rule.clone()),
            },
            Can::Stale { why } | Can::Unknown { why } => notes.push(format!("note: no rule gives {}: {why}", check.source)),
        }
        lost |= needed;
    }
    if !waiting.is_empty() {
        let places: Vec<String> = waiting.into_iter().collect();
        notes.push(format!(
            "note: which namespaces there are is not visible yet; with these rights, ask again for what is missing in {}",
            places.join(", ")
        ));
    }
    let user = report.identity.user.as_deref();
    if user.is_none() {
        notes.push("note: the server did not say who asks: replace the subject of the bindings".to_owned());
    }
    (missing_manifests(&rules, user.unwrap_or("REPLACE-WITH-THE-USER")), !lost, notes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::Check as Asked;
    use crate::model::Identity;

    /// Everything is refused but what `can` says.
    fn report(can: impl Fn(&SourceId) -> Option<Can>) -> Preflight {
        let refused = |rule| Can::Refused { missing_rule: rule, why: String::new() };
        let asked = inventory().iter().filter_map(|entry| {
            let can = can(&entry.source).unwrap_or(refused(entry.rule()?));
            Some(Asked { source: entry.source.clone(), part: entry.part, purpose: entry.why, can })
        });
        let identity = Identity { user: Some("auditor".into()), groups: Vec::new() };
        Preflight { identity, server: "https://s".into(), version: None, checks: asked.collect(), excess_rights: Vec::new() }
    }

    #[test]
    fn no_role_is_printed_for_a_namespace_that_may_not_be_there() {
        let catalog = Catalog::without_built_in_cases(&[]).expect("built in");
        let namespaces = SourceId::core("namespaces");
        let (blind, _, notes) = missing(&report(|_| None), &catalog);
        assert!(blind.contains("namespace: \"kube-system\"") && !blind.contains("namespace: \"falco\""), "{blind}");
        assert!(notes.iter().any(|note| note.contains("ask again for what is missing in") && note.contains("falco")), "{notes:?}");
        let (seeing, _, notes) = missing(&report(|source| (*source == namespaces).then_some(Can::Read)), &catalog);
        assert!(seeing.contains("namespace: \"falco\"") && notes.is_empty(), "{notes:?}");
    }
}
