//! A workspace and an access review on a live cluster: begun from it, used by a scan, and set against what the cluster is afterwards.

use std::error::Error;
use std::path::Path;

use serde_json::Value;

use crate::support::clinic::{Clinic, EPHI};
use crate::support::program::{self, kube_hipaa, said};

/// The vendor's way in, which the review removes and somebody then does; and a way in that the review removes and nobody does.
const GONE: &str = "/apis/rbac.authorization.k8s.io/v1/namespaces/imaging/rolebindings/modality-vendor-remote";
const REMOVE: [&str; 2] = ["RoleBinding imaging/modality-vendor-remote ", "RoleBinding patient-records/records-debug "];

fn run(arguments: &[&str]) -> Result<String, Box<dyn Error>> {
    let output = kube_hipaa(arguments);
    if output.status.code() != Some(0) {
        return Err(format!("{arguments:?}: {}", said(&output)).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// `init` from the live cluster, a review of its scan, a binding that goes, and the next scan.
pub(crate) fn a_review_is_followed_by_the_next_scan(
    clinic: &Clinic,
    kubeconfig: &Path,
    evidence: &Path,
    scratch: &Path,
) -> Result<String, Box<dyn Error>> {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let (workspace, config) = (text(&scratch.join("hipaa")), text(kubeconfig));
    let began = run(&["init", "-w", &workspace, "--kubeconfig", &config, "--no-progress"])?;
    if !began.contains("scope.yaml") || run(&["init", "-w", &workspace, "--kubeconfig", &config, "--no-progress"])?.lines().count() != 1 {
        return Err(format!("a second init of an unchanged cluster adds something; the first said {began}").into());
    }
    std::fs::write(
        scratch.join("hipaa/scope.yaml"),
        format!("ephi: {{selectors: ['{EPHI}']}}\ndeclared_by: security official\ndeclared_on: 2026-11-20\n"),
    )?;
    let sheet = text(&scratch.join("access.csv"));
    run(&["questions", "-w", &workspace, "--from", &text(evidence), "--access-review", &sheet])?;
    let written = std::fs::read_to_string(&sheet)?;
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(written.as_bytes());
    let mut filled = csv::WriterBuilder::new().from_writer(Vec::new());
    let (mut accesses, mut removed) = (0, 0);
    for record in reader.records() {
        let mut cells: Vec<String> = record?.iter().map(str::to_owned).collect();
        let remove = REMOVE.iter().any(|binding| cells[5].starts_with(binding));
        if cells[10] != "decision" {
            cells[10] = if remove { "remove" } else { "keep" }.to_owned();
            (accesses, removed) = (accesses + 1, removed + usize::from(remove));
        }
        filled.write_record(&cells)?;
    }
    std::fs::write(&sheet, filled.into_inner()?)?;
    let by = ["--by", "A. Owner", "--role", "Owner of the cluster", "--until", "2099-12-31"];
    run(&[&["answer", "-w", &workspace, "--access-review", &sheet][..], &by].concat())?;
    let (status, object) = clinic.api("GET", GONE, None);
    if status != 200 || !(200..300).contains(&clinic.api("DELETE", GONE, None).0) {
        return Err(format!("{GONE}: {status} {object}").into());
    }
    let next = scratch.join("reviewed");
    let (_, assessment) = program::scan(kubeconfig, &next, &["--cluster-name", "clinic", "-w", &workspace]);
    // The steps behind this one expect the clinic as it was.
    let put_back: Value = {
        let mut object = object;
        for field in ["resourceVersion", "uid", "creationTimestamp", "managedFields"] {
            object["metadata"].as_object_mut().map(|metadata| metadata.remove(field));
        }
        object
    };
    let (status, answer) = clinic.api("POST", GONE.rsplit_once('/').map_or(GONE, |(list, _)| list), Some(&put_back));
    if status != 201 {
        return Err(format!("the binding cannot be put back: {status} {answer}").into());
    }
    let review = assessment.people.as_ref().and_then(|people| people.access_review.as_ref()).ok_or("the scan holds no review")?;
    let still: Vec<&str> = review.still_there.iter().map(|one| one.access.as_str()).collect();
    let right = review.remove == removed as u64
        && removed >= 2
        && review.removed + still.len() as u64 == review.remove
        && !still.is_empty()
        && still.iter().all(|access| access.starts_with(REMOVE[1]))
        && review.not_reviewed.is_empty()
        && review.not_seen.is_empty();
    if !right {
        return Err(format!("{review:#?}").into());
    }
    if !next.join("workspace/scope.yaml").is_file() {
        return Err("the workspace does not lie beside the evidence".into());
    }
    Ok(format!("{accesses} accesses reviewed, {removed} to be removed: {} gone, {} still there", review.removed, still.len()))
}
