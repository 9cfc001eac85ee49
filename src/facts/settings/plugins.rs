//! Admission plugins: `--admission-control` is the older spelling of the flags that switch them on and off.

/// The plugins of the minor versions 1.30 to 1.37 (pkg/kubeapiserver/options/plugins.go, AllOrderedPlugins), sorted, without those
/// that one or two of them have for fields of their own.
pub(super) const ALL: &[&str] = &[
    "AlwaysAdmit",
    "AlwaysDeny",
    "AlwaysPullImages",
    "CertificateApproval",
    "CertificateSigning",
    "CertificateSubjectRestriction",
    "ClusterTrustBundleAttest",
    "DefaultIngressClass",
    "DefaultStorageClass",
    "DefaultTolerationSeconds",
    "DenyServiceExternalIPs",
    "EventRateLimit",
    "ExtendedResourceToleration",
    "ImagePolicyWebhook",
    "LimitPodHardAntiAffinityTopology",
    "LimitRanger",
    "MutatingAdmissionPolicy",
    "MutatingAdmissionWebhook",
    "NamespaceAutoProvision",
    "NamespaceExists",
    "NamespaceLifecycle",
    "NodeRestriction",
    "OwnerReferencesPermissionEnforcement",
    "PersistentVolumeClaimResize",
    "PodNodeSelector",
    "PodSecurity",
    "PodTolerationRestriction",
    "Priority",
    "ResourceQuota",
    "RuntimeClass",
    "ServiceAccount",
    "StorageObjectInUseProtection",
    "TaintNodesByCondition",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionWebhook",
];

/// The flag that names the whole list.
pub(super) const WHOLE: &str = "admission-control";

/// What the whole list says of a newer flag: it is what is on, and everything else is off (pkg/kubeapiserver/options/admission.go,
/// computePluginNames; an empty list switches everything off). The server does not start where both spellings are written.
pub(super) fn of_whole(setting: &str, list: &str) -> Option<String> {
    let named = super::split(list);
    match setting {
        "enable-admission-plugins" => Some(named.join(",")),
        "disable-admission-plugins" => {
            let off: Vec<&str> = ALL.iter().copied().filter(|plugin| !named.iter().any(|name| name == plugin)).collect();
            Some(off.join(","))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_whole_list_leaves_out_is_off() {
        let list = "NamespaceLifecycle, ServiceAccount,NodeRestriction";
        let off = of_whole("disable-admission-plugins", list).unwrap_or_default();
        assert!(off.split(',').any(|plugin| plugin == "PodSecurity"));
        assert!(!off.split(',').any(|plugin| plugin == "NodeRestriction"));
        assert_eq!(of_whole("enable-admission-plugins", list).as_deref(), Some("NamespaceLifecycle,ServiceAccount,NodeRestriction"));
        assert_eq!(of_whole("disable-admission-plugins", "").map(|off| off.split(',').count()), Some(ALL.len()));
        assert_eq!(of_whole("profiling", list), None);
    }
}
