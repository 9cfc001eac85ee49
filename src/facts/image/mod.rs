//! What scanners that report in the cluster say of the images that run there.

mod read;

use std::collections::{BTreeMap, BTreeSet};

use read::{Node, Os, Pod, Report, SCANNED, Started, VulnerabilityReport};

use super::context::Context;
use super::table::read::Reader;
use super::table::schema::{Row, TableRow, table};
use super::times::seconds_between;
use super::workloads::image::ImageReference;
use super::{FactsError, Family, Known};
use crate::model::sources::{NODES, PODS, VULNERABILITY_REPORTS};
use crate::model::{Evidence, ObjectRef, Unseen};

table! {
    /// One row per image that runs in a namespace, and per content of it: what the newest VulnerabilityReport of the Trivy operator in that
    /// namespace counts. A report is about an image where it names the digest that runs, or where the reference was pinned to it; where there
    /// is none, one that names only a tag is about every image of that tag. Ephemeral containers, and pods that have not started or have
    /// finished, are left out.
    pub struct ImageScanRow as "image_scans" counting "images" from [PODS] consulting [VULNERABILITY_REPORTS, NODES] {
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
        /// Hours since the newest report about it was written, rounded up; null where there is none. Unknown where no report of any image is to
        /// be seen: another scanner may keep its results elsewhere; for an hour after its first pod was made; where a report names the same tag
        /// and another digest; and where a pod of it runs on another architecture than amd64, or on a node that was not read: the operator
        /// scans the image for amd64, and the digest of an index is the same for all of them.
        hours_since_scan: Known<Option<i64>>;
        /// Vulnerabilities that the newest report counts as critical. Unknown without a report.
        critical: Known<i64>;
        /// As high.
        high: Known<i64>;
        /// Family and release of the operating system that the scanner found in it; empty where it found none. Unknown where the report says
        /// nothing about it, as those of versions before 0.17 of the operator do.
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
    /// Of what architecture else, or of what node that was not read, one of its pods is.
    elsewhere: Option<String>,
    origins: Vec<Evidence>,
}

/// Where an image of many pods was seen: the first few are enough.
const ORIGINS: usize = 3;

fn rows(context: &Context<'_>) -> Result<Vec<Row>, FactsError> {
    let reader = &context.reader;
    let reports = reports(reader)?;
    let nowhere = reports.is_empty();
    let rows = running(reader)?.into_iter().map(|((namespace, image, digest), running)| {
        let judged = judge(reader, &reports, nowhere, (&namespace, &image, &digest), &running);
        row(namespace, image, digest, running, judged)
    });
    Ok(rows.collect())
}

fn reports(reader: &Reader<'_>) -> Result<Reports, FactsError> {
    let mut reports = Reports::new();
    let collected = reader.collected().to_owned();
    let take = |object: VulnerabilityReport, origin| {
        let namespace = object.metadata.namespace.clone().unwrap_or_default();
        let hours = seconds_between(&object.report.update_timestamp, &collected).filter(|seconds| *seconds >= -3600);
        let hours = hours.map(|seconds| (seconds.max(0) + 3599) / 3600);
        reports.entry(namespace).or_default().push(Seen { report: object.report, hours, origin });
    };
    reader.each_or_odd::<VulnerabilityReport>(&VULNERABILITY_REPORTS, take, |odd| reader.not_decoded_in(&VULNERABILITY_REPORTS, &odd))?;
    Ok(reports)
}

fn running(reader: &Reader<'_>) -> Result<BTreeMap<(String, String, String), Running>, FactsError> {
    let mut all: BTreeMap<(String, String, String), Running> = BTreeMap::new();
    let mut architectures: BTreeMap<String, String> = BTreeMap::new();
    reader.each::<Node>(&NODES, |node, _| {
        let architecture = node.status.and_then(|status| status.node_info).and_then(|info| info.architecture).unwrap_or_default();
        architectures.insert(node.metadata.name.unwrap_or_default(), architecture);
    })?;
    let collected = reader.collected().to_owned();
    reader.each::<Pod>(&PODS, |pod, origin| {
        let status = pod.status.unwrap_or_default();
        if matches!(status.phase.as_deref(), Some("Succeeded" | "Failed")) {
            return;
        }
        let waits = status.phase.as_deref() == Some("Pending");
        let node = pod.spec.node_name.as_deref().unwrap_or_default();
        let elsewhere = match architectures.get(node).map(String::as_str) {
            Some(SCANNED) => None,
            Some("") | None => Some(format!("on the node {node}, of which no architecture was read")),
            Some(other) => Some(format!("on {other}")),
        };
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
            let id = started.iter().find(|one| one.name == container.name).map_or("", |one| one.image_id.as_str());
            // Not every kubelet says which image runs; only in a pod that is still waiting has a container without it not started.
            if id.is_empty() && waits {
                continue;
            }
            let digest = repository_digest(id).to_owned();
            let entry =
                all.entry((namespace.clone(), container.image, digest)).or_insert_with(|| Running { young: true, ..Running::default() });
            entry.workloads.insert(workload.clone());
            entry.containers.insert(container.name);
            entry.young &= young;
            entry.elsewhere = entry.elsewhere.take().or_else(|| elsewhere.clone());
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

/// Registry and repository, with Docker Hub and its official images under one name each (go-containerregistry, `name.DefaultRegistry` is
/// `index.docker.io`, which reports carry; distribution/reference, `splitDockerDomain`).
fn place<'n>(registry: &'n str, repository: &'n str) -> (&'n str, &'n str) {
    match registry {
        "" | "docker.io" | "index.docker.io" | "registry-1.docker.io" => {
            ("docker.io", repository.strip_prefix("library/").unwrap_or(repository))
        }
        other => (other, repository),
    }
}

/// How a report relates to an image.
#[derive(Clone, Copy, PartialEq, Eq)]
enum About {
    /// It names the digest that runs, or that the reference fixes.
    ThisContent,
    /// It names the tag and no digest.
    ThisTag,
    /// The same tag, and the digest is another than the one that runs.
    OtherContent,
    Another,
}

/// A digest is content, whatever it is called. The operator takes the digest of the reference, else the one that the scanner resolved
/// (trivy-operator, pkg/plugins/trivy/plugin.go, ParseImageRef).
fn about(report: &Report, image: &ImageReference, digest: &str) -> About {
    let artifact = &report.artifact;
    if !artifact.digest.is_empty() && (artifact.digest == digest || artifact.digest == image.digest) {
        return About::ThisContent;
    }
    let tag = if image.tag.is_empty() && image.digest.is_empty() { "latest" } else { image.tag.as_str() };
    let same_place = place(&report.registry.server, &artifact.repository) == place(&image.registry, &image.repository);
    if tag.is_empty() || artifact.tag != tag || !same_place {
        return About::Another;
    }
    match artifact.digest.is_empty() {
        // A tag says nothing of what a digest fixes.
        true if image.is_pinned() => About::Another,
        true => About::ThisTag,
        false => About::OtherContent,
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
    (namespace, image, digest): (&str, &str, &str),
    running: &Running,
) -> Judged<'a> {
    let what = || format!("what is known to be wrong with the image {image} in {namespace}");
    let unseen = |why: String| Judged::Unknown(Unseen::not_visible(what(), why, HOW));
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
    let (mut other_content, mut exact, mut by_tag) = (false, Vec::new(), Vec::new());
    for seen in reports.get(namespace).into_iter().flatten() {
        match about(&seen.report, &reference, digest) {
            About::ThisContent => exact.push(seen),
            About::ThisTag => by_tag.push(seen),
            About::OtherContent => other_content = true,
            About::Another => {}
        }
    }
    // What names the content says more than what names a tag, however new.
    let named = if exact.is_empty() { by_tag } else { exact };
    if let Some(odd) = named.iter().find(|seen| seen.hours.is_none()) {
        let why = format!("a report about it was written at {}, which is no time before the cluster was read", odd.report.update_timestamp);
        return Judged::Unknown(Unseen::not_understood(what(), why, HOW));
    }
    // Of two of the same hour, the one that counts more.
    match named.into_iter().min_by_key(|seen| order(seen)) {
        Some(seen) => match (&running.elsewhere, reader.known_if_complete(&NODES, || ())) {
            (None, _) => Judged::Scanned(seen, seen.hours.unwrap_or_default()),
            (Some(_), Known::Unknown(unseen)) => Judged::Unknown(unseen),
            (Some(place), _) => unseen(format!("a pod of it runs {place}, and the Trivy operator scans images for {SCANNED}")),
        },
        None if other_content && digest.is_empty() => {
            unseen("a report is about the same tag and names a digest, and which one runs the kubelet does not say".to_owned())
        }
        None if other_content => {
            unseen("a report is about the same tag and names another digest: the tag has moved, or the platforms differ".to_owned())
        }
        None if running.young => unseen("its pods were made less than an hour before, and there is no report yet".to_owned()),
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
        let silent = || {
            Known::Unknown(Unseen::not_visible(
                "on what operating system an image is built",
                "its report says nothing about it, as those of versions before 0.17 of the Trivy operator do",
                "Use a newer version of the operator.",
            ))
        };
        let told = os.as_ref().map_or_else(silent, Known::Known);
        // The scanner writes `none` for an image without a package manager (trivy, fanal/types: OSType).
        let named = |os: &Os| format!("{} {}", if os.family == "none" { "" } else { os.family.as_str() }, os.name).trim().to_owned();
        Self {
            hours: Known::Known(Some(hours)),
            critical: Known::Known(i64::from(summary.critical_count)),
            high: Known::Known(i64::from(summary.high_count)),
            os: told.clone().map(named),
            os_past_support: told.map(|os| os.eosl),
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
    use super::read::{Artifact, Registry, Scanner, Summary};
    use super::*;

    fn report(registry: &str, repository: &str, tag: &str, digest: &str) -> Report {
        Report {
            update_timestamp: "2026-11-30T12:00:00Z".to_owned(),
            artifact: Artifact { repository: repository.to_owned(), digest: digest.to_owned(), tag: tag.to_owned() },
            registry: Registry { server: registry.to_owned() },
            scanner: Scanner { name: "Trivy".to_owned(), version: "0.72.0".to_owned() },
            summary: Summary { critical_count: 0, high_count: 0 },
            os: None,
        }
    }

    #[test]
    fn a_report_is_about_the_content_that_it_names() {
        const A: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
        const B: &str = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
        let of = |report: &Report, image: &str, digest: &str| about(report, &ImageReference::parse(image), digest);
        let resolved = report("index.docker.io", "library/nginx", "1.27", A);
        assert!(of(&resolved, "nginx:1.27", A) == About::ThisContent);
        assert!(of(&resolved, "mirror.clinic.example/nginx:1.27", A) == About::ThisContent, "the same bytes by another name");
        assert!(of(&resolved, "nginx:1.27", B) == About::OtherContent);
        assert!(of(&resolved, "nginx:1.28", B) == About::Another);
        assert!(of(&resolved, &format!("nginx@{A}"), B) == About::ThisContent, "an index, and the image of a platform");
        let tagged = report("index.docker.io", "library/nginx", "1.27", "");
        assert!(of(&tagged, "nginx:1.27", B) == About::ThisTag);
        assert!(of(&tagged, "docker.io/nginx:1.27", B) == About::ThisTag);
        assert!(of(&tagged, "index.docker.io/library/nginx:1.27", "") == About::ThisTag);
        assert!(of(&tagged, "quay.io/library/nginx:1.27", B) == About::Another);
        assert!(of(&tagged, &format!("nginx:1.27@{B}"), B) == About::Another, "a tag beside a digest decides nothing");
        assert!(of(&report("index.docker.io", "library/nginx", "latest", ""), "nginx", B) == About::ThisTag);
    }

    #[test]
    fn a_configuration_id_is_no_digest_of_a_repository() {
        assert_eq!(repository_digest("docker.io/library/nginx@sha256:ab"), "sha256:ab");
        assert_eq!(repository_digest("docker-pullable://nginx@sha256:ab"), "sha256:ab");
        assert_eq!(repository_digest("sha256:ab"), "");
        assert_eq!(repository_digest("docker://sha256:ab"), "");
    }
}
