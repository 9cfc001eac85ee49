use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use serde::Deserialize;

use super::filters::{CLAIMS, PODS, VOLUMES, passes};
use super::held::Held;
use super::policy::{Action, CONDITION, Reference};
use crate::facts::labels;
use crate::facts::storage::kept::{Kept, VolumeKind};
use crate::facts::workloads::volume_uses::Mount;

const SERVER: &str = "whether volumes are copied as files where nothing says so is a setting of Velero's server";
const NO_VOLUMES: &str = "PersistentVolumes are left out, and whether their data is copied all the same is not known";
const BOTH_WAYS: &str = "snapshots are to be moved and volumes to be copied as files, and which of the two is done is not known";
const STRANGE_SELECTOR: &str = "a label selector has an operator that is not known here";

/// What a Schedule and a Backup share (`velero.io/v1` BackupSpec).
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Template {
    included_namespaces: Vec<String>,
    excluded_namespaces: Vec<String>,
    included_resources: Vec<String>,
    excluded_resources: Vec<String>,
    included_namespace_scoped_resources: Vec<String>,
    excluded_namespace_scoped_resources: Vec<String>,
    included_cluster_scoped_resources: Vec<String>,
    excluded_cluster_scoped_resources: Vec<String>,
    include_cluster_resources: Option<bool>,
    label_selector: Option<LabelSelector>,
    or_label_selectors: Vec<LabelSelector>,
    pub(super) resource_policy: Option<Reference>,
    pub(super) snapshot_volumes: Option<bool>,
    pub(super) snapshot_move_data: Option<bool>,
    default_volumes_to_fs_backup: Option<bool>,
    default_volumes_to_restic: Option<bool>,
    pub(super) storage_location: Option<String>,
}

/// How a claim's data would be copied.
pub(super) enum Way {
    /// As files, through a pod that mounts it.
    Files(Held),
    /// In a snapshot.
    Snapshot(Held),
}

impl Template {
    /// Whether the claim passes everything that chooses objects.
    pub(super) fn takes(&self, kept: &Kept<'_>) -> Held {
        Held::all([
            passes(&[&self.included_namespaces], &[&self.excluded_namespaces], &[&kept.claim.namespace], "its namespace is not included"),
            Held::of(&kept.namespace_left_out, |out| Held::unless(*out, "its namespace has the label velero.io/exclude-from-backup")),
            self.kinds(CLAIMS, "claims are filtered out"),
            Held::unless(kept.claim.left_out, "it has the label velero.io/exclude-from-backup"),
            self.selects(kept),
        ])
    }

    /// What the same template would do, in each case that its resource policy and its server's setting leave open.
    pub(super) fn ways(&self, kept: &Kept<'_>, actions: &[Option<Action>]) -> Vec<Way> {
        actions.iter().flat_map(|action| self.ways_by(kept, *action)).collect()
    }

    /// What a rule says wins over annotations, defaults and `snapshotVolumes`.
    fn ways_by(&self, kept: &Kept<'_>, action: Option<Action>) -> Vec<Way> {
        match (action, self.default_volumes_to_fs_backup, self.default_volumes_to_restic) {
            (Some(Action::Skip), ..) => vec![Way::Snapshot(Held::no("its resource policy skips such volumes"))],
            (Some(Action::Custom), ..) => vec![Way::Snapshot(Held::not_visible("its resource policy leaves such volumes to a plug-in"))],
            (Some(Action::Files), ..) => vec![self.files(kept, |_| true)],
            (Some(Action::Snapshot), ..) => vec![Way::Snapshot(self.possible(kept))],
            (None, Some(true), _) | (None, _, Some(true)) => vec![self.way(kept, true)],
            (None, Some(false), _) => vec![self.way(kept, false)],
            (None, None, _) => vec![self.way(kept, false), self.way(kept, true)],
        }
    }

    /// Where the policy, or else the server's setting, decides between several.
    pub(super) fn open(actions: &[Option<Action>]) -> Held {
        if actions.len() > 1 { Held::not_understood(CONDITION) } else { Held::not_visible(SERVER) }
    }

    /// Whether the claim is to be in a backup by this template with its data.
    pub(super) fn plans(&self, kept: &Kept<'_>, said: Result<Vec<Option<Action>>, Held>) -> Held {
        self.takes(kept).and_then(|| {
            let actions = match said {
                Ok(actions) => actions,
                Err(held) => return held,
            };
            let held = self.ways(kept, &actions).into_iter().map(|(Way::Files(held) | Way::Snapshot(held))| held);
            Held::whichever(held, || Self::open(&actions))
        })
    }

    /// A pod's mark decides for files, by which no snapshot is made either (velero `volumehelper`, ShouldPerformSnapshot). Then the files
    /// are copied only through a pod that runs, and not from a `hostPath` (`podvolume`, BackupPodVolumes).
    fn way(&self, kept: &Kept<'_>, by_default: bool) -> Way {
        let marked = |mount: &Mount| if by_default { !mount.opted_out } else { mount.opted_in };
        match &kept.mounts {
            crate::facts::Known::Known(mounts) if !mounts.iter().any(marked) => {
                Way::Snapshot(self.snapshot(kept, by_default && mounts.is_empty()))
            }
            _ => self.files(kept, marked),
        }
    }

    /// A copy through the pods whose mounts are `marked` for it.
    fn files(&self, kept: &Kept<'_>, marked: impl Fn(&Mount) -> bool) -> Way {
        let mounts = match &kept.mounts {
            crate::facts::Known::Known(mounts) => *mounts,
            crate::facts::Known::Unknown(unseen) => return Way::Files(Held::gap(unseen)),
        };
        let marked: Vec<&Mount> = mounts.iter().filter(|mount| marked(mount)).collect();
        if self.snapshot_move_data == Some(true) {
            return Way::Files(Held::not_understood(BOTH_WAYS));
        }
        let pods = self.kinds(PODS, "pods are filtered out, and with them volumes that are copied as files");
        let through = |mount: &&Mount| match mount {
            mount if mount.left_out => Held::no("the pod that mounts it has the label velero.io/exclude-from-backup"),
            mount if !mount.running => Held::no("only files are copied, and no pod that mounts it runs"),
            mount if mount.device => Held::no("only files are copied, and it is a block device"),
            mount if !mount.mounted => Held::no("only files are copied, and no container mounts it"),
            // Files are copied when the pod is (`pkg/backup/item_backupper.go`).
            mount => match self.selects_labels([&mount.labels]) {
                Some(true) => Held::Yes,
                Some(false) => Held::no("only files are copied, and no label selector takes the pod that mounts it"),
                None => Held::not_understood(STRANGE_SELECTOR),
            },
        };
        // One pod is enough.
        let ready = marked.iter().map(through).reduce(|one, other| match (one, other) {
            (Held::Yes, _) | (_, Held::Yes) => Held::Yes,
            (doubt @ Held::Unclear(_), _) | (_, doubt @ Held::Unclear(_)) => doubt,
            (no, _) => no,
        });
        Way::Files(Held::all([pods, ready.unwrap_or_else(|| Held::no("no pod that mounts it runs")), kept.kind.as_files()]))
    }

    /// Whether a snapshot is to be made; unset is yes, wherever something can make one.
    fn snapshot(&self, kept: &Kept<'_>, nobody_mounts: bool) -> Held {
        if self.snapshot_volumes == Some(false) {
            return Held::no(if nobody_mounts {
                "no snapshots are made, and no pod mounts it, so that it is not copied as files either"
            } else {
                "no snapshots are made, and no pod has it copied as files"
            });
        }
        self.possible(kept)
    }

    /// Whether something can make a snapshot of it.
    fn possible(&self, kept: &Kept<'_>) -> Held {
        let volumes = if self.takes_volumes() == Held::Yes { Held::Yes } else { Held::not_understood(NO_VOLUMES) };
        let can = Held::of(&kept.snapshots, |can| {
            if *can {
                Held::Yes
            } else {
                Held::not_visible("its driver has no VolumeSnapshotClass, and whether something else makes snapshots of it is not seen")
            }
        });
        Held::all([volumes, kept.kind.as_snapshot(), can])
    }

    /// Velero takes the objects that a selector takes, and what a pod among them mounts (the pod's own backup action).
    fn selects(&self, kept: &Kept<'_>) -> Held {
        let mounts = kept.mounts.known().copied().unwrap_or_default();
        let of_all = [&kept.claim.labels].into_iter().chain(mounts.iter().map(|mount| &mount.labels));
        match (self.selects_labels(of_all), &kept.mounts) {
            (Some(true), _) => Held::Yes,
            (_, crate::facts::Known::Unknown(unseen)) => Held::gap(unseen),
            (None, _) => Held::not_understood(STRANGE_SELECTOR),
            (Some(false), _) => Held::no("no label selector takes it, or a pod that mounts it"),
        }
    }

    /// Whether a selector takes one of several objects by its labels; without a selector, everything is taken.
    fn selects_labels<'l>(&self, of_all: impl IntoIterator<Item = &'l std::collections::BTreeMap<String, String>>) -> Option<bool> {
        // An empty one takes everything.
        let selectors: Vec<&LabelSelector> = self.label_selector.iter().chain(&self.or_label_selectors).collect();
        let mut unclear = false;
        for labels in of_all {
            for selector in &selectors {
                match labels::matches(Some(selector), labels) {
                    Some(true) => return Some(true),
                    Some(false) => {}
                    None => unclear = true,
                }
            }
        }
        if selectors.is_empty() { Some(true) } else { (!unclear).then_some(false) }
    }

    /// Whether resources of namespaces with one of these names pass.
    fn kinds(&self, names: &[&str], why_not: &str) -> Held {
        let included = [&self.included_resources, &self.included_namespace_scoped_resources];
        let excluded = [&self.excluded_resources, &self.excluded_namespace_scoped_resources];
        passes(&included.map(Vec::as_slice), &excluded.map(Vec::as_slice), names, why_not)
    }

    fn takes_volumes(&self) -> Held {
        Held::all([
            Held::unless(self.include_cluster_resources == Some(false), ""),
            passes(&[&self.included_resources], &[&self.excluded_resources], VOLUMES, ""),
            passes(&[&self.included_cluster_scoped_resources], &[&self.excluded_cluster_scoped_resources], VOLUMES, ""),
        ])
    }
}

impl VolumeKind {
    fn as_files(&self) -> Held {
        match self {
            Self::HostPath => Held::no("it is a hostPath volume, which a copy of files leaves out"),
            Self::NotBound => Held::not_visible("it has no volume yet"),
            Self::NotSeen(unseen) => Held::gap(unseen),
            Self::Local | Self::Nfs | Self::Csi { .. } | Self::Disk | Self::Other(_) => Held::Yes,
        }
    }

    fn as_snapshot(&self) -> Held {
        match self {
            Self::Csi { left_out: false } | Self::Disk => Held::Yes,
            Self::Csi { left_out: true } => Held::not_understood("its PersistentVolume has the label velero.io/exclude-from-backup"),
            Self::HostPath => Held::no("it is a hostPath volume, of which no snapshot can be made"),
            Self::Local => Held::no("it is a local volume, of which no snapshot can be made"),
            Self::Nfs => Held::no("it is an NFS share, of which no snapshot can be made"),
            Self::NotBound => Held::not_visible("it has no volume yet"),
            Self::Other(kind) => Held::not_understood(format!(
                "it is a volume of the type {kind}, and whether a snapshot can be made of it is not known here"
            )),
            Self::NotSeen(unseen) => Held::gap(unseen),
        }
    }
}
