//! How entries are written: what is the same for every list, URL, question, ConfigMap and kind of what is installed beside Kubernetes.

use super::{Amount, ConfigKey, ConfigText, Entry, Part, Reach};
use crate::model::SourceId;

const V1: &[&str] = &["v1"];

pub(super) fn list(source: SourceId, kind: &'static str, keep: &'static str, why: &'static str) -> Entry {
    let amount = Amount::Fields(keep);
    Entry { source, kind, versions: V1, reach: Reach::Everywhere, amount, part: Part::Core, always: true, why }
}

/// A list that came with a version of Kubernetes that not every cluster in use has.
pub(super) fn newer(source: SourceId, kind: &'static str, keep: &'static str, why: &'static str) -> Entry {
    Entry { always: false, ..list(source, kind, keep, why) }
}

/// A list that servers of some minors in use serve in a version before `v1` only.
pub(super) fn beta(source: SourceId, kind: &'static str, keep: &'static str, why: &'static str) -> Entry {
    Entry { versions: &["v1", "v1beta1", "v1alpha1"], ..newer(source, kind, keep, why) }
}

pub(super) fn url(path: &'static str, accept: &'static str, amount: Amount, why: &'static str) -> Entry {
    Entry {
        source: SourceId::url(path),
        kind: "",
        versions: &[],
        reach: Reach::Url { accept },
        amount,
        part: Part::Core,
        always: false,
        why,
    }
}

pub(super) fn review(group: &'static str, resource: &'static str, kind: &'static str, keep: &'static str, why: &'static str) -> Entry {
    let source = SourceId::group(group, resource);
    let amount = Amount::Fields(keep);
    // SelfSubjectReview came with 1.28.
    let always = resource != "selfsubjectreviews";
    Entry { source, kind, versions: V1, reach: Reach::SelfReview, amount, part: Part::Core, always, why }
}

/// What is installed beside Kubernetes: source, kind, versions, what of it, why. A group that discovery does not list is not served, and
/// nothing is missing.
pub(super) type Line = (SourceId, &'static str, &'static [&'static str], &'static str, &'static str);

pub(super) fn addons(lines: &'static [Line]) -> impl Iterator<Item = Entry> {
    lines.iter().map(|line| addon(line, Amount::Fields(line.3)))
}

pub(super) fn metadata_only(lines: &'static [Line]) -> impl Iterator<Item = Entry> {
    lines.iter().map(|line| addon(line, Amount::Metadata))
}

fn addon(line: &Line, amount: Amount) -> Entry {
    Entry {
        source: line.0.clone(),
        kind: line.1,
        versions: line.2,
        reach: Reach::Everywhere,
        amount,
        part: Part::Addons,
        always: false,
        why: line.4,
    }
}

pub(super) const fn whole(name: &'static str) -> ConfigKey {
    ConfigKey { name, text: ConfigText::Whole }
}
pub(super) const fn presence(name: &'static str) -> ConfigKey {
    ConfigKey { name, text: ConfigText::Presence }
}
pub(super) const fn fields(name: &'static str, text: &'static str) -> ConfigKey {
    ConfigKey { name, text: ConfigText::Fields(text) }
}

pub(super) const SYSTEM: &str = "kube-system";

/// A ConfigMap that is read by name, which RBAC can allow alone (`resourceNames`): namespace, name, keys, part, why.
pub(super) type ConfigMapLine = (&'static str, &'static str, &'static [ConfigKey], Part, &'static str);

pub(super) fn config_maps(lines: &'static [ConfigMapLine]) -> impl Iterator<Item = Entry> {
    lines.iter().map(|&(namespace, name, keys, part, why)| Entry {
        source: SourceId::config_map(namespace, name),
        kind: "ConfigMap",
        versions: V1,
        reach: Reach::ConfigMap,
        amount: Amount::Keys(keys),
        part,
        always: true,
        why,
    })
}
