//! No workspace whatsoever changes what was observed.

use proptest::prelude::*;

use super::*;

pub(super) fn workspace(texts: Vec<(PeopleKind, String)>) -> Workspace {
    let named = |(number, (kind, text))| (kind, format!("{number}.yaml"), text);
    workspace_of(texts.into_iter().enumerate().map(named).collect())
}

/// The same, of files with these names.
pub(super) fn workspace_of(texts: Vec<(PeopleKind, String, String)>) -> Workspace {
    let texts: Vec<PeopleText> = texts
        .into_iter()
        .map(|(kind, name, text)| {
            let path = format!("{}/{name}", kind.folder());
            PeopleText { kind, shown: path.clone(), path, text }
        })
        .collect();
    let attached = BTreeMap::new();
    let context = PeopleContext {
        catalog: catalog(),
        framework: catalog().framework("hipaa").expect("built in"),
        attached: &attached,
        every_id: false,
        allow_missing: true,
    };
    let files = read_people(&texts, &context).unwrap_or_else(|problems| panic!("{problems:?}"));
    Workspace { files, ..Workspace::default() }
}

/// Everything of an assessment that was observed, without what people said.
fn observed(assessment: &Assessment) -> Value {
    let mut value = serde_json::to_value(assessment).expect("JSON");
    let object = value.as_object_mut().expect("an object");
    object.remove("people");
    object.remove("workspace");
    for control in object["controls"].as_array_mut().expect("a list") {
        control.as_object_mut().expect("an object").remove("answers");
        for finding in control["findings"].as_array_mut().expect("a list") {
            finding.as_object_mut().expect("an object").remove("waiver");
        }
    }
    for paragraph in object["paragraphs"].as_array_mut().expect("a list") {
        paragraph.as_object_mut().expect("an object").remove("disposition");
    }
    value
}

fn any_date() -> impl Strategy<Value = String> {
    (2020_i32..2035, 1_u32..=12, 1_u32..=28).prop_map(|(year, month, day)| format!("{year}-{month:02}-{day:02}"))
}

fn any_text() -> impl Strategy<Value = String> {
    // Quoted, it is a YAML text whatever it holds.
    "[^\u{0}-\u{1f}\u{7f}-\u{9f}\u{feff}\u{fffe}\u{ffff}]{0,40}".prop_map(|text| serde_json::Value::from(format!("x{text}")).to_string())
}

fn any_file() -> impl Strategy<Value = (PeopleKind, String)> {
    let asked: Vec<String> =
        questions(clinic()).into_iter().map(|one| one.id).chain(clinic().controls.iter().map(|one| one.id.clone())).collect();
    let fingerprints: Vec<String> = clinic().controls.iter().flat_map(|one| one.findings()).map(|one| one.fingerprint.clone()).collect();
    let controls: Vec<(String, Vec<String>)> =
        clinic().controls.iter().map(|one| (one.id.clone(), one.findings().iter().map(object).collect())).collect();
    let addressable: Vec<String> = clinic()
        .paragraphs
        .iter()
        .filter(|one| one.required == kube_hipaa::model::Implementation::Addressable)
        .map(|one| one.id.clone())
        .collect();
    let (date, text) = (any_date, any_text);
    let answer = (proptest::sample::select(asked), text(), text(), date(), date(), any::<bool>()).prop_map(|(question, statement, name, one, other, broken)| {
        let (on, until) = if one <= other { (one, other) } else { (other, one) };
        let evidence = if broken { "evidence: [{file: evidence/none}]\n" } else { "" };
        (PeopleKind::Answer, format!("question: {question}\nstatement: {statement}\nanswered_by: {{name: {name}, role: {name}}}\nanswered_on: {on}\nvalid_until: {until}\n{evidence}"))
    });
    let narrow = (proptest::sample::select(fingerprints), text(), text(), text(), date()).prop_map(
        |(fingerprint, reason, owner, approver, until)| {
            (
                PeopleKind::Waiver,
                format!("fingerprint: \"{fingerprint}\"\nreason: {reason}\nowner: {owner}\napproved_by: {approver}\nuntil: {until}\n"),
            )
        },
    );
    let wide = (proptest::sample::select(controls), any::<bool>(), text(), date()).prop_map(|((control, objects), wide, text, until)| {
        let objects = if wide || objects.is_empty() {
            String::new()
        } else {
            format!("objects: [{}]\n", serde_json::Value::from(objects[0].as_str()))
        };
        (PeopleKind::Waiver, format!("control: {control}\n{objects}reason: {text}\nowner: a\napproved_by: b\nuntil: {until}\n"))
    });
    let decision = (
        proptest::sample::select(addressable),
        proptest::sample::select(vec!["implemented", "alternative", "not_reasonable"]),
        text(),
        date(),
    )
        .prop_map(|(paragraph, decision, text, on)| {
            (
                PeopleKind::Disposition,
                format!("paragraph: {paragraph}\ndecision: {decision}\nrationale: {text}\ndecided_by: {text}\ndecided_on: {on}\n"),
            )
        });
    prop_oneof![answer, narrow, wide, decision]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever people hand in, what was observed stays what it is, to the last byte; and the whole is still an assessment that is read back.
    #[test]
    fn no_workspace_changes_what_was_observed(files in proptest::collection::vec(any_file(), 0..40)) {
        static BEFORE: OnceLock<Value> = OnceLock::new();
        let before = BEFORE.get_or_init(|| observed(clinic()));
        let workspace = workspace(files);
        let mut assessment = clinic().clone();
        lay_beside(&workspace, &mut assessment);
        prop_assert_eq!(&observed(&assessment), before);
        let people = assessment.people.as_ref().expect("laid beside");
        let counted = people.waivers.in_force + people.waivers.expired + people.waivers.unused + people.waivers.not_yet + people.waivers.not_effective;
        prop_assert_eq!(counted, workspace.files.waivers.len() as u64);
        prop_assert_eq!(people.asked.len() as u64, people.questions.answered + people.questions.expired + people.questions.open);
        // On no day that anybody knows, nothing is in force.
        let mut timeless = clinic().clone();
        timeless.collected.finished = "some day in November".to_owned();
        lay_beside(&workspace, &mut timeless);
        let then = timeless.people.as_ref().expect("laid beside");
        prop_assert_eq!((then.waivers.in_force, then.questions.answered), (0, 0));
        // Laid again, nothing is there twice.
        let once = serde_json::to_string(&assessment).expect("JSON");
        lay_beside(&workspace, &mut assessment);
        prop_assert_eq!(&serde_json::to_string(&assessment).expect("JSON"), &once);
        prop_assert!(kube_hipaa::report::json::read(once.as_bytes()).is_ok());
    }
}
