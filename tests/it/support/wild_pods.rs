//! Random pods that no API server need ever have accepted: the evaluator must agree with Kubernetes on them too.

use proptest::prelude::{BoxedStrategy, Just, Strategy, any};
use proptest::sample::select;
use proptest::strategy::Union;
use serde_json::{Value, json};

use crate::support::pods::{Taste, containers, drop_nulls, pod};

/// A pod with ephemeral containers, odd names, empty objects, `null` written out, and values that validation refuses.
pub(crate) fn any_pod() -> BoxedStrategy<Value> {
    let pods = |bad| of_taste(Taste { bad, wild: true });
    Union::new_weighted(vec![(1, pods(5)), (4, pods(20)), (2, pods(80)), (1, pods(400))]).boxed()
}

fn of_taste(taste: Taste) -> BoxedStrategy<Value> {
    let name = Union::new_weighted(vec![
        (20, Just(None).boxed()),
        (1, select(vec!["", "c0", "i0", "e0", "../x", "x\u{202e}y", "a/b"]).prop_map(Some).boxed()),
    ]);
    (pod(taste), containers(taste, 'e', 0..=1), name, any::<bool>())
        .prop_map(|(mut pod, mut ephemeral, name, keep_nulls)| {
            for (index, container) in ephemeral.as_array_mut().into_iter().flatten().enumerate() {
                container["targetContainerName"] = json!("c0");
                if index == 0
                    && let Some(name) = name
                {
                    container["name"] = json!(name);
                }
            }
            if let Some(name) = name
                && let Some(first) = pod["spec"]["containers"].get_mut(0)
            {
                first["name"] = json!(name);
            }
            pod["spec"]["ephemeralContainers"] = ephemeral;
            if !keep_nulls {
                drop_nulls(&mut pod);
            }
            pod
        })
        .boxed()
}
