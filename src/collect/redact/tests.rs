mod properties;
mod secrets;

use serde_json::{Map, Value, json};

use super::*;
use crate::collect::inventory::{Amount, ConfigText, METADATA, fragment, inventory};
use crate::model::LooksLikeCredential;

/// Stands in every place where something secret could stand.
const MARK: &str = "s3cr3t-m4rker";

fn keep(text: &'static str) -> Keep {
    Keep::parse(text).unwrap()
}

fn pruned(object: &Value, rule: &Keep) -> Result<Value, Broken> {
    let text = object.to_string();
    let head = Head::of(&text).unwrap_or_default();
    let mut out = String::new();
    prune(&text, rule, &head, None, &mut out)?;
    assert!(!out.contains('\n'));
    Ok(serde_json::from_str(&out).unwrap())
}

fn rule_of(resource: &str) -> Keep {
    let entry = inventory().iter().find(|entry| entry.source.to_string() == resource).unwrap();
    let Amount::Fields(text) = entry.amount else { panic!("{resource}") };
    keep(text)
}

#[test]
fn every_allow_list_of_the_inventory_can_be_read() {
    for entry in inventory() {
        match entry.amount {
            Amount::Fields(text) => assert!(Keep::parse(text).is_ok(), "{}: {:?}", entry.source, Keep::parse(text)),
            Amount::Keys(keys) => {
                for key in keys {
                    if let ConfigText::Fields(text) = key.text {
                        assert!(Keep::parse(text).is_ok(), "{} {}: {:?}", entry.source, key.name, Keep::parse(text));
                    }
                }
            }
            Amount::Metadata | Amount::Series | Amount::Status => {}
        }
    }
    assert!(Keep::parse(METADATA).is_ok());
    for wrong in ["a{", "a}", "a:nothing", "$nothing", "a a", "a{b{}"] {
        assert!(Keep::parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn lists_keep_their_places_and_unknown_fields_go() {
    let rule = keep("a{b} c d{*{}} e{}");
    let object = json!({
        "a": [{"b": 1, "x": MARK}, {"x": MARK}, null, {"b": [1, {"deep": "stays"}]}],
        "c": {"whole": ["stays", 1.5, true, null]},
        "d": {"map": {"x": MARK}, "list": [MARK], "text": MARK, "number": 7},
        "e": {"x": MARK},
        "f": MARK,
    });
    assert_eq!(
        pruned(&object, &rule).unwrap(),
        json!({
            "a": [{"b": 1}, {}, null, {"b": [1, {"deep": "stays"}]}],
            "c": {"whole": ["stays", 1.5, true, null]},
            "d": {"map": {}, "list": []},
            "e": {},
        })
    );
}

#[test]
fn an_object_of_another_shape_is_refused_and_its_values_are_not_told() {
    for wrong in [json!({"a": MARK}), json!({"a": 7}), json!({"a": [MARK]}), json!(MARK)] {
        let error = pruned_text(&wrong.to_string(), &keep("a{b}")).unwrap_err().to_string();
        assert!(!error.contains(MARK), "{error}");
    }
}

fn pruned_text(text: &str, rule: &Keep) -> Result<String, Broken> {
    let mut out = String::from("before");
    let result = prune(text, rule, &Head::default(), Some(("v1", "Kind")), &mut out);
    assert!(result.is_ok() || out == "before", "a refused object leaves nothing behind");
    result.map(|()| out)
}

#[test]
fn numbers_and_texts_come_through_byte_for_byte() {
    let text = r#"{"a":{"n":[1e400,1.10,123456789012345678901234567890],"t":"\u0000\u202e\\\" é"}}"#;
    assert_eq!(pruned_text(text, &keep("a")).unwrap(), format!("before{{\"apiVersion\":\"v1\",\"kind\":\"Kind\",{}", &text[1..]));
    assert_eq!(
        pruned_text("{ \"a\" : [ 1 ,\n\t\"x : y\" ] }", &keep("a")).unwrap(),
        r#"before{"apiVersion":"v1","kind":"Kind","a":[1,"x : y"]}"#
    );
    assert_eq!(pruned_text("{}", &keep("a")).unwrap(), r#"before{"apiVersion":"v1","kind":"Kind"}"#);
}

#[test]
fn command_lines_keep_names_and_lose_values() {
    let words = |list: &[&str], first, system| arguments::argument_list(list, first, system);
    assert_eq!(
        words(&["/bin/sh", "--password=x", "--password", "x", "serve", "-p", "-px", "-p=x", "sh -c x"], true, false),
        ["/bin/sh", "--password=[redacted]", "--password", REDACTED, REDACTED, "-p", REDACTED, REDACTED, REDACTED]
    );
    assert_eq!(words(&["sh -c 'curl x'", "x"], true, false), [REDACTED, REDACTED]);
    // A name that no list has could be anything.
    assert_eq!(words(&["hunter2"], true, false), [REDACTED]);
    assert_eq!(words(&["/opt/hunter2/sh"], true, false), [REDACTED]);
    assert_eq!(words(&["--anonymous-auth=false"], false, false), ["--anonymous-auth=[redacted]"]);
    // Go's own flag package takes one dash for two; a word that only begins with a dash is no name.
    assert_eq!(
        words(&["-trusted-ca-file", "/ca.crt", "-client-cert-auth=true", "-pSECRET", "-unknown=x"], false, true),
        ["-trusted-ca-file", "/ca.crt", "-client-cert-auth=true", REDACTED, REDACTED]
    );
    assert_eq!(words(&["-client-cert-auth=true"], false, false), [REDACTED]);
    // The manifests of agents are known by exact names, in any pod, and no value of theirs stays.
    assert_eq!(
        words(&["-config.file=/hunter2", "-config.filehunter2", "-gRPC", "32767", "-gRPChunter2=x", "-tlsEnabled=hunter2"], false, false),
        ["-config.file=[redacted]", REDACTED, "-gRPC", REDACTED, REDACTED, "-tlsEnabled=[redacted]"]
    );
    let system = words(
        &[
            "--log-file=x",
            "/usr/local/bin/kube-apiserver",
            "--anonymous-auth=false",
            "--tls-min-version",
            "VersionTLS12",
            "--unknown=x",
            "--unknown",
            "x",
            "--oidc-issuer-url=https://u:p@host/",
            "--profiling",
            "--v=2",
        ],
        false,
        true,
    );
    assert_eq!(
        system,
        [
            "--log-file=x",
            "/usr/local/bin/kube-apiserver",
            "--anonymous-auth=false",
            "--tls-min-version",
            "VersionTLS12",
            "--unknown=[redacted]",
            "--unknown",
            REDACTED,
            "--oidc-issuer-url=[redacted]",
            "--profiling",
            "--v=2"
        ]
    );
}

#[test]
fn environment_keeps_references_and_loses_values() {
    let list = json!([
        {"name": "A", "value": MARK},
        {"name": "B", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k", "optional": true, "x": MARK}, "odd": {"x": MARK}}},
        {"name": "NETWORK_POLICY_ENFORCING_MODE", "value": "strict"},
        {"name": "C"},
        {"name": "EMPTY", "value": ""},
    ]);
    let of = |namespace: &str| {
        let pod = json!({"metadata": {"name": "p", "namespace": namespace}, "spec": {"containers": [{"name": "c", "env": list}]}});
        pruned(&pod, &rule_of("pods")).unwrap()["spec"]["containers"][0]["env"].clone()
    };
    let redacted = |mode: &str| {
        json!([
            {"name": "A", "value": REDACTED},
            {"name": "B", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k", "optional": true}}},
            {"name": "NETWORK_POLICY_ENFORCING_MODE", "value": mode},
            {"name": "C"},
            {"name": "EMPTY", "value": ""},
        ])
    };
    assert_eq!(of("records"), redacted(REDACTED));
    assert_eq!(of("kube-system"), redacted("strict"));
}

#[test]
fn of_actions_of_aws_only_a_redirect_stays() {
    let stored = |action: &str| {
        let name = "alb.ingress.kubernetes.io/actions.up";
        let ingress = json!({"metadata": {"name": "a", "annotations": {name: action}}});
        let kept = pruned(&ingress, &rule_of("ingresses.networking.k8s.io")).unwrap();
        kept["metadata"]["annotations"][name].as_str().unwrap_or_default().to_owned()
    };
    let redirect = r#"{"Type": "redirect", "RedirectConfig": {"Protocol": "HTTPS", "Port": "443", "Host": "secret.clinic.example"}}"#;
    let kept: Value = serde_json::from_str(&stored(redirect)).unwrap();
    assert_eq!(kept, json!({"type": "redirect", "redirectConfig": {"protocol": "HTTPS"}}));
    for other in [r#"{"type":"fixed-response","fixedResponseConfig":{"messageBody":"secret"}}"#, "secret", ""] {
        assert_eq!(stored(other), "[redacted]", "{other}");
    }
}

#[test]
fn of_mount_options_stays_how_data_travels() {
    let volume = json!({"metadata": {"name": "a"}, "spec": {"mountOptions": ["hard,xprtsec=mtls", "password=x", "sec=x", "nfsvers=4.1"]}});
    let kept = pruned(&volume, &rule_of("persistentvolumes")).unwrap();
    assert_eq!(kept["spec"]["mountOptions"], json!(["hard,xprtsec=mtls", "[redacted]", "[redacted]", "nfsvers=4.1"]));
}

#[test]
fn annotations_are_an_allow_list() {
    let object = json!({"metadata": {"name": "n", "annotations": {
        "kubernetes.io/config.source": "file",
        "kubectl.kubernetes.io/last-applied-configuration": MARK,
        "note": MARK,
        "nginx.ingress.kubernetes.io/server-snippet": MARK,
        "container.apparmor.security.beta.kubernetes.io/c": "unconfined",
        "k3s.io/node-args": json!(["server", "--token", MARK, "--kube-apiserver-arg", "audit-log-path=/a", "--kube-apiserver-arg=odd=x", "--secrets-encryption", "true", "--datastore-endpoint=x"]).to_string(),
        "rke2.io/node-args": MARK,
    }}});
    let kept = pruned(&object, &keep(METADATA)).unwrap();
    let arguments = json!([
        "server",
        "--token",
        "[redacted] a credential by its name",
        "--kube-apiserver-arg",
        "audit-log-path=/a",
        "--kube-apiserver-arg=odd=[redacted]",
        "--secrets-encryption",
        "true",
        "--datastore-endpoint=[redacted]"
    ]);
    assert_eq!(
        kept["metadata"]["annotations"],
        json!({
            "kubernetes.io/config.source": "file",
            "nginx.ingress.kubernetes.io/server-snippet": REDACTED,
            "container.apparmor.security.beta.kubernetes.io/c": "unconfined",
            "k3s.io/node-args": arguments.to_string(),
            "rke2.io/node-args": REDACTED,
        })
    );
}

#[test]
fn only_the_origin_of_a_url_stays() {
    let webhook =
        |url: &str| json!({"metadata": {"name": "w"}, "webhooks": [{"name": "a", "clientConfig": {"url": url, "caBundle": MARK}}]});
    for (url, kept) in [
        ("https://hook.example:8443/path?token=x#y", "https://hook.example:8443"),
        ("https://[::1]:8443/path", "https://[::1]:8443"),
        ("https://user:pass@hook.example:8443/path?token=x#y", REDACTED),
        ("https://user:s3cr3t/m4rker@hook.example/", REDACTED),
        ("https://hook.example/to?as=user@example", REDACTED),
        ("s3cr3t m4rker://hook.example", REDACTED),
        ("https://s3cr3t m4rker\\hook", REDACTED),
        ("https://hook.example", "https://hook.example"),
        ("s3cr3t-m4rker", REDACTED),
    ] {
        let stored = pruned(&webhook(url), &rule_of("validatingwebhookconfigurations.admissionregistration.k8s.io")).unwrap();
        assert_eq!(stored["webhooks"][0]["clientConfig"], json!({"url": kept, "caBundle": REDACTED}));
    }
}

#[test]
fn parameters_of_storage_keep_what_encryption_needs() {
    let class = json!({"metadata": {"name": "s"}, "provisioner": "p", "parameters": {"encrypted": "true", "kmsKeyId": "arn:aws:kms:eu:1:key/k", "password": MARK, "numberOfReplicas": "1", "repl": "2", "csi.storage.k8s.io/node-stage-secret-name": "n"}});
    let stored = pruned(&class, &rule_of("storageclasses.storage.k8s.io")).unwrap();
    assert_eq!(
        stored["parameters"],
        json!({"encrypted": "true", "kmsKeyId": "arn:aws:kms:eu:1:key/k", "password": REDACTED, "numberOfReplicas": "1", "repl": "2", "csi.storage.k8s.io/node-stage-secret-name": "n"})
    );
}

#[test]
fn a_backup_keeps_its_filters_and_what_it_counted() {
    let spec = json!({
        "includedNamespaceScopedResources": ["pods"], "excludedNamespaceScopedResources": ["secrets"],
        "includedClusterScopedResources": ["*"], "excludedClusterScopedResources": ["nodes"], "includeClusterResources": false,
        "snapshotMoveData": true, "defaultVolumesToRestic": true, "resourcePolicy": {"kind": "configmap", "name": "volumes"}
    });
    let mut written = spec.clone();
    written["resourcePolicy"]["apiGroup"] = json!(MARK);
    written["hooks"] = json!({"resources": [{"pre": [{"exec": {"command": [MARK]}}]}]});
    let status = json!({
        "phase": "Completed", "volumeSnapshotsAttempted": 3, "volumeSnapshotsCompleted": 2, "csiVolumeSnapshotsAttempted": 1,
        "csiVolumeSnapshotsCompleted": 1, "backupItemOperationsCompleted": 4
    });
    let backup = json!({"metadata": {"name": "b"}, "spec": written, "status": status});
    let stored = pruned(&backup, &rule_of("backups.velero.io")).unwrap();
    assert_eq!((&stored["spec"], &stored["status"]), (&spec, &status));
    let schedule = json!({"metadata": {"name": "s"}, "spec": {"template": written}, "status": {"phase": "FailedValidation"}});
    let stored = pruned(&schedule, &rule_of("schedules.velero.io")).unwrap();
    assert_eq!((&stored["spec"]["template"], &stored["status"]["phase"]), (&spec, &json!("FailedValidation")));
}

#[test]
fn a_provider_of_secrets_is_named_and_nothing_in_it() {
    let store = json!({"metadata": {"name": "s"}, "spec": {"provider": {"fake": {"data": [{"key": "k", "value": MARK}]}}}});
    assert_eq!(pruned(&store, &rule_of("secretstores.external-secrets.io")).unwrap()["spec"], json!({"provider": {"fake": {}}}));
}

#[test]
fn config_maps_lose_everything_that_is_not_named() {
    let map = |data: Value| json!({"kind": "ConfigMap", "metadata": {"name": "kube-proxy", "annotations": {"x": MARK}}, "data": data, "binaryData": {"x": MARK}});
    let stored = |name: &str, data: Value| {
        let entry = inventory().iter().find(|entry| entry.source.object().is_some_and(|(_, of)| of == name)).unwrap();
        let Amount::Keys(keys) = entry.amount else { panic!("{name}") };
        let mut out = String::new();
        prune_config_map(&map(data).to_string(), &keep(METADATA), keys, &mut out).unwrap();
        assert!(!out.contains(MARK), "{out}");
        serde_json::from_str::<Value>(&out).unwrap()["data"].clone()
    };
    let conf = format!("mode: iptables\nmetricsBindAddress: 0.0.0.0:10249\nclientConnection:\n  kubeconfig: {MARK}\n");
    assert_eq!(
        stored("kube-proxy", json!({"config.conf": conf, "kubeconfig.conf": MARK})),
        json!({"config.conf": "{\"metricsBindAddress\":\"0.0.0.0:10249\",\"mode\":\"iptables\"}"})
    );
    assert_eq!(stored("kube-proxy", json!({"config.conf": format!("not: [yaml {MARK}")})), json!({"config.conf": REDACTED}));
    assert_eq!(stored("kube-proxy", json!({"config.conf": MARK})), json!({"config.conf": REDACTED}));
    assert_eq!(stored("kube-proxy", Value::Null), json!({}));
    let roles = format!("- rolearn: arn:aws:iam::1:role/x\n  username: admin\n  groups: [system:masters]\n  odd: {MARK}\n");
    assert_eq!(
        stored("aws-auth", json!({"mapRoles": roles})),
        json!({"mapRoles": "[{\"groups\":[\"system:masters\"],\"rolearn\":\"arn:aws:iam::1:role/x\",\"username\":\"admin\"}]"})
    );
}

#[test]
fn a_flag_without_quotes_is_its_text_and_anything_else_is_not_stored() {
    let config_map = |text: &str| {
        let entry = inventory().iter().find(|entry| entry.source.object().is_some_and(|(_, name)| name == "kubeadm-config")).unwrap();
        let Amount::Keys(keys) = entry.amount else { panic!("kubeadm-config") };
        let map = json!({"kind": "ConfigMap", "metadata": {"name": "kubeadm-config"}, "data": {"ClusterConfiguration": text}});
        let mut out = String::new();
        prune_config_map(&map.to_string(), &keep(METADATA), keys, &mut out).unwrap();
        let map: Value = serde_json::from_str(&out).unwrap();
        serde_json::from_str::<Value>(map["data"]["ClusterConfiguration"].as_str().unwrap()).unwrap()["apiServer"]["extraArgs"].clone()
    };
    let values = [("profiling", "false"), ("audit-log-maxage", "30"), ("audit-log-path", ""), ("goaway-chance", "0.10"), ("odd", "7")];
    let kept = [("profiling", "false"), ("audit-log-maxage", "30"), ("audit-log-path", ""), ("goaway-chance", REDACTED), ("odd", REDACTED)];
    let listed = |values: [(&str, &str); 5]| -> String {
        values.iter().map(|(name, value)| format!("  - name: {name}\n    value: {value}\n")).collect()
    };
    let expected: Vec<Value> = kept.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
    assert_eq!(config_map(&format!("apiServer:\n  extraArgs:\n{}", listed(values))), json!(expected));
    let mapped: String = values.iter().map(|(name, value)| format!("    {name}: {value}\n")).collect();
    let expected: Value = kept.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect::<serde_json::Map<_, _>>().into();
    assert_eq!(config_map(&format!("apiServer:\n  extraArgs:\n{mapped}")), expected);
    assert_eq!(config_map("apiServer:\n  extraArgs:\n    profiling: [false]\n"), json!({"profiling": REDACTED}));
}

#[test]
fn shared_parts_are_used() {
    for name in ["meta", "quietmeta", "podspec", "container"] {
        assert!(fragment(name).is_some());
    }
}

/// An object with the marker under every name that the rule does not know, beside whatever the rule knows.
fn poisoned(rule: &Keep, depth: usize) -> Value {
    match rule {
        Keep::Whole => json!("kept"),
        Keep::Required(rule, _) => poisoned(rule, depth),
        Keep::Special(Special::Image) => json!(format!("{MARK}:{MARK}@registry.example/app")),
        Keep::Special(Special::Expression) => json!(format!("object.{} == '{MARK}'", MARK.replace('-', "_"))),
        Keep::Presence => json!({"x": MARK, "y": [MARK]}),
        Keep::Special(Special::Redacted) => json!(MARK),
        Keep::Special(Special::Url) => json!(format!("https://{MARK}:{MARK}@host/{MARK}?{MARK}")),
        Keep::Special(Special::Command) => json!(["app", format!("--x={MARK}"), MARK, format!("-{MARK}"), format!("sh -c {MARK}")]),
        Keep::Special(Special::Arguments) => {
            json!([MARK, format!("--x={MARK}"), "--x", MARK, "--anonymous-auth", format!("https://u:{MARK}@host")])
        }
        Keep::Special(Special::Environment) => json!([{"name": "A", "value": MARK, "x": MARK, "valueFrom": {"odd": {"name": MARK}}}]),
        Keep::Special(Special::Annotations | Special::Parameters | Special::Names | Special::Flags) => json!({"unknown": MARK}),
        Keep::Special(Special::MountOptions) => json!([MARK, format!("password={MARK}"), format!("sec={MARK}"), "hard"]),
        Keep::Special(Special::Path) => json!(format!("/{MARK}")),
        Keep::Special(Special::Preconditions) => {
            json!({"any": [{"key": format!("{{{{ {MARK} }}}}"), "operator": MARK, "value": MARK, "message": MARK}], "all": [MARK], MARK: [MARK]})
        }
        Keep::Special(Special::Sorted) => json!(["b", "a"]),
        Keep::Special(Special::VolumePolicies) => {
            json!(format!(
                "version: v1\nvolumePolicies: [{{conditions: {{{MARK}: {MARK}, nfs: {{server: {MARK}}}}}, {MARK}: {MARK}}}]\n{MARK}: {MARK}"
            ))
        }
        Keep::Fields(named, others) => {
            let mut map: Map<String, Value> = Map::new();
            for (name, rule) in named {
                map.insert((*name).to_owned(), if depth == 0 { Value::Null } else { poisoned(rule, depth - 1) });
            }
            map.insert("unknownObject".into(), json!({"x": MARK}));
            map.insert("unknownList".into(), json!([{"x": MARK}, MARK]));
            if others.is_none() || matches!(others.as_deref(), Some(Keep::Presence)) {
                map.insert("unknownText".into(), json!(MARK));
            }
            Value::Object(map)
        }
    }
}

/// Deep enough for containers of a CronJob's pods.
#[test]
fn the_marker_in_every_place_that_is_not_allowed_never_survives() {
    for entry in inventory() {
        let rule = match entry.amount {
            Amount::Fields(text) => keep(text),
            Amount::Metadata => keep(METADATA),
            _ => continue,
        };
        for namespace in ["records", "kube-system"] {
            let mut object = poisoned(&rule, 20);
            if let Some(metadata) = object.get_mut("metadata") {
                metadata["name"] = json!("n");
                metadata["namespace"] = json!(namespace);
                metadata["labels"] = json!({"tier": "control-plane"});
            }
            let stored = pruned(&object, &rule).unwrap();
            assert!(!stored.to_string().contains(MARK), "{}: {stored}", entry.source);
        }
    }
}

#[test]
fn the_head_is_read_wherever_metadata_stands_and_metadata_stands_once() -> Result<(), Box<dyn std::error::Error>> {
    let last = r#"{"spec":{"a":[{"b":"}"}]},"metadata":{"name":"n","namespace":"kube-system"}}"#;
    assert_eq!(Head::of(last)?.path(), "kube-system/n");
    for nameless in [r#"{"spec":{}}"#, "{}", r#"{"metadata":{}}"#] {
        assert!(matches!(Head::of(nameless), Err(Broken::NoName)), "{nameless}");
    }
    for broken in ["", "[]", "7", r#"{"metadata":{"name":7}}"#, r#"{"spec":"#] {
        assert!(matches!(Head::of(broken), Err(Broken::Shape(_))), "{broken}");
    }
    let keep = Keep::parse("metadata{name} spec{a}")?;
    for refused in [r#"{"metadata":{"name":"n"},"spec":{},"metadata":{"name":"m"}}"#, r#"{"metadata":{"name":"n"},"spec":{"#] {
        let (head, mut out) = (Head::of(refused)?, String::new());
        assert!(prune(refused, &keep, &head, None, &mut out).is_err(), "{refused}");
        assert_eq!(out, "");
    }
    Ok(())
}

/// `-pSECRET` means something to some programs only, and which one is called stands in another field.
#[test]
fn arguments_are_those_of_the_command_in_front_of_them() -> Result<(), Broken> {
    let text = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"},"spec":{"containers":[
        {"image":"registry.example/a:1","command":["mysql"],"args":["-pwinter22"]},
        {"image":"registry.example/b:1","args":["-pwinter22"]}]}}"#;
    let (head, mut out) = (Head::of(text)?.from_server(), String::new());
    prune(text, &keep("spec{containers{image:image command:command args:args}}"), &head, None, &mut out)?;
    let kept: Value = serde_json::from_str(&out)?;
    assert_eq!(kept["spec"]["containers"][0]["args"], json!(["[redacted] a password by its place"]));
    assert_eq!(kept["spec"]["containers"][1]["args"], json!([REDACTED]));
    Ok(())
}
