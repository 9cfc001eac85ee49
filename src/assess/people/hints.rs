//! What speaks for and against ePHI in each namespace: labels, names, volumes, images, who reads it. Nothing here decides anything; it is
//! written beside the question for whoever declares.

use std::collections::{BTreeMap, BTreeSet};

use super::counted;
use crate::facts::{SYSTEM_NAMESPACES, Tables};
use crate::model::{Assessment, FactValue};

/// Words in names of namespaces, workloads and labels that speak of health data.
const HEALTH: &[&str] = &[
    "phi",
    "ephi",
    "hipaa",
    "patient",
    "ehr",
    "emr",
    "fhir",
    "hl7",
    "dicom",
    "pacs",
    "imaging",
    "radiology",
    "clinic",
    "clinical",
    "health",
    "medical",
    "records",
    "claims",
    "billing",
    "lab",
    "labs",
    "pharmacy",
    "rx",
    "member",
    "encounter",
    "vitals",
    "genomics",
];
/// Words that speak of something else; each of these can hold copies all the same.
const OTHER: &[&str] = &[
    "monitoring",
    "prometheus",
    "grafana",
    "cert-manager",
    "ingress",
    "istio",
    "linkerd",
    "argocd",
    "argo",
    "flux",
    "velero",
    "falco",
    "kyverno",
    "gatekeeper",
    "sandbox",
    "demo",
    "test",
    "dev",
    "staging",
];
/// Beginnings of names of images that keep data, or that carry health data.
const KEEPERS: &[&str] = &[
    "postgres",
    "mysql",
    "mariadb",
    "mongo",
    "redis",
    "kafka",
    "rabbitmq",
    "elasticsearch",
    "opensearch",
    "minio",
    "cassandra",
    "mssql",
    "oracle",
    "orthanc",
    "dcm4chee",
    "hapi",
    "mirth",
    "nextgen",
    "openmrs",
    "openemr",
];
/// How many of a sort are named.
const NAMED: usize = 5;

/// One namespace with what speaks for and against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamespaceHints {
    /// Its name.
    pub name: String,
    /// Whether it belongs to Kubernetes itself.
    pub system: bool,
    /// What speaks for ePHI in it, each as a clause.
    pub speaks_for: Vec<String>,
    /// What speaks against it.
    pub speaks_against: Vec<String>,
    /// What else is to be known: who reads it.
    pub readers: Vec<String>,
}

/// Tables that the hints rest on.
pub const TABLES: [&str; 3] = ["namespaces", "volumes", "containers"];

/// Hints for every namespace that was read, sorted by name. `assessment` is of the same snapshot.
pub fn of(tables: &Tables, assessment: &Assessment) -> Vec<NamespaceHints> {
    let labels = column(tables, "namespaces", "labels");
    let workloads = column(tables, "namespaces", "workloads");
    let mut volumes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (namespace, name) in column(tables, "volumes", "name") {
        volumes.entry(namespace).or_default().extend(texts(&name));
    }
    let mut images: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (namespace, repository) in column(tables, "containers", "image_repository") {
        images.entry(namespace).or_default().extend(texts(&repository));
    }
    let names: BTreeSet<&String> = labels.iter().map(|(name, _)| name).collect();
    names.into_iter().map(|name| hints(name, &labels, &workloads, &volumes, &images, assessment)).collect()
}

type Cells = Vec<(String, FactValue)>;

/// Namespace and value of each row of a column.
fn column(tables: &Tables, table: &str, column: &str) -> Cells {
    let Some(table) = tables.get(table) else { return Vec::new() };
    let Some((index, _)) = table.schema.column(column) else { return Vec::new() };
    table.rows.iter().filter_map(|row| Some((row.namespace.clone()?, row.fact(index)))).collect()
}

fn texts(value: &FactValue) -> Vec<String> {
    match value {
        FactValue::Text(text) => vec![text.clone()],
        FactValue::List(items) => items.clone(),
        _ => Vec::new(),
    }
}

/// The words of a text. Our own name says nothing about data.
fn words(text: &str) -> BTreeSet<String> {
    text.replace("kube-hipaa", "")
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect()
}

/// The first few, and how many more.
fn few(items: &BTreeSet<String>) -> String {
    let named: Vec<&str> = items.iter().take(NAMED).map(String::as_str).collect();
    match items.len().saturating_sub(NAMED) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

/// Labels that say nothing of data.
fn is_telling(label: &str) -> bool {
    !label.starts_with("kubernetes.io/metadata.name=") && !label.starts_with("pod-security.kubernetes.io/")
}

/// Clauses that speak for ePHI in a namespace; labels that speak against it, and those that say neither. Labels are `key=value`.
pub(super) fn speaks_for(
    name: &str,
    labels: BTreeSet<String>,
    volumes: Option<&BTreeSet<String>>,
    images: Option<&BTreeSet<String>>,
) -> (Vec<String>, BTreeSet<String>, BTreeSet<String>) {
    let mut clauses = Vec::new();
    let own = words(name);
    if HEALTH.iter().any(|word| own.contains(*word)) {
        clauses.push("its name speaks of health data".to_owned());
    }
    let no = ["=false", "=no", "=none"];
    let (speaking, other): (BTreeSet<String>, BTreeSet<String>) = labels.into_iter().filter(|label| is_telling(label)).partition(|label| {
        // The name of who defines the label says nothing about what is in the namespace.
        let words = words(label.split_once('/').map_or(label.as_str(), |(_, own)| own));
        HEALTH.iter().any(|word| words.contains(*word))
            || ["data", "classification", "sensitivity"].iter().any(|word| words.contains(*word))
    });
    let (denied, affirmed): (BTreeSet<String>, BTreeSet<String>) =
        speaking.into_iter().partition(|label| no.iter().any(|end| label.ends_with(end)));
    if !affirmed.is_empty() {
        clauses.push(format!("labels {}", few(&affirmed)));
    }
    if let Some(volumes) = volumes {
        clauses.push(format!("{} that keep data: {}", counted(volumes.len(), "volume", "volumes"), few(volumes)));
    }
    let keepers: BTreeSet<String> = images
        .into_iter()
        .flatten()
        .filter(|image| image.rsplit('/').next().is_some_and(|last| KEEPERS.iter().any(|start| last.starts_with(start))))
        .cloned()
        .collect();
    if !keepers.is_empty() {
        clauses.push(format!("images that keep or carry data: {}", few(&keepers)));
    }
    (clauses, denied, other)
}

fn hints(
    name: &str,
    labels: &Cells,
    workloads: &Cells,
    volumes: &BTreeMap<String, BTreeSet<String>>,
    images: &BTreeMap<String, BTreeSet<String>>,
    assessment: &Assessment,
) -> NamespaceHints {
    let (mut speaks_against, mut readers) = (Vec::new(), Vec::new());
    let system = SYSTEM_NAMESPACES.contains(&name);
    let own = words(name);
    let said: BTreeSet<String> = labels.iter().filter(|(of, _)| of == name).flat_map(|(_, value)| texts(value)).collect();
    let (speaks_for, denied, other) = speaks_for(name, said, volumes.get(name), images.get(name));
    if OTHER.iter().any(|word| own.contains(*word) || name == *word) {
        speaks_against.push("its name speaks of something else (logs, copies and test data can hold ePHI all the same)".to_owned());
    }
    if system {
        speaks_against.push("it belongs to Kubernetes itself".to_owned());
    }
    if !denied.is_empty() {
        speaks_against.push(format!("labels {}", few(&denied)));
    }
    if !other.is_empty() {
        readers.push(format!("other labels: {}", few(&other)));
    }
    if !volumes.contains_key(name) {
        speaks_against.push("no volume that outlives a pod was seen".to_owned());
    }
    let running = workloads.iter().find(|(of, _)| of == name).map(|(_, value)| value);
    match running {
        Some(FactValue::Int(0)) => speaks_against.push("no workload has pods in it".to_owned()),
        Some(FactValue::Int(count)) => {
            readers.push(format!("{} with pods in it", counted(usize::try_from(*count).unwrap_or_default(), "workload", "workloads")))
        }
        _ => readers.push("how many workloads have pods in it was not seen".to_owned()),
    }
    readers.push(who_reads(name, assessment));
    NamespaceHints { name: name.to_owned(), system, speaks_for, speaks_against, readers }
}

/// Who has dangerous reach into it.
fn who_reads(name: &str, assessment: &Assessment) -> String {
    let Some(matrix) = &assessment.exhibits.access else { return "who reads it was not computed".to_owned() };
    if !matrix.namespaces.iter().any(|column| column == name) {
        return "who reads it is not in this matrix".to_owned();
    }
    let who: BTreeSet<String> = matrix
        .subjects
        .iter()
        .filter(|access| access.cells.iter().any(|cell| cell.namespace == name))
        .map(|access| {
            let place = access.subject.namespace.iter().map(|namespace| format!("{namespace}/")).collect::<String>();
            format!("{} {place}{}", access.subject.kind, access.subject.name)
        })
        .collect();
    let doubt = if matrix.unseen.is_empty() { "" } else { " (there may be more: not everything was read)" };
    match who.len() {
        0 => format!("nobody but Kubernetes' own parts was seen to reach its Secrets or pods{doubt}"),
        count => format!("{} its Secrets, pods or data: {}{doubt}", counted(count, "identity reaches", "identities reach"), few(&who)),
    }
}
