//! Resource policies: the ConfigMap that a Backup or the template of a Schedule names, in which the first rule that fits a volume says how its
//! data is copied (velero `internal/resourcepolicies`, `internal/volumehelper`).

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::held::Held;
use crate::facts::storage::kept::Kept;
use crate::facts::table::read::{Readable, Reader};
use crate::facts::times::seconds_between;
use crate::facts::{FactsError, Known};
use crate::model::sources::VELERO_CONFIG_MAPS;

/// What a rule says of a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Skip,
    Files,
    Snapshot,
    /// A plug-in of somebody else.
    Custom,
}

/// The reference in a Backup or template.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Reference {
    name: Option<String>,
}

#[derive(Debug, Deserialize)]
struct ConfigMap {
    #[serde(default)]
    metadata: ObjectMeta,
    #[serde(default)]
    data: Option<BTreeMap<String, String>>,
}

impl Readable for ConfigMap {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

/// The document, as the collector keeps it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    version: String,
    volume_policies: Vec<Rule>,
    #[serde(default)]
    other: bool,
}

#[derive(Debug, Deserialize)]
struct Rule {
    #[serde(default)]
    conditions: Conditions,
    action: Option<Doing>,
    #[serde(default)]
    other: bool,
}

#[derive(Debug, Deserialize)]
struct Doing {
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Conditions {
    capacity: Option<String>,
    storage_class: Option<Vec<String>>,
    csi: Option<OfCsi>,
    nfs: Option<OfNfs>,
    volume_types: Option<Vec<String>>,
    #[serde(rename = "pvcLabels")]
    labels: Option<BTreeMap<String, String>>,
    #[serde(rename = "pvcPhase")]
    phases: Option<Vec<String>>,
    #[serde(rename = "pvcVolumeMode")]
    mode: Option<IgnoredAny>,
    #[serde(rename = "pvcAccessModes")]
    access: Option<IgnoredAny>,
    other: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct OfCsi {
    driver: String,
    volume_attributes: Option<IgnoredAny>,
    other: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct OfNfs {
    server: Option<IgnoredAny>,
    path: Option<IgnoredAny>,
    other: bool,
}

/// Whether a condition fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fits {
    No,
    Perhaps,
    Yes,
}

impl From<bool> for Fits {
    fn from(fits: bool) -> Self {
        if fits { Self::Yes } else { Self::No }
    }
}

/// The policies of Velero's namespace.
#[derive(Debug)]
pub(super) struct Policies {
    by_name: BTreeMap<String, ConfigMap>,
    read: Known<()>,
    /// Namespaces with a server that is told to apply a policy to every backup.
    global: BTreeSet<String>,
}

/// Where ConfigMaps are read.
const NAMESPACE: &str = "velero";
const ELSEWHERE: &str =
    "its resource policy decides per volume, and is in a ConfigMap that is not read: only those in the namespace velero are";
const GLOBAL: &str = "a server of Velero is told to apply a resource policy of its own to every backup, and which one is not seen";
const CHANGED: &str = "its resource policy decides per volume, and may have been another one when the backup was made";
pub(super) const CONDITION: &str = "which rule of its resource policy fits the volume is not known";

impl Policies {
    pub(super) fn read(reader: &Reader<'_>, global: BTreeSet<String>) -> Result<Self, FactsError> {
        let mut by_name = BTreeMap::new();
        reader.each::<ConfigMap>(&VELERO_CONFIG_MAPS, |map, _| {
            by_name.insert(map.metadata.name.clone().unwrap_or_default(), map);
        })?;
        Ok(Self { by_name, read: reader.known_if_complete(&VELERO_CONFIG_MAPS, || ()), global })
    }

    #[cfg(test)]
    pub(super) fn of(maps: &[serde_json::Value]) -> Self {
        let maps = maps.iter().map(|map| serde_json::from_value::<ConfigMap>(map.clone()).unwrap());
        let by_name = maps.map(|map| (map.metadata.name.clone().unwrap_or_default(), map)).collect();
        Self { by_name, read: Known::Known(()), global: BTreeSet::new() }
    }

    /// What the policy of an object in `namespace` may say of a volume; `None` stands for no rule that fits. Of a backup that was made, only a
    /// policy counts that has not changed since it began.
    pub(super) fn say(
        &self,
        namespace: &str,
        reference: Option<&Reference>,
        began: Option<&str>,
        kept: &Kept<'_>,
    ) -> Result<Vec<Option<Action>>, Held> {
        if self.global.contains(namespace) {
            return Err(Held::not_visible(GLOBAL));
        }
        let Some(reference) = reference else { return Ok(vec![None]) };
        let Some(name) = reference.name.as_deref().filter(|_| namespace == NAMESPACE) else { return Err(Held::not_visible(ELSEWHERE)) };
        let map = match (self.by_name.get(name), &self.read, began) {
            (Some(map), ..) => map,
            (None, Known::Unknown(unseen), _) => return Err(Held::gap(unseen)),
            (None, Known::Known(()), None) => return Err(Held::no(format!("its resource policy, the ConfigMap {name}, does not exist"))),
            (None, Known::Known(()), Some(_)) => return Err(Held::not_visible(CHANGED)),
        };
        if began.is_some_and(|began| !map.is_older_than(began)) {
            return Err(Held::not_visible(CHANGED));
        }
        let document = map.document().map_err(|why| Held::not_understood(format!("its resource policy, the ConfigMap {name}, {why}")))?;
        document.say(kept).map_err(|why| Held::not_understood(format!("its resource policy, the ConfigMap {name}, {why}")))
    }
}

impl ConfigMap {
    /// Whether nobody has changed it since a time; `managedFields` tell of every change.
    fn is_older_than(&self, time: &str) -> bool {
        let changes = self.metadata.managed_fields.as_deref().unwrap_or_default();
        let before = |change: &str| seconds_between(change, time).is_some_and(|seconds| seconds > 0);
        !changes.is_empty() && changes.iter().all(|change| change.time.as_ref().is_some_and(|time| before(&time.0.to_string())))
    }

    fn document(&self) -> Result<Document, &'static str> {
        let data: Vec<&String> = self.data.iter().flat_map(BTreeMap::values).collect();
        let [text] = data.as_slice() else { return Err("has not one key, as Velero wants it") };
        let document: Document = serde_json::from_str(text).map_err(|_| "holds no policies that are understood")?;
        match document.version.as_str() {
            "v1" if !document.other => Ok(document),
            "v1" => Err("has filters beside those of volumes, which are not judged"),
            _ => Err("is of a version that is not known here"),
        }
    }
}

impl Document {
    fn say(&self, kept: &Kept<'_>) -> Result<Vec<Option<Action>>, &'static str> {
        let mut may = Vec::new();
        for rule in &self.volume_policies {
            let action = match rule.action.as_ref().map(|action| action.kind.as_str()) {
                Some("skip") => Action::Skip,
                Some("fs-backup") => Action::Files,
                Some("snapshot") => Action::Snapshot,
                Some("custom") => Action::Custom,
                _ => return Err("has an action that is not known here"),
            };
            match rule.conditions.fit(kept).min(if rule.other { Fits::Perhaps } else { Fits::Yes }) {
                Fits::No => {}
                Fits::Perhaps => may.push(Some(action)),
                Fits::Yes => {
                    may.push(Some(action));
                    return Ok(may);
                }
            }
        }
        may.push(None);
        Ok(may)
    }
}

impl Conditions {
    /// All of them have to fit.
    fn fit(&self, kept: &Kept<'_>) -> Fits {
        let of_volume = [
            self.capacity.as_deref().map_or(Fits::Yes, |range| in_range(range, kept)),
            among(self.storage_class.as_deref(), kept.volume.and_then(|volume| volume.spec.class())),
            self.csi.as_ref().map_or(Fits::Yes, |csi| csi.fits(kept)),
            self.nfs.as_ref().map_or(Fits::Yes, |nfs| nfs.fits(kept)),
            among(self.volume_types.as_deref(), kept.volume.and_then(|volume| volume.spec.key())),
        ];
        let of_claim = [
            self.labels.as_ref().is_none_or(|wanted| wanted.iter().all(|(key, value)| kept.claim.labels.get(key) == Some(value))).into(),
            among(self.phases.as_deref(), Some(&kept.claim.phase)),
            // Neither is kept of a claim here.
            if self.mode.is_none() && self.access.is_none() && !self.other { Fits::Yes } else { Fits::Perhaps },
        ];
        // Without its volume, what is asked of the volume is not known.
        let blind = kept.volume.is_none() && of_volume != [Fits::Yes; 5];
        let of_volume = if blind { [Fits::Perhaps; 5] } else { of_volume };
        of_volume.into_iter().chain(of_claim).fold(Fits::Yes, Fits::min)
    }
}

/// An empty list asks for nothing.
fn among(wanted: Option<&[String]>, has: Option<&str>) -> Fits {
    match wanted {
        None | Some([]) => Fits::Yes,
        Some(wanted) => has.is_some_and(|has| !has.is_empty() && wanted.iter().any(|one| one == has)).into(),
    }
}

impl OfCsi {
    fn fits(&self, kept: &Kept<'_>) -> Fits {
        let driver = kept.volume.and_then(|volume| volume.spec.csi.as_ref()).map(|csi| csi.driver.as_str());
        match driver {
            None => Fits::No,
            Some(driver) if !self.driver.is_empty() && driver != self.driver => Fits::No,
            Some(_) if self.volume_attributes.is_some() || self.other => Fits::Perhaps,
            Some(_) => Fits::Yes,
        }
    }
}

impl OfNfs {
    /// Servers and paths are not kept.
    fn fits(&self, kept: &Kept<'_>) -> Fits {
        match kept.volume.and_then(|volume| volume.spec.key()) {
            Some("nfs") if self.server.is_some() || self.path.is_some() || self.other => Fits::Perhaps,
            Some("nfs") => Fits::Yes,
            _ => Fits::No,
        }
    }
}

/// `LOW,HIGH`: either may be empty or zero, and is no bound then.
fn in_range(range: &str, kept: &Kept<'_>) -> Fits {
    let bound = |text: &str| if text.trim().is_empty() { Some(0.0) } else { bytes(text.trim()) };
    let capacity = kept.volume.and_then(|volume| volume.spec.capacity()).and_then(bytes);
    let bounds = range.split_once(',').and_then(|(low, high)| Some((bound(low)?, bound(high)?)));
    match (bounds, capacity) {
        (Some((low, high)), Some(capacity)) => ((low <= capacity) && (high == 0.0 || capacity <= high)).into(),
        _ => Fits::Perhaps,
    }
}

/// A quantity (apimachinery `resource.Quantity`) as a number; none where it is written in a way that is not read here.
fn bytes(text: &str) -> Option<f64> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let factor = match unit {
        "" => 1.0,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "Ki" => 1024.0,
        "Mi" => 1_048_576.0,
        "Gi" => 1_073_741_824.0,
        "Ti" => 1_099_511_627_776.0,
        "Pi" => 1_125_899_906_842_624.0,
        _ => return None,
    };
    number.parse::<f64>().ok().map(|number| number * factor)
}
