//! What stands in the API groups that are read and is not read: known, and without influence on what is claimed. A kind of such a group that
//! is named nowhere is unknown: what it means cannot be said, so the sources of its group are in doubt by its name.
//!
//! Sources: the storage of Kubernetes 1.30 to 1.37 (`pkg/registry/*/rest`), and the CRDs of the projects.

use super::inventory;
use crate::model::sources::EVERY_KIND_ALONE as OPEN;

/// Group and plurals.
const BESIDE: &[(&str, &str)] = &[
    ("", "bindings componentstatuses configmaps endpoints events podtemplates secrets"),
    ("admissionregistration.k8s.io", ""),
    ("apiextensions.k8s.io", ""),
    ("apiregistration.k8s.io", ""),
    ("apps", "controllerrevisions"),
    ("authentication.k8s.io", "tokenreviews"),
    ("authorization.k8s.io", "localsubjectaccessreviews selfsubjectaccessreviews subjectaccessreviews"),
    ("batch", ""),
    ("certificates.k8s.io", "clustertrustbundles podcertificaterequests"),
    ("coordination.k8s.io", "leasecandidates"),
    ("networking.k8s.io", "ipaddresses servicecidrs"),
    ("node.k8s.io", ""),
    ("policy", ""),
    ("rbac.authorization.k8s.io", ""),
    // Groups of pods that are scheduled together (KEP-4671).
    ("scheduling.k8s.io", "compositepodgroups podgroups workloads"),
    ("storage.k8s.io", "csinodes csistoragecapacities volumeattachments volumeattributesclasses"),
    (
        "cilium.io",
        "ciliumbgpadvertisements ciliumbgpclusterconfigs ciliumbgpnodeconfigoverrides ciliumbgpnodeconfigs ciliumbgppeerconfigs
         ciliumbgppeeringpolicies ciliumcidrgroups ciliumclusterwideenvoyconfigs ciliumdatapathplugins ciliumegressgatewaypolicies
         ciliumendpoints ciliumendpointslices ciliumenvoyconfigs ciliumexternalworkloads ciliumgatewayclassconfigs ciliumidentities
         ciliuml2announcementpolicies ciliumloadbalancerippools ciliumlocalredirectpolicies ciliumnodes ciliumpodippools
         podinfo",
    ),
    (
        "crd.projectcalico.org",
        "bgpconfigurations bgpfilters bgppeers blockaffinities caliconodestatuses clusterinformations globalnetworksets hostendpoints
         ipamblocks ipamconfigs ipamhandles ippools ipreservations kubecontrollersconfigurations networksets stagedglobalnetworkpolicies stagedkubernetesnetworkpolicies
         stagednetworkpolicies",
    ),
    (
        "projectcalico.org",
        "bgpconfigurations bgpfilters bgppeers blockaffinities caliconodestatuses clusterinformations globalnetworksets hostendpoints
         ipamblocks ipamconfigs ipamconfigurations ipamhandles ippools ipreservations kubecontrollersconfigurations networksets nodes
         profiles stagedglobalnetworkpolicies stagedkubernetesnetworkpolicies
         stagednetworkpolicies",
    ),
    (
        "crd.antrea.io",
        "antreaagentinfos antreacontrollerinfos antreaclusternetworkpolicies bgppolicies clustergroups egresses externalentities
         externalippools externalnodes flowexporterdestinations groups ippools nodelatencymonitors packetcaptures
         supportbundlecollections tiers traceflows trafficcontrols",
    ),
    // Routes, addresses and priorities of traffic: none of them lets anything through or keeps it away.
    (
        "k8s.ovn.org",
        "adminpolicybasedexternalroutes clusternetworkconnects clusteruserdefinednetworks egressips egressqoses egressservices networkqoses
         routeadvertisements userdefinednetworks vteps",
    ),
    ("networking.k8s.aws", "cninodes policyendpoints clusterpolicyendpoints"),
    ("policy.networking.k8s.io", ""),
    ("security.istio.io", "requestauthentications"),
    ("networking.istio.io", "envoyfilters proxyconfigs serviceentries sidecars workloadentries workloadgroups"),
    ("policy.linkerd.io", "egressnetworks httplocalratelimitpolicies httproutes networkauthentications"),
    ("gateway.networking.k8s.io", "referencegrants"),
    ("route.openshift.io", ""),
    ("traefik.io", TRAEFIK),
    ("traefik.containo.us", TRAEFIK),
    ("projectcontour.io", "contourconfigurations contourdeployments extensionservices tlscertificatedelegations"),
    ("templates.gatekeeper.sh", ""),
    ("kyverno.io", "cleanuppolicies clustercleanuppolicies globalcontextentries updaterequests"),
    ("config.gatekeeper.sh", ""),
    ("policies.kubewarden.io", "policyservers"),
    // What these remove, make or change decides nothing about what is refused.
    (
        "policies.kyverno.io",
        "deletingpolicies generatingpolicies namespaceddeletingpolicies namespacedgeneratingpolicies namespacedmutatingpolicies",
    ),
    ("policy.sigstore.dev", "trustroots"),
    ("external-secrets.io", "clusterpushsecrets pushsecrets"),
    ("secrets.hashicorp.com", "hcpauths hcpvaultsecretsapps secrettransformations"),
    ("bitnami.com", ""),
    ("isindir.github.com", ""),
    ("secrets-store.csi.x-k8s.io", "secretproviderclasspodstatuses"),
    ("cert-manager.io", "certificaterequests"),
    (
        "velero.io",
        "backuprepositories datadownloads deletebackuprequests downloadrequests podvolumerestores
         resticrepositories serverstatusrequests volumesnapshotlocations",
    ),
    ("snapshot.storage.k8s.io", "volumesnapshots volumesnapshotcontents"),
];

/// Options and services of Traefik's routes; routes themselves are read.
const TRAEFIK: &str = "middlewares middlewaretcps serverstransports serverstransporttcps tlsoptions tlsstores traefikservices";

/// Whether a kind belongs to a group that is read, and is neither read nor known.
pub(in crate::collect) fn is_unknown(group: &str, resource: &str) -> bool {
    let mut of_group = inventory().iter().filter(|entry| entry.source.api_group() == group && entry.is_resource()).peekable();
    if of_group.peek().is_none() || OPEN.contains(&group) {
        return false;
    }
    // A group whose every kind is read has `*`.
    let is_read = of_group.any(|entry| matches!(entry.source.resource(), "*") || entry.source.resource() == resource);
    let is_known = || {
        let beside = BESIDE.iter().filter(|(name, _)| *name == group);
        beside.flat_map(|(_, plurals)| plurals.split_ascii_whitespace()).any(|known| known == resource)
    };
    !is_read && !is_known()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_of_a_group_that_is_read_is_read_known_or_unknown() {
        for (group, resource) in [("", "pods"), ("", "secrets"), ("kyverno.io", "updaterequests"), ("example.org", "things")] {
            assert!(!is_unknown(group, resource), "{resource}.{group}");
        }
        for (group, resource) in [("", "pots"), ("policies.kyverno.io", "newpolicies"), ("rbac.authorization.k8s.io", "conditionalroles")] {
            assert!(is_unknown(group, resource), "{resource}.{group}");
        }
        assert!(!is_unknown("constraints.gatekeeper.sh", "anything"), "all of its kinds are read");
    }

    #[test]
    fn every_group_that_is_read_was_looked_at() {
        for entry in inventory().iter().filter(|entry| entry.is_resource() && entry.source.resource() != "*") {
            let group = entry.source.api_group();
            assert!(OPEN.contains(&group) || BESIDE.iter().any(|(known, _)| *known == group), "{group}: which of its kinds are not read?");
        }
    }
}
