//! What is behind a claim: its volume, or the class that will make one.

use std::collections::BTreeMap;

use super::classes::{Class, Classes};
use super::drivers::{
    Encryption, Parameters, canonical, encryption, has_key, has_parameter, has_replicas, on_node, reads_attributes, writes_attributes,
};
use super::transit::traffic;
use super::volumes::Volume;
use crate::facts::Known;
use crate::model::{Evidence, Unseen};

/// What a volume is asked for by, or was left by.
pub(super) struct Asked<'a> {
    /// In a sentence, such as `the claim records/data`.
    pub(super) what: String,
    /// `None` when the field is not set: then the class is still to be chosen.
    pub(super) class: Option<&'a str>,
    /// Whether it was, or is to be, made from a snapshot or another claim.
    pub(super) restored: bool,
}

/// What is behind a claim.
pub(super) struct Behind {
    pub(super) driver: Known<String>,
    pub(super) said: Said,
    /// Whether what goes between the node and the storage is encrypted.
    pub(super) traffic_encrypted: Known<bool>,
    pub(super) reclaim_policy: Known<String>,
    pub(super) evidence: Vec<Evidence>,
    /// Where columns stand that the class decides.
    pub(super) of_class: BTreeMap<&'static str, Evidence>,
}

/// What driver and parameters say.
pub(super) struct Said {
    pub(super) on_node: Known<bool>,
    pub(super) encryption: Encryption,
}

impl Said {
    fn new(driver: &str, parameters: &Parameters, asked: &Asked<'_>, what: &str) -> Self {
        Self { on_node: on_node(driver, parameters, &asked.what), encryption: encryption(driver, parameters, what) }
    }

    /// Of something that no claim asks for.
    pub(super) fn of(driver: &str, parameters: &Parameters, what: &str) -> Self {
        Self { on_node: on_node(driver, parameters, what), encryption: encryption(driver, parameters, what) }
    }

    fn nothing(unseen: &Unseen) -> Self {
        let unknown = || Known::Unknown(unseen.clone());
        Self { on_node: unknown(), encryption: Encryption { encrypted: unknown(), customer_key: unknown() } }
    }
}

impl Behind {
    /// A volume that a workload names itself.
    pub(super) fn direct(driver: &str, mut said: Said, traffic_encrypted: Known<bool>, what: &str, origin: Evidence) -> Self {
        if has_key(driver) {
            said.encryption.customer_key = Known::Unknown(key_not_shown(what));
        }
        Self {
            driver: Known::Known(driver.to_owned()),
            said,
            traffic_encrypted,
            reclaim_policy: Known::Known(String::new()),
            evidence: vec![origin],
            of_class: BTreeMap::new(),
        }
    }
}

fn unknown(asked: &Asked<'_>, why: String, how_to_see: &str) -> Unseen {
    Unseen::not_visible(format!("the volume behind {}", asked.what), why, how_to_see.to_owned())
}

/// What a volume was made with is not written on it.
fn not_shown(what: &str, driver: &str) -> Unseen {
    Unseen::not_visible(
        format!("encryption of {what}"),
        format!(
            "it was made by hand, or by another class than the one that it names, and {driver} reads whether to encrypt only when it makes a volume"
        ),
        "Ask the storage itself whether this volume is encrypted (EBS: aws ec2 describe-volumes).",
    )
}

/// The same of the nodes that it lies on.
fn place_not_shown(what: &str, driver: &str) -> Unseen {
    Unseen::not_visible(
        format!("where {what} lies"),
        format!(
            "it was made by hand, or by another class than the one that it names, and {driver} reads the number of replicas only when it makes a volume"
        ),
        "Ask the storage itself on how many nodes this volume lies.",
    )
}

/// A volume does not say with which key it is encrypted; the parameters that it was made with do.
fn key_not_shown(what: &str) -> Unseen {
    Unseen::not_visible(
        format!("the key of {what}"),
        "it was made by hand, or by a class that is not there any more",
        "Ask who runs the storage with which key the volume is encrypted.",
    )
}

/// What is made of an encrypted snapshot is encrypted, whatever its class says (AWS, *Amazon EBS encryption*; ceph-csi, *RBD encryption*):
/// a class that encrypts nothing shows nothing of it.
fn unless_restored(encrypted: Known<bool>, driver: &str, asked: &Asked<'_>, what: &str) -> Known<bool> {
    match encrypted {
        Known::Known(false) if asked.restored && has_parameter(driver) => Known::Unknown(Unseen::not_visible(
            format!("encryption of {what}"),
            "its class does not ask for encryption, and it is made from a snapshot or another claim: of encrypted storage the copy is encrypted too",
            "Ask the storage itself whether this volume is encrypted (EBS: aws ec2 describe-volumes).",
        )),
        known => known,
    }
}

fn nothing_known(unseen: &Unseen) -> Behind {
    Behind {
        driver: Known::Unknown(unseen.clone()),
        said: Said::nothing(unseen),
        traffic_encrypted: Known::Unknown(unseen.clone()),
        reclaim_policy: Known::Unknown(unseen.clone()),
        evidence: Vec::new(),
        of_class: BTreeMap::new(),
    }
}

/// A claim that waits for its volume: its class says what it will get.
pub(super) fn not_bound(asked: &Asked<'_>, classes: &Classes, classes_read: &Known<()>) -> Behind {
    if let Known::Unknown(unseen) = classes_read {
        return nothing_known(unseen);
    }
    let ask = "Bind the claim or remove it, then collect again.";
    let class = match asked.class {
        None | Some("") => return nothing_known(&unknown(asked, "it is not bound and names no class".to_owned(), ask)),
        Some(name) => match classes.get(name) {
            Some(class) => class,
            None => return nothing_known(&unknown(asked, format!("it is not bound, and its class {name} does not exist"), ask)),
        },
    };
    let what = format!("the volume of {}", asked.what);
    let mut said = Said::new(&class.object.provisioner, &class.parameters(), asked, &what);
    said.encryption.encrypted = unless_restored(said.encryption.encrypted, &class.object.provisioner, asked, &what);
    let options = class.mount_options();
    Behind {
        driver: Known::Known(class.object.provisioner.clone()),
        traffic_encrypted: traffic(&class.object.provisioner, &class.parameters(), &said.encryption.encrypted, &options, &what),
        said,
        reclaim_policy: Known::Known(class.reclaim_policy()),
        evidence: vec![class.origin.clone()],
        of_class: BTreeMap::new(),
    }
}

pub(super) fn gone(asked: &Asked<'_>, volume: &str, volumes_read: &Known<()>) -> Behind {
    match volumes_read {
        Known::Unknown(unseen) => nothing_known(unseen),
        Known::Known(()) => nothing_known(&not_there(&asked.what, volume)),
    }
}

/// A claim is bound to a volume that is not there.
pub(super) fn not_there(what: &str, volume: &str) -> Unseen {
    let asked = Asked { what: what.to_owned(), class: None, restored: false };
    let why = format!("its volume {volume} does not exist any more");
    unknown(&asked, why, "Find out what became of the volume and of the data on it.")
}

pub(super) fn bound(asked: &Asked<'_>, volume: &Volume, origin: &Evidence, classes: &Classes, classes_read: &Known<()>) -> Behind {
    let driver = volume.spec.driver();
    let written = volume.spec.csi.as_ref().map(|csi| csi.volume_attributes.clone()).unwrap_or_default();
    // Others read these when they make a volume, and not when they mount one: on the volume they say nothing.
    let decided = reads_attributes(&driver) || (writes_attributes(&driver) && is_provisioned(volume, &driver));
    let attributes = if decided { written.clone() } else { Parameters::new() };
    let what = format!("the volume {} of {}", volume.name(), asked.what);
    let mut said = Said::new(&driver, &attributes, asked, &what);
    // What the volume itself leaves open and its class may decide.
    let open = Open {
        on_node: has_replicas(&driver) && said.on_node.known().is_none(),
        encrypted: said.encryption.encrypted.known().is_none(),
        customer_key: has_key(&driver) && said.encryption.customer_key != Known::Known(true),
    };
    let mut of_class = BTreeMap::new();
    let mut parameters = written;
    if open.any() {
        match made_by(volume, &driver, asked, classes, classes_read) {
            Maker::Class(class) => {
                let mut all = class.parameters();
                all.extend(attributes.clone());
                open.fill(&mut said, Said::new(&driver, &all, asked, &what));
                parameters = class.parameters().into_iter().chain(parameters).collect();
                of_class.extend(open.columns().map(|column| (column, class.origin.at("/parameters"))));
            }
            Maker::NotRead(unseen) => open.fill(&mut said, Said::nothing(&unseen)),
            Maker::Nobody => {
                if open.encrypted && has_parameter(&driver) && !decided {
                    said.encryption.encrypted = Known::Unknown(not_shown(&what, &driver));
                }
                if open.on_node && !decided {
                    said.on_node = Known::Unknown(place_not_shown(&what, &driver));
                }
                if open.customer_key && said.encryption.customer_key.known().is_some() {
                    said.encryption.customer_key = Known::Unknown(key_not_shown(&what));
                }
            }
        }
    }
    said.encryption.encrypted = unless_restored(said.encryption.encrypted, &driver, asked, &what);
    Behind {
        traffic_encrypted: traffic(&driver, &parameters, &said.encryption.encrypted, &volume.spec.mount_options(), &what),
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

/// Whether the driver made the volume for its claim: the provisioner's mark is on it, and its name ends with the uid of the claim.
fn is_provisioned(volume: &Volume, driver: &str) -> bool {
    let annotations = volume.metadata.annotations.as_ref();
    let mark = annotations.and_then(|all| all.get("pv.kubernetes.io/provisioned-by"));
    mark.is_some_and(|mark| canonical(mark) == canonical(driver)) && volume.is_named_for_its_claim()
}

/// A class's parameters say something about a volume only if the class made it: the provisioner's mark is on the volume, its name ends
/// with the uid of its claim, as the provisioner writes it (one that was copied to another claim or class has another name), and the class
/// is not younger (parameters cannot be changed, but a class can be deleted and made again).
fn made_by<'a>(volume: &Volume, driver: &str, asked: &Asked<'_>, classes: &'a Classes, classes_read: &Known<()>) -> Maker<'a> {
    if let Known::Unknown(unseen) = classes_read {
        return Maker::NotRead(unseen.clone());
    }
    let Some(class) = asked.class.and_then(|name| classes.get(name)) else { return Maker::Nobody };
    let by_it = canonical(driver) == canonical(&class.object.provisioner) && is_provisioned(volume, driver);
    let older = match (&class.object.metadata.creation_timestamp, &volume.metadata.creation_timestamp) {
        (Some(class), Some(volume)) => class.0 <= volume.0,
        // Without times nothing speaks against it; the API always sets them.
        _ => true,
    };
    if by_it && older { Maker::Class(class) } else { Maker::Nobody }
}
