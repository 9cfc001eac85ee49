//! Pod Security as the API server itself decides it, against `facts::pod_security`, for random pods.

use crate::support::pods;
use std::collections::BTreeMap;
use std::error::Error;
use std::time::Instant;

use k8s_openapi::api::core::v1::Pod;
use kube_hipaa::facts::pod_security::{Level, PolicyVersion, evaluate};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::support::control_plane::{ControlPlane, Options};

const PODS: usize = 600;
/// Requests at a time: the API server answers within milliseconds, most of them waiting for etcd.
const THREADS: usize = 8;
/// Enforced levels and versions; the first refuses nothing and shows the pod as the server stores it.
const NAMESPACES: [(Level, PolicyVersion); 5] = [
    (Level::Privileged, PolicyVersion::Latest),
    (Level::Baseline, PolicyVersion::Latest),
    (Level::Restricted, PolicyVersion::Latest),
    (Level::Baseline, PolicyVersion::V1(24)),
    (Level::Restricted, PolicyVersion::V1(22)),
];

fn namespace((level, version): (Level, PolicyVersion)) -> String {
    format!("{level}-{version}").replace('.', "-")
}

/// Namespaces and their default service accounts, which a controller would make.
fn cluster() -> String {
    let objects: Vec<Value> = NAMESPACES
        .into_iter()
        .flat_map(|(level, version)| {
            let name = namespace((level, version));
            let labels = json!({
                "pod-security.kubernetes.io/enforce": level.as_str(),
                "pod-security.kubernetes.io/enforce-version": version.to_string(),
            });
            [
                json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}),
                json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": name}}),
            ]
        })
        .collect();
    json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string()
}

/// Asks the server about one pod in every namespace: how often it admitted it, by namespace, or what is wrong.
fn compare(plane: &ControlPlane, minor: u32, pod: &Value) -> Result<[bool; NAMESPACES.len()], String> {
    let ask = |place| plane.api("POST", &format!("/api/v1/namespaces/{}/pods?dryRun=All", namespace(place)), Some(pod));
    let (status, stored) = ask(NAMESPACES[0]);
    if status != 201 {
        return Err(format!("the API does not accept it at all ({}), so the generator is wrong: {pod}", stored["message"]));
    }
    // As stored, with the server's defaults: that is what a collector sees.
    let parsed: Pod = serde_json::from_value(stored.clone()).map_err(|error| format!("{error}: {stored}"))?;
    let annotations = parsed.metadata.annotations.unwrap_or_default();
    let spec = parsed.spec.ok_or("a pod without a spec")?;
    let mut admitted = [true; NAMESPACES.len()];
    for (place, admitted) in NAMESPACES.into_iter().zip(&mut admitted).skip(1) {
        let (status, answer) = ask(place);
        let message = answer["message"].as_str().unwrap_or_default();
        *admitted = match status {
            201 => true,
            403 if message.contains("violates PodSecurity") => false,
            _ => return Err(format!("{status} {message}: {pod}")),
        };
        let violations = evaluate(&annotations, &spec, place.0, place.1.capped_at(minor));
        if violations.is_empty() != *admitted {
            return Err(format!("{}: the server says {status} {message:?}, we say {violations:?}: {pod}", namespace(place)));
        }
    }
    Ok(admitted)
}

#[test]
#[ignore = "needs the control plane: make test"]
#[expect(clippy::print_stderr, reason = "the numbers are for people, with --nocapture")]
fn pods_are_admitted_as_we_say() -> Result<(), Box<dyn Error>> {
    let plane = ControlPlane::start(&Options::default());
    plane.apply(&cluster());
    let minor = plane.minor();
    let mut runner = TestRunner::default();
    let pods: Vec<Value> = (0..PODS)
        .map(|_| pods::valid_pod().new_tree(&mut runner).map(|tree| tree.current()).map_err(|reason| reason.to_string()))
        .collect::<Result<_, _>>()?;

    let begin = Instant::now();
    let answers: Vec<Result<[bool; NAMESPACES.len()], String>> = std::thread::scope(|scope| {
        let share = PODS.div_ceil(THREADS);
        let running: Vec<_> = pods
            .chunks(share)
            .map(|pods| {
                let plane = &plane;
                scope.spawn(move || pods.iter().map(|pod| compare(plane, minor, pod)).collect::<Vec<_>>())
            })
            .collect();
        running.into_iter().flat_map(|thread| thread.join().unwrap_or_else(|_| vec![Err("a thread ended".to_owned())])).collect()
    });
    let seconds = begin.elapsed().as_secs_f32();

    let wrong: Vec<&String> = answers.iter().filter_map(|answer| answer.as_ref().err()).collect();
    if let [first, ..] = wrong.as_slice() {
        return Err(format!("{} of {PODS} pods differ; the first: {first}", wrong.len()).into());
    }
    let mut admitted: BTreeMap<String, usize> = BTreeMap::new();
    for answer in answers.into_iter().flatten() {
        for (place, yes) in NAMESPACES.into_iter().zip(answer).skip(1) {
            *admitted.entry(namespace(place)).or_default() += usize::from(yes);
        }
    }
    eprintln!("pod security: {PODS} pods in {} namespaces agree, in {seconds:.1} s; admitted: {admitted:?}", admitted.len());
    // Every namespace decided in both directions.
    for (place, yes) in &admitted {
        assert!(yes * 20 > PODS && yes * 20 < PODS * 19, "{place} admits {yes} of {PODS}");
    }
    Ok(())
}
