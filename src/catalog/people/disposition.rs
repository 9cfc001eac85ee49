use super::Context;
use super::answer::ordered;
use super::attached::{self, Attached};
use super::fields::{Fields, Reading, shown};
use crate::model::{Decision, Implementation};

/// A file of `dispositions/`: what was decided about an addressable specification (45 CFR 164.306(d)(3)).
#[derive(Clone, Debug)]
pub struct DispositionFile {
    /// Its path below the workspace.
    pub path: String,
    /// The paragraph.
    pub paragraph: String,
    /// What was decided.
    pub decision: Decision,
    /// Why.
    pub rationale: String,
    /// What was weighed: whether the specification is reasonable and appropriate in this environment (45 CFR 164.306(d)(3)(i)).
    pub assessment: Option<String>,
    /// The equivalent measure that takes its place (45 CFR 164.306(d)(3)(ii)(B)(2)).
    pub alternative: Option<String>,
    /// Files that show it.
    pub documents: Vec<Attached>,
    /// Who decided.
    pub decided_by: String,
    /// When.
    pub decided_on: String,
    /// When it is to be looked at again.
    pub review_by: Option<String>,
}

pub(super) fn read(path: &str, mut fields: Fields, reading: &mut Reading<'_>, context: &Context<'_>) -> Option<DispositionFile> {
    let paragraph = fields.text("paragraph", reading);
    let decision = fields.text("decision", reading);
    let rationale = fields.text("rationale", reading);
    let (assessment, alternative) = (fields.text("assessment", reading), fields.text("alternative", reading));
    let documents = attached::read(&mut fields, "documents", reading, context);
    let decided_by = fields.text("decided_by", reading);
    let decided_on = fields.date("decided_on", reading);
    let review_by = fields.date("review_by", reading);
    let paragraph = fields.needed(paragraph, "paragraph", reading);
    let decision = fields.needed(decision, "decision", reading);
    let rationale = fields.needed(rationale, "rationale", reading);
    let decided_by = fields.needed(decided_by, "decided_by", reading);
    let decided_on = fields.needed(decided_on, "decided_on", reading);
    fields.finish(reading);
    ordered(decided_on.as_ref(), review_by.as_ref(), ("decided_on", "review_by"), reading);
    if let Some(paragraph) = &paragraph
        && let Some(why) = not_addressable(&paragraph.value, context)
    {
        reading.wrong(paragraph.place, why);
    }
    let decision = decision.and_then(|word| {
        let decision = Decision::from_word(&word.value);
        if decision.is_none() {
            reading.wrong(word.place, format!("`{}` is no decision; write implemented, alternative or not_reasonable", shown(&word.value)));
        }
        decision
    });
    if let (Some(alternative), Some(Decision::Implemented | Decision::NotReasonable)) = (&alternative, decision) {
        reading
            .wrong(alternative.place, "`alternative` is what takes the place of the specification, so the decision is to be `alternative`");
    }
    Some(DispositionFile {
        path: path.to_owned(),
        paragraph: paragraph?.value,
        decision: decision?,
        rationale: rationale?.value,
        assessment: assessment.map(|text| text.value),
        alternative: alternative.map(|text| text.value),
        documents,
        decided_by: decided_by?.value,
        decided_on: decided_on?.value,
        review_by: review_by.map(|date| date.value),
    })
}

/// Why nothing is to be decided about a paragraph; `None` where there is.
pub(super) fn not_addressable(id: &str, context: &Context<'_>) -> Option<String> {
    let Some(paragraph) = context.framework.paragraphs.iter().find(|paragraph| paragraph.id.value == id) else {
        let addressable = context.framework.paragraphs.iter().filter(|paragraph| paragraph.required == Implementation::Addressable);
        let near = addressable.map(|paragraph| (strsim::osa_distance(&paragraph.id.value, id), paragraph.id.value.as_str())).min();
        let meant = near.map(|(_, id)| format!("; did you mean `{id}`?")).unwrap_or_default();
        return Some(format!("there is no paragraph `{}`{meant}", shown(id)));
    };
    match paragraph.required {
        Implementation::Addressable => None,
        Implementation::Required => Some(format!("{id} is required: nothing is decided about it (45 CFR 164.306(d)(2))")),
        Implementation::BySpecification => Some(format!("{id} is a standard: decisions are taken about its addressable specifications")),
    }
}
