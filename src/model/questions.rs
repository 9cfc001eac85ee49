//! What people are asked: the questions of manual controls, and one for each thing that no API shows.

use std::collections::{BTreeMap, BTreeSet};

use super::{AskedQuestion, Assessment, QuestionState, Unseen, UnseenKind};
use crate::digest::sha256_hex;

/// How ids of things begin that were not seen.
pub const UNSEEN_PREFIX: &str = "unseen/";

/// Characters of an id that come from the words.
const SLUG: usize = 48;

/// Whether a text has the form of such an id.
pub fn is_unseen_id(id: &str) -> bool {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let Some(rest) = id.strip_prefix(UNSEEN_PREFIX) else { return false };
    let digest = rest.rsplit('-').next().unwrap_or_default();
    rest.len() <= SLUG + 9 && rest.chars().all(good) && digest.len() == 8 && digest.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The id of something that was not seen: of what it is, and not of why, so that it stays the same while reasons are worded otherwise.
pub fn unseen_id(what: &str) -> String {
    let mut slug = String::new();
    for c in what.chars().flat_map(char::to_lowercase) {
        match c {
            c if c.is_ascii_alphanumeric() => slug.push(c),
            _ if slug.ends_with('-') || slug.is_empty() => {}
            _ => slug.push('-'),
        }
        if slug.len() >= SLUG {
            break;
        }
    }
    let slug = if slug.is_empty() { "thing" } else { slug.trim_end_matches('-') };
    let digest = sha256_hex(what.as_bytes());
    format!("{UNSEEN_PREFIX}{slug}-{}", digest.get(..8).unwrap_or_default())
}

impl Unseen {
    /// Whether a person can say what was not seen.
    pub fn asks_people(&self) -> bool {
        self.kind == UnseenKind::NotVisible && !self.is_remainder()
    }
}

/// Whom to ask, as the advice says it.
fn who(how_to_see: &str) -> String {
    const ENDS: [&str; 8] = [" for ", " whether ", " which ", " with which ", " how ", " on how ", " until ", " what "];
    const OTHERS: &str = "The operators of the cluster";
    let Some(rest) = how_to_see.strip_prefix("Ask ") else { return OTHERS.to_owned() };
    if !["who ", "whoever ", "the "].iter().any(|start| rest.starts_with(start)) {
        return OTHERS.to_owned();
    }
    let end = ENDS.iter().filter_map(|end| rest.find(end)).min().unwrap_or(rest.len());
    let head = rest.get(..end).unwrap_or(rest).trim_end_matches(['.', ',']);
    let head = head.split(", ").next().unwrap_or(head);
    if head.split(' ').count() < 2 || head.chars().count() > 80 {
        return OTHERS.to_owned();
    }
    let head = head.strip_prefix("who ").map(|rest| format!("whoever {rest}")).unwrap_or_else(|| head.to_owned());
    let mut letters = head.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_else(|| OTHERS.to_owned())
}

/// Something that was not seen, and for which controls.
#[derive(Default)]
struct Thing<'a> {
    unseen: Option<&'a Unseen>,
    controls: BTreeSet<&'a str>,
    paragraphs: BTreeSet<&'a str>,
}

/// Every question of an assessment in the order of the regulation, all of them open.
pub fn questions(assessment: &Assessment) -> Vec<AskedQuestion> {
    let place: BTreeMap<&str, usize> = assessment.paragraphs.iter().enumerate().map(|(i, one)| (one.id.as_str(), i)).collect();
    let in_order = |ids: &BTreeSet<&str>| {
        let mut ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
        ids.sort_by_key(|id| place.get(id.as_str()).copied().unwrap_or(usize::MAX));
        ids
    };
    let mut asks: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut answers_under: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (paragraph, ask) in assessment.paragraphs.iter().flat_map(|paragraph| paragraph.asks.iter().map(move |ask| (paragraph, ask))) {
        for id in &ask.answered_by {
            asks.entry(id.as_str()).or_default().push(ask.id.clone());
            answers_under.entry(id.as_str()).or_default().insert(&paragraph.id);
        }
    }
    let (mut all, mut things) = (Vec::new(), BTreeMap::<&str, Thing<'_>>::new());
    for control in &assessment.controls {
        let paragraphs = control.paragraphs.iter().map(String::as_str);
        if let Some(question) = control.question() {
            all.push(AskedQuestion {
                id: control.id.clone(),
                paragraphs: in_order(
                    &paragraphs.clone().chain(answers_under.get(control.id.as_str()).into_iter().flatten().copied()).collect(),
                ),
                controls: vec![control.id.clone()],
                question: question.ask.clone(),
                answered_by: question.who.clone(),
                evidence_wanted: question.evidence.clone(),
                role: question.role,
                period: question.period.clone(),
                applies_when: question.applies_when.clone(),
                asks: asks.get(control.id.as_str()).cloned().unwrap_or_default(),
                how_often: question.how_often.clone().unwrap_or_else(|| "At least yearly".to_owned()),
                state: QuestionState::Open,
                file: None,
            });
        }
        for unseen in control.unseen().iter().filter(|unseen| unseen.asks_people()) {
            let thing = things.entry(&unseen.what).or_default();
            thing.unseen.get_or_insert(unseen);
            thing.controls.insert(&control.id);
            thing.paragraphs.extend(paragraphs.clone());
        }
    }
    for (what, thing) in things {
        let Some(unseen) = thing.unseen else { continue };
        all.push(AskedQuestion {
            id: unseen_id(what),
            paragraphs: in_order(&thing.paragraphs),
            controls: thing.controls.iter().map(|id| (*id).to_owned()).collect(),
            question: format!(
                "What can you say about {what}? It cannot be seen through the Kubernetes API: {}.",
                unseen.why.trim_end_matches('.')
            ),
            answered_by: who(&unseen.how_to_see),
            evidence_wanted: format!("What shows it, with date and author. {}", unseen.how_to_see),
            role: None,
            period: None,
            applies_when: None,
            asks: Vec::new(),
            how_often: "When it changes, and at least yearly".to_owned(),
            state: QuestionState::Open,
            file: None,
        });
    }
    let first = |question: &AskedQuestion| question.paragraphs.first().and_then(|id| place.get(id.as_str())).copied().unwrap_or(usize::MAX);
    all.sort_by(|a, b| (first(a), a.id.starts_with(UNSEEN_PREFIX), &a.id).cmp(&(first(b), b.id.starts_with(UNSEEN_PREFIX), &b.id)));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_of_what_was_not_seen() {
        let id = unseen_id("the Pod Security level in force in the namespace imaging");
        assert!(id.starts_with("unseen/the-pod-security-level-in-force-in-the-namespace"), "{id}");
        assert!(is_unseen_id(&id) && id.len() <= 7 + SLUG + 9, "{id}");
        assert_ne!(id, unseen_id("the Pod Security level in force in the namespace imagine"));
        for odd in ["", "---", "日本", "\u{1b}[1m", "../../etc"] {
            assert!(is_unseen_id(&unseen_id(odd)), "{odd:?}: {}", unseen_id(odd));
        }
        assert!(!is_unseen_id("unseen/x") && !is_unseen_id("unseen/../../x-12345678") && !is_unseen_id("pod/privileged-container"));
    }

    #[test]
    fn whom_to_ask_stands_in_the_advice() {
        assert_eq!(
            who("Ask whoever operates the control plane for the file of --encryption-provider-config, or read a Secret."),
            "Whoever operates the control plane"
        );
        assert_eq!(who("Ask who runs the storage with which key the volume is encrypted."), "Whoever runs the storage");
        assert_eq!(who("Ask the provider whether traffic between nodes is encrypted."), "The provider");
        assert_eq!(who("Ask for trafficEncryptionMode."), "The operators of the cluster");
        assert_eq!(who("Set the label."), "The operators of the cluster");
    }
}
