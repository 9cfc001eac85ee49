//! Whether a running pod holds a token of its service account. Admission mounts it when the pod is made (plugin ServiceAccount), and it
//! stands in the pod's own spec from then on, whatever the account says later.

use k8s_openapi::api::core::v1::{PodSpec, VolumeMount};

/// Where that plugin mounts it.
const PLACE: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// How it calls the volume, before five signs of its own.
const VOLUME: &str = "kube-api-access";

/// Where the mount of a token stands that nobody wrote by hand, as a pointer below the pod's spec. A pod that says `false` itself got
/// none: what it mounts all the same is meant.
pub(in crate::facts) fn mounted(spec: &PodSpec) -> Option<String> {
    if spec.automount_service_account_token == Some(false) {
        return None;
    }
    let volumes: Vec<&str> = spec
        .volumes
        .iter()
        .flatten()
        // A Secret: before 1.21, tokens were kept in one (KEP-1205).
        .filter(|volume| {
            volume.secret.is_some()
                || volume.projected.iter().flat_map(|p| p.sources.iter().flatten()).any(|source| source.service_account_token.is_some())
        })
        .map(|volume| volume.name.as_str())
        .collect();
    if volumes.is_empty() {
        return None;
    }
    let is_token = |mount: &VolumeMount| {
        let at_place = mount.mount_path.trim_end_matches('/') == PLACE;
        (at_place || mount.name.starts_with(VOLUME)) && volumes.contains(&mount.name.as_str())
    };
    let ordinary = |list: &'static str, mounts: Vec<Option<&Vec<VolumeMount>>>| {
        mounts.into_iter().enumerate().find_map(|(i, mounts)| {
            let at = mounts?.iter().position(is_token)?;
            Some(format!("/{list}/{i}/volumeMounts/{at}"))
        })
    };
    ordinary("containers", spec.containers.iter().map(|c| c.volume_mounts.as_ref()).collect())
        .or_else(|| ordinary("initContainers", spec.init_containers.iter().flatten().map(|c| c.volume_mounts.as_ref()).collect()))
        .or_else(|| ordinary("ephemeralContainers", spec.ephemeral_containers.iter().flatten().map(|c| c.volume_mounts.as_ref()).collect()))
}

/// Whether a pod holds a token of its account in any way, one that was mounted by hand too: whoever gets into it has that token.
pub(in crate::facts) fn is_held(spec: &PodSpec) -> bool {
    let by_hand = spec.volumes.iter().flatten().flat_map(|volume| volume.projected.iter());
    let sources = by_hand.flat_map(|projected| projected.sources.iter().flatten());
    mounted(spec).is_some() || sources.into_iter().any(|source| source.service_account_token.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(text: &str) -> Option<String> {
        mounted(&serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}")))
    }

    #[test]
    fn the_pod_itself_says_what_it_holds() {
        let mount = r#""volumeMounts":[{"name":"data","mountPath":"/data"},{"name":"VOLUME","mountPath":"/var/run/secrets/kubernetes.io/serviceaccount"}]"#;
        let spec = |name: &str, volume: &str, own: &str| {
            let mount = mount.replace("VOLUME", name);
            pod(&format!(r#"{{{own}"containers":[{{"name":"a",{mount}}}],"volumes":[{{"name":"{name}",{volume}}}]}}"#))
        };
        let token = r#""projected":{"sources":[{"serviceAccountToken":{"path":"token"}}]}"#;
        let place = Some("/containers/0/volumeMounts/1".to_owned());
        assert_eq!(spec("kube-api-access-abcde", token, ""), place);
        assert_eq!(spec("default-token-abcde", r#""secret":{"secretName":"default-token-abcde"}"#, ""), place);
        assert_eq!(spec("mine", r#""emptyDir":{}"#, ""), None);
        assert_eq!(spec("mine", token, r#""automountServiceAccountToken":false,"#), None);
        assert_eq!(pod(r#"{"containers":[{"name":"a"}]}"#), None);
    }
}
