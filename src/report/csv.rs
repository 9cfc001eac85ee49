//! Lists for spreadsheets: every affected object, every cell of the matrices. Always whole, whatever the documents leave to them.

use std::fmt::{self, Write as _};
use std::io::{self, BufWriter, Write};

use super::{Document, File, Format, ReportError, Reported, escape};
use crate::model::{Assessment, Evidence, Finding, Flow, ObjectRef};

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
    fn render<'a>(&self, reported: &Reported<'a>) -> Result<Vec<Document<'a>>, ReportError> {
        let assessment = reported.assessment;
        let exhibits = &assessment.exhibits;
        let mut documents = vec![Document::written(FINDINGS, assessment, findings)];
        documents.extend(exhibits.access.is_some().then(|| Document::written(ACCESS, assessment, access)));
        documents.extend(exhibits.isolation.is_some().then(|| Document::written(ISOLATION, assessment, isolation)));
        Ok(documents)
    }
}

/// `document`, with these lists beside it where it leaves something to them.
pub(super) fn attach<'a>(document: Document<'a>, reported: &Reported<'a>) -> Result<Vec<Document<'a>>, ReportError> {
    let mut documents = vec![document];
    if reported.view().attached() {
        documents.extend(Csv.render(reported)?);
    }
    Ok(documents)
}

/// A list in memory, every cell in quotes.
pub(super) fn list(header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing into a vector does not fail.
    let _ = write_list(header, rows, &mut bytes);
    bytes
}

fn write_list(header: &[&str], rows: impl Iterator<Item = Vec<String>>, into: &mut dyn Write) -> io::Result<()> {
    let mut out = Rows::new(into, header)?;
    for row in rows {
        out.texts(row.iter().map(String::as_str))?;
        out.end()?;
    }
    out.out.flush()
}

/// Rows as RFC 4180 has them, every cell in quotes.
struct Rows<W: Write> {
    out: W,
    cell: String,
    first: bool,
    /// The cells with which every row begins, as they are written.
    lead: Vec<u8>,
}

/// With what every row begins, so that rows of several clusters and days can be put together.
const LEAD: [&str; 3] = ["cluster_uid", "cluster", "collected"];

impl<'w> Rows<BufWriter<&'w mut dyn Write>> {
    fn new(out: &'w mut dyn Write, header: &[&str]) -> io::Result<Self> {
        let out = BufWriter::with_capacity(64 * 1024, out);
        let mut rows = Self { out, cell: String::new(), first: true, lead: Vec::new() };
        rows.texts(header.iter().copied())?;
        rows.end()?;
        Ok(rows)
    }
    /// Rows about a cluster as it was seen at a time.
    fn of(assessment: &Assessment, out: &'w mut dyn Write, header: &[&str]) -> io::Result<Self> {
        let mut rows = Self::new(out, &[&LEAD, header].concat())?;
        let (cluster, collected) = (&assessment.cluster, &assessment.collected);
        let mut lead = Vec::new();
        for (number, text) in [cluster.uid.as_deref().unwrap_or_default(), &cluster.name, &collected.finished].into_iter().enumerate() {
            if number > 0 {
                lead.push(b',');
            }
            quoted(&mut lead, text)?;
        }
        rows.lead = lead;
        Ok(rows)
    }
    fn text(&mut self, text: &str) -> io::Result<()> {
        self.cell(|cell| cell.write_str(text))
    }
    fn texts<'t>(&mut self, texts: impl IntoIterator<Item = &'t str>) -> io::Result<()> {
        texts.into_iter().try_for_each(|text| self.text(text))
    }
    /// A cell that is put together.
    fn cell(&mut self, fill: impl FnOnce(&mut String) -> fmt::Result) -> io::Result<()> {
        let first = std::mem::take(&mut self.first);
        if first {
            self.out.write_all(&self.lead)?;
        }
        if !first || !self.lead.is_empty() {
            self.out.write_all(b",")?;
        }
        self.cell.clear();
        // Writing to a string does not fail.
        let _ = fill(&mut self.cell);
        quoted(&mut self.out, &self.cell)
    }
    /// A cell of several parts with `between` between them.
    fn joined<T>(
        &mut self,
        between: &str,
        parts: impl IntoIterator<Item = T>,
        part: impl Fn(&mut String, T) -> fmt::Result,
    ) -> io::Result<()> {
        self.cell(|cell| {
            for (i, one) in parts.into_iter().enumerate() {
                if i > 0 {
                    cell.write_str(between)?;
                }
                part(cell, one)?;
            }
            Ok(())
        })
    }
    fn object(&mut self, object: &ObjectRef) -> io::Result<()> {
        self.texts([object.kind.as_str(), &object.group, object.namespace.as_deref().unwrap_or_default(), &object.name])
    }
    fn end(&mut self) -> io::Result<()> {
        self.first = true;
        self.out.write_all(b"\r\n")
    }
    fn done(mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn quoted(out: &mut impl Write, text: &str) -> io::Result<()> {
    out.write_all(b"\"")?;
    for (i, part) in escape::csv_cell(text).split('"').enumerate() {
        if i > 0 {
            out.write_all(b"\"\"")?;
        }
        out.write_all(part.as_bytes())?;
    }
    out.write_all(b"\"")
}

/// Who lives with a finding, in one line.
fn waiver(line: &mut String, finding: &Finding) -> fmt::Result {
    let Some(waiver) = &finding.waiver else { return Ok(()) };
    write!(line, "{}; until {}; owner {}; approved by {}", waiver.state.label(), waiver.until, waiver.owner, waiver.approved_by)
}

/// One piece of evidence in one line.
fn evidence(line: &mut String, evidence: &Evidence) -> fmt::Result {
    let start = line.len();
    let reading = &*evidence.reading;
    write!(line, "grade {}; {}", evidence.grade.letter(), reading.source)?;
    if let Some(object) = &reading.object {
        write!(line, "; {object}")?;
        if let Some(uid) = &object.uid {
            write!(line, "; uid {uid}")?;
        }
    }
    if let Some(version) = &reading.resource_version {
        write!(line, "; resourceVersion {version}")?;
    }
    match evidence.pointer.as_ref() {
        "" => line.write_str("; whole object")?,
        pointer => write!(line, "; field {pointer}")?,
    }
    write!(line, "; sha256 {}; read {}", reading.sha256, reading.collected_at)?;
    if let Some(request) = reading.request {
        write!(line, "; request {request}")?;
    }
    if line.get(start..).is_some_and(|own| own.contains('\n')) {
        let own = line.split_off(start);
        line.push_str(&own.replace('\n', " "));
    }
    Ok(())
}

fn findings(assessment: &Assessment, out: &mut dyn Write) -> io::Result<()> {
    let mut rows = Rows::of(
        assessment,
        out,
        &[
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
            "counts in",
            "waiver",
        ],
    )?;
    for control in &assessment.controls {
        let paragraphs = control.paragraphs.join(", ");
        for finding in control.findings() {
            let subject = &finding.subject;
            // The same places as in the documents.
            let places: Vec<&str> = finding.places().map(String::as_str).collect();
            let in_scope = finding.places().any(|name| assessment.scope.ephi_namespaces.contains(name));
            let ephi = match (places.is_empty(), in_scope) {
                (true, _) => "cluster-wide",
                (false, true) => "yes",
                (false, false) => "no",
            };
            rows.texts([control.id.as_str(), finding.severity.word()])?;
            rows.cell(|cell| write!(cell, "{}", finding.risk))?;
            rows.texts([finding.exposure.label(), &finding.statement])?;
            rows.object(subject)?;
            rows.texts([subject.uid.as_deref().unwrap_or_default(), ephi])?;
            rows.joined("; ", &finding.related, |cell, object| write!(cell, "{object}"))?;
            rows.joined("; ", finding.facts.iter(), |cell, (name, value)| write!(cell, "{name} = {value}"))?;
            rows.texts([paragraphs.as_str(), &control.title, &finding.fingerprint])?;
            rows.joined("\n", &finding.evidence, evidence)?;
            rows.joined("; ", &places, |cell, place| cell.write_str(place))?;
            rows.cell(|cell| waiver(cell, finding))?;
            rows.end()?;
        }
    }
    rows.done()
}

fn access(assessment: &Assessment, out: &mut dyn Write) -> io::Result<()> {
    let Some(matrix) = &assessment.exhibits.access else { return Ok(()) };
    let header = ["subject kind", "subject namespace", "subject name", "ephi namespace", "reach", "reach id", "through"];
    let mut rows = Rows::of(assessment, out, &header)?;
    for subject in &matrix.subjects {
        let who = &subject.subject;
        for cell in &subject.cells {
            for id in &cell.reaches {
                let label = matrix.reaches.iter().find(|reach| reach.id == *id).map_or(id, |reach| &reach.label);
                rows.texts([who.kind.as_str(), who.namespace.as_deref().unwrap_or_default(), &who.name, &cell.namespace, label, id])?;
                rows.joined("; ", &cell.via, |line, via| line.write_str(via))?;
                rows.end()?;
            }
        }
    }
    rows.done()
}

fn isolation(assessment: &Assessment, out: &mut dyn Write) -> io::Result<()> {
    let Some(matrix) = &assessment.exhibits.isolation else { return Ok(()) };
    let mut rows = Rows::of(
        assessment,
        out,
        &[
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
        ],
    )?;
    let deny = |deny: Option<bool>| deny.map_or("not known", |deny| if deny { "yes" } else { "no" });
    for row in &matrix.namespaces {
        for flow in &row.reaches {
            let word = match flow.flow {
                Flow::All => "all",
                Flow::Some => "some",
                Flow::None => "none",
                Flow::NoPods => "no pods",
                Flow::Unknown => "not known",
            };
            rows.texts([row.namespace.as_str(), if row.ephi { "yes" } else { "no" }])?;
            for count in [row.pods, row.host_network] {
                rows.cell(|cell| write!(cell, "{count}"))?;
            }
            for direction in [&row.ingress, &row.egress] {
                rows.text(deny(direction.default_deny))?;
                for count in [direction.isolated, direction.open, direction.unknown] {
                    rows.cell(|cell| write!(cell, "{count}"))?;
                }
            }
            rows.texts([flow.to.as_str(), word])?;
            rows.end()?;
        }
    }
    rows.done()
}
