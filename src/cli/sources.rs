//! Lists of sources: for `--verbose` and `preflight`.

use crate::catalog::Catalog;
use crate::collect::{Can, Preflight};
use crate::model::Assessment;
use crate::report::escape;

/// Every source with what became of it, one line each.
pub(super) fn listing(assessment: &Assessment) -> String {
    let mut text = String::from("\nSources\n");
    for source in &assessment.coverage {
        let why = source.state.why().map(|why| format!("  {why}")).unwrap_or_default();
        let line = format!("  {:<14} {:>7}  {}{why}", source.state.word(), source.state.count(), source.source);
        text.push_str(&escape::terminal(&line));
        text.push('\n');
    }
    text
}

/// `preflight` as text, and whether everything that the cluster has can be read.
pub(super) fn preflight(report: &Preflight, catalog: &Catalog, verbose: bool) -> (String, bool) {
    let line = |text: &str| format!("{}\n", escape::terminal(text));
    let user = report.identity.user.as_deref().unwrap_or("unknown");
    let mut text = line(&format!("{}  {}", report.server, report.version.as_deref().unwrap_or("version unknown")));
    text.push_str(&line(&format!("as {user}, groups {}", report.identity.groups.join(", "))));
    let (mut can, mut absent, mut gaps) = (0, 0, Vec::new());
    for check in &report.checks {
        let (word, why) = match &check.can {
            Can::Read => {
                can += 1;
                ("can read", String::new())
            }
            Can::NotServed => {
                absent += 1;
                ("not there", String::new())
            }
            Can::Refused { missing_rule, why } => {
                ("refused", format!("  grant: {missing_rule}{}", if why.is_empty() { String::new() } else { format!(" ({why})") }))
            }
            Can::Stale { why } => ("stale", format!("  {why}")),
            Can::Unknown { why } => ("not answered", format!("  {why}")),
        };
        let gap = !matches!(check.can, Can::Read | Can::NotServed);
        if gap {
            let needed =
                catalog.controls().iter().filter(|control| control.check().is_some_and(|c| c.sources().contains(&check.source))).count();
            gaps.push(line(&format!("  {word:<13} {}{why}; {needed} controls would not be assessed", check.source)));
        } else if verbose {
            text.push_str(&line(&format!("  {word:<13} {}", check.source)));
        }
    }
    text.push_str(&format!("\n{can} sources can be read, {absent} are not there, {} cannot be read\n", gaps.len()));
    text.extend(gaps.iter().map(String::as_str));
    if !report.excess_rights.is_empty() {
        text.push_str("\nRights of this identity beyond reading, none of which a scan needs:\n");
        for right in &report.excess_rights {
            text.push_str(&line(&format!("  {right}")));
        }
    }
    if !gaps.is_empty() {
        text.push_str("\n`kube-hipaa permissions` prints the manifests that grant what is missing.\n");
    }
    (text, gaps.is_empty())
}
