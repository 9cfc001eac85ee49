use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::classes::{Class, Classes};
use super::drivers::{Encryption, HOST_PATH, LOCAL, NFS, Parameters, canonical, encryption, has_key, has_replicas, on_node};
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
use crate::model::{Evidence, ObjectRef, Unseen, UnseenKind};

table! {
    /// One row per claim, with the volume behind it or the class that will make it; and one row per volume that a workload reaches
    /// without a claim, such as an NFS share. Directories of the node (`hostPath` in a pod) are in the table `pods`.
    pub struct VolumeRow as "volumes" counting "claims and volumes" from
        [PERSISTENT_VOLUME_CLAIMS, PODS, DEPLOYMENTS, STATEFUL_SETS, DAEMON_SETS, REPLICA_SETS, JOBS, CRON_JOBS, REPLICATION_CONTROLLERS] {
        /// Namespace.
        namespace: String, at "/metadata/namespace";
        /// Name of the claim, or of the volume in the pod.
        name: String, at "/metadata/name";
        /// Whether it is a claim.
        claim: bool, at "";
        /// What it is, as a sentence says it: `Claim NAME`, or `Volume NAME of Kind/NAME`.
        title: String, at "/metadata/name";
        /// `Bound`, `Pending` or `Lost`; empty for a volume without a claim.
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
        /// Workloads that mount it, sorted.
        workloads: Vec<String>;
    }
}

#[derive(Debug, Deserialize)]
struct Volume {
    #[serde(default)]
    metadata: ObjectMeta,
    spec: VolumeSpec,
}

impl Readable for Volume {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct VolumeSpec {
    persistent_volume_reclaim_policy: Option<String>,
    csi: Option<Csi>,
    /// The other types of volumes are told by their key.
    #[serde(flatten)]
    others: Map<String, Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Csi {
    driver: String,
    #[serde(default)]
    volume_attributes: BTreeMap<String, String>,
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

/// One claim as read.
pub(super) struct Claim {
    pub(super) namespace: String,
    name: String,
    uid: Option<String>,
    /// `None` when the field is not set: then the class is still to be chosen.
    pub(super) class: Option<String>,
    volume: String,
    phase: String,
    origin: Evidence,
}

/// All claims.
pub(super) fn claims(reader: &Reader<'_>) -> Result<Vec<Claim>, FactsError> {
    let mut claims = Vec::new();
    reader.each::<PersistentVolumeClaim>(&PERSISTENT_VOLUME_CLAIMS, |claim, origin| {
        let (class, volume) = claim.spec.map(|spec| (spec.storage_class_name, spec.volume_name)).unwrap_or((None, None));
        claims.push(Claim {
            namespace: claim.metadata.namespace.unwrap_or_default(),
            name: claim.metadata.name.unwrap_or_default(),
            uid: claim.metadata.uid,
            class,
            volume: volume.unwrap_or_default(),
            phase: claim.status.and_then(|status| status.phase).unwrap_or_default(),
            origin,
        });
    })?;
    Ok(claims)
}

/// What is behind a claim.
struct Behind {
    driver: Known<String>,
    said: Said,
    reclaim_policy: Known<String>,
    evidence: Vec<Evidence>,
    /// Where columns stand that the class decides.
    of_class: BTreeMap<&'static str, Evidence>,
}

/// What driver and parameters say.
struct Said {
    on_node: Known<bool>,
    encryption: Encryption,
}

impl Said {
    fn new(driver: &str, parameters: &Parameters, claim: &Claim, what: &str) -> Self {
        Self {
            on_node: on_node(driver, parameters, &format!("the claim {}/{}", claim.namespace, claim.name)),
            encryption: encryption(driver, parameters, what),
        }
    }

    fn nothing(unseen: &Unseen) -> Self {
        let unknown = || Known::Unknown(unseen.clone());
        Self { on_node: unknown(), encryption: Encryption { encrypted: unknown(), customer_key: unknown() } }
    }
}

pub(super) fn rows(context: &Context<'_>, classes: &Classes, claims: &[Claim]) -> Result<Vec<Row>, FactsError> {
    let mut volumes: BTreeMap<String, (Volume, Evidence)> = BTreeMap::new();
    context.reader.each::<Volume>(&PERSISTENT_VOLUMES, |volume, origin| {
        if let Some(name) = volume.metadata.name.clone() {
            volumes.insert(name, (volume, origin));
        }
    })?;
    let volumes_read = context.reader.known_if_complete(&PERSISTENT_VOLUMES, || ());
    let classes_read = context.reader.known_if_complete(&STORAGE_CLASSES, || ());
    let volume_uses = context.volume_uses()?;
    let mut rows = Vec::new();
    for claim in claims {
        let behind = match (claim.volume.is_empty(), volumes.get(&claim.volume)) {
            (true, _) => not_bound(claim, classes, &classes_read),
            (false, Some((volume, origin))) => bound(claim, volume, origin, classes, &classes_read),
            (false, None) => gone(claim, &volumes_read),
        };
        let mounting = volume_uses.claims.get(&(claim.namespace.clone(), claim.name.clone()));
        rows.push(of_claim(claim, behind, sorted_owned(mounting.into_iter().flatten().cloned())));
    }
    rows.extend(volume_uses.direct.iter().map(|(key, volume)| without_claim(key, volume)));
    Ok(rows)
}

fn unknown(claim: &Claim, why: String, how_to_see: &str) -> Unseen {
    Unseen {
        kind: UnseenKind::NotVisible,
        what: format!("the volume behind the claim {}/{}", claim.namespace, claim.name),
        why,
        how_to_see: how_to_see.to_owned(),
        source: None,
        missing_rule: None,
    }
}

/// A volume does not say with which key it is encrypted; the parameters that it was made with do.
fn key_not_shown(what: &str) -> Unseen {
    Unseen {
        kind: UnseenKind::NotVisible,
        what: format!("the key of {what}"),
        why: "it was made by hand, or by a class that is not there any more".to_owned(),
        how_to_see: "Ask who runs the storage with which key the volume is encrypted.".to_owned(),
        source: None,
        missing_rule: None,
    }
}

fn nothing_known(unseen: &Unseen) -> Behind {
    Behind {
        driver: Known::Unknown(unseen.clone()),
        said: Said::nothing(unseen),
        reclaim_policy: Known::Unknown(unseen.clone()),
        evidence: Vec::new(),
        of_class: BTreeMap::new(),
    }
}

/// A claim that waits for its volume: its class says what it will get.
fn not_bound(claim: &Claim, classes: &Classes, classes_read: &Known<()>) -> Behind {
    if let Known::Unknown(unseen) = classes_read {
        return nothing_known(unseen);
    }
    let ask = "Bind the claim or remove it, then collect again.";
    let class = match claim.class.as_deref() {
        None | Some("") => return nothing_known(&unknown(claim, "it is not bound and names no class".to_owned(), ask)),
        Some(name) => match classes.get(name) {
            Some(class) => class,
            None => return nothing_known(&unknown(claim, format!("it is not bound, and its class {name} does not exist"), ask)),
        },
    };
    let what = format!("the volume of the claim {}/{}", claim.namespace, claim.name);
    Behind {
        driver: Known::Known(class.object.provisioner.clone()),
        said: Said::new(&class.object.provisioner, &class.parameters(), claim, &what),
        reclaim_policy: Known::Known(class.reclaim_policy()),
        evidence: vec![class.origin.clone()],
        of_class: BTreeMap::new(),
    }
}

fn gone(claim: &Claim, volumes_read: &Known<()>) -> Behind {
    match volumes_read {
        Known::Unknown(unseen) => nothing_known(unseen),
        Known::Known(()) => {
            let why = format!("its volume {} does not exist any more", claim.volume);
            nothing_known(&unknown(claim, why, "Find out what became of the volume and of the data on it."))
        }
    }
}

fn bound(claim: &Claim, volume: &Volume, origin: &Evidence, classes: &Classes, classes_read: &Known<()>) -> Behind {
    let driver = match &volume.spec.csi {
        Some(csi) => csi.driver.clone(),
        None => {
            let of_its_type = SOURCES.iter().find(|(key, _)| volume.spec.others.contains_key(*key));
            of_its_type.map_or_else(|| "a volume of unknown type".to_owned(), |(_, driver)| (*driver).to_owned())
        }
    };
    let attributes = volume.spec.csi.as_ref().map(|csi| csi.volume_attributes.clone()).unwrap_or_default();
    let what = format!("the volume {} of the claim {}/{}", claim.volume, claim.namespace, claim.name);
    let mut said = Said::new(&driver, &attributes, claim, &what);
    // What the volume itself leaves open and its class may decide.
    let open = Open {
        on_node: has_replicas(&driver) && said.on_node.known().is_none(),
        encrypted: said.encryption.encrypted.known().is_none(),
        customer_key: has_key(&driver) && said.encryption.customer_key != Known::Known(true),
    };
    let mut of_class = BTreeMap::new();
    if open.any() {
        match made_by(volume, &driver, claim, classes, classes_read) {
            Maker::Class(class) => {
                let mut all = class.parameters();
                all.extend(attributes);
                open.fill(&mut said, Said::new(&driver, &all, claim, &what));
                of_class.extend(open.columns().map(|column| (column, class.origin.at("/parameters"))));
            }
            Maker::NotRead(unseen) => open.fill(&mut said, Said::nothing(&unseen)),
            Maker::Nobody if open.customer_key && said.encryption.customer_key.known().is_some() => {
                said.encryption.customer_key = Known::Unknown(key_not_shown(&what));
            }
            Maker::Nobody => {}
        }
    }
    Behind {
        driver: Known::Known(driver),
        said,
        // `core/v1` PersistentVolumeSpec: Retain for volumes that were made by hand.
        reclaim_policy: Known::Known(volume.spec.persistent_volume_reclaim_policy.clone().unwrap_or_else(|| "Retain".to_owned())),
        evidence: vec![origin.at("/spec")],
        of_class,
    }
}

/// Which columns a volume's own attributes leave open.
struct Open {
    on_node: bool,
    encrypted: bool,
    customer_key: bool,
}

impl Open {
    fn columns(&self) -> impl Iterator<Item = &'static str> {
        let all = [("on_node", self.on_node), ("encrypted", self.encrypted), ("customer_key", self.customer_key)];
        all.into_iter().filter_map(|(column, open)| open.then_some(column))
    }

    fn any(&self) -> bool {
        self.columns().next().is_some()
    }

    fn fill(&self, said: &mut Said, from: Said) {
        if self.on_node {
            said.on_node = from.on_node;
        }
        if self.encrypted {
            said.encryption.encrypted = from.encryption.encrypted;
        }
        if self.customer_key {
            said.encryption.customer_key = from.encryption.customer_key;
        }
    }
}

/// Whose parameters a volume was made with.
enum Maker<'a> {
    Class(&'a Class),
    /// The classes were not read.
    NotRead(Unseen),
    /// It was made by hand, or by a class that is not there any more.
    Nobody,
}

/// A class's parameters say something about a volume only if the class made it: the provisioner's mark is on the volume, and the class
/// is not younger (parameters cannot be changed, but a class can be deleted and made again).
fn made_by<'a>(volume: &Volume, driver: &str, claim: &Claim, classes: &'a Classes, classes_read: &Known<()>) -> Maker<'a> {
    if let Known::Unknown(unseen) = classes_read {
        return Maker::NotRead(unseen.clone());
    }
    let annotations = volume.metadata.annotations.as_ref();
    let marked = annotations.and_then(|all| all.get("pv.kubernetes.io/provisioned-by"));
    let Some(class) = claim.class.as_deref().and_then(|name| classes.get(name)) else { return Maker::Nobody };
    let by_it = marked.is_some_and(|mark| canonical(mark) == canonical(&class.object.provisioner))
        && canonical(driver) == canonical(&class.object.provisioner);
    let older = match (&class.object.metadata.creation_timestamp, &volume.metadata.creation_timestamp) {
        (Some(class), Some(volume)) => class.0 <= volume.0,
        // Without times nothing speaks against it; the API always sets them.
        _ => true,
    };
    if by_it && older { Maker::Class(class) } else { Maker::Nobody }
}

fn of_claim(claim: &Claim, behind: Behind, workloads: Vec<String>) -> Row {
    let Said { on_node, encryption: Encryption { encrypted, customer_key } } = behind.said;
    let typed = VolumeRow {
        claim: true,
        title: format!("Claim {}", claim.name),
        phase: claim.phase.clone(),
        class: claim.class.clone().unwrap_or_default(),
        volume: claim.volume.clone(),
        driver: behind.driver,
        on_node,
        encrypted,
        customer_key,
        reclaim_policy: behind.reclaim_policy,
        workloads,
        namespace: claim.namespace.clone(),
        name: claim.name.clone(),
    };
    let subject = ObjectRef {
        kind: "PersistentVolumeClaim".to_owned(),
        group: String::new(),
        namespace: Some(claim.namespace.clone()),
        name: claim.name.clone(),
        uid: claim.uid.clone(),
    };
    let mut related: Vec<ObjectRef> = Vec::new();
    for object in behind.evidence.iter().chain(behind.of_class.values()).filter_map(Evidence::object) {
        if !related.contains(object) {
            related.push(object.clone());
        }
    }
    let mut row = Row::new(format!("{}/{}", claim.namespace, claim.name), subject, vec![claim.origin.clone()], typed).related_to(related);
    for column in ["driver", "on_node", "encrypted", "customer_key", "reclaim_policy"] {
        row = row.evidenced(column, behind.evidence.iter().chain(behind.of_class.get(column)).cloned());
    }
    row
}

fn without_claim(key: &DirectKey, volume: &Direct) -> Row {
    let DirectKey { namespace, workload, name, driver } = key;
    let what = format!("the volume {name} of {namespace}/{workload}");
    let Encryption { encrypted, mut customer_key } = encryption(driver, &Parameters::new(), &what);
    if has_key(driver) {
        customer_key = Known::Unknown(key_not_shown(&what));
    }
    let typed = VolumeRow {
        namespace: namespace.clone(),
        name: name.clone(),
        claim: false,
        title: format!("Volume {name} of {workload}"),
        phase: String::new(),
        class: String::new(),
        volume: String::new(),
        driver: Known::Known(driver.clone()),
        on_node: on_node(driver, &Parameters::new(), &what),
        encrypted,
        customer_key,
        reclaim_policy: Known::Known(String::new()),
        workloads: vec![workload.clone()],
    };
    let here = || [volume.origin.clone()];
    Row::new(format!("{namespace}/{workload}/{name}/{driver}"), volume.workload.clone(), vec![volume.origin.clone()], typed)
        .evidenced("driver", here())
        .evidenced("encrypted", here())
        .evidenced("on_node", here())
}
