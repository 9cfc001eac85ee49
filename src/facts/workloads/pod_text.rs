//! Pods whose specs are still text: those of one workload differ in a few words, and decoding each of them takes longer than all the
//! rest of reading.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use k8s_openapi::api::core::v1::{PodIP, PodSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::owners::controller;
use crate::facts::table::read::Readable;

/// A pod as it is stored.
#[derive(Debug, Deserialize)]
pub(in crate::facts) struct WrittenPod {
    #[serde(default)]
    pub(in crate::facts) metadata: ObjectMeta,
    pub(in crate::facts) spec: Option<WrittenSpec>,
    #[serde(default)]
    status: Option<Status>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    phase: Option<String>,
    #[serde(rename = "podIPs")]
    pod_ips: Option<Vec<PodIP>>,
}

impl Readable for WrittenPod {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
    /// One that looks like the last one needs no decoding, see [`Before`].
    fn prepare(&mut self, last: &mut String) {
        let Some(spec) = self.spec.as_mut().filter(|spec| spec.look != *last) else { return };
        last.clone_from(&spec.look);
        spec.decoded = Some(spec.decode());
    }
}

impl WrittenPod {
    /// Its spec as it is stored.
    pub(super) fn text(&self) -> &str {
        self.spec.as_ref().map_or("", |spec| spec.text.get())
    }
    /// Empty when it has none yet.
    pub(in crate::facts) fn phase(&self) -> &str {
        self.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or("")
    }
    pub(in crate::facts) fn addresses(&self) -> impl Iterator<Item = &PodIP> {
        self.status.iter().flat_map(|status| status.pod_ips.iter().flatten())
    }
}

/// A pod spec as it is stored.
#[derive(Debug)]
pub(in crate::facts) struct WrittenSpec {
    text: Box<RawValue>,
    /// The text without what tells the pods of one workload apart: the node, and the name of the volume with the service account's token.
    look: String,
    /// `nodeName`.
    node: Option<String>,
    /// Where it was decoded ahead.
    decoded: Option<Result<Box<PodSpec>, serde_json::Error>>,
}

impl WrittenSpec {
    fn decode(&self) -> Result<Box<PodSpec>, serde_json::Error> {
        let mut spec = serde_json::from_str(self.text.get()).map(Box::new)?;
        with_equal_token_volume(&mut spec);
        Ok(spec)
    }
}

impl<'de> Deserialize<'de> for WrittenSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(deserializer)?;
        let Look { look, node } = serde_json::from_str(text.get()).map_err(D::Error::custom)?;
        Ok(Self { look: with_equal_token_name(look), text, node, decoded: None })
    }
}

struct Look {
    look: String,
    node: Option<String>,
}

impl<'de> Deserialize<'de> for Look {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Look;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a pod spec")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Look, A::Error> {
                let mut look = Look { look: String::new(), node: None };
                while let Some((name, value)) = map.next_entry::<Name<'de>, &'de RawValue>()? {
                    if name.0 == "nodeName" {
                        look.node = serde_json::from_str(value.get()).map_err(A::Error::custom)?;
                    } else {
                        look.look.push_str(&name.0);
                        look.look.push_str(value.get());
                    }
                }
                Ok(look)
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

#[derive(Deserialize, Serialize)]
#[serde(transparent)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

const TOKEN_VOLUME: &str = "kube-api-access-";
/// What the admission plugin ServiceAccount adds to that.
const RANDOM: usize = 5;
/// The two places in which that plugin writes the name, as the API server writes them: the volume, and its mount in each container.
const PLACES: [&str; 2] = [r#","projected":"#, r#","readOnly":true,"mountPath":"/var/run/secrets/kubernetes.io/serviceaccount"}"#];

/// The volume with the service account's token has a name of its own in every pod (admission plugin ServiceAccount), which means
/// nothing: equal pods get equal texts. A name that also stands anywhere else means something there, and stays.
fn with_equal_token_name(look: String) -> String {
    let Some(at) = look.find(TOKEN_VOLUME) else { return look };
    let Some(name) = look.get(at..at + TOKEN_VOLUME.len() + RANDOM) else { return look };
    let written = PLACES.map(|place| format!(r#"{{"name":"{name}"{place}"#));
    let known: usize = written.iter().map(|text| look.matches(text.as_str()).count()).sum();
    // One volume of that name, and no other name of that form: a second one was written by hand, and their names tell them apart.
    if known != look.matches(TOKEN_VOLUME).count() || look.matches(written[0].as_str()).count() != 1 {
        return look;
    }
    written
        .iter()
        .zip(PLACES)
        .fold(look.clone(), |text, (written, place)| text.replace(written.as_str(), &format!(r#"{{"name":""{place}"#)))
}

/// The same in a spec.
fn with_equal_token_volume(spec: &mut PodSpec) {
    let is_token = |name: &str| name.len() == TOKEN_VOLUME.len() + RANDOM && name.starts_with(TOKEN_VOLUME);
    let named: Vec<String> =
        spec.volumes.iter().flatten().filter(|v| v.projected.is_some() && is_token(&v.name)).map(|v| v.name.clone()).collect();
    let [name] = named.as_slice() else { return };
    let rename = |written: &mut String| {
        if written == name {
            written.truncate(TOKEN_VOLUME.len() - 1);
        }
    };
    spec.volumes.iter_mut().flatten().for_each(|volume| rename(&mut volume.name));
    let ordinary = spec.containers.iter_mut().chain(spec.init_containers.iter_mut().flatten()).map(|c| &mut c.volume_mounts);
    let ephemeral = spec.ephemeral_containers.iter_mut().flatten().map(|c| &mut c.volume_mounts);
    ordinary.chain(ephemeral).flat_map(|mounts| mounts.iter_mut().flatten()).for_each(|mount| rename(&mut mount.name));
}

/// The pod that was handed over last. A snapshot lists the replicas of a workload one after the other.
#[derive(Default)]
pub(in crate::facts) struct Before {
    known: Option<Box<Known>>,
    live: bool,
}

struct Known {
    owner: OwnerReference,
    namespace: Option<String>,
    labels: Option<BTreeMap<String, String>>,
    annotations: Option<BTreeMap<String, String>>,
    phase: String,
    look: String,
    on_node: bool,
    // Boxed, as the rest: a spec is large, and is handed on with every pod.
    spec: Box<PodSpec>,
}

impl Before {
    /// The spec of `pod`, and whether the pod looks like the last one, see [`super::shapes::Shape::repeats`]. None when it has no
    /// spec.
    pub(in crate::facts) fn spec(&mut self, pod: &mut WrittenPod) -> Result<Option<(Box<PodSpec>, bool)>, serde_json::Error> {
        let ahead = pod.spec.as_mut().and_then(|written| written.decoded.take());
        let Some(written) = &pod.spec else { return Ok(None) };
        if let Some(before) = self.known.take().filter(|before| before.is_like(pod, written)) {
            let mut spec = before.spec;
            spec.node_name.clone_from(&written.node);
            return Ok(Some((spec, true)));
        }
        Ok(Some((ahead.unwrap_or_else(|| written.decode())?, false)))
    }

    /// Whether that pod ran, or was about to.
    pub(super) fn was_live(&self) -> bool {
        self.live
    }

    /// What the next pod is compared with; `live` says whether it runs, or is about to.
    pub(in crate::facts) fn was(&mut self, pod: WrittenPod, spec: Box<PodSpec>, owner: Option<OwnerReference>, live: bool) {
        self.live = live;
        let phase = pod.phase().to_owned();
        let (WrittenPod { metadata, spec: Some(written), .. }, Some(owner)) = (pod, owner) else { return };
        self.known = Some(Box::new(Known {
            owner,
            namespace: metadata.namespace,
            labels: metadata.labels,
            annotations: metadata.annotations,
            phase,
            look: written.look,
            on_node: written.node.is_some(),
            spec,
        }));
    }
}

impl Known {
    fn is_like(&self, pod: &WrittenPod, written: &WrittenSpec) -> bool {
        // Static pods of a node are not replicas of one another.
        controller(&pod.metadata).is_some_and(|owner| owner.kind != "Node" && *owner == self.owner)
            && self.namespace == pod.metadata.namespace
            && self.labels == pod.metadata.labels
            && self.annotations == pod.metadata.annotations
            && self.phase == pod.phase()
            && self.on_node == written.node.is_some()
            && self.look == written.look
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(text: &str) -> Result<WrittenSpec, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// As the admission plugin leaves it.
    fn pod(node: &str, token: &str, image: &str) -> Result<WrittenSpec, serde_json::Error> {
        spec(&format!(
            r#"{{"volumes":[{{"name":"{token}","projected":{{"sources":[]}}}}],"containers":[{{"name":"a","image":"{image}","volumeMounts":[{{"name":"{token}","readOnly":true,"mountPath":"/var/run/secrets/kubernetes.io/serviceaccount"}}]}}],"nodeName":"{node}"}}"#
        ))
    }

    #[test]
    fn node_and_token_volume_are_no_difference() -> Result<(), serde_json::Error> {
        assert_eq!(pod("n1", "kube-api-access-abcde", "i")?.look, pod("n2", "kube-api-access-vwxyz", "i")?.look);
        assert_ne!(pod("n1", "kube-api-access-abcde", "i")?.look, pod("n1", "data", "i")?.look);
        assert_eq!(pod("n1", "data", "i")?.node.as_deref(), Some("n1"));
        Ok(())
    }

    #[test]
    fn a_token_name_means_something_elsewhere() -> Result<(), serde_json::Error> {
        let (one, other) = ("kube-api-access-abcde", "kube-api-access-vwxyz");
        assert_ne!(pod("n1", one, one)?.look, pod("n1", other, other)?.look);
        assert_ne!(pod("n1", one, other)?.look, pod("n1", one, one)?.look);
        let account = |name: &str| spec(&format!(r#"{{"containers":[{{"name":"a"}}],"serviceAccountName":"{name}"}}"#));
        assert_ne!(account(one)?.look, account(other)?.look);
        let mount = |name: &str| spec(&format!(r#"{{"containers":[{{"volumeMounts":[{{"name":"{name}","mountPath":"/data"}}]}}]}}"#));
        assert_ne!(mount(one)?.look, mount(other)?.look);
        Ok(())
    }

    #[test]
    fn whatever_else_differs_is_a_difference() -> Result<(), serde_json::Error> {
        let plain = r#"{"containers":[{"name":"a"}],"nodeSelector":{"nodeName":"x"}}"#;
        let other = r#"{"containers":[{"name":"a"}],"nodeSelector":{"nodeName":"y"}}"#;
        assert_ne!(spec(plain)?.look, spec(other)?.look);
        let two = |second: &str| {
            spec(&format!(r#"{{"volumes":[{{"name":"kube-api-access-abcde"}},{{"name":"kube-api-access-{second}"}}],"containers":[]}}"#))
        };
        assert_ne!(two("fghij")?.look, two("klmno")?.look);
        Ok(())
    }
}
