//! The Pod Security evaluator against the fixtures of Kubernetes' own tests, and against the oracle on the same pods.

use crate::support::oracle;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use k8s_openapi::api::core::v1::{EmptyDirVolumeSource, Pod, Volume};
use kube_hipaa::facts::pod_security::{Level, PolicyVersion, evaluate};
use serde::Deserialize;
use serde_json::json;

use oracle::{Failure, Oracle};

/// The release of the oracle's module, v0.36.3.
const SERVER_MINOR: u32 = 36;

#[derive(Debug, Deserialize)]
struct Answer {
    checks: Vec<String>,
}

/// The failing checks by our evaluator and by the oracle, which must be the same.
fn failing(oracle: &mut Oracle, pod: &Pod, level: Level, version: PolicyVersion) -> Result<Vec<String>, Failure> {
    let annotations = pod.metadata.annotations.clone().unwrap_or_default();
    let spec = pod.spec.as_ref().ok_or("the pod has no spec")?;
    let ours: Vec<String> = evaluate(&annotations, spec, level, version.capped_at(SERVER_MINOR))
        .into_iter()
        .map(|violation| violation.check.to_owned())
        .collect();
    let theirs: Answer = oracle.ask(&json!({
        "op": "pod_security", "level": level.as_str(), "version": version.to_string(), "pod": pod,
    }))?;
    if ours == theirs.checks { Ok(ours) } else { Err(format!("Kubernetes {theirs:?}, we {ours:?}").into()) }
}

/// The fixtures of Kubernetes' own tests: `<level>/v1.N/{pass,fail}/*.yaml`.
fn fixtures() -> Result<PathBuf, Failure> {
    let listed = Command::new("go")
        .args(["list", "-m", "-f", "{{.Dir}}", "k8s.io/pod-security-admission"])
        .current_dir(oracle::folder())
        .output()?;
    let folder = String::from_utf8(listed.stdout)?;
    if !listed.status.success() || folder.trim().is_empty() {
        return Err("the module k8s.io/pod-security-admission is not there: run tests/oracle/build.sh".into());
    }
    Ok(Path::new(folder.trim()).join("test/testdata"))
}

fn entries(folder: &Path) -> Result<BTreeSet<PathBuf>, Failure> {
    std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect()
}

/// The one default of the API server that a fixture relies on: a volume without a source is an empty directory. The
/// policy's code refuses such a volume; it never meets one, because defaults are set before.
fn as_stored(pod: &mut Pod) {
    for volume in pod.spec.iter_mut().flat_map(|spec| spec.volumes.iter_mut().flatten()) {
        if *volume == (Volume { name: volume.name.clone(), ..Volume::default() }) {
            volume.empty_dir = Some(EmptyDirVolumeSource::default());
        }
    }
}

fn last_part(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

#[test]
#[ignore = "needs the Kubernetes oracle: make test"]
fn agrees_with_the_fixtures_of_kubernetes() -> Result<(), Failure> {
    let root = fixtures()?;
    let mut oracle = Oracle::start()?;
    let (mut passes, mut failures, mut wrong) = (0usize, 0usize, Vec::new());
    for level in [Level::Baseline, Level::Restricted] {
        for folder in entries(&root.join(level.as_str()))? {
            let version: PolicyVersion = last_part(&folder).parse()?;
            for (kind, passing) in [("pass", true), ("fail", false)] {
                for file in entries(&folder.join(kind))? {
                    let mut pod: Pod = serde_saphyr::from_str(&std::fs::read_to_string(&file)?)?;
                    as_stored(&mut pod);
                    let found = failing(&mut oracle, &pod, level, version).map_err(|failure| format!("{}: {failure}", file.display()))?;
                    let name = last_part(&file);
                    let as_said = if passing {
                        found.is_empty()
                    } else {
                        // The file is named after a check. One that restricted replaces fails by the replacement.
                        found.iter().any(|check| failure_fits(&name, check))
                    };
                    if passing {
                        passes += 1
                    } else {
                        failures += 1
                    }
                    if !as_said {
                        wrong.push(format!("{}: {found:?}", file.display()));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {} disagree:\n{}", wrong.len(), passes + failures, wrong.join("\n"));
    // The module has 4,241 files; fewer would mean that the folders have changed.
    assert_eq!(passes + failures, 4241, "{passes} pass and {failures} fail");
    Ok(())
}

/// `capabilities_baseline0.yaml` is a failure of `capabilities_baseline`, or of what replaces it.
fn failure_fits(file: &str, check: &str) -> bool {
    let id = file.trim_end_matches(".yaml").trim_end_matches(|c: char| c.is_ascii_digit());
    let replaced = match check {
        "capabilities_restricted" => "capabilities_baseline",
        "procMount_restricted" => "procmount",
        "restrictedVolumes" => "hostpathvolumes",
        "seccompProfile_restricted" => "seccompprofile_baseline",
        _ => "",
    };
    check.eq_ignore_ascii_case(id) || replaced == id
}
