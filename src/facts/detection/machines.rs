//! Nodes, as far as it matters for what is to run on each of them.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Node, PodSpec, Taint, Toleration};

use crate::facts::FactsError;
use crate::facts::nodes::{Virtual, is_virtual, reports_virtual};
use crate::facts::table::read::Reader;
use crate::facts::times::seconds_between;
use crate::model::sources::NODES;
use crate::model::{Evidence, ObjectRef, Unseen};

/// One node.
#[derive(Clone, Debug)]
pub(super) struct Machine {
    pub(super) subject: ObjectRef,
    pub(super) origin: Evidence,
    /// Why what runs beside its pods cannot be judged from the pods that it reports.
    closed: Option<Closed>,
    /// Whether it was made so shortly before that pods may not be there yet.
    is_new: bool,
    labels: BTreeMap<String, String>,
    taints: Vec<Taint>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Closed {
    /// A node of a provider's service, on which no DaemonSet runs.
    Virtual,
    /// It may be such a one.
    PerhapsVirtual,
    Windows,
    /// It is not ready: what it reported last may be over.
    Dark,
}

impl Machine {
    fn of(node: Node, origin: Evidence, is_new: bool) -> Self {
        let name = node.metadata.name.clone().unwrap_or_default();
        let subject = ObjectRef { kind: "Node".to_owned(), group: String::new(), namespace: None, name, uid: node.metadata.uid.clone() };
        let closed = closed(&node);
        Self {
            subject,
            origin,
            closed,
            is_new,
            labels: node.metadata.labels.unwrap_or_default(),
            taints: node.spec.and_then(|spec| spec.taints).unwrap_or_default(),
        }
    }

    /// Why it is not known which `programs` (in the plural) run there.
    pub(super) fn closed(&self, programs: &str) -> Option<Unseen> {
        let name = &self.subject.name;
        let what = format!("which {programs} run on the node {name}");
        Some(match self.closed? {
            Closed::Virtual => Unseen::not_visible(
                what,
                "it is a virtual node of a provider: no DaemonSet runs there, and what the provider runs beside the pods is not shown",
                "Ask the provider, or look in its console, whether runtime monitoring covers the pods on such nodes, and keep what it shows.",
            ),
            Closed::PerhapsVirtual => Unseen::not_visible(
                what,
                "its labels, its taints and its version do not say the same about whether it is a virtual node",
                "Look at the node by hand: kubectl get node -o wide.",
            ),
            Closed::Windows => Unseen::not_visible(
                what,
                "it runs Windows, where such programs are mostly services of the host, which no pod shows",
                "Ask whoever operates the node which agent is installed there, and keep what its console shows of the node.",
            ),
            Closed::Dark => Unseen::not_visible(
                what,
                "the node is not ready, so that what is reported of its pods may be out of date",
                "Bring the node back or remove it, then collect again.",
            ),
        })
    }

    /// Why it is not known yet which `programs` run there, where none is ready.
    pub(super) fn settling(&self, programs: &str) -> Option<Unseen> {
        let name = &self.subject.name;
        let unseen = || {
            Unseen::not_visible(
                format!("which {programs} run on the node {name}"),
                "the node was made less than ten minutes before, and pods may not have started there",
                "Collect again in some minutes.",
            )
        };
        self.is_new.then(unseen)
    }

    /// Why a DaemonSet makes no pod there, as far as its template says it.
    pub(super) fn refuses(&self, spec: &PodSpec) -> Option<String> {
        let selector = spec.node_selector.iter().flatten().find(|(key, value)| self.labels.get(*key) != Some(*value));
        if let Some((key, value)) = selector {
            return Some(format!("its nodeSelector asks for {key}={value}"));
        }
        let tolerated = |taint: &Taint| spec.tolerations.iter().flatten().any(|toleration| tolerates(toleration, taint));
        // The controller of DaemonSets adds tolerations for what Kubernetes itself taints (pkg/controller/daemon/util, AddOrUpdateDaemonPodTolerations).
        let counts = |taint: &&Taint| taint.effect != "PreferNoSchedule" && !taint.key.starts_with("node.kubernetes.io/");
        let taint = self.taints.iter().filter(counts).find(|taint| !tolerated(taint))?;
        let value = taint.value.as_deref().filter(|value| !value.is_empty()).map_or(String::new(), |value| format!("={value}"));
        Some(format!("it does not tolerate the taint {}{value}:{}", taint.key, taint.effect))
    }
}

/// `core/v1` Toleration, ToleratesTaint; the operators Lt and Gt are left out, which only makes a reason less.
fn tolerates(toleration: &Toleration, taint: &Taint) -> bool {
    let text = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let effect = text(&toleration.effect).is_none_or(|effect| effect == taint.effect);
    let key = text(&toleration.key).is_none_or(|key| key == taint.key);
    let value = match toleration.operator.as_deref() {
        Some("Exists") => true,
        _ => text(&toleration.key).is_some() && text(&toleration.value) == text(&taint.value),
    };
    effect && key && value
}

fn closed(node: &Node) -> Option<Closed> {
    const FARGATE: &str = "eks.amazonaws.com/compute-type";
    match is_virtual(node) {
        Virtual::Yes => return Some(Closed::Virtual),
        // A label or a taint is written by whoever may change the node, and takes none out alone.
        Virtual::Perhaps if reports_virtual(node) => return Some(Closed::PerhapsVirtual),
        Virtual::Perhaps | Virtual::No => {}
    }
    // Fargate gives its nodes that label, that taint and a name of its own (EKS User Guide, "AWS Fargate").
    let labelled = node.metadata.labels.iter().flatten().any(|(key, value)| key == FARGATE && value == "fargate");
    let taints = || node.spec.iter().flat_map(|spec| spec.taints.iter().flatten());
    let tainted = taints().any(|taint| taint.key == FARGATE && taint.value.as_deref() == Some("fargate"));
    let named = node.metadata.name.as_deref().is_some_and(|name| name.starts_with("fargate-"));
    if named && (labelled || tainted) {
        return Some(Closed::Virtual);
    }
    let status = node.status.as_ref();
    if status.and_then(|status| status.node_info.as_ref()).is_some_and(|info| info.operating_system == "windows") {
        return Some(Closed::Windows);
    }
    let conditions = status.and_then(|status| status.conditions.as_ref());
    let mut ready = conditions.into_iter().flatten().filter(|condition| condition.type_ == "Ready").peekable();
    // A node of which nothing is said yet is not ready either.
    let is_ready = ready.peek().is_some() && ready.all(|condition| condition.status == "True");
    (!is_ready).then_some(Closed::Dark)
}

/// All nodes by name. New are those that were made less than so many seconds before the collection.
pub(super) fn machines(reader: &Reader<'_>, new: i64) -> Result<BTreeMap<String, Machine>, FactsError> {
    let mut all = BTreeMap::new();
    let collected = reader.collected().to_owned();
    reader.each::<Node>(&NODES, |node, origin| {
        let name = node.metadata.name.clone().unwrap_or_default();
        let made = node.metadata.creation_timestamp.as_ref();
        let age = made.and_then(|made| seconds_between(&made.0.to_string(), &collected));
        all.insert(name, Machine::of(node, origin, age.is_some_and(|age| age < new)));
    })?;
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_toleration_fits_a_taint_as_the_scheduler_says() {
        let taint: Taint = serde_json::from_value(json!({"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"})).unwrap();
        for (toleration, fits) in [
            (json!({"operator": "Exists"}), true),
            (json!({"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}), true),
            (json!({"key": "node-role.kubernetes.io/control-plane", "operator": "Exists"}), true),
            (json!({"key": "node-role.kubernetes.io/control-plane", "operator": "Exists", "effect": "NoExecute"}), false),
            (json!({"key": "node-role.kubernetes.io/master", "operator": "Exists"}), false),
            (json!({"key": "node-role.kubernetes.io/control-plane", "value": "x"}), false),
        ] {
            let toleration: Toleration = serde_json::from_value(toleration).unwrap();
            assert_eq!(tolerates(&toleration, &taint), fits, "{toleration:?}");
        }
    }
}
