//! What is kept of objects that bring secrets.

use super::*;

#[test]
fn of_what_brings_secrets_no_value_path_or_key_is_kept() {
    let kept = |source: &str, object: Value| {
        let stored = pruned(&object, &rule_of(source)).unwrap();
        assert!(!stored.to_string().contains(MARK), "{source}: {stored}");
        stored
    };
    let remote = || json!({"key": MARK, "property": MARK, "version": MARK});
    let spec = json!({
        "secretStoreRef": {"name": "vault", "kind": "SecretStore"}, "refreshInterval": "1h",
        "target": {"name": "db", "template": {"data": {"url": MARK}, "metadata": {"annotations": {"x": MARK}}}},
        "data": [{"secretKey": MARK, "remoteRef": remote()}],
        "dataFrom": [{"find": {"path": MARK, "name": {"regexp": MARK}}, "extract": remote(), "rewrite": [{"regexp": {"source": MARK}}],
            "sourceRef": {"generatorRef": {"apiVersion": "g/v1", "kind": "Password", "name": "p"}}}],
        "syncWindows": {"kind": "deny", "windows": [{"schedule": MARK}]},
    });
    let condition = json!([{"type": "Ready", "status": "False", "reason": "SecretSyncedError", "message": MARK}]);
    let status = json!({"refreshTime": "2026-01-01T00:00:00Z", "conditions": condition, "binding": {"name": MARK}});
    let stored = kept("externalsecrets.external-secrets.io", json!({"metadata": {"name": "db"}, "spec": spec, "status": status}));
    assert_eq!(stored["spec"]["dataFrom"][0]["sourceRef"]["generatorRef"]["kind"], "Password");
    assert_eq!((&stored["spec"]["data"], &stored["spec"]["syncWindows"]), (&json!([{}]), &json!({})));
    let vault = json!({"server": format!("https://vault.example:8200/v1/{MARK}"), "path": MARK, "namespace": MARK, "headers": {"x": MARK},
        "auth": {"tokenSecretRef": {"name": MARK, "key": MARK}}, "caBundle": MARK});
    let stored =
        kept("clustersecretstores.external-secrets.io", json!({"metadata": {"name": "s"}, "spec": {"provider": {"vault": vault}}}));
    assert_eq!(stored["spec"], json!({"provider": {"vault": {"server": "https://vault.example:8200"}}}));
    let spec = json!({"mount": MARK, "path": MARK, "vaultAuthRef": "app", "destination": {"name": "db", "transformation": {"templates": {"x": MARK}}}});
    let status =
        json!({"lastGeneration": 1, "secretMAC": MARK, "secretLease": {"id": MARK, "duration": 60}, "vaultClientMeta": {"id": MARK}});
    let stored = kept("vaultdynamicsecrets.secrets.hashicorp.com", json!({"metadata": {"name": "d"}, "spec": spec, "status": status}));
    assert_eq!(stored["status"], json!({"lastGeneration": 1, "secretLease": {"duration": 60}}));
    let parameters =
        json!({"objects": MARK, "roleName": MARK, "vaultAddress": format!("http://vault:8200/{MARK}"), "vaultSkipTLSVerify": "true"});
    let objects = json!([{"secretName": "db", "type": "Opaque", "data": [{"objectName": MARK, "key": MARK}]}]);
    let class = json!({"metadata": {"name": "c"}, "spec": {"provider": "vault", "parameters": parameters, "secretObjects": objects}});
    let stored = kept("secretproviderclasses.secrets-store.csi.x-k8s.io", class);
    assert_eq!(stored["spec"]["parameters"], json!({"vaultAddress": "http://vault:8200", "vaultSkipTLSVerify": "true"}));
    let spec = json!({"encryptedData": {"password": MARK}, "data": MARK, "template": {"metadata": {"name": "db", "annotations": {"x": MARK}}, "data": {"x": MARK}}});
    kept(
        "sealedsecrets.bitnami.com",
        json!({"metadata": {"name": "s"}, "spec": spec, "status": {"conditions": [{"type": "Synced", "status": "True", "message": MARK}]}}),
    );
    let sops = json!({"mac": format!("ENC[{MARK}]"), "age": [{"recipient": MARK, "enc": MARK}], "version": "3.10.2"});
    let spec = json!({"secretTemplates": [{"name": MARK, "stringData": {"password": MARK}}]});
    let secret = json!({"metadata": {"name": "s"}, "spec": spec, "status": {"message": MARK}, "sops": sops});
    let stored = kept("sopssecrets.isindir.github.com", secret);
    assert_eq!(stored["sops"], json!({"mac": REDACTED, "version": "3.10.2"}));
    let annotations = json!({"vault.hashicorp.com/service": format!("http://vault.vault.svc:8200/{MARK}"), "vault.hashicorp.com/tls-skip-verify": "true",
        "vault.hashicorp.com/agent-inject-secret-db": MARK, "vault.hashicorp.com/agent-inject-template-db": MARK, "vault.hashicorp.com/role": MARK});
    let stored = kept("pods", json!({"metadata": {"name": "p", "annotations": annotations}, "spec": {"containers": []}}));
    let expected = json!({"vault.hashicorp.com/service": "http://vault.vault.svc:8200", "vault.hashicorp.com/tls-skip-verify": "true"});
    assert_eq!(stored["metadata"]["annotations"], expected);
}
