//! The nodes, as far as it matters for the settings of what runs on them.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Node;

use crate::facts::FactsError;
use crate::facts::nodes::{Virtual, is_virtual};
use crate::facts::table::read::Reader;
use crate::model::sources::NODES;
use crate::model::{Evidence, Grade, ObjectRef};

/// One node.
pub(super) struct Machine {
    pub(super) name: String,
    pub(super) subject: ObjectRef,
    /// Whether its kubelet has stopped to say that the node is ready: then the copies of its pods are what was true once.
    pub(super) dark: bool,
    /// Whether a kubelet runs there; virtual nodes have none.
    pub(super) has_kubelet: bool,
    /// Who publishes the words that it was started with, and the words where they can be read.
    pub(super) words: Option<(Distribution, Option<Vec<String>>)>,
    /// Where those words stand.
    pub(super) origin: Evidence,
}

/// Who runs the node's parts within one program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Distribution {
    /// Runs the API server in its own process, too.
    K3s,
    /// Runs the control plane as static pods.
    Rke2,
}

impl Machine {
    /// Whether it is, or may be, a k3s server.
    pub(super) fn may_be_k3s_server(&self) -> bool {
        match &self.words {
            Some((Distribution::K3s, Some(words))) => words.first().is_some_and(|word| word == "server"),
            Some((Distribution::K3s, None)) => true,
            Some((Distribution::Rke2, _)) | None => false,
        }
    }
}

const ANNOTATIONS: [(&str, &str, Distribution); 2] = [
    ("k3s.io/node-args", "/metadata/annotations/k3s.io~1node-args", Distribution::K3s),
    ("rke2.io/node-args", "/metadata/annotations/rke2.io~1node-args", Distribution::Rke2),
];

/// All nodes by name.
pub(super) fn machines(reader: &Reader<'_>) -> Result<BTreeMap<String, Machine>, FactsError> {
    let mut all = BTreeMap::new();
    reader.each::<Node>(&NODES, |node, origin| {
        let name = node.metadata.name.clone().unwrap_or_default();
        let mut words = None;
        let mut place = origin.clone();
        for (annotation, pointer, distribution) in ANNOTATIONS {
            let Some(text) = node.metadata.annotations.as_ref().and_then(|all| all.get(annotation)) else { continue };
            // A text that cannot be read is a doubt about this node alone.
            words = Some((distribution, serde_json::from_str::<Vec<String>>(text).ok()));
            place = origin.at(pointer);
        }
        let conditions = node.status.as_ref().and_then(|status| status.conditions.as_ref());
        let machine = Machine {
            subject: origin.object().cloned().unwrap_or_else(|| node_of(&name)),
            dark: conditions.into_iter().flatten().any(|condition| condition.type_ == "Ready" && condition.status != "True"),
            has_kubelet: is_virtual(&node) != Virtual::Yes,
            words,
            origin: place.graded(Grade::ReportedCopy),
            name: name.clone(),
        };
        all.insert(name, machine);
    })?;
    Ok(all)
}

fn node_of(name: &str) -> ObjectRef {
    ObjectRef { kind: "Node".to_owned(), group: String::new(), namespace: None, name: name.to_owned(), uid: None }
}
