//! Nodes and the runtimes on them.

use super::Entry;
use super::entries::list;
use crate::model::sources;

pub(super) fn entries() -> Vec<Entry> {
    vec![
        list(
            sources::NODES,
            "Node",
            "metadata{$quietmeta} spec!{podCIDR podCIDRs providerID taints unschedulable}
             status!{nodeInfo{kubeletVersion kubeProxyVersion containerRuntimeVersion osImage kernelVersion operatingSystem architecture}
             addresses conditions{type status reason} runtimeHandlers features}",
            "Versions, runtimes and addresses of nodes; owners of mirror pods; k3s publishes its server's flags here.",
        ),
        list(sources::RUNTIME_CLASSES, "RuntimeClass", "metadata{$meta} handler! overhead scheduling", "Sandboxed runtimes."),
    ]
}
