use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use k8s_openapi::api::core::v1::Volume;

use super::containers::sorted_owned;
use super::restricted;
use super::service_accounts::Automount;
use super::shapes::{Nodes, Shape};
use super::token;
use crate::facts::Known;
use crate::facts::namespaces::EnforcedLevels;
use crate::facts::pod_security::{self, Level, PolicyVersion, Violation};
use crate::facts::table::placed::Placed;
use crate::facts::table::schema::{Row, table};
use crate::model::Unseen;
use crate::model::sources::{NAMESPACES, NODES, POD_MAKERS, SERVICE_ACCOUNTS, VERSION, WORKLOADS};

table! {
    /// One row per pod shape of each workload: of its pods, and of the controller's template unless a live pod was seen that was
    /// made from that very template. The template of a Job counts until the Job is finished. Equal shapes of several pods are one row.
    pub struct PodRow as "pods" counting "workloads" from [] + WORKLOADS + POD_MAKERS {
        /// `Kind/name` of the controller at the end of the owner chain, or of the pod itself.
        workload: String;
        /// Kind of the workload.
        workload_kind: String;
        /// Name of the workload.
        workload_name: String;
        /// Namespace.
        namespace: String;
        /// `running` when seen in a pod, `template` when only in the controller's template.
        observed_in: &'static str;
        /// Phase of the pod; empty for a template.
        phase: String;
        /// Number of pods with this very shape.
        pods: i64;
        /// Whether the pod uses the node's network; unset is false.
        host_network: bool, at "/hostNetwork";
        /// Whether the pod sees the node's processes; unset is false.
        host_pid: bool, at "/hostPID";
        /// Whether the pod shares the node's inter-process communication; unset is false.
        host_ipc: bool, at "/hostIPC";
        /// Whether the pod's containers see each other's processes; unset is false.
        share_process_namespace: bool, at "/shareProcessNamespace";
        /// `hostUsers`: false means a user namespace of its own.
        host_users: Option<bool>, at "/hostUsers";
        /// The service account; `default` when none is named.
        service_account: String, at "/serviceAccountName";
        /// `automountServiceAccountToken` as written on the pod: `true`, `false` or `unset`.
        token_automount: &'static str, at "/automountServiceAccountToken";
        /// Whether a token of the service account is mounted that nobody wrote by hand: of a pod, whether its own volumes and mounts show
        /// it; of a template, the template's own setting, else the account's, else true.
        token_mounted: Known<Placed<bool>>, at "/automountServiceAccountToken", needs [SERVICE_ACCOUNTS];
        /// Paths of the node that are volumes of the pod, sorted.
        host_paths: Vec<String>, at "/volumes";
        /// Kinds of volumes, sorted.
        volume_types: Vec<String>, at "/volumes";
        /// The most restrictive Pod Security level that the pod meets under the server's newest rules: `restricted`, `baseline`
        /// or `privileged`. Decided as k8s.io/pod-security-admission does.
        pod_security_level: Known<&'static str>, needs [VERSION];
        /// Checks of the baseline level that the pod does not meet, by their names in Kubernetes.
        baseline_violations: Known<Vec<String>>, needs [VERSION];
        /// Checks of the restricted level that the pod does not meet.
        restricted_violations: Known<Vec<String>>, needs [VERSION];
        /// What keeps the pod from the restricted level and is reported by no control of a single setting, in words; see
        /// `pod/meets-restricted`.
        restricted_rest: Known<Placed<Vec<String>>>, needs [VERSION];
        /// The level that the namespace's label asks to be enforced; empty when it has no such label. Whether anything acts on labels is
        /// `unenforced` of `namespaces`.
        enforced_level: Known<String>, needs [NAMESPACES, VERSION];
        /// Whether the pod meets the level that the label of its namespace says now; true when it has no such label.
        meets_enforced_level: Known<bool>, needs [NAMESPACES, VERSION];
        /// Seccomp profile type of the pod's security context; empty when not set.
        seccomp_profile: String, at "/securityContext/seccompProfile";
        /// `runAsNonRoot` of the pod's security context.
        run_as_non_root: Option<bool>, at "/securityContext/runAsNonRoot";
        /// `runAsUser` of the pod's security context.
        run_as_user: Option<i64>, at "/securityContext/runAsUser";
        /// `fsGroup` of the pod's security context.
        fs_group: Option<i64>, at "/securityContext/fsGroup";
        /// Names of kernel parameters that the pod sets, sorted.
        sysctls: Vec<String>, at "/securityContext/sysctls";
        /// Runtime class; empty when not set.
        runtime_class: String, at "/runtimeClassName";
        /// Priority class; empty when not set.
        priority_class: String, at "/priorityClassName";
        /// Whether the pod shape names its node itself (always true for a running pod).
        node_name_set: bool, at "/nodeName";
        /// Whether the pod is a kubelet's copy of a static pod, owned by a Node that exists.
        mirror: Known<bool>, needs [NODES];
        /// Whether such a copy is a component of the control plane: in kube-system, named as one, on a node of the control plane.
        control_plane: Known<bool>, needs [NODES];
        /// `spec.os.name`; empty when not set.
        os: String, at "/os/name";
        /// Secrets with registry credentials, sorted.
        image_pull_secrets: Vec<String>, at "/imagePullSecrets";
        /// `Always`, `OnFailure` or `Never`; empty when not set.
        restart_policy: String, at "/restartPolicy";
        /// Whether the pod adds entries to its hosts file.
        host_aliases: bool, at "/hostAliases";
        /// Whether a toleration without key lets the pod run on every node.
        tolerates_everything: bool, at "/tolerations";
    }
}

/// What the rows of pods need to know about the rest of the cluster.
pub(in crate::facts) struct Surroundings {
    /// Minor version of the server.
    pub(in crate::facts) server_minor: Known<u32>,
    /// What each service account says about tokens.
    pub(in crate::facts) automount: Known<BTreeMap<(String, String), Automount>>,
    /// Accounts that were not understood, by the namespace that they are in where that is known.
    pub(in crate::facts) odd_accounts: Vec<(Option<String>, Unseen)>,
    /// What each namespace enforces.
    pub(in crate::facts) enforced: Known<EnforcedLevels>,
    /// Which nodes there are.
    pub(in crate::facts) nodes: Nodes,
}

/// The row of one shape.
pub(in crate::facts) fn row(shape: &Shape<'_>, around: &Surroundings) -> Row {
    let spec = shape.spec;
    let security = spec.security_context.as_ref();
    let namespace = shape.namespace();
    let service_account = match spec.service_account_name.as_deref() {
        None | Some("") => "default".to_owned(),
        Some(name) => name.to_owned(),
    };
    let newest = around.server_minor.clone().map(|minor| PolicyVersion::Latest.capped_at(minor));
    let checks = Checks { shape, known: RefCell::default() };
    let baseline_violations = newest.clone().and_then(|version| checks.names(Level::Baseline, version)).map(sorted_owned);
    let restricted = newest.clone().and_then(|version| checks.violated(Level::Restricted, version));
    let restricted_rest = newest.clone().and_then(|version| {
        restricted.as_ref().and_then(|violations| {
            let rest = restricted::rest(shape, violations);
            // Rules that are not known here could only add to it.
            if rest.value.is_empty() && !version.is_known() { Known::Unknown(newer_rules(version)) } else { Known::Known(rest) }
        })
    });
    let restricted_violations = restricted.map(|violations| sorted_owned(violations.iter().map(|one| one.check.to_owned())));
    let typed = PodRow {
        workload: shape.workload_text(),
        workload_kind: shape.workload.kind.clone(),
        workload_name: shape.workload.name.clone(),
        observed_in: shape.observed_in,
        phase: shape.phase.to_owned(),
        pods: shape.pods,
        host_network: spec.host_network == Some(true),
        host_pid: spec.host_pid == Some(true),
        host_ipc: spec.host_ipc == Some(true),
        share_process_namespace: spec.share_process_namespace == Some(true),
        host_users: spec.host_users,
        token_automount: match spec.automount_service_account_token {
            Some(true) => "true",
            Some(false) => "false",
            None => "unset",
        },
        token_mounted: token_mounted(shape, &namespace, &service_account, around),
        service_account,
        host_paths: sorted_owned(spec.volumes.iter().flatten().filter_map(|v| v.host_path.as_ref()).map(|h| h.path.clone())),
        volume_types: sorted_owned(spec.volumes.iter().flatten().map(|v| volume_type(v).to_owned())),
        baseline_violations,
        restricted_violations,
        restricted_rest,
        pod_security_level: newest.and_then(|version| {
            let level = checks.level(version);
            // Rules that are not known here could only lower it.
            if version.is_known() || level == Level::Privileged {
                Known::Known(level.as_str())
            } else {
                Known::Unknown(newer_rules(version))
            }
        }),
        enforced_level: around.enforced.as_ref().map(|levels| match levels.get(&namespace) {
            Some((level, _)) => level.as_str().to_owned(),
            None => String::new(),
        }),
        meets_enforced_level: around.enforced.as_ref().and_then(|levels| match levels.get(&namespace) {
            Some((level, version)) => checks.violated(*level, *version).map(|violations| violations.is_empty()),
            None => Known::Known(true),
        }),
        seccomp_profile: security.and_then(|s| s.seccomp_profile.as_ref()).map(|p| p.type_.clone()).unwrap_or_default(),
        run_as_non_root: security.and_then(|s| s.run_as_non_root),
        run_as_user: security.and_then(|s| s.run_as_user),
        fs_group: security.and_then(|s| s.fs_group),
        sysctls: sorted_owned(security.iter().flat_map(|s| s.sysctls.iter().flatten()).map(|s| s.name.clone())),
        runtime_class: spec.runtime_class_name.clone().unwrap_or_default(),
        priority_class: spec.priority_class_name.clone().unwrap_or_default(),
        node_name_set: spec.node_name.is_some(),
        mirror: shape.mirror(&around.nodes),
        control_plane: shape.control_plane(&around.nodes),
        os: spec.os.as_ref().map(|os| os.name.clone()).unwrap_or_default(),
        image_pull_secrets: sorted_owned(spec.image_pull_secrets.iter().flatten().map(|s| s.name.clone())),
        restart_policy: spec.restart_policy.clone().unwrap_or_default(),
        host_aliases: spec.host_aliases.as_ref().is_some_and(|aliases| !aliases.is_empty()),
        tolerates_everything: spec.tolerations.iter().flatten().any(|t| {
            t.key.as_deref().unwrap_or("").is_empty()
                && t.operator.as_deref() == Some("Exists")
                && t.effect.as_deref().unwrap_or("").is_empty()
        }),
        namespace,
    };
    Row::new(shape.key(), shape.workload.clone(), vec![shape.origin.clone()], typed)
}

/// What one pod does not meet, by level and version: several columns rest on the same answer.
struct Checks<'s> {
    shape: &'s Shape<'s>,
    known: RefCell<Vec<(Level, PolicyVersion, Rc<Vec<Violation>>)>>,
}

impl Checks<'_> {
    fn found(&self, level: Level, version: PolicyVersion) -> Rc<Vec<Violation>> {
        let mut known = self.known.borrow_mut();
        if let Some((.., found)) = known.iter().find(|(of, at, _)| (*of, *at) == (level, version)) {
            return Rc::clone(found);
        }
        let found = Rc::new(pod_security::evaluate(self.shape.annotations, self.shape.spec, level, version));
        known.push((level, version, Rc::clone(&found)));
        found
    }

    /// The checks that it does not meet. Violations of known rules count whatever else there is; their absence says nothing when the server
    /// applies rules that are not known here.
    fn violated(&self, level: Level, version: PolicyVersion) -> Known<Rc<Vec<Violation>>> {
        let found = self.found(level, version);
        let decided = version.is_known() || level == Level::Privileged || !found.is_empty();
        if decided { Known::Known(found) } else { Known::Unknown(newer_rules(version)) }
    }

    /// Their names.
    fn names(&self, level: Level, version: PolicyVersion) -> Known<Vec<String>> {
        self.violated(level, version).map(|found| found.iter().map(|one| one.check.to_owned()).collect())
    }

    /// See [`pod_security::level_of`].
    fn level(&self, version: PolicyVersion) -> Level {
        pod_security::strictest(|level| self.found(level, version).is_empty())
    }
}

fn newer_rules(version: PolicyVersion) -> Unseen {
    Unseen::not_understood(
        format!("the Pod Security rules of {version}"),
        format!("this program knows the rules up to v1.{}, and the server applies newer ones", pod_security::NEWEST_KNOWN_MINOR),
        "Use a newer version of kube-hipaa.",
    )
}

/// A pod that was made shows it itself. Of a template, its own setting wins, then the service account's, then true (`core/v1`
/// ServiceAccount.automountServiceAccountToken); an account that does not exist admits no pods.
fn token_mounted(shape: &Shape<'_>, namespace: &str, account: &str, around: &Surroundings) -> Known<Placed<bool>> {
    if shape.observed_in == "running" {
        return Known::Known(match token::mounted(shape.spec) {
            Some(place) => Placed::at(true, format!("{}{place}", shape.origin.pointer)),
            None => Placed::here(false),
        });
    }
    match shape.spec.automount_service_account_token {
        Some(value) => Known::Known(Placed::here(value)),
        None => match around.odd_accounts.iter().find(|(of, _)| of.as_deref().is_none_or(|of| of == namespace)) {
            Some((_, unseen)) => Known::Unknown(unseen.clone()),
            None => around.automount.as_ref().map(|accounts| {
                Placed::here(accounts.get(&(namespace.to_owned(), account.to_owned())).is_none_or(|automount| automount.automounts()))
            }),
        },
    }
}

/// The kind of a volume, by the name of its field in `core/v1` Volume.
fn volume_type(volume: &Volume) -> &'static str {
    macro_rules! first {
        ($($field:ident => $name:literal),* $(,)?) => { $( if volume.$field.is_some() { return $name; } )* };
    }
    first!(
        aws_elastic_block_store => "awsElasticBlockStore", azure_disk => "azureDisk", azure_file => "azureFile", cephfs => "cephfs",
        cinder => "cinder", config_map => "configMap", csi => "csi", downward_api => "downwardAPI", empty_dir => "emptyDir",
        ephemeral => "ephemeral", fc => "fc", flex_volume => "flexVolume", flocker => "flocker",
        gce_persistent_disk => "gcePersistentDisk", git_repo => "gitRepo", glusterfs => "glusterfs", host_path => "hostPath",
        image => "image", iscsi => "iscsi", nfs => "nfs", persistent_volume_claim => "persistentVolumeClaim",
        photon_persistent_disk => "photonPersistentDisk", portworx_volume => "portworxVolume", projected => "projected",
        quobyte => "quobyte", rbd => "rbd", scale_io => "scaleIO", secret => "secret", storageos => "storageos",
        vsphere_volume => "vsphereVolume",
    );
    // Since the API defaults a volume without any source to emptyDir, this is a kind newer than the schema we are built with.
    "unknown"
}
