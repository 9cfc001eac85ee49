//! The Pod Security evaluator against Kubernetes' own, for random pods and random namespaces.

use crate::support::oracle;
use crate::support::pods;
use crate::support::wild_pods;
use std::cell::RefCell;
use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Pod;
use kube_hipaa::facts::pod_security::{
    Defaults, Level, ModeDefault, ModePolicy, PolicyVersion, Violation, evaluate, namespace_policy_with,
};
use proptest::prelude::{BoxedStrategy, Just, Strategy, any};
use proptest::sample::select;
use proptest::strategy::Union;
use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};
use serde::Deserialize;
use serde_json::{Value, json};

use oracle::{Failure, Oracle};

/// The release of the oracle's module, v0.36.3.
const SERVER_MINOR: u32 = 36;
const LEVELS: [Level; 2] = [Level::Baseline, Level::Restricted];

#[derive(Debug, Deserialize, PartialEq, Eq)]
struct Answer {
    allowed: bool,
    checks: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Answers {
    answers: Vec<Answer>,
}

/// Every version that the server has rules for, some that it has not, and `latest`.
fn versions() -> Vec<PolicyVersion> {
    (0..=40).chain([1_000_000]).map(PolicyVersion::V1).chain([PolicyVersion::Latest]).collect()
}

fn ours(pod: &Pod, level: Level, version: PolicyVersion, server_minor: u32) -> Result<Vec<Violation>, Failure> {
    let annotations = pod.metadata.annotations.clone().unwrap_or_default();
    let spec = pod.spec.as_ref().ok_or("the pod has no spec")?;
    Ok(evaluate(&annotations, spec, level, version.capped_at(server_minor)))
}

/// Every violation says where, and places that exist are written so that they can be found.
fn places_are_named(pod: &Value, violation: &Violation) -> Result<(), Failure> {
    if violation.pointers.is_empty() && violation.annotations.is_empty() {
        return Err(format!("{violation:?} names no place").into());
    }
    let may_be_absent = matches!(
        violation.check,
        "allowPrivilegeEscalation"
            | "appArmorProfile"
            | "capabilities_restricted"
            | "runAsNonRoot"
            | "seccompProfile_baseline"
            | "seccompProfile_restricted"
    );
    for pointer in &violation.pointers {
        if !may_be_absent && pod["spec"].pointer(pointer).is_none() {
            return Err(format!("{violation:?}: nothing at {pointer}").into());
        }
    }
    match violation.annotations.iter().find(|key| pod["metadata"]["annotations"].get(key).is_none()) {
        Some(key) => Err(format!("{violation:?}: no annotation {key}").into()),
        None => Ok(()),
    }
}

/// What the random pods exercised.
#[derive(Debug, Default)]
struct Seen {
    questions: usize,
    allowed: BTreeMap<Level, usize>,
    failing: BTreeMap<String, usize>,
    alone: BTreeMap<String, usize>,
}

fn compare(oracle: &mut Oracle, pod: &Value, seen: &mut Seen) -> Result<(), Failure> {
    let parsed: Pod = serde_json::from_value(pod.clone())?;
    let versions = versions();
    let Answers { answers } = oracle.ask(&json!({
        "op": "pod_security_all",
        "levels": LEVELS.map(Level::as_str),
        "versions": versions.iter().map(PolicyVersion::to_string).collect::<Vec<_>>(),
        "pod": pod,
    }))?;
    let questions = LEVELS.iter().flat_map(|level| versions.iter().map(move |version| (*level, *version)));
    let mut count = 0;
    for ((level, version), theirs) in questions.zip(&answers) {
        let violations = ours(&parsed, level, version, SERVER_MINOR)?;
        let checks: Vec<String> = violations.iter().map(|violation| violation.check.to_owned()).collect();
        let ours = Answer { allowed: checks.is_empty(), checks };
        if ours != *theirs {
            return Err(format!("{level} at {version}:\n  Kubernetes {theirs:?}\n  we         {ours:?}").into());
        }
        for violation in &violations {
            places_are_named(pod, violation)?;
        }
        count += 1;
        *seen.allowed.entry(level).or_default() += usize::from(theirs.allowed);
        for check in &theirs.checks {
            *seen.failing.entry(check.clone()).or_default() += 1;
        }
        if let [only] = theirs.checks.as_slice() {
            *seen.alone.entry(only.clone()).or_default() += 1;
        }
    }
    seen.questions += count;
    if count == LEVELS.len() * versions.len() && count == answers.len() {
        Ok(())
    } else {
        Err(format!("{count} answers of {}", LEVELS.len() * versions.len()).into())
    }
}

/// Runs `test` on many random inputs; a failure shows the smallest input that fails.
fn random<S: Strategy>(strategy: &S, cases: u32, test: impl Fn(S::Value) -> Result<(), Failure>) -> Result<(), Failure> {
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 4096, ..Config::default() };
    let result = TestRunner::new(config).run(strategy, |input| test(input).map_err(|failure| TestCaseError::fail(failure.to_string())));
    match result {
        Ok(()) => Ok(()),
        Err(TestError::Fail(reason, input)) => Err(format!("{reason}\nfor {input:?}").into()),
        Err(TestError::Abort(reason)) => Err(format!("aborted: {reason}").into()),
    }
}

fn random_pods(strategy: &BoxedStrategy<Value>, cases: u32) -> Result<Seen, Failure> {
    let oracle = RefCell::new(Oracle::start()?);
    let seen = RefCell::new(Seen::default());
    random(strategy, cases, |pod| {
        compare(&mut oracle.borrow_mut(), &pod, &mut seen.borrow_mut()).map_err(|failure| format!("{failure}\nfor {pod}").into())
    })?;
    Ok(seen.into_inner())
}

const CHECKS: [&str; 19] = [
    "allowPrivilegeEscalation",
    "appArmorProfile",
    "capabilities_baseline",
    "capabilities_restricted",
    "hostNamespaces",
    "hostPathVolumes",
    "hostPorts",
    "hostProbesAndHostLifecycle",
    "privileged",
    "procMount",
    "procMount_restricted",
    "restrictedVolumes",
    "runAsNonRoot",
    "runAsUser",
    "seLinuxOptions",
    "seccompProfile_baseline",
    "seccompProfile_restricted",
    "sysctls",
    "windowsHostProcess",
];

/// Agreement on pods that are all refused, or all admitted, or fail in everything at once would say little.
fn everything_was_exercised(seen: &Seen, pods: usize, alone_needed: &[&str]) {
    assert_eq!(seen.questions, pods * LEVELS.len() * versions().len());
    for level in LEVELS {
        let allowed = seen.allowed.get(&level).copied().unwrap_or(0);
        let asked = seen.questions / LEVELS.len();
        assert!(allowed * 20 > asked && allowed * 20 < asked * 19, "{level}: {allowed} of {asked} allowed");
    }
    for check in CHECKS {
        assert!(seen.failing.get(check).copied().unwrap_or(0) >= 100, "{check} hardly ever fails: {seen:#?}");
    }
    for check in alone_needed {
        assert!(seen.alone.get(*check).copied().unwrap_or(0) >= 10, "{check} hardly ever fails alone: {seen:#?}");
    }
}

#[test]
#[ignore = "needs the Kubernetes oracle: make test"]
fn agrees_on_any_pods() -> Result<(), Failure> {
    let seen = random_pods(&wild_pods::any_pod(), 6000)?;
    everything_was_exercised(&seen, 6000, &CHECKS);
    Ok(())
}

#[test]
#[ignore = "needs the Kubernetes oracle: make test"]
fn agrees_on_valid_pods() -> Result<(), Failure> {
    let seen = random_pods(&pods::valid_pod(), 6000)?;
    // Where validation demands hostNetwork too, the host process is never the only fault.
    let alone: Vec<&str> = CHECKS.into_iter().filter(|check| *check != "windowsHostProcess").collect();
    everything_was_exercised(&seen, 6000, &alone);
    Ok(())
}

#[test]
#[ignore = "needs the Kubernetes oracle: make test"]
fn older_servers_cap_the_version() -> Result<(), Failure> {
    let oracle = RefCell::new(Oracle::start()?);
    let asked = Union::new(vec![(0u64..=40).prop_map(PolicyVersion::V1).boxed(), Just(PolicyVersion::Latest).boxed()]);
    random(&(wild_pods::any_pod(), 0u32..=36, asked, select(LEVELS.to_vec())), 3000, |(pod, server, version, level)| {
        let theirs: Answer = oracle.borrow_mut().ask(&json!({
            "op": "pod_security", "level": level.as_str(), "version": version.to_string(), "server": server, "pod": pod,
        }))?;
        let parsed: Pod = serde_json::from_value(pod)?;
        let checks: Vec<String> = ours(&parsed, level, version, server)?.into_iter().map(|violation| violation.check.to_owned()).collect();
        let ours = Answer { allowed: checks.is_empty(), checks };
        if ours == theirs { Ok(()) } else { Err(format!("Kubernetes {theirs:?}, we {ours:?}").into()) }
    })
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
struct NamespaceAnswer {
    enforce: Mode,
    audit: Mode,
    warn: Mode,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
struct Mode {
    level: String,
    version: String,
}

impl From<&ModePolicy> for Mode {
    fn from(mode: &ModePolicy) -> Self {
        Self { level: mode.level.to_string(), version: mode.version.to_string() }
    }
}

#[test]
#[ignore = "needs the Kubernetes oracle: make test"]
fn agrees_on_namespace_labels() -> Result<(), Failure> {
    let oracle = RefCell::new(Oracle::start()?);
    let level = select(vec!["privileged", "baseline", "restricted", "Restricted", "", " baseline", "none"]);
    let version = select(vec![
        "latest",
        "v1.0",
        "v1.30",
        "v1.36",
        "v1.99",
        "v1.01",
        "1.30",
        "v2.0",
        "",
        "Latest",
        "v1.",
        "v1.+1",
        "v1.-0",
        "v1.9223372036854775807",
        "v1.9223372036854775808",
        "v1.18446744073709551616",
        "v1.3\n",
        "v1.٣",
    ]);
    let key = (select(vec!["enforce", "audit", "warn"]), any::<bool>());
    let label = (key, level, version).prop_map(|((mode, is_version), level, version)| {
        let prefix = "pod-security.kubernetes.io";
        if is_version { (format!("{prefix}/{mode}-version"), version.to_owned()) } else { (format!("{prefix}/{mode}"), level.to_owned()) }
    });
    let labels = proptest::collection::vec(label, 0..=6).prop_map(|labels| labels.into_iter().collect::<BTreeMap<String, String>>());
    let default = || {
        let version = select(vec![PolicyVersion::Latest, PolicyVersion::V1(20), PolicyVersion::V1(99)]);
        (select(vec![Level::Privileged, Level::Baseline, Level::Restricted]), version)
            .prop_map(|(level, version)| ModeDefault { level, version })
    };
    random(&(labels, default(), default(), default()), 20_000, |(labels, enforce, audit, warn)| {
        let named = |mode: ModeDefault| json!({"level": mode.level.as_str(), "version": mode.version.to_string()});
        let theirs: NamespaceAnswer = oracle.borrow_mut().ask(&json!({
            "op": "pod_security_namespace",
            "labels": labels,
            "defaults": {"enforce": named(enforce), "audit": named(audit), "warn": named(warn)},
        }))?;
        let policy = namespace_policy_with(&labels, &Defaults { enforce, audit, warn }, SERVER_MINOR);
        for mode in [&policy.enforce, &policy.audit, &policy.warn] {
            if mode.applied != mode.version.capped_at(SERVER_MINOR) {
                return Err(format!("{mode:?} is not capped").into());
            }
        }
        let ours =
            NamespaceAnswer { enforce: Mode::from(&policy.enforce), audit: Mode::from(&policy.audit), warn: Mode::from(&policy.warn) };
        if ours == theirs { Ok(()) } else { Err(format!("Kubernetes {theirs:?}, we {ours:?}").into()) }
    })
}
