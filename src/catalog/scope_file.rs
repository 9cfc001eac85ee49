use std::collections::BTreeSet;

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::lint::{Problem, Problems};

/// A scope file: who says which namespaces hold ePHI.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScopeFile {
    /// Which namespaces hold ePHI.
    pub ephi: EphiScope,
    /// Who says so: a role or a name.
    #[serde(default)]
    pub declared_by: Option<String>,
    /// When, as a date.
    #[serde(default)]
    pub declared_on: Option<Spanned<String>>,
}

/// Namespaces by name and by label; one match is enough.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EphiScope {
    /// Names.
    #[serde(default)]
    pub namespaces: Vec<Spanned<String>>,
    /// Label selectors such as `data=ephi`.
    #[serde(default)]
    pub selectors: Vec<Spanned<String>>,
}

/// Reads a scope file and reports everything that is wrong with it. `selector` says what is wrong with a label selector.
pub fn read_scope_file(file: &str, text: &str, selector: impl Fn(&str) -> Option<String>) -> Result<ScopeFile, Vec<Problem>> {
    let mut problems = Problems::default();
    let scope = match serde_saphyr::from_str::<ScopeFile>(text) {
        Ok(scope) => scope,
        Err(error) => {
            problems.yaml(file, &error);
            return Err(problems.into_sorted());
        }
    };
    let EphiScope { namespaces, selectors } = &scope.ephi;
    if namespaces.is_empty() && selectors.is_empty() {
        problems.at(
            file,
            1,
            "`ephi` names neither namespaces nor selectors; leave --scope out to treat every namespace but the system ones as holding ePHI",
        );
    }
    for name in namespaces.iter().filter(|name| !is_label(&name.value)) {
        let why =
            format!("`{}` cannot be a namespace: names are up to 63 of a-z, 0-9 and `-`, with a letter or digit at both ends", name.value);
        problems.spanned(file, name, why);
    }
    for text in selectors {
        if let Some(why) = selector(&text.value) {
            problems.spanned(file, text, why);
        }
    }
    for list in [namespaces, selectors] {
        let mut seen = BTreeSet::new();
        for one in list.iter().filter(|one| !seen.insert(one.value.as_str())) {
            problems.spanned(file, one, format!("`{}` stands twice", one.value));
        }
    }
    if let Some(date) = scope.declared_on.as_ref().filter(|date| !is_date(&date.value)) {
        problems.spanned(file, date, format!("`{}` is not a date such as 2026-11-28", date.value));
    }
    let problems = problems.into_sorted();
    if problems.is_empty() { Ok(scope) } else { Err(problems) }
}

/// RFC 1123 label, as the API server demands of a namespace (apimachinery `IsDNS1123Label`).
fn is_label(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&name.len()) && name.bytes().all(inner) && !name.starts_with('-') && !name.ends_with('-')
}

fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let number = |text: &str, digits: usize| if text.len() == digits { text.parse::<u32>().ok() } else { None };
    match parts.as_slice() {
        [year, month, day] => {
            let (Some(year), Some(month), Some(day)) = (number(year, 4), number(month, 2), number(day, 2)) else { return false };
            let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
            let days = match month {
                2 => 28 + u32::from(leap),
                4 | 6 | 9 | 11 => 30,
                1..=12 => 31,
                _ => 0,
            };
            (1..=days).contains(&day)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_is_reported_with_line_and_column() {
        let text = "ephi:\n  namespaces: [records, Records, records]\n  selectors:\n  - data=ephi\n  - a b\ndeclared_on: 2026-02-30\n";
        let selector = |text: &str| text.contains(' ').then(|| format!("`{text}` is no selector"));
        let problems: Vec<String> = read_scope_file("s.yaml", text, selector).expect_err("wrong").iter().map(ToString::to_string).collect();
        assert_eq!(problems.len(), 4, "{problems:#?}");
        assert!(problems[0].starts_with("s.yaml:2:25: `Records` cannot be a namespace"), "{problems:#?}");
        assert!(problems[1].starts_with("s.yaml:2:34: `records` stands twice"), "{problems:#?}");
        assert!(problems[2].starts_with("s.yaml:5:5: `a b` is no selector"), "{problems:#?}");
        assert!(problems[3].starts_with("s.yaml:6:14: `2026-02-30` is not a date"), "{problems:#?}");
    }
}
