//! What a real API server counts of its own settings, and how it is read: encryption, auditing, admission, anonymous requests.

use std::error::Error;
use std::time::Duration;

use kube_hipaa::model::{Assessment, OutcomeWord};
use serde_json::json;

use crate::support::control_plane::{Audit, ControlPlane, Encryption, Options};
use crate::support::program;

/// The configuration that looks as if Secrets were encrypted: the first provider writes, and it is identity.
const IDENTITY_FIRST: &str = "\
apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
- resources: [secrets]
  providers:
  - identity: {}
  - secretbox:
      keys:
      - name: test
        secret: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
";

/// A webhook that nobody answers for, and a policy whose expression fails where the key is not there: both let past.
const LETTING_PAST: &str = r#"
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: gone}
webhooks:
- name: gone.example.org
  admissionReviewVersions: [v1]
  sideEffects: None
  failurePolicy: Ignore
  timeoutSeconds: 1
  clientConfig: {service: {namespace: default, name: gone}}
  rules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [configmaps]}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: wants-a-key}
spec:
  failurePolicy: Ignore
  matchConstraints:
    resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [configmaps]}]
  validations: [{expression: "object.data.wanted == 'yes'"}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: wants-a-key}
spec: {policyName: wants-a-key, validationActions: [Deny]}
"#;

fn make_a_secret(plane: &ControlPlane) {
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "one", "namespace": "default"}, "stringData": {"word": "placeholder"}});
    plane.api("POST", "/api/v1/namespaces/default/secrets", Some(&secret));
}

fn scan(plane: &ControlPlane) -> Result<Assessment, Box<dyn Error>> {
    let scratch = tempfile::tempdir()?;
    let (_, assessment) = program::scan(&program::scanner(plane), &scratch.path().join("evidence"), &[]);
    Ok(assessment)
}

fn expect(assessment: &Assessment, expected: &[(&str, OutcomeWord)]) {
    let outcome = |id: &str| assessment.controls.iter().find(|control| control.id == id).map(|control| control.word());
    let wrong: Vec<_> = expected.iter().filter(|(id, word)| outcome(id) != Some(*word)).map(|(id, _)| (id, outcome(id))).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// `/flagz` is on by default from this minor version on, and shows what the flags are.
const FLAGZ: u32 = 36;
/// Counters of encryption name the kind of object from this one on.
const NAMED_KINDS: u32 = 32;

/// What is expected from a minor version on; older ones do not show it.
fn from(plane: &ControlPlane, minor: u32, word: OutcomeWord) -> OutcomeWord {
    if plane.minor() >= minor { word } else { OutcomeWord::NotAssessed }
}

#[test]
#[ignore = "needs the control plane: make test"]
fn what_does_not_work_is_seen_although_it_is_configured() -> Result<(), Box<dyn Error>> {
    let plane = ControlPlane::start(&Options {
        encryption: Encryption::Config(IDENTITY_FIRST.to_owned()),
        audit: Audit::Off,
        anonymous_auth: Some(false),
        ..Options::default()
    });
    make_a_secret(&plane);
    plane.apply(LETTING_PAST);
    // Policies and webhooks reach the server's own cache a moment later.
    for number in 0..20 {
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": format!("m{number}"), "namespace": "default"}, "data": {"other": "x"}});
        plane.api("POST", "/api/v1/namespaces/default/configmaps", Some(&map));
        std::thread::sleep(Duration::from_millis(200));
    }
    expect(
        &scan(&plane)?,
        &[
            ("encryption/secrets-written-encrypted", from(&plane, NAMED_KINDS, OutcomeWord::Fail)),
            // The flag names a configuration.
            ("api-server/encryption-at-rest", from(&plane, FLAGZ, OutcomeWord::Pass)),
            ("audit/events-recorded", OutcomeWord::Fail),
            // Nothing is meant to be recorded, and nothing is: that is no agreement on anything.
            ("audit/sources-agree", from(&plane, FLAGZ, OutcomeWord::NotApplicable)),
            ("api-server/audit-log", from(&plane, FLAGZ, OutcomeWord::Fail)),
            ("api-server/audit-retention", from(&plane, FLAGZ, OutcomeWord::NotApplicable)),
            ("access/anonymous-request", OutcomeWord::Pass),
            ("admission/requests-let-past", OutcomeWord::Fail),
            ("admission/policy-errors-ignored", OutcomeWord::Fail),
            ("admission/webhook-backend", OutcomeWord::Fail),
            ("admission/pod-security-exemption", OutcomeWord::Pass),
            ("identity/legacy-token-used", OutcomeWord::Pass),
            ("access/other-authorizers", OutcomeWord::Pass),
        ],
    );
    Ok(())
}

#[test]
#[ignore = "needs the control plane: make test"]
fn what_works_is_seen_to_work() -> Result<(), Box<dyn Error>> {
    let plane = ControlPlane::start(&Options { encryption: Encryption::Secretbox, ..Options::default() });
    make_a_secret(&plane);
    expect(
        &scan(&plane)?,
        &[
            ("encryption/secrets-written-encrypted", from(&plane, NAMED_KINDS, OutcomeWord::Pass)),
            ("encryption/kms-v1", OutcomeWord::Pass),
            ("encryption/sources-agree", from(&plane, FLAGZ, OutcomeWord::Pass)),
            ("audit/events-recorded", OutcomeWord::Pass),
            ("audit/sources-agree", from(&plane, FLAGZ, OutcomeWord::Pass)),
            ("api-server/audit-log", from(&plane, FLAGZ, OutcomeWord::Pass)),
            ("access/anonymous-request", OutcomeWord::Fail),
        ],
    );
    Ok(())
}

/// Odd settings, as the process itself shows them: each of them would look well by what its flag names.
#[test]
#[ignore = "needs the control plane: make test"]
fn settings_that_only_look_well_are_seen_through() -> Result<(), Box<dyn Error>> {
    let plane = ControlPlane::start(&Options {
        api_server_flags: [
            "--audit-log-path=/dev/null",
            "--audit-log-maxage=1",
            "--tls-cipher-suites=TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,TLS_RSA_WITH_AES_128_CBC_SHA",
            "--service-account-extend-token-expiration=false",
            "--disable-admission-plugins=PodSecurity",
        ]
        .map(str::to_owned)
        .to_vec(),
        ..Options::default()
    });
    expect(
        &scan(&plane)?,
        &[
            ("api-server/audit-log", from(&plane, FLAGZ, OutcomeWord::Fail)),
            ("api-server/audit-retention", from(&plane, FLAGZ, OutcomeWord::NotApplicable)),
            // The counters move all the same: only the flag shows where the events go.
            ("audit/events-recorded", if plane.minor() >= FLAGZ { OutcomeWord::Fail } else { OutcomeWord::Pass }),
            ("api-server/tls-cipher-suites", from(&plane, FLAGZ, OutcomeWord::Fail)),
            ("api-server/token-expiration", from(&plane, FLAGZ, OutcomeWord::Pass)),
            ("api-server/admission-defaults", from(&plane, FLAGZ, OutcomeWord::Fail)),
            ("api-server/kubelet-client-certificate", from(&plane, FLAGZ, OutcomeWord::Fail)),
        ],
    );
    Ok(())
}

/// A policy that judges every request at Metadata and leaves out every stage: levels are counted, and no event is made.
#[test]
#[ignore = "needs the control plane: make test"]
fn a_policy_that_leaves_out_every_stage_records_nothing() -> Result<(), Box<dyn Error>> {
    let stages = "omitStages: [RequestReceived, ResponseStarted, ResponseComplete, Panic]";
    let policy = format!("apiVersion: audit.k8s.io/v1\nkind: Policy\n{stages}\nrules:\n- level: Metadata\n");
    let plane = ControlPlane::start(&Options { audit: Audit::Policy(policy), ..Options::default() });
    expect(&scan(&plane)?, &[("audit/events-recorded", OutcomeWord::Fail), ("audit/no-lost-events", OutcomeWord::NotApplicable)]);
    Ok(())
}

/// A configuration that the server loaded anew: what it counted of the old one says nothing of the new one.
#[test]
#[ignore = "needs the control plane: make test"]
fn counters_from_before_a_reload_are_not_the_present() -> Result<(), Box<dyn Error>> {
    let plane = ControlPlane::start(&Options {
        encryption: Encryption::Config(IDENTITY_FIRST.to_owned()),
        api_server_flags: vec!["--encryption-provider-config-automatic-reload=true".to_owned()],
        ..Options::default()
    });
    make_a_secret(&plane);
    let file = plane.folder().join("encryption.yaml");
    let turned = IDENTITY_FIRST.replace("  - identity: {}\n", "") + "  - identity: {}\n";
    let new = plane.folder().join("encryption.new");
    std::fs::write(&new, turned)?;
    std::fs::rename(&new, &file)?;
    plane.wait_until("the new configuration is in use", Duration::from_secs(150), || {
        let page = plane.api("GET", "/metrics", None).1;
        let reloaded =
            |line: &str| line.starts_with("apiserver_encryption_config_controller_automatic_reloads_total") && line.contains("success");
        page.as_str()?.lines().any(reloaded).then_some(())
    });
    let path = "/api/v1/namespaces/default/secrets/one";
    plane.api("PATCH", path, Some(&json!({"metadata": {"annotations": {"rewritten": "true"}}})));
    expect(
        &scan(&plane)?,
        &[("encryption/secrets-written-encrypted", OutcomeWord::NotAssessed), ("encryption/no-plaintext-left", OutcomeWord::NotAssessed)],
    );
    Ok(())
}

/// The default that `--help` names for a flag; nothing for switches that are off, empty texts and numbers that are 0.
fn default_in(help: &str, flag: &str) -> Option<String> {
    let begin = help.find(&format!("\n      --{flag} "))? + 1;
    let entry = help[begin..].split("\n      --").next()?;
    let default = entry.rsplit_once("(default ").and_then(|(_, rest)| rest.split_once(')')).map_or("", |(default, _)| default);
    Some(default.trim_matches(['"', '[', ']']).to_owned())
}

#[test]
#[ignore = "needs the control plane: make test"]
fn defaults_are_those_that_the_server_itself_names() -> Result<(), Box<dyn Error>> {
    let plane = ControlPlane::start(&Options::default());
    let scratch = tempfile::tempdir()?;
    let snapshot = scratch.path().join("snapshot.zip");
    program::record(&program::scanner(&plane), "defaults", &snapshot)?;
    let output =
        program::kube_hipaa(["facts".as_ref(), snapshot.as_os_str(), "api_server_settings".as_ref(), "--format".as_ref(), "json".as_ref()]);
    let rows: serde_json::Value = serde_json::from_slice(&output.stdout).map_err(|error| format!("{error}: {}", program::said(&output)))?;
    let rows = rows.as_array().or_else(|| rows["rows"].as_array()).ok_or("no rows")?;
    let help = plane.help("kube-apiserver");
    let mut compared = 0;
    for row in rows {
        let (Some(setting), Some(ours)) = (row["setting"].as_str(), row["default"].as_str()) else { return Err(format!("{row}").into()) };
        // Filled in after the flags were read.
        if setting == "authorization-mode" {
            continue;
        }
        let named = default_in(&help, setting).ok_or_else(|| format!("the server has no flag --{setting}"))?;
        let said = if named.is_empty() && matches!(ours, "false" | "0" | "0s") { ours } else { named.as_str() };
        assert_eq!(ours, said, "--{setting}");
        compared += 1;
    }
    assert!(compared > 40, "only {compared} flags");
    Ok(())
}
