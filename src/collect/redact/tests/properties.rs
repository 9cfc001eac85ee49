use proptest::prelude::*;

use super::*;

/// A value in which every text is the marker, so that whatever survives is seen.
fn marked() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![Just(json!(MARK)), Just(json!(7)), Just(Value::Null)];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{1,6}", inner, 0..4).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    /// Whatever stands under a name that no list knows never comes out, at any depth.
    #[test]
    fn unknown_fields_of_any_shape_go(extra in prop::collection::btree_map("zz[a-z]{1,6}", marked(), 1..6), at in 0..4usize) {
        let mut pod = json!({
            "metadata": {"name": "p", "namespace": "records"},
            "spec": {"containers": [{"name": "c", "securityContext": {"privileged": true}}]},
            "status": {"phase": "Running"},
        });
        let target = match at {
            0 => &mut pod,
            1 => &mut pod["metadata"],
            2 => &mut pod["spec"],
            _ => &mut pod["spec"]["containers"][0],
        };
        let clean = target.clone();
        target.as_object_mut().unwrap().extend(extra);
        let stored = pruned(&pod, &rule_of("pods")).unwrap();
        prop_assert!(!stored.to_string().contains(MARK));
        let kept = match at {
            0 => &stored,
            1 => &stored["metadata"],
            2 => &stored["spec"],
            _ => &stored["spec"]["containers"][0],
        };
        prop_assert_eq!(kept, &clean);
    }

    /// No word after the first is stored unless it is a flag's name; what is said instead is a sentence of ours.
    #[test]
    fn words_of_applications_never_survive(words in prop::collection::vec("[ -~]{0,24}", 0..8)) {
        for (word, kept) in words.iter().zip(arguments::argument_list(&words, false, false)) {
            // What stands in place of a value may say why it looks like a credential.
            let marker = LooksLikeCredential::in_stored(&kept).map_or(REDACTED, LooksLikeCredential::marker);
            let is_name = kept.starts_with("--") && word.starts_with(kept.trim_end_matches(marker).trim_end_matches('='));
            let is_letter = kept.len() == 2 && kept == *word;
            prop_assert!(kept == marker || is_name || is_letter, "{word:?} became {kept:?}");
            if let Some((_, value)) = word.split_once('=') && value.len() > 10 {
                prop_assert!(!kept.contains(value));
            }
        }
    }
}
