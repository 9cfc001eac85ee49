//! Whether what a pod says shows everything that a template says. Both are text: most of it is the same text, and building trees of
//! thousands of pods takes longer than judging them.

use std::borrow::Cow;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

/// What admission may change of what a template says, by the name of the field: requests are measured, probes are led through a proxy.
/// What a template writes into variables and command lines can be read there, whatever admission puts in its place, and an image that it names by
/// a tag is another one whenever admission resolves it anew.
const ADMISSION_CHANGES: &[&str] = &[
    "imagePullPolicy",
    "lifecycle",
    "livenessProbe",
    "nodeSelector",
    "priority",
    "readinessProbe",
    "resources",
    "schedulerName",
    "startupProbe",
    "terminationGracePeriodSeconds",
];

/// Whether a pod says everything that a template says; both are JSON. What admission adds is no difference. What it replaces is one only
/// where the pod may have been changed after it was made, which its `generation` tells (KEP-5067): its image, its resources and its
/// tolerations can be.
pub(super) fn shows(pod: &str, template: &str, never_changed: bool) -> bool {
    if pod == template {
        return true;
    }
    match (pod.as_bytes().first(), template.as_bytes().first()) {
        (Some(b'{'), Some(b'{')) => {
            let (Ok(Fields(pod)), Ok(Fields(template))) = (serde_json::from_str(pod), serde_json::from_str(template)) else { return false };
            template.iter().all(|(name, said)| {
                let replaced = never_changed && ADMISSION_CHANGES.contains(&name.as_ref());
                let shown = || pod.iter().find(|(own, _)| own == name);
                // Null and empty are as good as absent (`omitempty`).
                replaced || is_nothing(said.get()) || shown().is_some_and(|(_, shown)| shows(shown.get(), said.get(), never_changed))
            })
        }
        (Some(b'['), Some(b'[')) => {
            let (Ok(shown), Ok(said)) = (list(pod), list(template)) else { return false };
            match said.iter().all(|one| one.get().starts_with('{')) {
                true => said.iter().all(|said| shown.iter().any(|shown| shows(shown.get(), said.get(), never_changed))),
                false => same(pod, template),
            }
        }
        _ => same(pod, template),
    }
}

fn list(text: &str) -> Result<Vec<&RawValue>, serde_json::Error> {
    serde_json::from_str(text)
}

/// Whether two texts say the same in other signs, such as escapes.
fn same(one: &str, other: &str) -> bool {
    let value = |text: &str| serde_json::from_str::<Value>(text);
    matches!((value(one), value(other)), (Ok(one), Ok(other)) if one == other)
}

fn is_nothing(value: &str) -> bool {
    let inside = |open: char, close: char| value.strip_prefix(open).and_then(|rest| rest.strip_suffix(close));
    value == "null" || inside('{', '}').or_else(|| inside('[', ']')).is_some_and(|inside| inside.trim().is_empty())
}

/// The fields of an object, each value as its text.
struct Fields<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Fields<'de>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Vec::with_capacity(16);
                while let Some((Name(name), value)) = map.next_entry()? {
                    fields.push((name, value));
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(All)
    }
}

/// A name, which is copied only where it has escapes.
#[derive(Deserialize, Serialize)]
#[serde(transparent)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(pod: &Value, template: &Value, never_changed: bool) -> bool {
        shows(&pod.to_string(), &template.to_string(), never_changed)
    }

    fn container(more: Value) -> Value {
        let mut container = json!({"name": "app", "image": "registry.clinic.example/a:1"});
        if let (Value::Object(container), Value::Object(more)) = (&mut container, more) {
            container.extend(more);
        }
        json!({"containers": [container]})
    }

    #[test]
    fn what_admission_adds_is_no_difference() {
        let template = container(json!({}));
        let mut pod = container(json!({"resources": {"limits": {"memory": "64Mi"}}, "terminationMessagePath": "/dev/termination-log"}));
        pod["volumes"] = json!([{"name": "kube-api-access-abcde"}]);
        pod["containers"].as_array_mut().unwrap_or_else(|| panic!("a list")).push(json!({"name": "istio-proxy"}));
        assert!(shown(&pod, &template, false));
        assert!(!shown(&template, &pod, false));
    }

    #[test]
    fn what_was_changed_in_place_is_one() {
        let (template, pod) = (container(json!({"resources": {"limits": {"cpu": "1"}}})), container(json!({})));
        assert!(!shown(&pod, &template, false), "the resources may have been changed after the pod was made");
        assert!(shown(&pod, &template, true), "the pod was never changed: admission wrote the resources");
        let privileged = container(json!({"securityContext": {"privileged": true}}));
        assert!(!shown(&pod, &privileged, true));
    }

    #[test]
    fn a_variable_that_admission_takes_away_stands_in_the_template() {
        let template = container(json!({"env": [{"name": "DB_PASSWORD", "value": "[redacted]"}]}));
        assert!(!shown(&container(json!({})), &template, true));
        let added = container(json!({"env": [{"name": "A", "value": "b"}, {"name": "DB_PASSWORD", "value": "[redacted]"}]}));
        assert!(shown(&added, &template, true));
    }

    /// The next pod is made from the tag, and not from what admission resolved it to for this one.
    #[test]
    fn an_image_that_admission_pins_stands_in_the_template() {
        let pinned = container(json!({"image": "registry.clinic.example/a@sha256:0"}));
        assert!(!shown(&pinned, &container(json!({"image": "registry.clinic.example/a:latest"})), true));
        assert!(shown(&pinned, &pinned, true));
    }

    #[test]
    fn empty_is_absent() {
        assert!(shown(&container(json!({})), &container(json!({"resources": {}, "env": [], "securityContext": null})), false));
    }

    #[test]
    fn other_signs_say_the_same() {
        let pod = r#"{"args":["a\u0062"],"nodeName":"n","replicas":1}"#;
        assert!(shows(pod, r#"{"args":["ab"],"replicas":1,"volumes":[ ],"affinity":{ }}"#, false));
        assert!(!shows(pod, r#"{"args":["ab","c"]}"#, false), "a list of words is whole");
        assert!(!shows(pod, r#"{"args":{}, "replicas":"1"}"#, false));
        assert!(!shows(pod, r#"{"a\u0072gs":["x"]}"#, false), "names are compared as they are meant");
    }
}
