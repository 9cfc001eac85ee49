use super::*;

#[test]
fn privileged_containers_fail_in_every_list() -> Outcome {
    assert_eq!(baseline("privileged", 0, everywhere(&json!({"privileged": true})))?, everywhere_at("privileged"));
    assert_eq!(baseline("privileged", 36, everywhere(&json!({"privileged": false})))?, None);
    Ok(())
}

#[test]
fn host_namespaces_fail_only_when_true() -> Outcome {
    let spec = json!({"containers": [], "hostNetwork": true, "hostPID": true, "hostIPC": true});
    assert_eq!(baseline("hostNamespaces", 0, spec)?, at(&["/hostNetwork", "/hostPID", "/hostIPC"]));
    let spec = json!({"containers": [], "hostNetwork": false, "hostPID": null});
    assert_eq!(baseline("hostNamespaces", 0, spec)?, None);
    Ok(())
}

#[test]
fn host_path_volumes_are_told_by_restricted_volumes_at_restricted() -> Outcome {
    let spec = json!({"containers": [], "volumes": [{"name": "a", "emptyDir": {}}, {"name": "b", "hostPath": {"path": "/"}}]});
    assert_eq!(baseline("hostPathVolumes", 0, spec.clone())?, at(&["/volumes/1/hostPath"]));
    assert_eq!(restricted("hostPathVolumes", 0, spec.clone())?, None);
    assert_eq!(restricted("restrictedVolumes", 0, spec)?, at(&["/volumes/1/hostPath"]));
    Ok(())
}

#[test]
fn host_ports_fail_unless_zero() -> Outcome {
    let spec = json!({"containers": [{"name": "c", "ports": [
        {"containerPort": 1}, {"containerPort": 2, "hostPort": 0}, {"containerPort": 3, "hostPort": 3},
    ]}]});
    assert_eq!(baseline("hostPorts", 0, spec)?, at(&["/containers/0/ports/2/hostPort"]));
    Ok(())
}

#[test]
fn hosts_in_probes_and_lifecycle_fail_from_1_34_even_localhost() -> Outcome {
    let spec = json!({"containers": [{
        "name": "c",
        "livenessProbe": {"httpGet": {"port": 1, "host": "localhost"}},
        "readinessProbe": {"tcpSocket": {"port": 1, "host": "10.0.0.1"}},
        "startupProbe": {"httpGet": {"port": 1, "host": ""}},
        "lifecycle": {
            "postStart": {"httpGet": {"port": 1, "host": "h"}},
            "preStop": {"tcpSocket": {"port": 1, "host": "h"}},
        },
    }]});
    assert_eq!(baseline("hostProbesAndHostLifecycle", 33, spec.clone())?, None);
    assert_eq!(
        baseline("hostProbesAndHostLifecycle", 34, spec)?,
        at(&[
            "/containers/0/livenessProbe/httpGet/host",
            "/containers/0/readinessProbe/tcpSocket/host",
            "/containers/0/lifecycle/postStart/httpGet/host",
            "/containers/0/lifecycle/preStop/tcpSocket/host",
        ])
    );
    Ok(())
}

#[test]
fn capabilities_are_compared_exactly() -> Outcome {
    let spec = |name: &str| everywhere(&json!({"capabilities": {"add": ["CHOWN", name]}}));
    for bad in ["SYS_ADMIN", "NET_RAW", "chown", "CAP_CHOWN", "", "ALL"] {
        assert_eq!(baseline("capabilities_baseline", 0, spec(bad))?, everywhere_at("capabilities/add/1"), "{bad}");
    }
    assert_eq!(baseline("capabilities_baseline", 0, spec("SYS_CHROOT"))?, None);
    Ok(())
}

#[test]
fn app_armor_reads_fields_and_every_annotation_with_the_old_prefix() -> Outcome {
    let spec = everywhere(&json!({"appArmorProfile": {"type": "Unconfined"}}));
    assert_eq!(baseline("appArmorProfile", 0, spec)?, everywhere_at("appArmorProfile/type"));
    let spec = json!({"containers": [], "securityContext": {"appArmorProfile": {"type": "Unconfined"}}});
    assert_eq!(baseline("appArmorProfile", 0, spec)?, at(&["/securityContext/appArmorProfile/type"]));

    let spec: PodSpec = serde_json::from_value(json!({"containers": [{"name": "c"}]}))?;
    let prefix = "container.apparmor.security.beta.kubernetes.io";
    let fails = |container: &str, value: &str| {
        let annotations = annotations(&[(&format!("{prefix}/{container}"), value)]);
        let found = evaluate(&annotations, &spec, Level::Baseline, PolicyVersion::Latest);
        found.into_iter().flat_map(|violation| violation.annotations).collect::<Vec<_>>()
    };
    assert_eq!(fails("nobody", "unconfined"), [format!("{prefix}/nobody")]);
    assert_eq!(fails("c", "Runtime/Default"), [format!("{prefix}/c")]);
    for good in ["", "runtime/default", "localhost/", "localhost/x"] {
        assert!(fails("c", good).is_empty(), "{good}");
    }
    Ok(())
}

#[test]
fn se_linux_allows_container_types_without_user_and_role() -> Outcome {
    let spec = |options: Value| everywhere(&json!({"seLinuxOptions": options}));
    assert_eq!(baseline("seLinuxOptions", 0, spec(json!({"type": "container_kvm_t", "level": "s0"})))?, None);
    assert_eq!(baseline("seLinuxOptions", 0, spec(json!({"type": "", "user": "", "role": ""})))?, None);
    let engine = spec(json!({"type": "container_engine_t"}));
    assert_eq!(baseline("seLinuxOptions", 30, engine.clone())?, everywhere_at("seLinuxOptions/type"));
    assert_eq!(baseline("seLinuxOptions", 31, engine)?, None);
    assert_eq!(baseline("seLinuxOptions", 36, spec(json!({"user": "u"})))?, everywhere_at("seLinuxOptions/user"));
    let spec = json!({"containers": [], "securityContext": {"seLinuxOptions": {"role": "r"}}});
    assert_eq!(baseline("seLinuxOptions", 36, spec)?, at(&["/securityContext/seLinuxOptions/role"]));
    Ok(())
}

#[test]
fn seccomp_reads_annotations_before_1_19_and_fields_after() -> Outcome {
    let spec: PodSpec = serde_json::from_value(json!({
        "containers": [{"name": "c", "securityContext": {"seccompProfile": {"type": "Unconfined"}}}],
    }))?;
    let annotations = annotations(&[
        ("seccomp.security.alpha.kubernetes.io/pod", ""),
        ("container.seccomp.security.alpha.kubernetes.io/c", "unconfined"),
        ("container.seccomp.security.alpha.kubernetes.io/nobody", "unconfined"),
    ]);
    let at = |minor| evaluate(&annotations, &spec, Level::Baseline, PolicyVersion::V1(minor));
    let old = at(18);
    assert_eq!(old.len(), 1);
    for found in &old {
        assert_eq!(found.check, "seccompProfile_baseline");
        assert!(found.pointers.is_empty());
        assert_eq!(found.annotations, ["container.seccomp.security.alpha.kubernetes.io/c", "seccomp.security.alpha.kubernetes.io/pod",]);
    }
    let new = at(19);
    assert_eq!(new.len(), 1);
    for found in &new {
        assert_eq!(found.pointers, ["/containers/0/securityContext/seccompProfile/type"]);
        assert!(found.annotations.is_empty());
    }
    Ok(())
}

#[test]
fn proc_mount_is_relaxed_at_baseline_by_user_namespaces_from_1_35() -> Outcome {
    let mut spec = everywhere(&json!({"procMount": "Unmasked"}));
    assert_eq!(baseline("procMount", 35, spec.clone())?, everywhere_at("procMount"));
    spec["hostUsers"] = json!(false);
    assert_eq!(baseline("procMount", 34, spec.clone())?, everywhere_at("procMount"));
    assert_eq!(baseline("procMount", 35, spec.clone())?, None);
    assert_eq!(restricted("procMount", 34, spec.clone())?, everywhere_at("procMount"));
    assert_eq!(restricted("procMount_restricted", 35, spec)?, everywhere_at("procMount"));
    assert_eq!(baseline("procMount", 0, everywhere(&json!({"procMount": "Default"})))?, None);
    Ok(())
}

#[test]
fn sysctls_join_the_safe_set_with_versions() -> Outcome {
    let spec = |name: &str| json!({"containers": [], "securityContext": {"sysctls": [{"name": name, "value": "1"}]}});
    for (name, since) in [
        ("net.ipv4.ip_local_reserved_ports", 27),
        ("net.ipv4.tcp_keepalive_time", 29),
        ("net.ipv4.tcp_fin_timeout", 29),
        ("net.ipv4.tcp_rmem", 32),
        ("net.ipv4.tcp_notsent_lowat", 37),
    ] {
        assert_eq!(baseline("sysctls", since - 1, spec(name))?, at(&["/securityContext/sysctls/0/name"]), "{name}");
        assert_eq!(baseline("sysctls", since, spec(name))?, None, "{name}");
    }
    assert_eq!(baseline("sysctls", 0, spec("kernel.shm_rmid_forced"))?, None);
    assert!(baseline("sysctls", 37, spec("kernel/shm_rmid_forced"))?.is_some());
    Ok(())
}

#[test]
fn windows_host_process_fails_at_pod_and_containers() -> Outcome {
    let options = json!({"windowsOptions": {"hostProcess": true}});
    assert_eq!(baseline("windowsHostProcess", 0, everywhere(&options))?, everywhere_at("windowsOptions/hostProcess"));
    let spec = json!({"containers": [], "securityContext": options});
    assert_eq!(baseline("windowsHostProcess", 36, spec)?, at(&["/securityContext/windowsOptions/hostProcess"]));
    Ok(())
}
