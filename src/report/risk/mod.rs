//! Input for a risk analysis (45 CFR 164.308(a)(1)(ii)(A)): what an assessment knows, in sheets, with the columns that people fill left
//! empty. It is no risk analysis: likelihood, impact and level of risk are people's, and severity is none of them.
//!
//! Elements after HHS, Guidance on Risk Analysis (2010): of nine, four can be fed (scope, data collected, threats and vulnerabilities,
//! measures in place), one is the date.

mod heads;

use std::collections::BTreeMap;

use heads::{ABOUT, AT_REST, EVENTS, FLOWS, IDENTITIES, MEASURES, SHEETS, SYSTEMS, UNKNOWN, VULNERABILITIES};

use super::csv;
use super::xlsx::{Sheet, workbook};
use super::{Document, File, Format, ReportError, Reported};
use crate::model::{Assessment, Concern, ControlResult, ExclusionReason, Flow, OutcomeWord, ScopeRole, ScopeSource, WeaknessOf};

const NAME: &str = "risk-analysis";

/// `risk-analysis.xlsx`, and each of its sheets as a list.
pub(super) struct RiskAnalysis;

impl Format for RiskAnalysis {
    fn name(&self) -> &'static str {
        NAME
    }
    fn files(&self) -> &'static [File] {
        &[
            File { name: "risk-analysis.xlsx", mark: "[Content_Types].xml" },
            File { name: SYSTEMS.1, mark: "\"cluster_uid\",\"cluster\",\"collected\",\"namespace\",\"role\"" },
            File { name: AT_REST.1, mark: "\"cluster_uid\",\"cluster\",\"collected\",\"namespace\",\"volume\"" },
            File { name: FLOWS.1, mark: "\"cluster_uid\",\"cluster\",\"collected\",\"from\",\"to\"" },
            File { name: IDENTITIES.1, mark: "\"cluster_uid\",\"cluster\",\"collected\",\"identity\",\"kind\"" },
            File { name: VULNERABILITIES.1, mark: "\"cluster_uid\",\"cluster\",\"collected\",\"weakness\",\"control\"" },
            File { name: UNKNOWN.1, mark: "\"cluster_uid\",\"cluster\",\"collected\",\"what was not seen\"" },
            File { name: MEASURES.1, mark: "\"cluster_uid\",\"cluster\",\"collected\",\"measure\",\"control\"" },
            File { name: EVENTS.1, mark: "\"cluster_uid\",\"cluster\",\"collected\",\"event\",\"kind\"" },
        ]
    }
    fn description(&self) -> &'static str {
        "input for a risk analysis: systems, data at rest, flows, identities, weaknesses, unknowns, measures; what people rate is empty"
    }
    fn render<'a>(&self, reported: &Reported<'a>) -> Result<Vec<Document<'a>>, ReportError> {
        let assessment = reported.assessment;
        let input = Input::of(assessment);
        let rows = [
            input.systems(),
            input.at_rest(),
            input.flows(),
            input.identities(),
            input.vulnerabilities(),
            input.unknown(),
            input.measures(),
            input.events(),
        ];
        let mut sheets = vec![about(assessment)];
        let mut documents = Vec::new();
        let place =
            [assessment.cluster.uid.clone().unwrap_or_default(), assessment.cluster.name.clone(), assessment.collected.finished.clone()];
        for ((name, file, heads), rows) in SHEETS.into_iter().zip(rows) {
            let width = heads.len();
            let filled = rows.into_iter().map(|mut row: Vec<String>| {
                // The columns behind are people's.
                row.resize(width, String::new());
                row
            });
            let filled: Vec<Vec<String>> = filled.collect();
            let heading: Vec<&str> = ["cluster_uid", "cluster", "collected"].into_iter().chain(heads.iter().copied()).collect();
            let list = csv::list(&heading, filled.iter().map(|row| place.iter().chain(row).cloned().collect()));
            documents.push(Document::whole(file, list));
            let mut rows = vec![heads.iter().map(|head| (*head).to_owned()).collect()];
            rows.extend(filled);
            sheets.push(Sheet { name: name.to_owned(), rows, widths: vec![36; width.min(3)], choice: None });
        }
        let packed = workbook(&sheets).map_err(|source| ReportError::Packing { format: NAME, source })?;
        documents.insert(0, Document::whole("risk-analysis.xlsx", packed));
        Ok(documents)
    }
}

fn about(assessment: &Assessment) -> Sheet<'static> {
    let mut rows = vec![vec!["About".to_owned(), "Value".to_owned()]];
    rows.extend(ABOUT.map(|(name, text)| vec![name.to_owned(), text.to_owned()]));
    let mut add = |name: &str, value: &str| rows.push(vec![name.to_owned(), value.to_owned()]);
    add("Cluster", &assessment.cluster.name);
    add("Cluster id", assessment.cluster.uid.as_deref().unwrap_or("not read"));
    add("Collected", &assessment.collected.finished);
    add("Program", &format!("{} {}", assessment.tool.name, assessment.tool.version));
    add("Digest of the snapshot", &assessment.snapshot_sha256);
    if assessment.hypothetical.is_some() {
        add("HYPOTHETICAL", "Manifests were laid over what was observed. This describes no cluster that exists.");
    }
    Sheet { name: "Read this first".to_owned(), rows, widths: vec![28, 120], choice: None }
}

/// What several sheets look up.
struct Input<'a> {
    assessment: &'a Assessment,
    weaknesses: BTreeMap<&'a str, &'a WeaknessOf>,
}

fn concerns(all: &[Concern]) -> String {
    all.iter().map(|one| one.word()).collect::<Vec<_>>().join(", ")
}

/// The first few, and how many more.
fn few(all: &[String]) -> String {
    const NAMED: usize = 5;
    match all.len().saturating_sub(NAMED) {
        0 => all.join("; "),
        more => format!("{}; and {more} more", all.iter().take(NAMED).cloned().collect::<Vec<_>>().join("; ")),
    }
}

/// What a state of encryption means, and what it does not.
fn at_rest_says(encrypted: Option<bool>, customer_key: Option<bool>, day: &str) -> String {
    let key = match customer_key {
        Some(true) => "a key of the customer is named",
        Some(false) => "no key of the customer is named",
        None => "where the key is kept was not seen",
    };
    match encrypted {
        Some(true) => format!("Observed on {day}: encrypted by this layer; {key}. Supports the organization's own determination whether PHI here was unsecured (164.402). Not shown: that the key was not taken, that the module is validated, that data was encrypted before {day}, and anything read through a running application."),
        Some(false) => format!("Observed on {day}: no encryption by this layer. Unless another layer encrypts (ask), PHI here would be unsecured in the sense of 164.402 if it were acquired in this form. The specification is addressable: a documented decision may exist."),
        None => "Not seen, and therefore neither. For the time before somebody answers, this cannot serve as a record that PHI here was encrypted.".to_owned(),
    }
}

/// A number, or that there may be more.
fn at_least(count: usize, complete: bool) -> String {
    if complete { count.to_string() } else { format!("at least {count}: not everything was read") }
}

fn yes(value: Option<bool>) -> String {
    match value {
        Some(true) => "yes",
        Some(false) => "no",
        None => "unknown",
    }
    .to_owned()
}

impl<'a> Input<'a> {
    fn of(assessment: &'a Assessment) -> Self {
        let known = assessment.risk_input.iter().flat_map(|input| &input.weaknesses);
        Self { assessment, weaknesses: known.map(|one| (one.control.as_str(), one)).collect() }
    }

    fn noun(&self, control: &ControlResult) -> String {
        self.weaknesses.get(control.id.as_str()).map_or_else(|| control.title.clone(), |one| one.noun.clone())
    }

    fn of_control(&self, id: &str) -> String {
        self.weaknesses.get(id).map(|one| concerns(&one.concerns)).unwrap_or_default()
    }

    /// The namespaces in scope, then those that nobody declared anything about, then those that were left out.
    fn systems(&self) -> Vec<Vec<String>> {
        let scope = &self.assessment.scope;
        let declared = match scope.source {
            ScopeSource::Default => "nobody declared it: treated as if it held ePHI".to_owned(),
            _ => {
                let by = scope.declared_by.as_deref().unwrap_or("not said by whom");
                format!("{by}, {}", scope.declared_on.as_deref().unwrap_or("not said when"))
            }
        };
        let findings = |name: &str| {
            let all = self.assessment.controls.iter().flat_map(|control| control.findings());
            all.filter(|finding| finding.places().any(|place| place == name)).count()
        };
        let undecided = self.assessment.controls.iter().filter(|control| control.word() == OutcomeWord::NotAssessed).count();
        let decided = |name: &str| match undecided {
            0 => findings(name).to_string(),
            checks => format!("at least {}: {checks} checks were not decided", findings(name)),
        };
        let reach = |name: &str| {
            let matrix = self.assessment.exhibits.access.as_ref();
            matrix.map_or_else(
                || "not computed".to_owned(),
                |matrix| {
                    let count = matrix.subjects.iter().filter(|one| one.cells.iter().any(|cell| cell.namespace == name)).count();
                    at_least(count, matrix.unseen.is_empty())
                },
            )
        };
        let volumes = |name: &str| match &self.assessment.exhibits.at_rest {
            Some(list) => at_least(list.volumes.iter().filter(|one| one.namespace == name).count(), list.unseen.is_empty()),
            None => "not computed".to_owned(),
        };
        let mut rows: Vec<Vec<String>> = scope
            .ephi_namespaces
            .iter()
            .map(|name| {
                let role = scope.roles.get(name).copied().unwrap_or(ScopeRole::Maintains).word().to_owned();
                vec![name.clone(), role, declared.clone(), String::new(), volumes(name), reach(name), decided(name)]
            })
            .collect();
        for one in &scope.undeclared {
            let name = &one.namespace;
            let row = vec![
                name.clone(),
                "undeclared".to_owned(),
                "nothing".to_owned(),
                one.speaks_for.join("; "),
                "not looked at".to_owned(),
                "not looked at".to_owned(),
                format!("{} by checks of the whole cluster; those of namespaces in scope did not look", findings(name)),
            ];
            rows.push(row);
        }
        for one in self.assessment.declarations.iter().flat_map(|declared| &declared.excluded) {
            // One that a label takes in is in scope, whatever else is declared of it.
            if scope.ephi_namespaces.contains(&one.namespace) {
                continue;
            }
            let reason = ExclusionReason::words(one.reason);
            let there = if scope.complete && !scope.other_namespaces.contains(&one.namespace) { " (not in the cluster)" } else { "" };
            rows.push(vec![
                one.namespace.clone(),
                format!("left out: {reason}{there}"),
                format!("{}, {}: {}", one.by, one.on, one.because),
            ]);
        }
        rows
    }

    fn at_rest(&self) -> Vec<Vec<String>> {
        let day = self.assessment.collected.finished.get(..10).unwrap_or_default();
        let Some(list) = &self.assessment.exhibits.at_rest else {
            return vec![vec!["not computed".to_owned(), "this assessment holds no list of volumes".to_owned()]];
        };
        let mut rows: Vec<Vec<String>> = list
            .volumes
            .iter()
            .map(|one| {
                vec![
                    one.namespace.clone(),
                    one.title.clone(),
                    one.storage.clone(),
                    yes(one.encrypted),
                    yes(one.customer_key),
                    match &one.unknown {
                        Some(why) => format!("{} Why: {why}", at_rest_says(one.encrypted, one.customer_key, day)),
                        None => at_rest_says(one.encrypted, one.customer_key, day),
                    },
                    few(&one.workloads),
                ]
            })
            .collect();
        for unseen in &list.unseen {
            rows.push(vec![
                "unknown".to_owned(),
                unseen.what.clone(),
                unseen.why.clone(),
                "unknown".to_owned(),
                "unknown".to_owned(),
                unseen.how_to_see.clone(),
            ]);
        }
        rows
    }

    /// Which namespaces can reach which by the policies, where either is in scope.
    fn flows(&self) -> Vec<Vec<String>> {
        let ways: Vec<String> = self
            .assessment
            .controls
            .iter()
            .filter(|control| control.area == "transmission" && matches!(control.word(), OutcomeWord::Fail | OutcomeWord::NotAssessed))
            .map(|control| format!("{} ({})", control.id, control.word().cited()))
            .collect();
        let node = self.assessment.controls.iter().find(|control| control.id == "network/node-traffic-encrypted");
        let encrypted = match node.map(ControlResult::word) {
            Some(OutcomeWord::Pass) => "between nodes, by the network plugin",
            Some(OutcomeWord::Fail) => "not between nodes by the network plugin",
            _ => "unknown",
        };
        let Some(matrix) = &self.assessment.exhibits.isolation else {
            return vec![vec!["not computed".to_owned(), "this assessment holds no isolation matrix".to_owned()]];
        };
        let ephi: Vec<&str> = matrix.namespaces.iter().filter(|one| one.ephi).map(|one| one.namespace.as_str()).collect();
        let mut rows = Vec::new();
        for from in &matrix.namespaces {
            for to in &from.reaches {
                if !from.ephi && !ephi.contains(&to.to.as_str()) || to.flow == Flow::NoPods && from.host_network == 0 {
                    continue;
                }
                let policies = match to.flow {
                    Flow::All => "let everything pass",
                    Flow::Some => "let some pass",
                    Flow::None => "let nothing pass",
                    Flow::NoPods => "pods on the network of their node, which policies do not cover",
                    Flow::Unknown => "unknown",
                };
                let between = if to.flow == Flow::None { "" } else { encrypted };
                rows.push(vec![
                    from.namespace.clone(),
                    to.to.clone(),
                    format!("{policies}; policies are {}", matrix.enforcement.words()),
                    String::new(),
                    between.to_owned(),
                ]);
            }
        }
        if matrix.left_out > 0 {
            rows.push(vec!["unknown".to_owned(), format!("{} more namespaces", matrix.left_out), "not in the matrix".to_owned()]);
        }
        rows.push(vec![
            "outside the cluster".to_owned(),
            "what is published".to_owned(),
            String::new(),
            String::new(),
            "see the checks beside it".to_owned(),
            ways.join("; "),
        ]);
        for unseen in &matrix.unseen {
            rows.push(vec!["unknown".to_owned(), unseen.what.clone(), unseen.why.clone(), String::new(), unseen.how_to_see.clone()]);
        }
        rows
    }

    fn identities(&self) -> Vec<Vec<String>> {
        let Some(list) = &self.assessment.exhibits.accesses else {
            return vec![vec!["not computed".to_owned(), String::new(), "this assessment holds no list of accesses".to_owned()]];
        };
        let vendors = self.assessment.declarations.as_ref().map(|declared| declared.vendors.as_slice()).unwrap_or_default();
        let reaching = list.accesses.iter().filter(|one| !one.reach.is_empty());
        let mut rows: Vec<Vec<String>> = reaching
            .map(|one| {
                let place = if one.everywhere { "the whole cluster".to_owned() } else { one.ephi_namespaces.join(", ") };
                let written = match &one.namespace {
                    Some(namespace) => format!("{}/{namespace}/{}", one.kind, one.name),
                    None => format!("{}/{}", one.kind, one.name),
                };
                let vendor = if vendors.contains(&written) { "vendor, as declared" } else { "" };
                vec![
                    one.identity.clone(),
                    one.kind.clone(),
                    one.access.clone(),
                    place,
                    one.reach.join(", "),
                    String::new(),
                    vendor.to_owned(),
                ]
            })
            .collect();
        for unseen in &list.unseen {
            rows.push(vec!["unknown".to_owned(), String::new(), unseen.what.clone(), unseen.why.clone(), unseen.how_to_see.clone()]);
        }
        rows
    }

    fn vulnerabilities(&self) -> Vec<Vec<String>> {
        let failing = self.assessment.controls.iter().filter(|control| control.word() == OutcomeWord::Fail);
        failing
            .map(|control| {
                let objects: Vec<String> = control
                    .findings()
                    .iter()
                    .map(|finding| {
                        let subject = &finding.subject;
                        let within = subject.namespace.iter().map(|namespace| format!("{namespace}/")).collect::<String>();
                        format!("{} {within}{}", subject.kind, subject.name)
                    })
                    .collect();
                let widest = control
                    .findings()
                    .iter()
                    .map(|finding| finding.exposure)
                    .max_by_key(|exposure| exposure.weight())
                    .map(|exposure| exposure.label().to_owned());
                let mut grades: Vec<&str> =
                    control.findings().iter().flat_map(|finding| &finding.evidence).map(|evidence| evidence.grade.letter()).collect();
                grades.sort_unstable();
                grades.dedup();
                vec![
                    self.noun(control),
                    control.id.clone(),
                    format!("{} of {} {}", control.failed, control.examined, control.counts),
                    few(&objects),
                    self.of_control(&control.id),
                    widest.unwrap_or_default(),
                    grades.join(", "),
                    self.weaknesses.get(control.id.as_str()).and_then(|one| one.sp_800_190.clone()).unwrap_or_default(),
                    control.paragraphs.join(", "),
                ]
            })
            .collect()
    }

    fn unknown(&self) -> Vec<Vec<String>> {
        let mut all: BTreeMap<(&str, &str, &str), Vec<&ControlResult>> = BTreeMap::new();
        for control in &self.assessment.controls {
            for unseen in control.unseen() {
                all.entry((&unseen.what, &unseen.why, &unseen.how_to_see)).or_default().push(control);
            }
        }
        all.into_iter()
            .map(|((what, why, how), controls)| {
                let nouns: Vec<String> = controls.iter().map(|control| self.noun(control)).collect();
                let ids: Vec<String> = controls.iter().map(|control| control.id.clone()).collect();
                let mut of: Vec<Concern> = controls
                    .iter()
                    .filter_map(|control| self.weaknesses.get(control.id.as_str()))
                    .flat_map(|one| one.concerns.clone())
                    .collect();
                of.sort_unstable();
                of.dedup();
                let of = concerns(&of);
                vec![what.to_owned(), why.to_owned(), how.to_owned(), few(&nouns), ids.join(", "), of]
            })
            .collect()
    }

    fn measures(&self) -> Vec<Vec<String>> {
        let passing = self.assessment.controls.iter().filter(|control| control.word() == OutcomeWord::Pass);
        passing
            .map(|control| {
                vec![
                    control.title.clone(),
                    control.id.clone(),
                    format!("{} {}", control.examined, control.counts),
                    control.paragraphs.join(", "),
                    control.limits.clone(),
                ]
            })
            .collect()
    }

    fn events(&self) -> Vec<Vec<String>> {
        let events = self.assessment.risk_input.iter().flat_map(|input| &input.events);
        events
            .map(|event| {
                let serving: Vec<String> = event
                    .served_by
                    .iter()
                    .filter(|id| self.assessment.controls.iter().any(|control| control.id == **id && control.word() == OutcomeWord::Fail))
                    .map(|id| self.weaknesses.get(id.as_str()).map_or_else(|| id.clone(), |one| one.noun.clone()))
                    .collect();
                vec![event.title.clone(), event.kind.clone(), concerns(&event.concerns), serving.join("; ")]
            })
            .collect()
    }
}
