use super::Context;
use super::answer::ordered;
use super::fields::{Fields, Placed, Reading, shown};

/// A file of `waivers/`: somebody lives with a finding for a time.
#[derive(Clone, Debug)]
pub struct WaiverFile {
    /// Its path below the workspace.
    pub path: String,
    /// The control; not set where the fingerprint alone says which finding.
    pub control: Option<String>,
    /// One finding.
    pub fingerprint: Option<String>,
    /// Objects as `KIND/NAMESPACE/NAME` or `KIND/NAME`. Without these and without a fingerprint it is about the whole cluster.
    pub objects: Vec<String>,
    /// What the findings said when they were accepted; empty where nobody wrote it down.
    pub statements: Vec<String>,
    /// Why.
    pub reason: String,
    /// What is done in its place.
    pub compensating: Option<String>,
    /// Who answers for the risk.
    pub owner: String,
    /// Who approved it.
    pub approved_by: String,
    /// The first day on which it holds.
    pub from: Option<String>,
    /// The last.
    pub until: String,
}

/// Whether it is a fingerprint of a finding.
pub(super) fn is_fingerprint(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

pub(super) fn read(path: &str, mut fields: Fields, reading: &mut Reading<'_>, context: &Context<'_>) -> Option<WaiverFile> {
    let control = fields.text("control", reading);
    let fingerprint = fields.text("fingerprint", reading);
    let objects = fields.texts("objects", reading);
    let statements = fields.one_or_more("statement", reading);
    let reason = fields.text("reason", reading);
    let compensating = fields.text("compensating", reading).map(|text| text.value);
    let owner = fields.text("owner", reading);
    let approved_by = fields.text("approved_by", reading);
    let from = fields.date("from", reading);
    let until = fields.date("until", reading);
    let reason = fields.needed(reason, "reason", reading);
    let owner = fields.needed(owner, "owner", reading);
    let approved_by = fields.needed(approved_by, "approved_by", reading);
    let until = fields.needed(until, "until", reading);
    if control.is_none() && fingerprint.is_none() {
        reading.wrong(fields.place, "`control` is missing, or the `fingerprint` of one finding");
    }
    if let Some(first) = statements.first().filter(|_| fingerprint.is_none() && objects.is_empty()) {
        reading
            .wrong(first.place, "`statement` says what one finding, or those of named objects, said; name the `fingerprint` or `objects`");
    }
    fields.finish(reading);
    ordered(from.as_ref(), until.as_ref(), ("from", "until"), reading);
    if let Some(control) = control.as_ref().filter(|control| !context.every_id && context.catalog.control(&control.value).is_none()) {
        unknown_control(control, reading, context);
    }
    if let Some(other) = fingerprint.as_ref().filter(|text| !is_fingerprint(&text.value)) {
        reading.wrong(
            other.place,
            format!("`{}` is no fingerprint: 16 lower-case hex digits, as assessment.json has them", shown(&other.value)),
        );
    }
    if let (Some(_), Some(first)) = (&fingerprint, objects.first()) {
        reading.wrong(first.place, "a fingerprint stands for one finding with its object; `objects` beside it does nothing");
    }
    for object in objects.iter().filter(|object| !(2..=3).contains(&object.value.splitn(3, '/').filter(|part| !part.is_empty()).count())) {
        reading.wrong(
            object.place,
            format!("`{}` is no object: write KIND/NAMESPACE/NAME, or KIND/NAME where it is in no namespace", shown(&object.value)),
        );
    }
    Some(WaiverFile {
        path: path.to_owned(),
        control: control.map(|control| control.value),
        fingerprint: fingerprint.map(|text| text.value),
        objects: objects.into_iter().map(|object| object.value).collect(),
        statements: statements.into_iter().map(|text| text.value).collect(),
        reason: reason?.value,
        compensating,
        owner: owner?.value,
        approved_by: approved_by?.value,
        from: from.map(|date| date.value),
        until: until?.value,
    })
}

fn unknown_control(control: &Placed<String>, reading: &mut Reading<'_>, context: &Context<'_>) {
    let near = context.catalog.controls().iter().map(|known| (strsim::osa_distance(&known.id, &control.value), known.id.as_str())).min();
    let meant = match near {
        Some((distance, id)) if distance <= 4 => format!("; did you mean `{id}`?"),
        _ => "; `kube-hipaa controls list` names them".to_owned(),
    };
    reading.wrong(control.place, format!("there is no control `{}`{meant}", shown(&control.value)));
}
