use std::collections::BTreeSet;

use super::attached::{self, Attached};
use super::fields::{Fields, Place, Placed, Reading, shown};
use super::{Context, Value};
use crate::catalog::ControlKind;
use crate::model::{ACCESS_REVIEW, ReviewDecision, UNSEEN_PREFIX, is_unseen_id};

/// A file of `answers/`.
#[derive(Clone, Debug)]
pub struct AnswerFile {
    /// Its path below the workspace.
    pub path: String,
    /// The id of the question: a manual control, something that was not seen, or a control that was not assessed.
    pub question: String,
    /// The question as it was asked.
    pub asked: Option<String>,
    /// The answer; none while the file waits to be filled in.
    pub answered: Option<Answered>,
}

/// What somebody answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The answer.
    pub statement: String,
    /// Who answered: a name.
    pub name: String,
    /// As what.
    pub role: String,
    /// When: a date.
    pub on: String,
    /// The last day on which it holds: a date.
    pub until: String,
    /// Files that show it.
    pub evidence: Vec<Attached>,
    /// What shows it elsewhere: a ticket, a document.
    pub reference: Option<String>,
    /// Uid of the cluster whose access was reviewed.
    pub cluster_uid: Option<String>,
    /// What was decided of each access, where it is a review of access.
    pub review: Vec<ReviewedAccess>,
}

/// What was decided of one access.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReviewedAccess {
    /// Identity and binding in words, as the sheet shows them: `User jane` and `RoleBinding imaging/readers → ClusterRole view`.
    pub identity: String,
    /// The binding and the role.
    pub access: String,
    /// What it reached then, by id.
    pub reach: Vec<String>,
    /// Namespaces with ePHI in which it held then, `*` for the whole cluster; absent where nobody wrote it down.
    pub namespaces: Option<Vec<String>>,
    /// Digest of the rules of its role in words, as they were then; absent where nobody wrote it down.
    pub rules_sha256: Option<String>,
    /// Keep, change or remove.
    pub decision: ReviewDecision,
    /// Who decided.
    pub by: String,
    /// When: a date.
    pub on: String,
    /// Why, or how it is to be changed.
    pub note: Option<String>,
}

pub(super) fn read(path: &str, mut fields: Fields, reading: &mut Reading<'_>, context: &Context<'_>) -> Option<AnswerFile> {
    let question = fields.text("question", reading);
    let asked = fields.text("asked", reading).map(|asked| asked.value);
    let statement = fields.text("statement", reading);
    let (name, role) = person(&mut fields, reading);
    let on = fields.date("answered_on", reading);
    let until = fields.date("valid_until", reading);
    let evidence = attached::read(&mut fields, "evidence", reading, context);
    let reference = fields.text("reference", reading).map(|reference| reference.value);
    let cluster_uid = fields.text("cluster_uid", reading);
    let review = reviews(&mut fields, on.as_ref(), reading);
    let question = fields.needed(question, "question", reading);
    if let Some(question) = &question {
        known(question, reading, context);
        if !review.is_empty() && question.value != ACCESS_REVIEW {
            reading.wrong(
                question.place,
                format!("a `review` belongs to `{ACCESS_REVIEW}`; beside `{}` it does nothing", shown(&question.value)),
            );
        }
    }
    if let Some(uid) = cluster_uid.as_ref().filter(|_| review.is_empty()) {
        reading.wrong(uid.place, "`cluster_uid` says of which cluster a `review` is, and there is none");
    }
    // A file that waits for its answer says nothing beside the question.
    let says_more = name.is_some() || role.is_some() || on.is_some() || until.is_some() || !evidence.is_empty() || reference.is_some();
    let answered = match statement {
        None if !says_more && review.is_empty() => None,
        statement => {
            let statement = fields.needed(statement, "statement", reading);
            if name.is_none() && role.is_none() {
                reading.wrong(fields.place, "`answered_by` is missing: {name, role}");
            }
            let on = fields.needed(on, "answered_on", reading);
            let until = fields.needed(until, "valid_until", reading);
            ordered(on.as_ref(), until.as_ref(), ("answered_on", "valid_until"), reading);
            match (statement, name, role, on, until) {
                (Some(statement), Some(name), Some(role), Some(on), Some(until)) => {
                    let cluster_uid = cluster_uid.map(|uid| uid.value);
                    let (statement, on, until) = (statement.value, on.value, until.value);
                    Some(Answered { statement, name, role, on, until, evidence, reference, cluster_uid, review })
                }
                // What is missing has been said, so that nothing of this is used.
                _ => None,
            }
        }
    };
    fields.finish(reading);
    Some(AnswerFile { path: path.to_owned(), question: question?.value, asked, answered })
}

/// `answered_by: {name, role}`.
fn person(fields: &mut Fields, reading: &mut Reading<'_>) -> (Option<String>, Option<String>) {
    let Some(value) = fields.take("answered_by") else { return (None, None) };
    let Some(mut person) = reading.map(value, "`answered_by`") else { return (None, None) };
    let (name, role) = (person.text("name", reading), person.text("role", reading));
    // Both empty: it waits to be filled in.
    if name.is_some() || role.is_some() {
        person.needed(name.as_ref(), "name", reading);
        person.needed(role.as_ref(), "role", reading);
    }
    person.finish(reading);
    (name.map(|name| name.value), role.map(|role| role.value))
}

/// Whether a question can be one.
fn known(question: &Placed<String>, reading: &mut Reading<'_>, context: &Context<'_>) {
    let id = question.value.as_str();
    if id.starts_with(UNSEEN_PREFIX) {
        if !is_unseen_id(id) {
            reading.wrong(
                question.place,
                format!("`{}` is no id of something that was not seen; `kube-hipaa questions` lists them", shown(id)),
            );
        }
    } else if !context.every_id && context.catalog.control(id).is_none() {
        let manual = context.catalog.controls().iter().filter(|control| matches!(control.kind, ControlKind::Manual(_)));
        let manual: Vec<&str> = manual.map(|control| control.id.as_str()).collect();
        reading.wrong(
            question.place,
            format!(
                "there is no question `{}`; questions are {}, and what `kube-hipaa questions --from EVIDENCE` lists",
                shown(id),
                manual.join(", ")
            ),
        );
    }
}

/// A problem where the second day is before the first.
pub(super) fn ordered(first: Option<&Placed<String>>, second: Option<&Placed<String>>, names: (&str, &str), reading: &mut Reading<'_>) {
    if let (Some(first), Some(second)) = (first, second)
        && second.value < first.value
    {
        reading.wrong(second.place, format!("`{}` {} is before `{}` {}", names.1, second.value, names.0, first.value));
    }
}

/// The accesses of a review that was answered on a day, none twice.
fn reviews(fields: &mut Fields, answered_on: Option<&Placed<String>>, reading: &mut Reading<'_>) -> Vec<ReviewedAccess> {
    let Some(value) = fields.take("review") else { return Vec::new() };
    let (mut all, mut seen) = (Vec::new(), BTreeSet::new());
    for item in reading.list(value, "review") {
        let Some((one, place)) = reviewed(item, answered_on, reading) else { continue };
        if seen.insert((one.identity.clone(), one.access.clone())) {
            all.push(one);
        } else {
            reading.wrong(place, format!("{} by {} stands twice in `review`", shown(&one.identity), shown(&one.access)));
        }
    }
    all
}

/// One access of a review.
fn reviewed(value: Value, answered_on: Option<&Placed<String>>, reading: &mut Reading<'_>) -> Option<(ReviewedAccess, Place)> {
    let mut fields = reading.map(value, "an entry of `review`")?;
    let identity = fields.text("identity", reading);
    let access = fields.text("access", reading);
    let reach = fields.texts("reach", reading);
    // An empty list says that it held nowhere; only without the key nobody wrote it down.
    let is_written = fields.is_there("namespaces");
    let namespaces = fields.texts("namespaces", reading);
    let rules_sha256 = fields.text("rules_sha256", reading).map(|digest| digest.value);
    let decision = fields.text("decision", reading);
    let by = fields.text("by", reading);
    let on = fields.date("on", reading);
    let note = fields.text("note", reading).map(|note| note.value);
    let identity = fields.needed(identity, "identity", reading);
    let access = fields.needed(access, "access", reading);
    let decision = fields.needed(decision, "decision", reading);
    let by = fields.needed(by, "by", reading);
    let on = fields.needed(on, "on", reading);
    fields.finish(reading);
    if let (Some(answered), Some(on)) = (answered_on, &on)
        && on.value > answered.value
    {
        reading.wrong(on.place, format!("`on` {} is after `answered_on` {}", on.value, answered.value));
    }
    let decision = decision.and_then(|word| {
        let decision = ReviewDecision::from_word(&word.value);
        if decision.is_none() {
            reading.wrong(word.place, format!("`{}` is no decision; write keep, change or remove", shown(&word.value)));
        }
        decision
    });
    let identity = identity?;
    let one = ReviewedAccess {
        identity: identity.value,
        access: access?.value,
        reach: reach.into_iter().map(|id| id.value).collect(),
        namespaces: is_written.then(|| namespaces.into_iter().map(|name| name.value).collect()),
        rules_sha256,
        decision: decision?,
        by: by?.value,
        on: on?.value,
        note,
    };
    Some((one, identity.place))
}
