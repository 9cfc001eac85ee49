//! Rules of webhooks and of the API server's own policies: which objects they are about.

use serde::Deserialize;

/// What is in no namespace, by API group, as Kubernetes serves it. Namespaces are not listed: a selector of namespaces is asked about
/// them as about what is in them.
const CLUSTER_SCOPED: &[(&str, &[&str])] = &[
    ("", &["componentstatuses", "nodes", "persistentvolumes"]),
    (
        "admissionregistration.k8s.io",
        &[
            "mutatingadmissionpolicies",
            "mutatingadmissionpolicybindings",
            "mutatingwebhookconfigurations",
            "validatingadmissionpolicies",
            "validatingadmissionpolicybindings",
            "validatingwebhookconfigurations",
        ],
    ),
    ("apiextensions.k8s.io", &["customresourcedefinitions"]),
    ("apiregistration.k8s.io", &["apiservices"]),
    ("authentication.k8s.io", &["selfsubjectreviews", "tokenreviews"]),
    ("authorization.k8s.io", &["selfsubjectaccessreviews", "selfsubjectrulesreviews", "subjectaccessreviews"]),
    ("certificates.k8s.io", &["certificatesigningrequests", "clustertrustbundles"]),
    ("flowcontrol.apiserver.k8s.io", &["flowschemas", "prioritylevelconfigurations"]),
    ("internal.apiserver.k8s.io", &["storageversions"]),
    ("networking.k8s.io", &["ingressclasses", "ipaddresses", "servicecidrs"]),
    ("node.k8s.io", &["runtimeclasses"]),
    ("policy", &["podsecuritypolicies"]),
    ("rbac.authorization.k8s.io", &["clusterrolebindings", "clusterroles"]),
    ("resource.k8s.io", &["deviceclasses", "devicetaintrules", "resourceslices"]),
    ("scheduling.k8s.io", &["priorityclasses"]),
    ("storage.k8s.io", &["csidrivers", "csinodes", "storageclasses", "volumeattachments", "volumeattributesclasses"]),
    ("storagemigration.k8s.io", &["storageversionmigrations"]),
];

/// Which objects a webhook or a policy is about (`RuleWithOperations` in `admissionregistration.k8s.io/v1`).
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rule {
    #[serde(default)]
    api_groups: Vec<String>,
    #[serde(default)]
    operations: Vec<String>,
    #[serde(default)]
    resources: Vec<String>,
    scope: Option<String>,
}

/// A resource and its subresource as a rule writes them; empty is no subresource.
fn split(resource: &str) -> (&str, &str) {
    resource.split_once('/').unwrap_or((resource, ""))
}

/// Whether nothing that is in a namespace is meant. Rules name groups and resources apart, so that a resource of one listed group may
/// stand beside another listed group, which serves nothing of that name.
fn is_cluster_scoped(group: &str, resource: &str) -> bool {
    let (name, _) = split(resource);
    CLUSTER_SCOPED.iter().any(|(one, _)| *one == group) && CLUSTER_SCOPED.iter().any(|(_, names)| names.contains(&name))
}

impl Rule {
    /// Whether it is about pods that are made. `pods/*` is, too (apiserver pkg/admission/plugin/webhook/predicates/rules): the
    /// asterisk stands for no subresource as well.
    pub(super) fn takes_new_pods(&self) -> bool {
        let any = |list: &[String], wanted: &str| list.iter().any(|one| one == "*" || one == wanted);
        let pods = |resource: &String| {
            let (name, subresource) = split(resource);
            matches!(name, "*" | "pods") && matches!(subresource, "" | "*")
        };
        any(&self.api_groups, "")
            && any(&self.operations, "CREATE")
            && self.resources.iter().any(pods)
            && self.scope.as_deref() != Some("Cluster")
    }

    /// Whether it is about anything that is in a namespace, or about namespaces.
    pub(super) fn is_namespaced(&self) -> bool {
        let namespaced = |group: &String| self.resources.iter().any(|resource| !is_cluster_scoped(group, resource));
        self.scope.as_deref() != Some("Cluster") && self.api_groups.iter().any(namespaced)
    }

    /// What it is about: `resource` or `resource.group`; `*` is everything.
    pub(super) fn names(&self) -> impl Iterator<Item = String> {
        self.api_groups.iter().flat_map(|group| {
            self.resources.iter().map(move |resource| match group.as_str() {
                "" => resource.clone(),
                "*" if resource.starts_with('*') => "*".to_owned(),
                group => format!("{resource}.{group}"),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(groups: &[&str], resources: &[&str]) -> Rule {
        let json = serde_json::json!({"apiGroups": groups, "operations": ["CREATE"], "resources": resources, "scope": "*"});
        serde_json::from_value(json).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn an_asterisk_is_no_subresource_too() {
        for (resource, pods) in [("pods", true), ("pods/*", true), ("*", true), ("*/*", true), ("pods/exec", false), ("*/scale", false)] {
            assert_eq!(rule(&[""], &[resource]).takes_new_pods(), pods, "{resource}");
        }
        assert!(!rule(&["apps"], &["pods"]).takes_new_pods());
    }

    #[test]
    fn rules_about_what_is_in_no_namespace_are_about_no_namespace() {
        assert!(!rule(&["", "rbac.authorization.k8s.io"], &["nodes", "nodes/status", "clusterroles"]).is_namespaced());
        assert!(!rule(&["storage.k8s.io"], &["storageclasses"]).is_namespaced());
        assert!(rule(&["", "rbac.authorization.k8s.io"], &["nodes", "roles"]).is_namespaced());
        assert!(rule(&[""], &["namespaces"]).is_namespaced(), "a namespace with ePHI is one of them");
        assert!(rule(&["*"], &["nodes"]).is_namespaced(), "another group may have nodes that are in namespaces");
        assert!(rule(&[""], &["*"]).is_namespaced());
        assert!(rule(&["example.org"], &["nodes"]).is_namespaced());
    }
}
