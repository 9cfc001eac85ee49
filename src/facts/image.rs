//! What scanners that report in the cluster say of the images that run there.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;

use super::context::Context;
use super::table::read::{Readable, Reader};
use super::table::schema::{Row, TableRow, table};
use super::times::{hours_between, seconds_between};
use super::workloads::image::ImageReference;
use super::{FactsError, Family, Known};
use crate::model::sources::{PODS, VULNERABILITY_REPORTS};
use crate::model::{Evidence, ObjectRef, Unseen};

table! {
    /// One row per image that runs in a namespace, and per content of it: what the newest VulnerabilityReport of the Trivy operator in that
    /// namespace counts. A report is about an image where it names the digest that runs, or where the reference was pinned to it; a report
    /// that names only a tag is about every image of that tag. Containers that have not started, ephemeral containers and pods that have
    /// finished are left out.
    pub struct ImageScanRow as "image_scans" counting "images" from [PODS] consulting [VULNERABILITY_REPORTS] {
        /// Namespace.
        namespace: String;
        /// The image reference as written.
        image: String;
        /// The digest that the container runtime says it runs; empty where it names none.
        digest: String;
        /// What runs it, as `Kind/name` of what controls the pods, or of a pod, sorted.
        workloads: Vec<String>;
        /// Names of the containers, sorted.
        containers: Vec<String>;
        /// Number of pods.
        pods: i64;
        /// Hours since the newest report about it was written; null where there is none. Unknown where no report of any image is to be seen:
        /// another scanner may keep its results elsewhere; for an hour after its first pod was made; and where a report names the same tag
        /// and another digest.
        hours_since_scan: Known<Option<i64>>;
        /// Vulnerabilities that the newest report counts as critical. Unknown without a report.
        critical: Known<i64>;
        /// As high.
        high: Known<i64>;
        /// Family and release of the operating system that the scanner found in it; empty where it found none.
        os: Known<String>;
        /// Whether the scanner says that this release is past the end of its service life.
        os_past_support: Known<bool>;
        /// Name and version of the scanner.
        scanner: Known<String>;
        /// What is there, as a sentence about the image goes on.
        why: String;
    }
}

pub(super) const FAMILY: Family = Family { schemas: || vec![ImageScanRow::schema()], rows: |context, _| Ok(vec![rows(context)?]) };

/// The operator scans one workload after the other; a pod of the last minutes may wait for its turn.
const WAITS_SECONDS: i64 = 3600;

const HOW: &str = "Look at kubectl get vulnerabilityreports -n NAMESPACE, and at the log of the operator.";

/// What of a pod matters here.
#[derive(Debug, Deserialize)]
struct Pod {
    #[serde(default)]
    metadata: ObjectMeta,
    spec: Spec,
    status: Option<Status>,
}

impl Readable for Pod {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    #[serde(default)]
    containers: Vec<Container>,
    init_containers: Option<Vec<Container>>,
}

#[derive(Debug, Deserialize)]
struct Container {
    name: String,
    #[serde(default)]
    image: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    phase: Option<String>,
    container_statuses: Option<Vec<Started>>,
    init_container_statuses: Option<Vec<Started>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Started {
    name: String,
    #[serde(default, rename = "imageID")]
    image_id: String,
}

/// `aquasecurity.github.io/v1alpha1` VulnerabilityReport (trivy-operator, pkg/apis/aquasecurity/v1alpha1/vulnerability_types.go).
#[derive(Debug, Deserialize)]
struct VulnerabilityReport {
    #[serde(default)]
    metadata: ObjectMeta,
    report: Report,
}

impl Readable for VulnerabilityReport {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    update_timestamp: String,
    artifact: Artifact,
    #[serde(default)]
    registry: Registry,
    scanner: Scanner,
    summary: Summary,
    #[serde(default)]
    os: Os,
}

#[derive(Debug, Deserialize)]
struct Artifact {
    #[serde(default)]
    repository: String,
    #[serde(default)]
    digest: String,
    #[serde(default)]
    tag: String,
}

#[derive(Debug, Default, Deserialize)]
struct Registry {
    #[serde(default)]
    server: String,
}

#[derive(Debug, Deserialize)]
struct Scanner {
    #[serde(default)]
    name: String,
    #[serde(default)]
    version: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    critical_count: u32,
    high_count: u32,
}

#[derive(Debug, Default, Deserialize)]
struct Os {
    #[serde(default)]
    family: String,
    #[serde(default)]
    name: String,
    /// Left out where it is false (`omitempty`).
    #[serde(default)]
    eosl: bool,
}

/// A report, with where it was seen and how many hours before.
struct Seen {
    report: Report,
    /// Unknown where its time is none, or lies after the time of collection by more than clocks differ.
    hours: Option<i64>,
    origin: Evidence,
}

/// Reports by namespace.
type Reports = BTreeMap<String, Vec<Seen>>;

#[derive(Default)]
struct Running {
    workloads: BTreeSet<String>,
    containers: BTreeSet<String>,
    pods: BTreeSet<String>,
    /// Whether each of its pods is younger than the operator may take.
    young: bool,
    origins: Vec<Evidence>,
}

/// Where an image of many pods was seen: the first few are enough.
const ORIGINS: usize = 3;

fn rows(context: &Context<'_>) -> Result<Vec<Row>, FactsError> {
    let reader = &context.reader;
    let reports = reports(reader)?;
    let nowhere = reports.is_empty();
    let rows = running(reader)?.into_iter().map(|((namespace, image, digest), running)| {
        let judged = judge(reader, &reports, nowhere, &namespace, &image, &digest, running.young);
        row(namespace, image, digest, running, judged)
    });
    Ok(rows.collect())
}

fn reports(reader: &Reader<'_>) -> Result<Reports, FactsError> {
    let mut reports = Reports::new();
    let collected = reader.collected().to_owned();
    let take = |object: VulnerabilityReport, origin| {
        let namespace = object.metadata.namespace.clone().unwrap_or_default();
        let hours = hours_between(&object.report.update_timestamp, &collected).filter(|hours| *hours >= -1).map(|hours| hours.max(0));
        reports.entry(namespace).or_default().push(Seen { report: object.report, hours, origin });
    };
    reader.each_or_odd::<VulnerabilityReport>(&VULNERABILITY_REPORTS, take, |odd| reader.not_decoded_in(&VULNERABILITY_REPORTS, &odd))?;
    Ok(reports)
}

fn running(reader: &Reader<'_>) -> Result<BTreeMap<(String, String, String), Running>, FactsError> {
    let mut all: BTreeMap<(String, String, String), Running> = BTreeMap::new();
    let collected = reader.collected().to_owned();
    reader.each::<Pod>(&PODS, |pod, origin| {
        let status = pod.status.unwrap_or_default();
        if matches!(status.phase.as_deref(), Some("Succeeded" | "Failed")) {
            return;
        }
        let namespace = pod.metadata.namespace.clone().unwrap_or_default();
        let name = pod.metadata.name.clone().unwrap_or_default();
        let owner = pod.metadata.owner_references.iter().flatten().find(|owner| owner.controller == Some(true));
        let workload = owner.map_or_else(|| format!("Pod/{name}"), |owner| format!("{}/{}", owner.kind, owner.name));
        let made = pod.metadata.creation_timestamp.as_ref().map(|time| time.0.to_string());
        let young = made.and_then(|made| seconds_between(&made, &collected)).is_some_and(|seconds| seconds < WAITS_SECONDS);
        let containers = pod.spec.init_containers.into_iter().flatten().map(|one| ("initContainers", one));
        let containers = containers.chain(pod.spec.containers.into_iter().map(|one| ("containers", one)));
        let started: Vec<Started> =
            status.init_container_statuses.into_iter().flatten().chain(status.container_statuses.into_iter().flatten()).collect();
        for (list, container) in containers {
            let Some(id) = started.iter().find(|one| one.name == container.name).map(|one| one.image_id.as_str()) else { continue };
            if id.is_empty() || container.image.is_empty() {
                continue;
            }
            let digest = repository_digest(id).to_owned();
            let entry =
                all.entry((namespace.clone(), container.image, digest)).or_insert_with(|| Running { young: true, ..Running::default() });
            entry.workloads.insert(workload.clone());
            entry.containers.insert(container.name);
            entry.young &= young;
            if entry.pods.insert(name.clone()) && entry.origins.len() < ORIGINS {
                entry.origins.push(origin.at(format!("/spec/{list}")));
            }
        }
    })?;
    Ok(all)
}

/// The digest of the repository in `status.containerStatuses[].imageID`: `repo@sha256:…`, for Docker behind `docker-pullable://`. An id
/// without a repository is that of the image's configuration, which no report names (CRI, `Image.id` and `repo_digests`).
fn repository_digest(image_id: &str) -> &str {
    image_id.rsplit_once('@').map_or("", |(_, digest)| digest)
}

/// Docker Hub under each of its names (go-containerregistry, `name.DefaultRegistry` is `index.docker.io`, which reports carry).
fn same_registry(report: &str, image: &str) -> bool {
    let plain = |name: &str| match name {
        "" | "index.docker.io" | "registry-1.docker.io" => "docker.io".to_owned(),
        name => name.to_owned(),
    };
    plain(report) == plain(image)
}

/// How a report relates to an image.
#[derive(Clone, Copy, PartialEq, Eq)]
enum About {
    This,
    /// The same tag, and the digest is another than the one that runs.
    OtherContent,
    Another,
}

/// A digest is content, whatever it is called. The operator takes the digest of the reference, else the one that the scanner resolved
/// (trivy-operator, pkg/plugins/trivy/plugin.go, ParseImageRef).
fn about(report: &Report, image: &ImageReference, digest: &str) -> About {
    let artifact = &report.artifact;
    if !artifact.digest.is_empty() && (artifact.digest == digest || artifact.digest == image.digest) {
        return About::This;
    }
    let tag = if image.tag.is_empty() && image.digest.is_empty() { "latest" } else { image.tag.as_str() };
    let same_tag = !tag.is_empty() && artifact.tag == tag && artifact.repository == image.repository;
    if !same_tag || !same_registry(&report.registry.server, &image.registry) {
        return About::Another;
    }
    let pinned = image.is_pinned();
    match (artifact.digest.is_empty(), digest.is_empty()) {
        // A tag says nothing of what a digest fixes.
        (true, _) if pinned => About::Another,
        (true, _) => About::This,
        (false, _) => About::OtherContent,
    }
}

enum Judged<'a> {
    Scanned(&'a Seen, i64),
    NotScanned,
    Unknown(Unseen),
}

fn judge<'a>(
    reader: &Reader<'_>,
    reports: &'a Reports,
    nowhere: bool,
    namespace: &str,
    image: &str,
    digest: &str,
    young: bool,
) -> Judged<'a> {
    let what = || format!("what is known to be wrong with the image {image} in {namespace}");
    if let Known::Unknown(unseen) = reader.known_in(namespace, &VULNERABILITY_REPORTS, || ()) {
        return Judged::Unknown(unseen);
    }
    if nowhere {
        return Judged::Unknown(Unseen::not_visible(
            "what is known to be wrong with the images that run",
            "there is no VulnerabilityReport of the Trivy operator in the cluster; a registry or another scanner may keep its results elsewhere",
            "Ask which scanner looks at the images, how often, and who acts on what it finds.",
        ));
    }
    let reference = ImageReference::parse(image);
    let mut other_content = false;
    let mut newest: Option<&Seen> = None;
    for seen in reports.get(namespace).into_iter().flatten() {
        match about(&seen.report, &reference, digest) {
            About::This if seen.hours.is_none() => {
                let why = format!(
                    "a report about it was written at {}, which is no time before the cluster was read",
                    seen.report.update_timestamp
                );
                return Judged::Unknown(Unseen::not_understood(what(), why, HOW));
            }
            // Of two of the same hour, the one that counts more.
            About::This if newest.is_none_or(|before| order(seen) < order(before)) => newest = Some(seen),
            About::This | About::Another => {}
            About::OtherContent => other_content = true,
        }
    }
    match newest {
        Some(seen) => Judged::Scanned(seen, seen.hours.unwrap_or_default()),
        None if other_content => {
            let why = "a report is about the same tag and names another digest: the tag has moved, or the platforms differ";
            Judged::Unknown(Unseen::not_visible(what(), why, HOW))
        }
        None if young => {
            Judged::Unknown(Unseen::not_visible(what(), "its pods were made less than an hour before, and there is no report yet", HOW))
        }
        None => Judged::NotScanned,
    }
}

fn order(seen: &Seen) -> (Option<i64>, std::cmp::Reverse<(u32, u32)>) {
    (seen.hours, std::cmp::Reverse((seen.report.summary.critical_count, seen.report.summary.high_count)))
}

fn row(namespace: String, image: String, digest: String, running: Running, judged: Judged<'_>) -> Row {
    let none = || {
        Unseen::not_visible(
            format!("what is known to be wrong with the image {image} in {namespace}"),
            "the Trivy operator reports on other images and not on this one",
            HOW,
        )
    };
    let (scan, why, evidence) = match judged {
        Judged::Scanned(seen, hours) => {
            let summary = &seen.report.summary;
            let why = format!(
                "was scanned {hours} hours before: {} critical and {} high vulnerabilities are known",
                summary.critical_count, summary.high_count
            );
            (Scan::of(seen, hours), why, Some(seen.origin.clone()))
        }
        Judged::NotScanned => (
            Scan { hours: Known::Known(None), ..Scan::unknown(&none()) },
            "has no vulnerability report, though others have".to_owned(),
            None,
        ),
        Judged::Unknown(unseen) => (Scan::unknown(&unseen), "is not known to have been scanned".to_owned(), None),
    };
    let subject = ObjectRef { kind: "Namespace".to_owned(), group: String::new(), namespace: None, name: namespace.clone(), uid: None };
    let typed = ImageScanRow {
        workloads: running.workloads.into_iter().collect(),
        containers: running.containers.into_iter().collect(),
        pods: i64::try_from(running.pods.len()).unwrap_or(i64::MAX),
        hours_since_scan: scan.hours,
        critical: scan.critical,
        high: scan.high,
        os: scan.os,
        os_past_support: scan.os_past_support,
        scanner: scan.scanner,
        why,
        namespace: namespace.clone(),
        image: image.clone(),
        digest: digest.clone(),
    };
    let row = Row::new(format!("{namespace}/{image}@{digest}"), subject, running.origins, typed).in_namespace(Some(namespace));
    ["hours_since_scan", "critical", "high", "os", "os_past_support", "scanner"]
        .into_iter()
        .fold(row, |row, column| row.evidenced(column, evidence.iter().map(|origin| origin.at("/report"))))
}

struct Scan {
    hours: Known<Option<i64>>,
    critical: Known<i64>,
    high: Known<i64>,
    os: Known<String>,
    os_past_support: Known<bool>,
    scanner: Known<String>,
}

impl Scan {
    fn of(seen: &Seen, hours: i64) -> Self {
        let Report { summary, os, scanner, .. } = &seen.report;
        // The scanner writes `none` for an image without a package manager (trivy, fanal/types: OSType).
        let family = if os.family == "none" { "" } else { os.family.as_str() };
        Self {
            hours: Known::Known(Some(hours)),
            critical: Known::Known(i64::from(summary.critical_count)),
            high: Known::Known(i64::from(summary.high_count)),
            os: Known::Known(format!("{family} {}", os.name).trim().to_owned()),
            os_past_support: Known::Known(os.eosl),
            scanner: Known::Known(format!("{} {}", scanner.name, scanner.version).trim().to_owned()),
        }
    }

    fn unknown(unseen: &Unseen) -> Self {
        Self {
            hours: Known::Unknown(unseen.clone()),
            critical: Known::Unknown(unseen.clone()),
            high: Known::Unknown(unseen.clone()),
            os: Known::Unknown(unseen.clone()),
            os_past_support: Known::Unknown(unseen.clone()),
            scanner: Known::Unknown(unseen.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(registry: &str, repository: &str, tag: &str, digest: &str) -> Report {
        Report {
            update_timestamp: "2026-11-30T12:00:00Z".to_owned(),
            artifact: Artifact { repository: repository.to_owned(), digest: digest.to_owned(), tag: tag.to_owned() },
            registry: Registry { server: registry.to_owned() },
            scanner: Scanner { name: "Trivy".to_owned(), version: "0.72.0".to_owned() },
            summary: Summary { critical_count: 0, high_count: 0 },
            os: Os::default(),
        }
    }

    #[test]
    fn a_report_is_about_the_content_that_it_names() {
        const A: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
        const B: &str = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
        let of = |report: &Report, image: &str, digest: &str| about(report, &ImageReference::parse(image), digest);
        let resolved = report("index.docker.io", "library/nginx", "1.27", A);
        assert!(of(&resolved, "nginx:1.27", A) == About::This);
        assert!(of(&resolved, "mirror.clinic.example/nginx:1.27", A) == About::This, "the same bytes by another name");
        assert!(of(&resolved, "nginx:1.27", B) == About::OtherContent);
        assert!(of(&resolved, "nginx:1.28", B) == About::Another);
        assert!(of(&resolved, &format!("nginx@{A}"), B) == About::This, "an index, and the image of a platform");
        let tagged = report("index.docker.io", "library/nginx", "1.27", "");
        assert!(of(&tagged, "nginx:1.27", B) == About::This);
        assert!(of(&tagged, "quay.io/library/nginx:1.27", B) == About::Another);
        assert!(of(&tagged, &format!("nginx:1.27@{B}"), B) == About::Another, "a tag beside a digest decides nothing");
        assert!(of(&report("index.docker.io", "library/nginx", "latest", ""), "nginx", B) == About::This);
    }

    #[test]
    fn a_configuration_id_is_no_digest_of_a_repository() {
        assert_eq!(repository_digest("docker.io/library/nginx@sha256:ab"), "sha256:ab");
        assert_eq!(repository_digest("docker-pullable://nginx@sha256:ab"), "sha256:ab");
        assert_eq!(repository_digest("sha256:ab"), "");
        assert_eq!(repository_digest("docker://sha256:ab"), "");
    }
}
