//! What a control says under `fix` works: on a live cluster a control finds an object, the fix is made, and the control finds it no more.

use crate::support::repairs;
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::ffi::OsStr;
use std::path::Path;
use std::time::Instant;

use kube_hipaa::catalog::Catalog;
use kube_hipaa::model::{Assessment, ControlResult, OutcomeWord, UnseenKind};
use serde_json::{Value, json};

use crate::support::control_plane::{Audit, ControlPlane, Encryption, Options};
use crate::support::program;
use crate::support::strategic::{at_path, patched};
use repairs::{Change, EPHI, Repair, SETTINGS, repairs};

type Proven = Result<(), Box<dyn Error>>;

/// Every setting that a control of the API server wants otherwise, in one server.
fn careless() -> Options {
    Options {
        api_server_flags: SETTINGS.iter().flat_map(|setting| setting.careless).map(|flag| (*flag).to_owned()).collect(),
        audit: Audit::Off,
        ..Options::default()
    }
}

const RETENTION: &str = "api-server/audit-retention";

/// A server that keeps what it writes into its audit log for a short time only.
fn forgetful() -> Options {
    let careless = SETTINGS.iter().filter(|setting| setting.control == RETENTION).flat_map(|setting| setting.careless);
    Options { api_server_flags: careless.map(|flag| (*flag).to_owned()).collect(), ..Options::default() }
}

/// The same server after the fixes.
fn careful() -> Options {
    Options {
        api_server_flags: SETTINGS.iter().flat_map(|setting| setting.fixed).map(|flag| (*flag).to_owned()).collect(),
        anonymous_auth: Some(false),
        encryption: Encryption::Secretbox,
        ..Options::default()
    }
}

fn scan(plane: &ControlPlane, ephi: &[&str]) -> Result<Assessment, Box<dyn Error>> {
    let scratch = tempfile::tempdir()?;
    scan_into(plane, ephi, &scratch.path().join("evidence"))
}

fn declared<'n>(ephi: &[&'n str]) -> Vec<&'n str> {
    ephi.iter().flat_map(|namespace| ["--ephi-namespace", namespace]).collect()
}

fn scan_into(plane: &ControlPlane, ephi: &[&str], folder: &Path) -> Result<Assessment, Box<dyn Error>> {
    let (code, assessment) = program::scan(&program::scanner(plane), folder, &declared(ephi));
    let unread: Vec<_> = assessment.coverage.iter().filter(|source| !source.state.is_complete()).collect();
    let undecided = assessment.controls.iter().flat_map(|control| control.unseen()).filter(|unseen| unseen.kind != UnseenKind::NotVisible);
    assert_eq!(code, Some(0), "{unread:?}, {:?}", undecided.collect::<Vec<_>>());
    Ok(assessment)
}

fn control<'a>(assessment: &'a Assessment, id: &str) -> &'a ControlResult {
    assessment.controls.iter().find(|control| control.id == id).unwrap_or_else(|| panic!("there is no control {id}"))
}

/// `Kind namespace/name` of every finding of a control.
fn found(control: &ControlResult) -> BTreeSet<String> {
    let place = |namespace: &Option<String>, name: &str| namespace.as_ref().map_or(name.to_owned(), |space| format!("{space}/{name}"));
    let subjects = control.findings().iter().map(|finding| &finding.subject);
    subjects.map(|subject| format!("{} {}", subject.kind, place(&subject.namespace, &subject.name))).collect()
}

/// Who is to be found by which control.
fn expected(repairs: &[Repair]) -> BTreeMap<&'static str, BTreeSet<String>> {
    let mut expected: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for repair in repairs {
        for control in repair.controls {
            expected.entry(control).or_default().insert(repair.subject.to_owned());
        }
    }
    expected
}

fn mend(plane: &ControlPlane, repair: &Repair) {
    for (method, path, body) in &repair.first {
        let (status, answer) = plane.api(method, path, body.as_ref());
        assert!((200..300).contains(&status), "{}: {method} {path}: {status} {answer}", repair.subject);
    }
    match &repair.change {
        Change::Patch(patch) => {
            plane.patch(repair.path, patch);
        }
        Change::First => {}
        Change::Restart(whole) => {
            let (status, answer) = plane.api("DELETE", &format!("{}?gracePeriodSeconds=0", repair.path), None);
            assert_eq!(status, 200, "{}: {answer}", repair.subject);
            plane.apply(&whole.to_string());
        }
    }
}

/// The fix of each repair as people would write it: the manifest that was applied, with what is to be changed in it.
fn manifests(repairs: &[Repair]) -> Vec<Value> {
    let mut all = Vec::new();
    for repair in repairs {
        for (method, path, body) in &repair.first {
            match body {
                Some(body) => all.push(body.clone()),
                None => {
                    assert_eq!(*method, "DELETE");
                    let mut gone = at_path(&repair.before, path).unwrap_or_else(|| panic!("{path} is not in its manifest")).clone();
                    gone["$patch"] = "delete".into();
                    all.push(gone);
                }
            }
        }
        match &repair.change {
            Change::Patch(patch) => {
                // A role that several repairs share stands with another of them.
                let befores = std::iter::once(repair).chain(repairs).map(|one| &one.before);
                let whole = befores.filter_map(|before| at_path(before, repair.path)).next();
                all.push(patched(whole.unwrap_or_else(|| panic!("{} is in no manifest", repair.path)), patch));
            }
            Change::First => {}
            Change::Restart(whole) => all.push(whole.clone()),
        }
    }
    all
}

/// The fixes laid over the snapshot from before them say of every control what the cluster says after them.
fn otherwise_by_what_if(
    repairs: &[Repair],
    evidence: &Path,
    before: &Assessment,
    after: &Assessment,
) -> Result<Vec<String>, Box<dyn Error>> {
    let place = evidence.parent().ok_or("a folder")?;
    let (file, out) = (place.join("fixes.json"), place.join("what-if"));
    std::fs::write(&file, serde_json::to_vec(&json!({"apiVersion": "v1", "kind": "List", "items": manifests(repairs)}))?)?;
    let mut arguments: Vec<&OsStr> =
        vec!["assess".as_ref(), evidence.as_ref(), "--with".as_ref(), file.as_ref(), "-q".as_ref(), "-o".as_ref(), out.as_ref()];
    arguments.extend(declared(&EPHI).into_iter().map(OsStr::new));
    let output = program::kube_hipaa(arguments);
    assert!(output.status.success(), "{}", program::said(&output));
    let supposed: Assessment = serde_json::from_slice(&std::fs::read(out.join("assessment.json"))?)?;
    assert!(supposed.hypothetical.is_some());
    let mut wrong = Vec::new();
    for is in &after.controls {
        let (was, said) = (control(before, &is.id), control(&supposed, &is.id));
        if (said.word(), found(said), said.examined) != (is.word(), found(is), is.examined) {
            wrong.push(format!(
                "{}: {} before; what if says {} and finds {:?} of {}, the cluster says {} and finds {:?} of {}",
                is.id,
                was.word().label(),
                said.word().label(),
                found(said).difference(&found(is)).collect::<Vec<_>>(),
                said.examined,
                is.word().label(),
                found(is).difference(&found(said)).collect::<Vec<_>>(),
                is.examined
            ));
        }
    }
    Ok(wrong)
}

#[test]
#[ignore = "needs the control plane: make test"]
#[expect(clippy::print_stderr, reason = "the numbers of the proof are for people, with --nocapture")]
fn what_a_control_says_under_fix_makes_it_pass() -> Proven {
    let begin = Instant::now();
    let repairs = repairs();
    let expected = expected(&repairs);
    let plane = ControlPlane::start(&careless());
    for repair in &repairs {
        plane.apply(&repair.before.to_string());
    }
    for (path, patch) in repairs.iter().flat_map(|repair| &repair.then) {
        plane.patch(path, patch);
    }
    let scratch = tempfile::tempdir()?;
    let evidence = scratch.path().join("evidence");
    let before = scan_into(&plane, &EPHI, &evidence)?;
    let mut wrong = Vec::new();
    for (id, expected) in &expected {
        let control = control(&before, id);
        if found(control) != *expected {
            wrong.push(format!("before the fix {id} finds {:?}, not {expected:?}", found(control)));
        }
    }
    repairs.iter().for_each(|repair| mend(&plane, repair));
    let after = scan(&plane, &EPHI)?;
    drop(plane);
    wrong.extend(otherwise_by_what_if(&repairs, &evidence, &before, &after)?);
    for id in expected.keys() {
        let (was, is) = (control(&before, id), control(&after, id));
        if !is_mended(is) || is.examined < was.examined {
            wrong.push(format!(
                "after the fix {id} says {} and finds {:?}; {} things are examined, {} were",
                is.word().label(),
                found(is),
                is.examined,
                was.examined
            ));
        }
    }
    let plane = ControlPlane::start(&forgetful());
    let short = scan(&plane, &[])?;
    drop(plane);
    let plane = ControlPlane::start(&careful());
    let settings = scan(&plane, &[])?;
    for setting in SETTINGS {
        let (was, is) = (control(&before, setting.control), control(&settings, setting.control));
        let was = match setting.control {
            // Where nothing is written, nothing is kept for too short a time.
            RETENTION if was.word() == OutcomeWord::NotApplicable => control(&short, RETENTION),
            _ => was,
        };
        if (was.word(), is.word()) != (OutcomeWord::Fail, OutcomeWord::Pass) {
            wrong.push(format!("{} says {} before and {} after the fix", setting.control, was.word().label(), is.word().label()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(expected.len() >= 30, "what if is proven for {} controls only", expected.len());
    eprintln!(
        "{} controls over {} objects and {} settings turned from fail to pass in {:.1} s",
        expected.len() + SETTINGS.len(),
        repairs.len(),
        SETTINGS.len(),
        begin.elapsed().as_secs_f32()
    );
    Ok(())
}

/// Keys that only say which thing is meant.
const NAMES: [&str; 13] = [
    "name",
    "namespace",
    "kind",
    "apiGroup",
    "apiGroups",
    "verbs",
    "secretName",
    "mountPath",
    "image",
    "key",
    "containerPort",
    "$patch",
    "resources",
];

/// The field and the value of each leaf of a patch.
fn leaves(patch: &Value, key: &str, into: &mut Vec<(String, String)>) {
    match patch {
        Value::Object(fields) if !fields.is_empty() => fields.iter().for_each(|(key, value)| leaves(value, key, into)),
        Value::Array(items) if items.iter().any(Value::is_object) => items.iter().for_each(|item| leaves(item, key, into)),
        value => into.push((key.to_owned(), value.as_bool().map_or_else(String::new, |flag| flag.to_string()))),
    }
}

/// The patches above are those that the catalog tells people to make: every field of a patch stands in the text of `fix`.
#[test]
fn the_fixes_that_are_proven_are_those_that_are_written() -> Proven {
    let catalog = Catalog::built_in()?;
    let fix = |id: &str| catalog.control(id).map(|control| control.fix.clone()).ok_or(format!("there is no control {id}"));
    let mut proven = BTreeSet::new();
    for repair in repairs() {
        let mut fields = Vec::new();
        if let Change::Patch(patch) = &repair.change {
            leaves(patch, "", &mut fields);
            assert!(!fields.is_empty(), "{}: an empty patch", repair.subject);
        }
        fields.retain(|(key, _)| !NAMES.contains(&key.as_str()));
        let texts: Vec<String> = repair.controls.iter().map(|id| fix(id)).collect::<Result<_, _>>()?;
        let says = |text: &str, (key, value): &(String, String)| text.contains(key) && text.contains(value);
        for field in &fields {
            assert!(texts.iter().any(|text| says(text, field)), "{}: no `fix` tells people to set {field:?}: {texts:?}", repair.subject);
        }
        for (id, text) in repair.controls.iter().zip(&texts) {
            proven.insert(*id);
            assert!(
                fields.is_empty() || fields.iter().any(|field| says(text, field)),
                "{id}: nothing of the patch stands in `fix`: {text}"
            );
        }
    }
    for setting in SETTINGS {
        proven.insert(setting.control);
        let text = fix(setting.control)?;
        for flag in setting.fixed.iter().chain(setting.otherwise) {
            assert!(text.contains(flag), "{}: `fix` does not tell people to set {flag}: {text}", setting.control);
        }
    }
    assert!(proven.len() >= 20, "only {} fixes are proven", proven.len());
    Ok(())
}

/// Since Kubernetes 1.24 an account does not list what holds its tokens: where none is found, nothing is known.
fn is_mended(control: &ControlResult) -> bool {
    let said = |why: &str| why.contains("Kubernetes 1.24");
    let unknown = control.id == "service-account/legacy-token" && control.word() == OutcomeWord::NotAssessed;
    control.word() == OutcomeWord::Pass || unknown && control.unseen().iter().all(|unseen| said(&unseen.why))
}
