//! Lists for spreadsheets: every affected object, every cell of the matrices. Always whole, whatever the documents leave to them.

use super::view::View;
use super::{Document, File, Format, ReportError, escape};
use crate::model::{Assessment, Evidence, Flow, ObjectRef};

const FINDINGS: &str = "findings.csv";
const ACCESS: &str = "access.csv";
const ISOLATION: &str = "isolation.csv";

/// `findings.csv`, and the matrices where they were computed.
pub(super) struct Csv;

impl Format for Csv {
    fn name(&self) -> &'static str {
        "csv"
    }
    fn files(&self) -> &'static [File] {
        &[
            File { name: FINDINGS, mark: "\"control\",\"severity\",\"risk\"" },
            File { name: ACCESS, mark: "\"subject kind\",\"subject namespace\"" },
            File { name: ISOLATION, mark: "\"from namespace\",\"from ephi\"" },
        ]
    }
    fn description(&self) -> &'static str {
        "every affected object and every cell of the matrices as lists for spreadsheets, however many there are"
    }
    fn render(&self, assessment: &Assessment) -> Result<Vec<Document>, ReportError> {
        let mut documents = vec![Document { name: FINDINGS, bytes: findings(assessment) }];
        documents.extend(access(assessment).map(|bytes| Document { name: ACCESS, bytes }));
        documents.extend(isolation(assessment).map(|bytes| Document { name: ISOLATION, bytes }));
        Ok(documents)
    }
}

/// `document`, with these lists beside it where it leaves something to them.
pub(super) fn attach(document: Document, view: &View, assessment: &Assessment) -> Result<Vec<Document>, ReportError> {
    let mut documents = vec![document];
    if view.attached() {
        documents.extend(Csv.render(assessment)?);
    }
    Ok(documents)
}

/// Rows as RFC 4180 has them, every cell in quotes.
struct Rows(String);

impl Rows {
    fn new(header: &[&str]) -> Self {
        let mut rows = Self(String::new());
        rows.push(header.iter().map(|name| (*name).to_owned()));
        rows
    }
    fn push(&mut self, cells: impl IntoIterator<Item = String>) {
        for (i, cell) in cells.into_iter().enumerate() {
            if i > 0 {
                self.0.push(',');
            }
            self.0.push('"');
            self.0.push_str(&escape::csv_cell(&cell).replace('"', "\"\""));
            self.0.push('"');
        }
        self.0.push_str("\r\n");
    }
    fn bytes(self) -> Vec<u8> {
        self.0.into_bytes()
    }
}

fn object(object: &ObjectRef) -> [String; 4] {
    [object.kind.clone(), object.group.clone(), object.namespace.clone().unwrap_or_default(), object.name.clone()]
}

/// One piece of evidence in one line.
fn evidence(evidence: &Evidence) -> String {
    let mut words = vec![format!("grade {}", evidence.grade.letter()), evidence.source.to_string()];
    if let Some(object) = &evidence.object {
        words.push(object.to_string());
        words.extend(object.uid.as_ref().map(|uid| format!("uid {uid}")));
    }
    words.extend(evidence.resource_version.as_ref().map(|version| format!("resourceVersion {version}")));
    words.push(if evidence.pointer.is_empty() { "whole object".to_owned() } else { format!("field {}", evidence.pointer) });
    words.push(format!("sha256 {}", evidence.sha256));
    words.push(format!("read {}", evidence.collected_at));
    words.extend(evidence.request.map(|request| format!("request {request}")));
    words.join("; ").replace('\n', " ")
}

fn findings(assessment: &Assessment) -> Vec<u8> {
    let mut rows = Rows::new(&[
        "control",
        "severity",
        "risk",
        "exposure",
        "statement",
        "kind",
        "group",
        "namespace",
        "name",
        "uid",
        "ephi namespace",
        "related",
        "fields",
        "paragraphs",
        "control title",
        "fingerprint",
        "evidence",
    ]);
    for control in &assessment.controls {
        for finding in &control.findings {
            let subject = &finding.subject;
            let place = subject.namespace.as_ref().or((subject.kind == "Namespace").then_some(&subject.name));
            let ephi = place.map_or("cluster-wide", |name| if assessment.scope.ephi_namespaces.contains(name) { "yes" } else { "no" });
            let mut row = vec![
                control.id.clone(),
                finding.severity.word().to_owned(),
                finding.risk.to_string(),
                finding.exposure.label().to_owned(),
                finding.statement.clone(),
            ];
            row.extend(object(subject));
            row.push(subject.uid.clone().unwrap_or_default());
            row.push(ephi.to_owned());
            row.push(finding.related.iter().map(ObjectRef::to_string).collect::<Vec<_>>().join("; "));
            row.push(finding.facts.iter().map(|(name, value)| format!("{name} = {value}")).collect::<Vec<_>>().join("; "));
            row.push(control.paragraphs.join(", "));
            row.push(control.title.clone());
            row.push(finding.fingerprint.clone());
            row.push(finding.evidence.iter().map(evidence).collect::<Vec<_>>().join("\n"));
            rows.push(row);
        }
    }
    rows.bytes()
}

fn access(assessment: &Assessment) -> Option<Vec<u8>> {
    let matrix = assessment.exhibits.access.as_ref()?;
    let mut rows = Rows::new(&["subject kind", "subject namespace", "subject name", "ephi namespace", "reach", "reach id", "through"]);
    for subject in &matrix.subjects {
        let [kind, _, namespace, name] = object(&subject.subject);
        for (place, cell) in matrix.namespaces.iter().zip(&subject.cells) {
            for id in &cell.reaches {
                let label = matrix.reaches.iter().find(|reach| reach.id == *id).map_or(id, |reach| &reach.label);
                let row = [kind.clone(), namespace.clone(), name.clone(), place.clone(), label.clone(), id.clone(), cell.via.join("; ")];
                rows.push(row);
            }
        }
    }
    Some(rows.bytes())
}

fn isolation(assessment: &Assessment) -> Option<Vec<u8>> {
    let matrix = assessment.exhibits.isolation.as_ref()?;
    let mut rows = Rows::new(&[
        "from namespace",
        "from ephi",
        "pods",
        "pods on the node's network",
        "ingress default deny",
        "ingress isolated",
        "ingress open",
        "ingress not known",
        "egress default deny",
        "egress isolated",
        "egress open",
        "egress not known",
        "to namespace",
        "traffic",
    ]);
    let deny = |deny: Option<bool>| deny.map_or("not known", |deny| if deny { "yes" } else { "no" }).to_owned();
    for row in &matrix.namespaces {
        let (ingress, egress) = (&row.ingress, &row.egress);
        let head = [
            row.namespace.clone(),
            if row.ephi { "yes" } else { "no" }.to_owned(),
            row.pods.to_string(),
            row.host_network.to_string(),
            deny(ingress.default_deny),
            ingress.isolated.to_string(),
            ingress.open.to_string(),
            ingress.unknown.to_string(),
            deny(egress.default_deny),
            egress.isolated.to_string(),
            egress.open.to_string(),
            egress.unknown.to_string(),
        ];
        for flow in &row.reaches {
            let word = match flow.flow {
                Flow::All => "all",
                Flow::Some => "some",
                Flow::None => "none",
                Flow::NoPods => "no pods",
                Flow::Unknown => "not known",
            };
            rows.push(head.iter().cloned().chain([flow.to.clone(), word.to_owned()]));
        }
    }
    Some(rows.bytes())
}
