use super::*;

#[test]
fn volumes_pass_by_kind() -> Outcome {
    let spec = |volume: Value| json!({"containers": [], "volumes": [volume]});
    for kind in ["configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim", "projected", "secret"] {
        assert_eq!(restricted("restrictedVolumes", 0, spec(json!({"name": "v", kind: {}})))?, None, "{kind}");
    }
    for kind in [
        "hostPath",
        "gcePersistentDisk",
        "awsElasticBlockStore",
        "gitRepo",
        "nfs",
        "iscsi",
        "glusterfs",
        "rbd",
        "flexVolume",
        "cinder",
        "cephfs",
        "flocker",
        "fc",
        "azureFile",
        "vsphereVolume",
        "quobyte",
        "azureDisk",
        "photonPersistentDisk",
        "portworxVolume",
        "scaleIO",
        "storageos",
    ] {
        let found = restricted("restrictedVolumes", 36, spec(json!({"name": "v", kind: {}})))?;
        assert_eq!(found, at(&[&format!("/volumes/0/{kind}")]), "{kind}");
    }
    assert_eq!(restricted("restrictedVolumes", 36, spec(json!({"name": "v"})))?, at(&["/volumes/0"]));
    let two = json!({"name": "v", "emptyDir": {}, "hostPath": {"path": "/"}});
    assert_eq!(restricted("restrictedVolumes", 36, spec(two))?, None);
    Ok(())
}

#[test]
fn privilege_escalation_must_be_refused_by_every_container() -> Outcome {
    let check = "allowPrivilegeEscalation";
    let unset = everywhere(&json!({}));
    assert_eq!(restricted(check, 7, unset.clone())?, None);
    assert_eq!(restricted(check, 8, unset.clone())?, everywhere_at(check));
    assert_eq!(restricted(check, 36, everywhere(&json!({check: true})))?, everywhere_at(check));
    assert_eq!(restricted(check, 36, everywhere(&json!({check: false})))?, None);
    let mut windows = unset;
    windows["os"] = json!({"name": "windows"});
    assert_eq!(restricted(check, 24, windows.clone())?, everywhere_at(check));
    assert_eq!(restricted(check, 25, windows.clone())?, None);
    windows["os"] = json!({"name": "Windows"});
    assert_eq!(restricted(check, 25, windows)?, everywhere_at(check));
    Ok(())
}

#[test]
fn non_root_is_inherited_from_the_pod_but_never_denied() -> Outcome {
    let spec = |pod: Option<bool>, container: Option<bool>| {
        json!({
            "securityContext": {"runAsNonRoot": pod},
            "containers": [{"name": "c", "securityContext": {"runAsNonRoot": container}}],
        })
    };
    let container = "/containers/0/securityContext/runAsNonRoot";
    let pod = "/securityContext/runAsNonRoot";
    for (of_pod, of_container, expected) in [
        (Some(true), None, None),
        (None, Some(true), None),
        (None, None, at(&[container])),
        (Some(true), Some(false), at(&[container])),
        (Some(false), Some(true), at(&[pod])),
        (Some(false), None, at(&[pod, container])),
    ] {
        assert_eq!(restricted("runAsNonRoot", 0, spec(of_pod, of_container))?, expected);
    }
    let mut windows = spec(None, None);
    windows["os"] = json!({"name": "windows"});
    assert_eq!(restricted("runAsNonRoot", 36, windows)?, at(&[container]));
    Ok(())
}

#[test]
fn root_is_refused_from_1_23_and_allowed_in_user_namespaces_from_1_35() -> Outcome {
    let mut spec = everywhere(&json!({"runAsUser": 0, "runAsNonRoot": false}));
    assert_eq!(restricted("runAsUser", 22, spec.clone())?, None);
    assert_eq!(restricted("runAsUser", 23, spec.clone())?, everywhere_at("runAsUser"));
    spec["hostUsers"] = json!(true);
    assert_eq!(restricted("runAsUser", 35, spec.clone())?, everywhere_at("runAsUser"));
    spec["hostUsers"] = json!(false);
    assert_eq!(restricted("runAsUser", 34, spec.clone())?, everywhere_at("runAsUser"));
    assert_eq!(restricted("runAsUser", 35, spec.clone())?, None);
    assert_eq!(restricted("runAsNonRoot", 34, spec.clone())?, everywhere_at("runAsNonRoot"));
    assert_eq!(restricted("runAsNonRoot", 35, spec)?, None);
    assert_eq!(restricted("runAsUser", 36, everywhere(&json!({"runAsUser": 1})))?, None);
    let overridden = json!({
        "securityContext": {"runAsUser": 0},
        "containers": [{"name": "c", "securityContext": {"runAsUser": 1}}],
    });
    assert_eq!(restricted("runAsUser", 36, overridden)?, at(&["/securityContext/runAsUser"]));
    Ok(())
}

#[test]
fn seccomp_must_be_chosen_from_1_19() -> Outcome {
    let check = "seccompProfile_restricted";
    let unset = everywhere(&json!({}));
    assert_eq!(restricted(check, 18, unset.clone())?, None);
    assert_eq!(restricted(check, 19, unset.clone())?, everywhere_at("seccompProfile/type"));
    let mut windows = unset.clone();
    windows["os"] = json!({"name": "windows"});
    assert_eq!(restricted(check, 24, windows.clone())?, everywhere_at("seccompProfile/type"));
    assert_eq!(restricted(check, 25, windows)?, None);
    let mut inherited = unset;
    inherited["securityContext"] = json!({"seccompProfile": {"type": "Localhost"}});
    assert_eq!(restricted(check, 36, inherited)?, None);
    // A bad profile of the pod fails even when each container chooses its own.
    let mut overridden = everywhere(&json!({"seccompProfile": {"type": "RuntimeDefault"}}));
    overridden["securityContext"] = json!({"seccompProfile": {"type": "Unconfined"}});
    assert_eq!(restricted(check, 36, overridden)?, at(&["/securityContext/seccompProfile/type"]));
    // Containers without a profile of their own inherit the bad one: they are named too.
    let inherited = json!({
        "securityContext": {"seccompProfile": {"type": "Unconfined"}},
        "containers": [{"name": "c"}],
    });
    assert_eq!(
        restricted(check, 36, inherited)?,
        at(&["/securityContext/seccompProfile/type", "/containers/0/securityContext/seccompProfile/type",])
    );
    Ok(())
}

#[test]
fn capabilities_must_be_dropped_by_the_exact_name_all() -> Outcome {
    let check = "capabilities_restricted";
    let spec = |capabilities: Value| everywhere(&json!({"capabilities": capabilities}));
    assert_eq!(restricted(check, 21, spec(json!({})))?, None);
    assert_eq!(restricted(check, 22, spec(json!({})))?, everywhere_at("capabilities/drop"));
    assert_eq!(restricted(check, 36, spec(json!({"drop": ["all", "CAP_ALL"]})))?, everywhere_at("capabilities/drop"));
    let good = json!({"drop": ["CHOWN", "ALL"], "add": ["NET_BIND_SERVICE"]});
    assert_eq!(restricted(check, 36, spec(good))?, None);
    let bad = json!({"drop": ["ALL"], "add": ["NET_BIND_SERVICE", "CHOWN"]});
    assert_eq!(restricted(check, 36, spec(bad))?, everywhere_at("capabilities/add/1"));
    Ok(())
}
