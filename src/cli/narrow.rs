//! `--namespace`, `--control` and `--min-severity`: what of the findings is shown. Nothing is judged otherwise by them, and the text says so.

use super::args::NarrowArgs;
use super::error::CliError;
use super::grid::grid;
use super::nearest::there_are;
use crate::catalog::Catalog;
use crate::model::{Assessment, Finding, Severity};

/// What was asked for.
#[derive(Debug)]
pub(super) struct Narrow {
    namespaces: Vec<String>,
    controls: Vec<String>,
    least: Option<Severity>,
}

impl Narrow {
    /// `None` when nothing was asked for; an error when it names what does not exist.
    pub(super) fn new(args: &NarrowArgs, catalog: &Catalog, assessment: &Assessment) -> Result<Option<Self>, CliError> {
        if args.namespace.is_empty() && args.control.is_empty() && args.min_severity.is_none() {
            return Ok(None);
        }
        if let Some(id) = args.control.iter().find(|id| catalog.control(id).is_none()) {
            let known = there_are(id, catalog.controls().iter().map(|control| control.id.as_str()));
            return Err(CliError::Unknown { what: "control", name: id.clone(), known });
        }
        let scope = &assessment.scope;
        let all: Vec<&str> = scope.ephi_namespaces.iter().chain(&scope.other_namespaces).map(String::as_str).collect();
        // Where the list of namespaces was not read, a name that is not in it may exist.
        if let Some(name) = args.namespace.iter().find(|name| scope.complete && !all.contains(&name.as_str())) {
            return Err(CliError::Unknown { what: "namespace", name: name.clone(), known: there_are(name, all) });
        }
        Ok(Some(Self {
            namespaces: args.namespace.clone(),
            controls: args.control.clone(),
            least: args.min_severity.map(super::args::FailOn::severity),
        }))
    }

    fn shows(&self, control: &str, finding: &Finding) -> bool {
        let here = |name: &String| self.namespaces.contains(name);
        (self.namespaces.is_empty() || finding.places().any(here))
            && (self.controls.is_empty() || self.controls.iter().any(|id| id == control))
            && self.least.is_none_or(|least| finding.severity <= least)
    }

    /// The findings that are shown, and of how many.
    pub(super) fn listing(&self, assessment: &Assessment, report: Option<&str>) -> String {
        let all: Vec<(&str, &Finding)> = assessment
            .controls
            .iter()
            .flat_map(|control| control.findings().iter().map(|finding| (control.id.as_str(), finding)))
            .collect();
        let mut shown: Vec<&(&str, &Finding)> = all.iter().filter(|(control, finding)| self.shows(control, finding)).collect();
        shown.sort_by_key(|(control, finding)| (finding.severity, *control));
        let rows = shown.iter().map(|(control, finding)| {
            let place: Vec<&str> = finding.places().map(String::as_str).collect();
            vec![finding.severity.word().to_owned(), (*control).to_owned(), place.join(", "), finding.statement.clone()]
        });
        let mut text = if shown.is_empty() { String::new() } else { grid(&["severity", "control", "namespace", "finding"], rows) };
        let unseen = assessment.controls.iter().filter(|control| self.controls.is_empty() || self.controls.contains(&control.id));
        let unseen = unseen.filter(|control| !control.unseen().is_empty()).count();
        if let Some(hypothetical) = &assessment.hypothetical {
            text.push_str(&format!("\n▲ {}\n", hypothetical.said()));
        }
        text.push_str(&format!(
            "\n{} of {} findings shown; the whole cluster was judged, and the exit status and all documents are of the whole\n",
            shown.len(),
            all.len()
        ));
        if unseen > 0 {
            text.push_str(&format!("▲ {unseen} of these controls did not see everything: findings can be missing\n"));
        }
        if let Some(report) = report {
            text.push_str(&format!("Report {}\n", crate::report::escape::terminal(report)));
        }
        text
    }
}
