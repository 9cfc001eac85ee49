//! Which pods ask for secrets that are brought into them when they start: by the agent of Vault, and by volumes of a driver.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, Volume};

use super::shapes::Shape;
use crate::facts::agents::repository;
use crate::facts::table::merged::keep_first;
use crate::model::{Evidence, ObjectRef};

/// Whether the injector of Vault is to put an agent in (vault-k8s agent-inject/agent/annotations.go, AnnotationAgentInject).
const INJECT: &str = "vault.hashicorp.com/agent-inject";
/// What the injector writes when it has done so; it leaves alone what has it (agent.go, ShouldInject).
const STATUS: &str = "vault.hashicorp.com/agent-inject-status";
/// Whether the agent is told not to check the certificate (AnnotationVaultTLSSkipVerify; unset is to check).
const SKIP_VERIFY: &str = "vault.hashicorp.com/tls-skip-verify";
/// Where the agent finds Vault (AnnotationVaultService), where the injector's own setting is not to count.
const SERVICE: &str = "vault.hashicorp.com/service";
/// Names of the containers that the injector adds (container_sidecar.go, container_init_sidecar.go).
const AGENTS: [&str; 2] = ["vault-agent", "vault-agent-init"];
/// Drivers that mount secrets of a store: upstream, Google's build of it, and that of the Vault Secrets Operator.
const DRIVERS: [&str; 3] = ["secrets-store.csi.k8s.io", "secrets-store-gke.csi.k8s.io", VAULT_OPERATOR];
/// The driver that takes a CSISecrets (vault-secrets-operator chart/templates/csi-driver.yaml).
pub(in crate::facts) const VAULT_OPERATOR: &str = "csi.vso.hashicorp.com";
/// The attribute that names the SecretProviderClass, of the pod's namespace (secrets-store-csi-driver pkg/secrets-store/nodeserver.go).
const CLASS: &str = "secretProviderClass";

/// Gathered while pods are read: equal ones are one.
#[derive(Debug, Default)]
pub(in crate::facts) struct SecretUses(BTreeMap<SecretUse, (i64, Vec<Evidence>)>);

/// Pods of one workload, or its template, that ask for the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::facts) struct SecretUse {
    pub(in crate::facts) workload: ObjectRef,
    /// `running` or `template`.
    pub(in crate::facts) observed_in: &'static str,
    /// Phase of the pods; empty for a template.
    pub(in crate::facts) phase: String,
    pub(in crate::facts) way: Way,
}

/// How the secrets are to come.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::facts) enum Way {
    Agent(VaultAgent),
    Volume {
        /// Name of the volume.
        name: String,
        driver: String,
        /// The SecretProviderClass that it names.
        class: Option<String>,
    },
}

/// What a pod says about the agent of Vault, and whether it has one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::facts) struct VaultAgent {
    /// Whether the annotation asks for it in a word that the injector reads.
    pub(in crate::facts) readable: bool,
    /// Whether the pod says that it was put in.
    pub(in crate::facts) says_injected: bool,
    pub(in crate::facts) container: AgentContainer,
    /// Whether the agent is told not to check the certificate of Vault; none where the word is none that the injector reads.
    pub(in crate::facts) skips_verify: Option<bool>,
    /// Where it is told to find Vault.
    pub(in crate::facts) address: Option<String>,
}

/// Whether a pod has a container of the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::facts) enum AgentContainer {
    /// By the injector's name, from an image of Vault or OpenBao.
    There,
    /// One of that name is from an image that does not say so: `agent-image` may name any.
    Unclear,
    Absent,
}

/// What pods ask for, how many of them, and where that stands (the first few places).
pub(in crate::facts) type Asked<'u> = (&'u SecretUse, i64, &'u [Evidence]);

impl SecretUses {
    /// Adds what one shape asks for; finished pods ask for nothing any more.
    pub(super) fn add(&mut self, shape: &Shape<'_>) {
        if matches!(shape.phase, "Succeeded" | "Failed") {
            return;
        }
        if let Some(agent) = agent(shape) {
            let metadata = shape.origin.pointer.strip_suffix("/spec").unwrap_or("");
            let place = shape.origin.at(format!("{metadata}/metadata/annotations/{}", INJECT.replace('/', "~1")));
            self.note(shape, Way::Agent(agent), place);
        }
        for (number, volume) in shape.spec.volumes.iter().flatten().enumerate() {
            if let Some(way) = mounted(volume) {
                self.note(shape, way, shape.origin.at(format!("{}/volumes/{number}/csi", shape.origin.pointer)));
            }
        }
    }

    fn note(&mut self, shape: &Shape<'_>, way: Way, place: Evidence) {
        let key = SecretUse { workload: shape.workload.clone(), observed_in: shape.observed_in, phase: shape.phase.to_owned(), way };
        let (pods, places) = self.0.entry(key).or_default();
        *pods += shape.pods;
        places.push(place);
        keep_first(places);
    }

    /// Each of them, in a fixed order.
    pub(in crate::facts) fn iter(&self) -> impl Iterator<Item = Asked<'_>> {
        self.0.iter().map(|(key, (pods, places))| (key, *pods, places.as_slice()))
    }
}

/// A truth value as the injector reads it (go-secure-stdlib parseutil.ParseBool on a text: strconv.ParseBool, where nothing is false).
fn truth(word: &str) -> Option<bool> {
    match word {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "" | "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// What a pod asks the injector of Vault for; nothing where it does not ask.
fn agent(shape: &Shape<'_>) -> Option<VaultAgent> {
    let asks = truth(shape.annotations.get(INJECT)?);
    if asks == Some(false) {
        return None;
    }
    let named = |container: &&Container| AGENTS.contains(&container.name.as_str());
    let is_vault = |container: &Container| {
        let image = container.image.as_deref().map_or("", repository);
        let name = image.rsplit('/').next().unwrap_or(image);
        ["vault", "openbao", "bao"].iter().any(|word| name.contains(word))
    };
    let all = shape.spec.containers.iter().chain(shape.spec.init_containers.iter().flatten());
    let found: Vec<bool> = all.filter(named).map(is_vault).collect();
    Some(VaultAgent {
        readable: asks.is_some(),
        says_injected: shape.annotations.get(STATUS).is_some_and(|status| status == "injected"),
        container: match (found.contains(&true), found.is_empty()) {
            (true, _) => AgentContainer::There,
            (false, false) => AgentContainer::Unclear,
            (false, true) => AgentContainer::Absent,
        },
        skips_verify: shape.annotations.get(SKIP_VERIFY).map_or(Some(false), |word| truth(word)),
        address: shape.annotations.get(SERVICE).cloned(),
    })
}

/// What a volume mounts of a store.
fn mounted(volume: &Volume) -> Option<Way> {
    let csi = volume.csi.as_ref().filter(|csi| DRIVERS.contains(&csi.driver.as_str()))?;
    let class = csi.volume_attributes.as_ref().and_then(|all| all.get(CLASS)).filter(|class| !class.is_empty()).cloned();
    Some(Way::Volume { name: volume.name.clone(), driver: csi.driver.clone(), class })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_truth_value_is_read_as_the_injector_reads_it() {
        for word in ["true", "True", "TRUE", "t", "T", "1"] {
            assert_eq!(truth(word), Some(true), "{word}");
        }
        for word in ["false", "False", "FALSE", "f", "F", "0", ""] {
            assert_eq!(truth(word), Some(false), "{word}");
        }
        for word in ["yes", "on", "tRUE", " true", "[redacted]"] {
            assert_eq!(truth(word), None, "{word}");
        }
    }

    #[test]
    fn a_driver_that_mounts_no_secrets_is_none_of_them() {
        let volume = |driver: &str| -> Volume {
            serde_json::from_value(
                serde_json::json!({"name": "v", "csi": {"driver": driver, "volumeAttributes": {"secretProviderClass": "c"}}}),
            )
            .unwrap_or_else(|error| panic!("{error}"))
        };
        let of = |driver: &str| Way::Volume { name: "v".to_owned(), driver: driver.to_owned(), class: Some("c".to_owned()) };
        for driver in DRIVERS {
            assert_eq!(mounted(&volume(driver)), Some(of(driver)), "{driver}");
        }
        assert_eq!(mounted(&volume("ebs.csi.aws.com")), None);
    }
}
