use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::behind::{Asked, Behind, Said, bound, gone, not_bound};
use super::claims::{Claim, Template};
use super::classes::Classes;
use super::drivers::{Encryption, HOST_PATH, LOCAL, NFS, Parameters};
use super::transit::traffic;
use crate::facts::context::Context;
use crate::facts::table::read::{Readable, Reader};
use crate::facts::table::schema::{Row, table};
use crate::facts::workloads::containers::sorted_owned;
use crate::facts::workloads::volume_uses::{Direct, DirectKey};
use crate::facts::{FactsError, Known};
use crate::model::sources::{
    CRON_JOBS, DAEMON_SETS, DEPLOYMENTS, JOBS, PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, PODS, REPLICA_SETS, REPLICATION_CONTROLLERS,
    STATEFUL_SETS, STORAGE_CLASSES,
};
use crate::model::{Evidence, ObjectRef};

table! {
    /// One row per claim, with the volume behind it or the class that will make it; one per claim that a StatefulSet or a template of
    /// pods will make (of a StatefulSet as long as none of its claims is there); one per volume that a workload reaches without a claim,
    /// such as an NFS share; and one per PersistentVolume that a claim left behind, in the namespace of that claim. Directories of the node (`hostPath` in a pod) are in the table `pods`.
    pub struct VolumeRow as "volumes" counting "claims and volumes" from
        [PERSISTENT_VOLUME_CLAIMS, PODS, DEPLOYMENTS, STATEFUL_SETS, DAEMON_SETS, REPLICA_SETS, JOBS, CRON_JOBS, REPLICATION_CONTROLLERS] {
        /// Namespace.
        namespace: String, at "/metadata/namespace";
        /// Name of the claim, or of the volume in the pod.
        name: String, at "/metadata/name";
        /// Whether it is a claim.
        claim: bool, at "";
        /// What it is, as a sentence says it: `Claim NAME`, `Claim template NAME of Kind/NAME`, `Volume NAME of Kind/NAME` or `Volume NAME,
        /// left by the claim NAMESPACE/NAME,`.
        title: String, at "/metadata/name";
        /// `Bound`, `Pending` or `Lost`; that of the volume for one that was left; empty for others.
        phase: String, at "/status/phase";
        /// Class of the claim; empty when it names none.
        class: String, at "/spec/storageClassName";
        /// The PersistentVolume; empty while the claim is not bound.
        volume: String, at "/spec/volumeName";
        /// The driver, or the type of the volume where it has none (`nfs`, `hostPath`, `local`).
        driver: Known<String>, at "/spec", needs [PERSISTENT_VOLUMES, STORAGE_CLASSES];
        /// Whether it lies on a disk of one node, be it as the only replica. Unknown where the number of replicas is not set.
        on_node: Known<bool>, at "/spec", needs [PERSISTENT_VOLUMES, STORAGE_CLASSES];
        /// Whether it is encrypted, as far as driver, class and volume show. Unknown where the layer below decides.
        encrypted: Known<bool>, at "/spec", needs [PERSISTENT_VOLUMES, STORAGE_CLASSES];
        /// Whether the parameters name a key of the customer. Unknown where they can name one, and are not known: the class did not make
        /// the volume, or is not there any more.
        customer_key: Known<bool>, at "/spec", needs [PERSISTENT_VOLUMES, STORAGE_CLASSES];
        /// What becomes of the volume when the claim is deleted: `Delete`, `Retain` or `Recycle`; empty for a volume without a claim.
        reclaim_policy: Known<String>, at "/spec", needs [PERSISTENT_VOLUMES, STORAGE_CLASSES];
        /// Whether what goes between the node and the storage is encrypted: a disk of the node sends nothing, an NFS share sends
        /// everything in the clear unless its mount options say otherwise. Unknown where the layer below decides.
        traffic_encrypted: Known<bool>, at "/spec", needs [PERSISTENT_VOLUMES, STORAGE_CLASSES];
        /// Workloads that mount it, sorted.
        workloads: Vec<String>;
        /// `is`, or `will be` where there is no volume yet, as a sentence about what it lies on goes on.
        stands: String, at "/spec/volumeName";
        /// What it lies on, as a sentence says it: the volume, its driver and its class, as far as there are such and they are known.
        storage: String, at "/spec", needs [PERSISTENT_VOLUMES, STORAGE_CLASSES];
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Volume {
    #[serde(default)]
    pub(super) metadata: ObjectMeta,
    pub(super) spec: VolumeSpec,
    #[serde(default)]
    status: VolumeStatus,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct VolumeStatus {
    phase: String,
}

impl Volume {
    pub(super) fn name(&self) -> &str {
        self.metadata.name.as_deref().unwrap_or_default()
    }

    /// Whether its name is the one that a provisioner gives: `PREFIX-` and the uid of the claim (sig-storage-lib-external-provisioner and
    /// external-provisioner, `--volume-name-prefix`).
    pub(super) fn is_named_for_its_claim(&self) -> bool {
        let uid = self.spec.claim_ref.as_ref().and_then(|by| by.uid.as_deref()).filter(|uid| !uid.is_empty());
        uid.is_some_and(|uid| self.name().strip_suffix(uid).is_some_and(|prefix| prefix.ends_with('-')))
    }
}

impl Readable for Volume {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct VolumeSpec {
    pub(super) persistent_volume_reclaim_policy: Option<String>,
    pub(super) csi: Option<Csi>,
    claim_ref: Option<ClaimRef>,
    storage_class_name: Option<String>,
    /// A list; one text in snapshots from before the words were kept.
    mount_options: Option<Value>,
    /// The other types of volumes are told by their key.
    #[serde(flatten)]
    others: Map<String, Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Csi {
    pub(super) driver: String,
    #[serde(default)]
    pub(super) volume_attributes: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
struct ClaimRef {
    #[serde(default)]
    namespace: String,
    #[serde(default)]
    name: String,
    /// Unset while it is only meant for a claim.
    uid: Option<String>,
}

impl VolumeSpec {
    /// The class that it names.
    pub(super) fn class(&self) -> Option<&str> {
        self.storage_class_name.as_deref()
    }

    /// Its capacity, as written.
    pub(super) fn capacity(&self) -> Option<&str> {
        self.others.get("capacity")?.get("storage")?.as_str()
    }

    /// The key of its type.
    pub(super) fn key(&self) -> Option<&'static str> {
        if self.csi.is_some() { Some("csi") } else { self.source() }
    }

    /// The key of its type, besides `csi`.
    pub(super) fn source(&self) -> Option<&'static str> {
        SOURCES.iter().map(|(key, _)| *key).find(|key| self.others.contains_key(*key))
    }

    /// The driver, or the name under which the type is known here.
    pub(super) fn driver(&self) -> String {
        let of_its_type = || SOURCES.iter().find(|(key, _)| self.others.contains_key(*key)).map(|(_, driver)| *driver);
        match &self.csi {
            Some(csi) => csi.driver.clone(),
            None => of_its_type().unwrap_or("a volume of unknown type").to_owned(),
        }
    }

    /// Words as they were stored.
    pub(super) fn mount_options(&self) -> Vec<String> {
        match &self.mount_options {
            Some(Value::Array(words)) => words.iter().map(|word| word.as_str().unwrap_or_default().to_owned()).collect(),
            Some(Value::String(text)) => vec![text.clone()],
            _ => Vec::new(),
        }
    }
}

/// Types of PersistentVolumes besides `csi` (`core/v1` PersistentVolumeSource), and what is known of them under which name.
const SOURCES: &[(&str, &str)] = &[
    ("hostPath", HOST_PATH),
    ("local", LOCAL),
    ("nfs", NFS),
    ("awsElasticBlockStore", "kubernetes.io/aws-ebs"),
    ("gcePersistentDisk", "kubernetes.io/gce-pd"),
    ("azureDisk", "kubernetes.io/azure-disk"),
    ("azureFile", "kubernetes.io/azure-file"),
    ("vsphereVolume", "kubernetes.io/vsphere-volume"),
    ("cinder", "kubernetes.io/cinder"),
    ("portworxVolume", "kubernetes.io/portworx-volume"),
    ("cephfs", "cephfs"),
    ("rbd", "rbd"),
    ("glusterfs", "glusterfs"),
    ("iscsi", "iscsi"),
    ("fc", "fc"),
    ("flexVolume", "flexVolume"),
    ("flocker", "flocker"),
    ("photonPersistentDisk", "photonPersistentDisk"),
    ("quobyte", "quobyte"),
    ("scaleIO", "scaleIO"),
    ("storageos", "storageos"),
];

/// Every volume by name.
pub(super) type Volumes = BTreeMap<String, (Volume, Evidence)>;

pub(super) fn read(reader: &Reader<'_>) -> Result<Volumes, FactsError> {
    let mut volumes = Volumes::new();
    reader.each::<Volume>(&PERSISTENT_VOLUMES, |volume, origin| {
        if let Some(name) = volume.metadata.name.clone() {
            volumes.insert(name, (volume, origin));
        }
    })?;
    Ok(volumes)
}

/// What was read for the table.
pub(super) struct Read<'a> {
    pub(super) classes: &'a Classes,
    pub(super) claims: &'a [Claim],
    pub(super) volumes: &'a Volumes,
    /// Claims that StatefulSets will make.
    pub(super) templates: &'a [Template],
}

pub(super) fn rows(context: &Context<'_>, read: &Read<'_>) -> Result<Vec<Row>, FactsError> {
    let volume_uses = context.volume_uses()?;
    let volumes_read = context.reader.known_if_complete(&PERSISTENT_VOLUMES, || ());
    let classes_read = context.reader.known_if_complete(&STORAGE_CLASSES, || ());
    let mut rows = Vec::new();
    for claim in read.claims {
        let what = format!("the claim {}/{}", claim.namespace, claim.name);
        let asked = Asked { what, class: claim.class.as_deref(), restored: claim.restored };
        let behind = match (claim.volume.is_empty(), read.volumes.get(&claim.volume)) {
            (true, _) => not_bound(&asked, read.classes, &classes_read),
            (false, Some((volume, origin))) => bound(&asked, volume, origin, read.classes, &classes_read),
            (false, None) => gone(&asked, &claim.volume, &volumes_read),
        };
        let mounting = volume_uses.claims.get(&(claim.namespace.clone(), claim.name.clone()));
        let about = About {
            key: format!("{}/{}", claim.namespace, claim.name),
            subject: claim.subject(),
            origin: claim.origin.clone(),
            claim: true,
            title: format!("Claim {}", claim.name),
            namespace: claim.namespace.clone(),
            name: claim.name.clone(),
            phase: claim.phase.clone(),
            class: claim.class.clone().unwrap_or_default(),
            volume: claim.volume.clone(),
            there: !claim.volume.is_empty(),
            workloads: sorted_owned(mounting.into_iter().flatten().cloned()),
        };
        rows.push(about.row(behind));
    }
    rows.extend(read.templates.iter().map(|template| of_template(template, read, &classes_read)));
    rows.extend(volume_uses.ephemeral.iter().map(|(key, ephemeral)| {
        let template = Template {
            workload: ephemeral.at.workload.clone(),
            name: key.name.clone(),
            class: ephemeral.class.clone(),
            origin: ephemeral.at.origin.clone(),
        };
        of_template(&template, read, &classes_read)
    }));
    rows.extend(volume_uses.direct.iter().map(|(key, volume)| without_claim(key, volume)));
    let claims_read = context.reader.known_if_complete(&PERSISTENT_VOLUME_CLAIMS, || ()).known().is_some();
    let is_left = |volume: &Volume| claims_read || matches!(volume.status.phase.as_str(), "Released" | "Failed");
    let left = read
        .volumes
        .values()
        .filter(|(volume, _)| is_left(volume))
        .filter_map(|(volume, origin)| left(volume, origin, read, &classes_read));
    rows.extend(left);
    Ok(rows)
}

/// A claim that will be made.
fn of_template(template: &Template, read: &Read<'_>, classes_read: &Known<()>) -> Row {
    let workload = template.workload_text();
    let what = format!("the claim template {} of {workload}", template.name);
    let asked = Asked { what, class: template.class.as_deref(), restored: false };
    let about = About {
        key: format!("{}/{workload}/{}", template.namespace(), template.name),
        subject: template.workload.clone(),
        origin: template.origin.clone(),
        claim: false,
        title: format!("Claim template {} of {workload}", template.name),
        namespace: template.namespace().to_owned(),
        name: template.name.clone(),
        phase: String::new(),
        class: template.class.clone().unwrap_or_default(),
        volume: String::new(),
        there: false,
        workloads: vec![workload],
    };
    about.row(not_bound(&asked, read.classes, classes_read))
}

/// A volume whose claim is not there any more, and which still holds what was written to it: `Released`, or `Failed` where deleting it
/// did not work (`core/v1` PersistentVolumePhase), or one that is still `Bound` while its claim was not listed.
fn left(volume: &Volume, origin: &Evidence, read: &Read<'_>, classes_read: &Known<()>) -> Option<Row> {
    let by = volume.spec.claim_ref.as_ref().filter(|by| by.uid.is_some())?;
    let is_there = |claim: &Claim| claim.namespace == by.namespace && claim.name == by.name && claim.volume == volume.name();
    if read.claims.iter().any(is_there) {
        return None;
    }
    let asked = Asked {
        what: format!("the volume that the claim {}/{} left", by.namespace, by.name),
        class: volume.spec.storage_class_name.as_deref(),
        // Whose claim would say it is gone.
        restored: false,
    };
    let about = About {
        key: format!("{}/left/{}", by.namespace, volume.name()),
        subject: ObjectRef {
            kind: "PersistentVolume".to_owned(),
            group: String::new(),
            namespace: None,
            name: volume.name().to_owned(),
            uid: volume.metadata.uid.clone(),
        },
        origin: origin.clone(),
        claim: false,
        title: format!("Volume {}, left by the claim {}/{},", volume.name(), by.namespace, by.name),
        namespace: by.namespace.clone(),
        name: volume.name().to_owned(),
        phase: volume.status.phase.clone(),
        class: volume.spec.storage_class_name.clone().unwrap_or_default(),
        volume: volume.name().to_owned(),
        there: true,
        workloads: Vec::new(),
    };
    Some(about.row(bound(&asked, volume, origin, read.classes, classes_read)))
}

/// What a row is about.
struct About {
    key: String,
    subject: ObjectRef,
    origin: Evidence,
    claim: bool,
    title: String,
    namespace: String,
    name: String,
    phase: String,
    class: String,
    volume: String,
    /// Whether there is a volume already.
    there: bool,
    workloads: Vec<String>,
}

impl About {
    fn row(self, behind: Behind) -> Row {
        let Said { on_node, encryption: Encryption { encrypted, customer_key } } = behind.said;
        let mut related: Vec<ObjectRef> = Vec::new();
        for object in behind.evidence.iter().chain(behind.of_class.values()).filter_map(Evidence::object) {
            if !related.contains(object) && *object != self.subject {
                related.push(object.clone());
            }
        }
        let part = |name: &str, value: &str| (!value.is_empty()).then(|| format!("{name} {value}"));
        let driver = behind.driver.known().map_or("", String::as_str);
        let storage: Vec<String> =
            [part("volume", &self.volume), part("driver", driver), part("class", &self.class)].into_iter().flatten().collect();
        let typed = VolumeRow {
            stands: if self.there { "is" } else { "will be" }.to_owned(),
            storage: storage.join(", "),
            claim: self.claim,
            title: self.title,
            phase: self.phase,
            class: self.class,
            volume: self.volume,
            driver: behind.driver,
            on_node,
            encrypted,
            customer_key,
            reclaim_policy: behind.reclaim_policy,
            traffic_encrypted: behind.traffic_encrypted,
            workloads: self.workloads,
            namespace: self.namespace.clone(),
            name: self.name,
        };
        let mut row = Row::new(self.key, self.subject, vec![self.origin], typed).in_namespace(Some(self.namespace)).related_to(related);
        for column in ["driver", "on_node", "encrypted", "customer_key", "reclaim_policy", "traffic_encrypted"] {
            row = row.evidenced(column, behind.evidence.iter().chain(behind.of_class.get(column)).cloned());
        }
        row
    }
}

fn without_claim(key: &DirectKey, volume: &Direct) -> Row {
    let DirectKey { namespace, workload, name, driver } = key;
    let what = format!("the volume {name} of {namespace}/{workload}");
    let said = Said::of(driver, &Parameters::new(), &what);
    let traffic_encrypted = traffic(driver, &Parameters::new(), &said.encryption.encrypted, &[], &what);
    let behind = Behind::direct(driver, said, traffic_encrypted, &what, volume.origin.clone());
    let about = About {
        key: format!("{namespace}/{workload}/{name}/{driver}"),
        subject: volume.workload.clone(),
        origin: volume.origin.clone(),
        claim: false,
        title: format!("Volume {name} of {workload}"),
        namespace: namespace.clone(),
        name: name.clone(),
        phase: String::new(),
        class: String::new(),
        volume: String::new(),
        there: true,
        workloads: vec![workload.clone()],
    };
    about.row(behind)
}
