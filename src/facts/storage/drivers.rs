//! What each driver's parameters say about encryption.
//!
//! Sources: the drivers' own documentation of their StorageClass parameters. A parameter that is not set proves nothing where the
//! layer below may encrypt all the same (the account's default, the disks of a Ceph cluster, the storage policy): then the answer is
//! unknown, with the question to ask.

use std::collections::BTreeMap;

use crate::facts::Known;
use crate::model::{Unseen, UnseenKind};

/// Parameters of a StorageClass or attributes of a volume, as they are written.
pub(super) type Parameters = BTreeMap<String, String>;

/// What is known of a driver.
enum Habit {
    /// The service encrypts everything; a parameter names a key of the customer.
    Always { key: &'static [&'static str] },
    /// Encrypted when the parameter is `true`.
    Parameter { name: &'static str, key: &'static [&'static str], unset: &'static str, ask: &'static str },
    /// Decided where the API does not show it.
    Elsewhere { why: &'static str, ask: &'static str },
}

/// The volume plugins of old times and the CSI drivers that took them over (CSI migration, `csi-translation-lib`).
const MIGRATED: &[(&str, &str)] = &[
    ("kubernetes.io/aws-ebs", "ebs.csi.aws.com"),
    ("kubernetes.io/gce-pd", "pd.csi.storage.gke.io"),
    ("kubernetes.io/azure-disk", "disk.csi.azure.com"),
    ("kubernetes.io/azure-file", "file.csi.azure.com"),
    ("kubernetes.io/vsphere-volume", "csi.vsphere.vmware.com"),
    ("kubernetes.io/cinder", "cinder.csi.openstack.org"),
    ("kubernetes.io/portworx-volume", "pxd.portworx.com"),
    ("ebs.csi.eks.amazonaws.com", "ebs.csi.aws.com"),
];

/// The name under which a driver is known here. Rook puts a namespace before Ceph's names.
pub(super) fn canonical(driver: &str) -> &str {
    for ceph in ["rbd.csi.ceph.com", "cephfs.csi.ceph.com"] {
        if driver.strip_suffix(ceph).is_some_and(|prefix| prefix.is_empty() || prefix.ends_with('.')) {
            return ceph;
        }
    }
    MIGRATED.iter().find(|(old, _)| *old == driver).map_or(driver, |(_, new)| new)
}

/// Drivers that read the names of parameters in any case. The others know one spelling, and pass over what is written otherwise.
const ANY_CASE: &[&str] = &["ebs.csi.aws.com", "pd.csi.storage.gke.io", "disk.csi.azure.com", "file.csi.azure.com", "blob.csi.azure.com"];

/// The value of a parameter; an error where it is not certain that the driver reads it.
fn value<'a>(driver: &str, parameters: &'a Parameters, name: &str) -> Result<Option<&'a str>, String> {
    let any_case = ANY_CASE.contains(&canonical(driver));
    if !any_case && let Some(value) = parameters.get(name) {
        return Ok(Some(value));
    }
    let alike: Vec<_> = parameters.iter().filter(|(written, _)| written.eq_ignore_ascii_case(name)).collect();
    match alike.as_slice() {
        [] => Ok(None),
        [(_, value), others @ ..] if any_case && others.iter().all(|(_, other)| other == value) => Ok(Some(value)),
        _ if any_case => Err(format!("the parameter {name} is set more than once, in different case and to different values")),
        [(written, _), ..] => Err(format!("the parameter {written} is not spelled {name}, and it is not known how {driver} reads that")),
    }
}

/// Provisioners whose volumes are a directory or a disk of one node.
const OF_NODE: &[&str] = &[
    HOST_PATH,
    LOCAL,
    "rancher.io/local-path",
    "hostpath.csi.k8s.io",
    "k8s.io/minikube-hostpath",
    "microk8s.io/hostpath",
    "docker.io/hostpath",
    "openebs.io/local",
    "local.csi.openebs.io",
    "zfs.csi.openebs.io",
    "topolvm.io",
    "directpv-min-io",
];
/// Whether volumes of the driver are a directory or a disk of one node.
pub(super) fn is_of_node(driver: &str) -> bool {
    OF_NODE.contains(&driver)
}

/// Network storage of which nothing else is known here.
const OF_NETWORK: &[&str] = &["cephfs", "rbd", "glusterfs", "iscsi", "fc"];

/// The parameter that says on how many nodes a volume lies, where the driver keeps volumes on the nodes themselves.
fn replicas(driver: &str) -> Option<&'static str> {
    match canonical(driver) {
        "driver.longhorn.io" => Some("numberOfReplicas"),
        "pxd.portworx.com" => Some("repl"),
        _ => None,
    }
}

/// Whether a driver acts on what the attributes of a volume say when it mounts it, and not only when it makes one: of ceph-csi encryption
/// is set up on the node, by the volume's attributes.
pub(super) fn reads_attributes(driver: &str) -> bool {
    matches!(canonical(driver), "rbd.csi.ceph.com" | "cephfs.csi.ceph.com")
}

/// Whether a driver writes the parameters that it made a volume with into the volume's attributes, and does not read them again: of
/// Longhorn its own Volume decides when it mounts (longhorn-manager, csi/node_server.go). They say something about a volume that it made,
/// and nothing about one for which a PersistentVolume was written by hand.
pub(super) fn writes_attributes(driver: &str) -> bool {
    canonical(driver) == "driver.longhorn.io"
}

/// Whether parameters decide on how many nodes a volume of the driver lies.
pub(super) fn has_replicas(driver: &str) -> bool {
    replicas(driver).is_some()
}

/// Whether `what` lies on a disk of one node only. Of drivers that are not known here nobody says.
pub(super) fn on_node(driver: &str, parameters: &Parameters, what: &str) -> Known<bool> {
    let unknown = |kind, why: String, ask: &str| Known::Unknown(Unseen::new(kind, format!("where {what} lies"), why, ask.to_owned()));
    if let Some(name) = replicas(driver) {
        let ask = "Ask who runs the storage on how many nodes each volume lies.";
        return match value(driver, parameters, name).map(|written| written.map(|number| (number, number.parse::<u32>()))) {
            Ok(Some((_, Ok(number)))) if number > 0 => Known::Known(number == 1),
            Ok(Some((written, _))) => {
                unknown(UnseenKind::NotUnderstood, format!("the parameter {name} is `{written}`, which is no number of replicas"), ask)
            }
            Ok(None) => {
                unknown(UnseenKind::NotVisible, format!("{name} is not set, and {driver} has a default of its own for replicas"), ask)
            }
            Err(why) => unknown(UnseenKind::NotUnderstood, why, ask),
        };
    }
    let of_network = || OF_NETWORK.contains(&driver) || (driver != "kubernetes.io/no-provisioner" && habit(driver).is_some());
    if OF_NODE.contains(&driver) {
        Known::Known(true)
    } else if of_network() {
        Known::Known(false)
    } else {
        unknown(
            UnseenKind::NotUnderstood,
            format!("it is not known here where the driver {driver} keeps its volumes"),
            "Ask who runs the storage whether its volumes lie on the disks of single nodes.",
        )
    }
}

/// The names of volume sources without a driver.
pub(super) const HOST_PATH: &str = "hostPath";
pub(super) const LOCAL: &str = "local";
pub(super) use crate::facts::workloads::volume_uses::NFS;

fn habit(driver: &str) -> Option<Habit> {
    const NODE: Habit = Habit::Elsewhere {
        why: "its volumes lie on a disk of a node, which Kubernetes does not encrypt",
        ask: "Ask who runs the nodes whether their disks are encrypted, and how the keys are kept.",
    };
    const CEPH_ASK: &str = "Set encrypted: \"true\" and encryptionKMSID, or ask whether the Ceph cluster encrypts its disks (OSDs).";
    Some(match canonical(driver) {
        "pd.csi.storage.gke.io" => Habit::Always { key: &["disk-encryption-kms-key"] },
        "disk.csi.azure.com" => Habit::Always { key: &["diskEncryptionSetID"] },
        "filestore.csi.storage.gke.io" | "file.csi.azure.com" | "blob.csi.azure.com" | "fsx.csi.aws.com" => Habit::Always { key: &[] },
        "ebs.csi.aws.com" => Habit::Parameter {
            name: "encrypted",
            key: &["kmsKeyId"],
            unset: "encrypted is not set, and the AWS account may encrypt volumes by default",
            ask: "Set encrypted: \"true\", or ask for the account's setting: aws ec2 get-ebs-encryption-by-default.",
        },
        "rbd.csi.ceph.com" | "cephfs.csi.ceph.com" => Habit::Parameter {
            name: "encrypted",
            key: &["encryptionKMSID"],
            unset: "encrypted is not set, and the Ceph cluster below may encrypt its disks",
            ask: CEPH_ASK,
        },
        "driver.longhorn.io" => Habit::Parameter {
            name: "encrypted",
            key: &[],
            unset: "encrypted is not set, and the disks of the nodes below may be encrypted",
            ask: "Set encrypted: \"true\" with the csi.storage.k8s.io secret parameters, or ask whether the nodes' disks are encrypted.",
        },
        "pxd.portworx.com" => Habit::Parameter {
            name: "secure",
            key: &[],
            unset: "secure is not set, and the disks below may be encrypted",
            ask: "Set secure: \"true\", or ask whether the disks that Portworx uses are encrypted.",
        },
        "linodebs.csi.linode.com" => Habit::Parameter {
            name: "linodebs.csi.linode.com/luks-encrypted",
            key: &[],
            unset: "luks-encrypted is not set, and the provider may encrypt block storage",
            ask: "Set linodebs.csi.linode.com/luks-encrypted: \"true\", or ask the provider.",
        },
        "efs.csi.aws.com" => Habit::Elsewhere {
            why: "encryption is a property of the EFS file system, chosen when it was made",
            ask: "Ask for the file system's Encrypted property: aws efs describe-file-systems.",
        },
        "csi.trident.netapp.io" => Habit::Elsewhere {
            why: "encryption is a property of the Trident backend and of the array behind it",
            ask: "Ask for luksEncryption of the backend, and for the array's own encryption.",
        },
        "csi.vsphere.vmware.com" => Habit::Elsewhere {
            why: "encryption is part of the vSphere storage policy",
            ask: "Ask whether the storage policy of the class has VM encryption or the datastore is encrypted.",
        },
        "cinder.csi.openstack.org" => Habit::Elsewhere {
            why: "encryption is a property of the Cinder volume type",
            ask: "Ask for the encryption of the volume type: openstack volume type show --encryption-type.",
        },
        "kubernetes.io/no-provisioner" => Habit::Elsewhere {
            why: "its volumes are made by hand, and what they lie on is not part of the class",
            ask: "Ask who made the volumes whether the disks or the array behind them are encrypted.",
        },
        NFS | "nfs.csi.k8s.io" => Habit::Elsewhere {
            why: "the data lies on a file server, and its encryption is the server's own",
            ask: "Ask who runs the file server whether its disks are encrypted.",
        },
        _ if OF_NODE.contains(&driver) => NODE,
        _ => return None,
    })
}

/// Whether a parameter says that the driver is to encrypt.
pub(super) fn has_parameter(driver: &str) -> bool {
    matches!(habit(driver), Some(Habit::Parameter { .. }))
}

/// Whether a parameter of the driver can name a key of the customer.
pub(super) fn has_key(driver: &str) -> bool {
    match habit(driver) {
        Some(Habit::Always { key } | Habit::Parameter { key, .. }) => !key.is_empty(),
        Some(Habit::Elsewhere { .. }) | None => false,
    }
}

/// What is known of the encryption of something that a driver makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Encryption {
    pub(super) encrypted: Known<bool>,
    /// Whether a parameter names a key of the customer.
    pub(super) customer_key: Known<bool>,
}

/// What the driver's parameters say. `what` names the thing in a sentence, such as `the storage class bulk`.
pub(super) fn encryption(driver: &str, parameters: &Parameters, what: &str) -> Encryption {
    let unknown = |kind, why: String, ask: &str| Known::Unknown(Unseen::new(kind, format!("encryption of {what}"), why, ask.to_owned()));
    let named = |keys: &[&str], ask: &str| {
        let mut unclear = None;
        for key in keys {
            match value(driver, parameters, key) {
                Ok(None | Some("")) => {}
                Ok(Some(_)) => return Known::Known(true),
                Err(why) => unclear = Some(unknown(UnseenKind::NotUnderstood, why, ask)),
            }
        }
        unclear.unwrap_or(Known::Known(false))
    };
    match habit(driver) {
        Some(Habit::Always { key }) => Encryption {
            encrypted: Known::Known(true),
            customer_key: named(key, "Ask who runs the storage with which key its volumes are encrypted."),
        },
        Some(Habit::Parameter { name, key, unset, ask }) => Encryption {
            encrypted: match value(driver, parameters, name) {
                Ok(Some("true")) => Known::Known(true),
                Ok(Some("false")) => Known::Known(false),
                Ok(None | Some("")) => unknown(UnseenKind::NotVisible, format!("{unset} ({driver})"), ask),
                Ok(Some(other)) => unknown(
                    UnseenKind::NotUnderstood,
                    format!("the parameter {name} is `{other}`, and it is not known how {driver} reads that"),
                    ask,
                ),
                Err(why) => unknown(UnseenKind::NotUnderstood, why, ask),
            },
            customer_key: named(key, ask),
        },
        Some(Habit::Elsewhere { why, ask }) => {
            Encryption { encrypted: unknown(UnseenKind::NotVisible, format!("{why} ({driver})"), ask), customer_key: Known::Known(false) }
        }
        None => {
            let stranger: Known<bool> = unknown(
                UnseenKind::NotUnderstood,
                format!("it is not known here how the driver {driver} encrypts"),
                "Ask who runs the storage behind this driver whether it is encrypted, and how the keys are kept.",
            );
            Encryption { encrypted: stranger.clone(), customer_key: stranger }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(driver: &str, pairs: &[(&str, &str)]) -> Encryption {
        encryption(driver, &written(pairs), "the storage class x")
    }

    fn written(pairs: &[(&str, &str)]) -> Parameters {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn kind(of: &Encryption) -> Option<UnseenKind> {
        match &of.encrypted {
            Known::Known(_) => None,
            Known::Unknown(unseen) => Some(unseen.kind),
        }
    }

    #[test]
    fn services_that_always_encrypt() {
        for driver in ["pd.csi.storage.gke.io", "kubernetes.io/gce-pd", "disk.csi.azure.com", "file.csi.azure.com"] {
            assert_eq!(judged(driver, &[]).encrypted, Known::Known(true), "{driver}");
        }
        for (driver, parameters, key) in [
            ("pd.csi.storage.gke.io", &[("disk-encryption-kms-key", "k")][..], true),
            ("kubernetes.io/azure-disk", &[("diskEncryptionSetID", "k")], true),
            ("disk.csi.azure.com", &[("DISKENCRYPTIONSETID", "k")], true),
            ("disk.csi.azure.com", &[("diskEncryptionSetID", "")], false),
            ("disk.csi.azure.com", &[], false),
        ] {
            assert_eq!(judged(driver, parameters).customer_key, Known::Known(key), "{driver} {parameters:?}");
        }
    }

    #[test]
    fn a_parameter_decides_and_its_absence_does_not() {
        let drivers = [
            ("ebs.csi.aws.com", "encrypted"),
            ("kubernetes.io/aws-ebs", "encrypted"),
            ("ebs.csi.eks.amazonaws.com", "encrypted"),
            ("rbd.csi.ceph.com", "encrypted"),
            ("rook-ceph.rbd.csi.ceph.com", "encrypted"),
            ("openshift-storage.cephfs.csi.ceph.com", "encrypted"),
            ("driver.longhorn.io", "encrypted"),
            ("pxd.portworx.com", "secure"),
            ("linodebs.csi.linode.com", "linodebs.csi.linode.com/luks-encrypted"),
        ];
        for (driver, name) in drivers {
            assert_eq!(judged(driver, &[(name, "true")]).encrypted, Known::Known(true), "{driver}");
            assert_eq!(judged(driver, &[(name, "false")]).encrypted, Known::Known(false), "{driver}");
            assert_eq!(kind(&judged(driver, &[])), Some(UnseenKind::NotVisible), "{driver}");
            assert_eq!(kind(&judged(driver, &[(name, "yes please")])), Some(UnseenKind::NotUnderstood), "{driver}");
        }
        assert_eq!(judged("ebs.csi.aws.com", &[("kmsKeyId", "k")]).customer_key, Known::Known(true));
    }

    #[test]
    fn names_count_as_the_driver_reads_them() {
        for (driver, parameter) in [
            ("rook-ceph.rbd.csi.ceph.com", "Encrypted"),
            ("driver.longhorn.io", "ENCRYPTED"),
            ("pxd.portworx.com", "Secure"),
            ("linodebs.csi.linode.com", "linodebs.csi.linode.com/LUKS-encrypted"),
        ] {
            assert_eq!(kind(&judged(driver, &[(parameter, "true")])), Some(UnseenKind::NotUnderstood), "{driver}");
        }
        assert_eq!(judged("rbd.csi.ceph.com", &[("encrypted", "true"), ("Encrypted", "false")]).encrypted, Known::Known(true));
        let key = judged("rbd.csi.ceph.com", &[("encrypted", "true"), ("encryptionKmsId", "vault")]);
        assert!(matches!(&key.customer_key, Known::Unknown(unseen) if unseen.kind == UnseenKind::NotUnderstood), "{key:?}");
        assert_eq!(key.encrypted, Known::Known(true));
        for driver in ["ebs.csi.aws.com", "kubernetes.io/aws-ebs", "ebs.csi.eks.amazonaws.com"] {
            assert_eq!(judged(driver, &[("Encrypted", "true")]).encrypted, Known::Known(true), "{driver}");
            assert_eq!(judged(driver, &[("Encrypted", "true"), ("encrypted", "true")]).encrypted, Known::Known(true), "{driver}");
            let torn = judged(driver, &[("Encrypted", "true"), ("encrypted", "false")]);
            assert_eq!(kind(&torn), Some(UnseenKind::NotUnderstood), "{driver}");
        }
    }

    #[test]
    fn the_place_of_strangers_is_not_known() {
        for driver in OF_NODE {
            assert_eq!(on_node(driver, &Parameters::new(), "x"), Known::Known(true), "{driver}");
        }
        for driver in ["ebs.csi.aws.com", "kubernetes.io/gce-pd", NFS, "iscsi"] {
            assert_eq!(on_node(driver, &Parameters::new(), "x"), Known::Known(false), "{driver}");
        }
        for driver in ["kubernetes.io/no-provisioner", "storage.clinic.example"] {
            assert!(matches!(on_node(driver, &Parameters::new(), "x"), Known::Unknown(_)), "{driver}");
        }
    }

    #[test]
    fn a_single_replica_lies_on_one_node() {
        for (driver, name) in
            [("driver.longhorn.io", "numberOfReplicas"), ("pxd.portworx.com", "repl"), ("kubernetes.io/portworx-volume", "repl")]
        {
            let lies = |pairs: &[(&str, &str)]| match on_node(driver, &written(pairs), "x") {
                Known::Known(on_one) => Ok(on_one),
                Known::Unknown(unseen) => Err(unseen.kind),
            };
            assert_eq!(lies(&[(name, "1")]), Ok(true), "{driver}");
            assert_eq!(lies(&[(name, "3")]), Ok(false), "{driver}");
            assert_eq!(lies(&[]), Err(UnseenKind::NotVisible), "{driver}");
            for odd in ["0", "-1", "many", "[redacted]", ""] {
                assert_eq!(lies(&[(name, odd)]), Err(UnseenKind::NotUnderstood), "{driver} {odd}");
            }
            assert_eq!(lies(&[(&name.to_ascii_uppercase(), "3")]), Err(UnseenKind::NotUnderstood), "{driver}");
        }
    }

    #[test]
    fn what_lies_elsewhere_is_a_question_and_a_stranger_is_named() {
        for driver in ["efs.csi.aws.com", "kubernetes.io/no-provisioner", "rancher.io/local-path", HOST_PATH, LOCAL, NFS] {
            assert_eq!(kind(&judged(driver, &[("encrypted", "true")])), Some(UnseenKind::NotVisible), "{driver}");
        }
        let stranger = judged("evil-rbd.csi.ceph.com.example", &[("encrypted", "true")]);
        assert_eq!(kind(&stranger), Some(UnseenKind::NotUnderstood));
        assert_eq!(kind(&judged("xrbd.csi.ceph.com", &[("encrypted", "true")])), Some(UnseenKind::NotUnderstood));
    }
}
