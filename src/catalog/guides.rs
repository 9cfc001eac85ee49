//! What three published guides to Kubernetes and the Security Rule state, and what is observed of each statement. Data for people who
//! come from such a guide (docs/coverage.md); no outcome rests on any of it.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};
use serde_saphyr::Spanned;

use super::lint::Problems;
use crate::facts::schemas;
use crate::model::EXHIBITS;

/// The articles by the letter in ids, with the numbers of their statements.
pub const ARTICLES: [(char, RangeInclusive<u16>); 3] = [('a', 1..=41), ('b', 42..=129), ('c', 130..=141)];

/// Before the name of a table among what is shown.
pub const FACTS: &str = "facts/";

/// One statement of a guide.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuideStatement {
    /// The letter of the article and a number that runs through all of them, such as `b42`.
    pub id: Spanned<String>,
    /// What it states, in our own words.
    pub statement: String,
    /// What becomes of it here.
    pub state: Covered,
    /// Checks and questions that speak to it.
    #[serde(default)]
    pub controls: Vec<Spanned<String>>,
    /// Parts of the report (`exhibit/…`) and tables (`facts/…`) that show something of it and that no control judges.
    #[serde(default)]
    pub shown: Vec<Spanned<String>>,
    /// What is observed.
    #[serde(default)]
    pub observed: String,
    /// What no API shows, or none that is read.
    pub cannot: String,
    /// What people hand in.
    #[serde(default)]
    pub attest: String,
    /// What is right where the statement is not, with the authority; or why it is not covered.
    #[serde(default)]
    pub because: String,
}

/// What becomes of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Covered {
    /// Observed; `cannot` says where that ends.
    Observed,
    /// An important part is not seen.
    Partly,
    /// Only people know, and they are asked.
    Asked,
    /// Not to be encoded as it is written.
    WrongInTheSeed,
    /// Neither observed nor asked.
    NotCovered,
}

impl Covered {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Observed, Self::Partly, Self::Asked, Self::WrongInTheSeed, Self::NotCovered];

    /// For people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Observed => "observed",
            Self::Partly => "partly",
            Self::Asked => "asked",
            Self::WrongInTheSeed => "wrong in the article",
            Self::NotCovered => "not covered",
        }
    }
}

/// Every statement has an entry, every entry what its state needs, and everything that is named exists.
pub(super) fn lint(file: &str, all: &[GuideStatement], checks: &[&str], questions: &[&str], problems: &mut Problems) {
    let mut wanted = ARTICLES.into_iter().flat_map(|(letter, numbers)| numbers.map(move |number| format!("{letter}{number}")));
    for one in all {
        match wanted.next() {
            Some(id) if id == one.id.value => {}
            Some(id) => return problems.spanned(file, &one.id, format!("`{}` stands where `{id}` is expected", one.id.value)),
            None => return problems.spanned(file, &one.id, format!("there is no statement `{}`", one.id.value)),
        }
        one.lint(file, checks, questions, problems);
    }
    if let Some(id) = wanted.next() {
        problems.at(file, 1, format!("`{id}` and what follows it are missing"));
    }
}

impl GuideStatement {
    fn lint(&self, file: &str, checks: &[&str], questions: &[&str], problems: &mut Problems) {
        let mut wrong = |message: &str| problems.spanned(file, &self.id, format!("`{}`: {message}", self.id.value));
        let is_check = |one: &Spanned<String>| checks.contains(&one.value.as_str());
        let is_question = |one: &Spanned<String>| questions.contains(&one.value.as_str());
        let empty = |text: &str| text.trim().is_empty();
        if empty(&self.statement) || empty(&self.cannot) {
            wrong("`statement` and `cannot` are to say something");
        }
        let observes = self.controls.iter().any(is_check) || !self.shown.is_empty();
        match self.state {
            Covered::Observed | Covered::Partly if !observes => wrong("nothing is named that observes it"),
            Covered::Observed | Covered::Partly | Covered::WrongInTheSeed if empty(&self.observed) => wrong("`observed` is to say what is"),
            Covered::Asked if !self.controls.iter().any(is_question) => wrong("no question is named that asks it"),
            Covered::Partly | Covered::Asked | Covered::NotCovered if empty(&self.attest) => {
                wrong("`attest` is to say what people hand in")
            }
            Covered::WrongInTheSeed | Covered::NotCovered if empty(&self.because) => wrong("`because` is to say what is right, or why"),
            Covered::NotCovered if !self.controls.is_empty() => wrong("a control speaks to it, so it is not `not_covered`"),
            _ => {}
        }
        let mut seen = BTreeSet::new();
        for one in self.controls.iter().chain(&self.shown) {
            if !seen.insert(&one.value) {
                problems.spanned(file, one, format!("`{}` stands twice", one.value));
            }
        }
        for one in self.controls.iter().filter(|one| !is_check(one) && !is_question(one)) {
            problems.spanned(file, one, format!("there is no control `{}`", one.value));
        }
        for one in &self.shown {
            let known = match one.value.strip_prefix(FACTS) {
                Some(table) => schemas().iter().any(|schema| schema.name == table),
                None => EXHIBITS.iter().any(|(id, _)| *id == one.value),
            };
            if !known {
                problems.spanned(file, one, format!("there is no table and no part of a report `{}`", one.value));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is wrong with a text in which the statements before and after are good.
    fn problems_of(middle: &str) -> Vec<String> {
        let good = |id: String| format!("- {{id: {id}, statement: s, state: observed, controls: [pod/one], observed: o, cannot: c}}\n");
        let ids = ARTICLES.into_iter().flat_map(|(letter, numbers)| numbers.map(move |number| format!("{letter}{number}")));
        let text: String = ids.map(|id| if id == "b42" { middle.to_owned() } else { good(id) }).collect();
        let all: Vec<GuideStatement> = serde_saphyr::from_str(&text).expect("YAML of that form");
        let mut problems = Problems::default();
        lint("f", &all, &["pod/one"], &["manual/one"], &mut problems);
        problems.into_sorted().into_iter().map(|problem| problem.message).collect()
    }

    #[test]
    fn good_entries_of_every_state_are_taken() {
        for entry in [
            "{state: observed, shown: [facts/nodes], observed: o}",
            "{state: partly, controls: [pod/one, manual/one], observed: o, attest: a}",
            "{state: asked, controls: [manual/one], attest: a}",
            "{state: wrong_in_the_seed, observed: o, because: b}",
            "{state: not_covered, attest: a, because: b}",
        ] {
            let entry = format!("- {{id: b42, statement: s, cannot: c, {}\n", entry.trim_start_matches('{'));
            assert_eq!(problems_of(&entry), Vec::<String>::new(), "{entry}");
        }
    }

    #[test]
    fn an_unknown_control_is_refused() {
        for entry in [
            "controls: [pod/one, pod/two]",
            "controls: [pod/one, manual/two]",
            "controls: [pod/one], shown: [facts/nothing]",
            "controls: [pod/one], shown: [exhibit/nothing]",
        ] {
            let entry = format!("- {{id: b42, statement: s, state: observed, observed: o, cannot: c, {entry}}}\n");
            let found = problems_of(&entry);
            assert_eq!(found.len(), 1, "{entry}: {found:?}");
            assert!(found.iter().all(|message| message.starts_with("there is no ")), "{found:?}");
        }
    }

    #[test]
    fn an_empty_row_is_refused() {
        for entry in [
            "statement: ' ', cannot: c, state: observed, controls: [pod/one], observed: o",
            "statement: s, cannot: '', state: observed, controls: [pod/one], observed: o",
            "statement: s, cannot: c, state: observed, observed: o",
            "statement: s, cannot: c, state: observed, controls: [manual/one], observed: o",
            "statement: s, cannot: c, state: observed, controls: [pod/one]",
            "statement: s, cannot: c, state: partly, controls: [pod/one], attest: a",
            "statement: s, cannot: c, state: partly, controls: [pod/one], observed: o",
            "statement: s, cannot: c, state: asked, controls: [pod/one], attest: a",
            "statement: s, cannot: c, state: asked, controls: [manual/one]",
            "statement: s, cannot: c, state: wrong_in_the_seed, observed: o",
            "statement: s, cannot: c, state: wrong_in_the_seed, because: b",
            "statement: s, cannot: c, state: not_covered, attest: a",
            "statement: s, cannot: c, state: not_covered, because: b",
            "statement: s, cannot: c, state: not_covered, attest: a, because: b, controls: [manual/one]",
        ] {
            let found = problems_of(&format!("- {{id: b42, {entry}}}\n"));
            assert_eq!(found.len(), 1, "{entry}: {found:?}");
        }
    }

    #[test]
    fn a_missing_a_second_and_a_strange_statement_are_noticed() {
        let entry = |id: &str| format!("- {{id: {id}, statement: s, state: observed, controls: [pod/one], observed: o, cannot: c}}\n");
        assert_eq!(problems_of(""), ["`b43` stands where `b42` is expected"]);
        assert_eq!(problems_of(&(entry("b42") + &entry("b42"))), ["`b42` stands where `b43` is expected"]);
        assert_eq!(problems_of(&entry("a42")), ["`a42` stands where `b42` is expected"]);
        let mut problems = Problems::default();
        lint("f", &[], &[], &[], &mut problems);
        assert_eq!(problems.len(), 1);
    }
}
