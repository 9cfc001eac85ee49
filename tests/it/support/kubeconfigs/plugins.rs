//! Credential plugins of the kubeconfigs that are made up.

use std::path::Path;

use serde_json::{Value, json};

use super::Making;

impl Making<'_> {
    pub(super) fn exec(&mut self) -> Value {
        let credential = |version: &str, status: &Value| {
            json!({"kind": "ExecCredential", "apiVersion": format!("client.authentication.k8s.io/{version}"), "status": status}).to_string()
        };
        let version = self.pick("plugin's version", &["v1", "v1", "v1", "v1beta1", "v1alpha1", ""]);
        let (certificate, key) = self.papers.clients[1].clone();
        let printed = match self.pick(
            "plugin",
            &["token", "certificate", "certificate", "both", "nothing", "another version", "fails", "token", "half", "no kind"],
        ) {
            "certificate" => credential(version, &json!({"clientCertificateData": certificate, "clientKeyData": key})),
            "both" => credential(version, &json!({"token": "of-plugin", "clientCertificateData": certificate, "clientKeyData": key})),
            "half" => credential(version, &json!({"token": "of-plugin", "clientCertificateData": certificate})),
            "nothing" => credential(version, &json!({})),
            "another version" => credential("v1alpha1", &json!({"token": "of-plugin"})),
            "no kind" => json!({"status": {"token": "of-plugin"}}).to_string(),
            "fails" => String::new(),
            _ => credential(version, &json!({"token": "of-plugin-INFO-WORD"})),
        };
        // What the plugin is told, in an order that does not depend on who writes it, becomes a part of the token.
        let told = r#"$(printf '%s' "$KUBERNETES_EXEC_INFO" | tr -d ' \n' | fold -w1 | sort | tr -d '\n' | cksum | tr ' ' -)"#;
        let script = format!(
            "#!/bin/sh\ninfo={told}\nsed -e \"s/INFO/$info/\" -e \"s/WORD/$WORD/\" <<'END'\n{printed}\nEND\n{}",
            if printed.is_empty() { "exit 7\n" } else { "" }
        );
        let name = self.file("plugin.sh", &script);
        let path = self.folder.join(&name);
        let mut exec = json!({"interactiveMode": "Never", "command": path.display().to_string(), "args": null, "env": [{"name": "WORD", "value": "w"}]});
        make_runnable(&path);
        match self.vary("command", &["absolute", "absolute", "absolute", "relative", "relative", "sh", "sh", "none", "unknown"]) {
            "relative" => exec["command"] = json!("./plugin.sh"),
            "sh" => {
                exec["command"] = json!("sh");
                exec["args"] = json!([path.display().to_string()]);
            }
            "none" => drop(exec.as_object_mut().unwrap().remove("command")),
            "unknown" => exec["command"] = json!("no-such-plugin-of-ours"),
            _ => {}
        }
        if !version.is_empty() {
            exec["apiVersion"] = json!(format!("client.authentication.k8s.io/{version}"));
        }
        match self.pick("interactiveMode", &["Never", "Never", "Never", "IfAvailable", "Always", "none", "Sometimes"]) {
            "none" => drop(exec.as_object_mut().unwrap().remove("interactiveMode")),
            mode => exec["interactiveMode"] = json!(mode),
        }
        if self.chance.one_in(4) {
            exec["provideClusterInfo"] = json!(true);
            self.told.push("provideClusterInfo".to_owned());
        }
        exec
    }
}

fn make_runnable(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}
