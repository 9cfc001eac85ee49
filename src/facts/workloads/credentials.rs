//! Credentials that are written out in a manifest, as the collector judged them while it left the values out.

use k8s_openapi::api::core::v1::PodSpec;

use super::containers::{Common, ordinary, sorted_owned};
use crate::facts::Known;
use crate::facts::table::placed::Placed;
use crate::model::{LooksLikeCredential, Unseen};

/// What stands for a value that was left out.
pub(super) const LEFT_OUT: &str = "[redacted]";

/// Where a container has some and why they look like that; `place` is the container's. `unjudged` says why there is no judgement in the
/// snapshot of a collector that made none: then a value that was left out may be one.
pub(super) fn of(container: &Common<'_>, place: &str, unjudged: Option<&Unseen>) -> Known<Placed<Vec<String>>> {
    let found = found(container, place);
    match unjudged {
        Some(unseen) if found.value.is_empty() && has_left_out(container) => Known::Unknown(unseen.clone()),
        _ => Known::Known(found),
    }
}

/// The same of every container of a pod spec that stands at `place`, with its name.
pub(super) fn of_spec<'s>(spec: &'s PodSpec, place: &str, unjudged: Option<&Unseen>) -> Vec<(&'s str, Known<Placed<Vec<String>>>)> {
    let init = spec.init_containers.iter().flatten().enumerate().map(|(i, container)| (format!("/initContainers/{i}"), container));
    let all = init.chain(spec.containers.iter().enumerate().map(|(i, container)| (format!("/containers/{i}"), container)));
    all.map(|(path, container)| {
        let at = format!("{place}{path}");
        (container.name.as_str(), of(&ordinary(container, "container", path), &at, unjudged))
    })
    .collect()
}

fn has_left_out(container: &Common<'_>) -> bool {
    let values = container.env.iter().filter_map(|variable| variable.value.as_ref());
    values.chain(container.command).chain(container.args).any(|text| text.contains(LEFT_OUT))
}

fn found(container: &Common<'_>, place: &str) -> Placed<Vec<String>> {
    let mut found = Vec::new();
    let mut at = Vec::new();
    for (i, variable) in container.env.iter().enumerate() {
        if let Some(kind) = variable.value.as_deref().and_then(LooksLikeCredential::in_stored) {
            found.push(format!("variable {} ({})", variable.name, kind.words()));
            at.push(format!("{place}/env/{i}/value"));
        }
    }
    for (field, words) in [("command", container.command), ("args", container.args)] {
        for (i, word) in words.iter().enumerate() {
            let Some(kind) = LooksLikeCredential::in_stored(word) else { continue };
            // `--name=value` says which option; of `--name value` the word in front does.
            let own = word.split_once('=').map(|(name, _)| name).filter(|name| name.starts_with('-'));
            let before = i.checked_sub(1).and_then(|before| words.get(before)).map(String::as_str);
            // Behind `-c` stands a program, and not the value of an option; a word that is judged by its text says itself what it is.
            let named =
                |word: &&str| word.starts_with('-') && !word.contains(LEFT_OUT) && *word != "-c" && kind != LooksLikeCredential::Within;
            let option = own.or(before.filter(named));
            found.push(match option {
                Some(option) => format!("option {option} ({})", kind.words()),
                None => format!("word {} of {field} ({})", i + 1, kind.words()),
            });
            at.push(format!("{place}/{field}/{i}"));
        }
    }
    Placed { value: sorted_owned(found), at }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Container;
    use serde_json::{Value, json};

    use super::*;

    fn judged(container: Value, unjudged: bool) -> Option<usize> {
        let container: Container = serde_json::from_value(container).expect("a container");
        let common = ordinary(&container, "container", "/containers/0".to_owned());
        let old = Unseen::read_failed("a", "b", "c");
        of(&common, "/spec/containers/0", unjudged.then_some(&old)).known().map(|found| found.value.len())
    }

    /// A finding names the option only where that is what takes the credential.
    #[test]
    fn a_line_of_shell_is_no_value_of_an_option() {
        let words = |args: Value| {
            let container: Container = serde_json::from_value(json!({"name": "web", "args": args})).expect("a container");
            found(&ordinary(&container, "container", "/containers/0".to_owned()), "/spec/containers/0").value
        };
        let (name, within) = (LooksLikeCredential::Name.marker(), LooksLikeCredential::Within.marker());
        assert_eq!(words(json!(["--token", name])), ["option --token (by its name)"]);
        assert_eq!(words(json!([format!("--set={within}")])), ["option --set (a credential in its text)"]);
        assert_eq!(words(json!(["--verbose", within])), ["word 2 of args (a credential in its text)"]);
        assert_eq!(words(json!(["sh", "-c", name])), ["word 3 of args (by its name)"]);
    }

    /// What was left out by a collector that judged nothing may be a credential.
    #[test]
    fn what_nobody_judged_is_not_known() {
        let left_out = json!({"name": "web", "env": [{"name": "DB_PASSWORD", "value": "[redacted]"}]});
        assert_eq!(judged(left_out.clone(), false), Some(0));
        assert_eq!(judged(left_out, true), None);
        assert_eq!(judged(json!({"name": "web", "args": ["--token=[redacted]"]}), true), None);
        // Nothing was left out.
        let reference = json!({"name": "web", "env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "db", "key": "a"}}}]});
        assert_eq!(judged(reference, true), Some(0));
        // A judgement that stands there is one.
        let found = json!({"name": "web", "env": [{"name": "DB_PASSWORD", "value": LooksLikeCredential::Name.marker()}]});
        assert_eq!(judged(found, true), Some(1));
    }
}
