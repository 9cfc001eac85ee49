//! Lists of sources: for `--verbose` and `preflight`.

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
