//! What changed, and why: nothing that is not seen is gone, nothing that was renamed is new, and every cause is the true one.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

use kube_hipaa::assess::{Declared, Input, ScopeDeclaration, assess};
use kube_hipaa::catalog::Catalog;
use kube_hipaa::facts::Computation;
use kube_hipaa::history::diff::{Again, Side, diff};
use kube_hipaa::model::*;
use kube_hipaa::report::time::{Look, diff as document};
use kube_hipaa::snapshot::Snapshot;
use kube_hipaa::snapshot::testing::Changed;
use serde_json::Value;

use crate::cli::{code, run_in, stderr, stdout};
use crate::support::sample_assessment::{hostile, sample};

fn catalog() -> &'static Catalog {
    static CATALOG: OnceLock<Catalog> = OnceLock::new();
    CATALOG.get_or_init(|| Catalog::built_in().expect("no problems"))
}

fn clinic() -> Snapshot {
    Snapshot::open(Path::new("examples/clinic-snapshot.zip")).expect("readable")
}

fn tool() -> ToolIdentity {
    ToolIdentity { name: "kube-hipaa".to_owned(), version: "0.0.0".to_owned(), commit: "test".to_owned() }
}

fn declared(namespaces: &[&str]) -> ScopeDeclaration {
    ScopeDeclaration::Declared {
        source: ScopeSource::Flags,
        namespaces: namespaces.iter().map(|name| (*name).to_owned()).collect(),
        selectors: Vec::new(),
        sha256: None,
        declared: Declared::default(),
    }
}

fn assessed(snapshot: &Snapshot, scope: &ScopeDeclaration) -> Assessment {
    let (catalog, index) = (catalog(), snapshot.index());
    let framework = catalog.framework("hipaa").expect("built in");
    let tables = Computation::begin(snapshot);
    assess(Input { index, index_sha256: snapshot.index_sha256(), tables, catalog, framework, scope, workspace: None, tool: tool() })
        .expect("readable")
}

fn between(old: &Assessment, new: &Assessment, again: Option<Again<'_>>) -> Diff {
    let side = |assessment| Side { kind: DiffKind::Assessment, bundle: None, assessment };
    diff(side(old), side(new), again, tool())
}

/// A waiver and an answer that end change what people said, and nothing that was found.
#[test]
fn what_people_say_otherwise_is_their_doing() {
    let snapshot = clinic();
    let before = assessed(&snapshot, &ScopeDeclaration::Default);
    let mut after = before.clone();
    let control = after.controls.iter_mut().find(|control| !control.findings().is_empty()).expect("the clinic has findings");
    let id = control.id.clone();
    let waiver = Waiver {
        file: "waivers/one.yaml".to_owned(),
        reason: "the vendor's image needs it".to_owned(),
        compensating: None,
        owner: "platform".to_owned(),
        approved_by: "security officer".to_owned(),
        from: None,
        until: "2027-06-30".to_owned(),
        state: WaiverState::InForce,
    };
    let Outcome::Fail(findings, _) = &mut control.outcome else { panic!("{id} has findings and does not fail") };
    let mut print = String::new();
    findings.each_mut(|finding| {
        finding.waiver = Some(std::sync::Arc::new(waiver.clone()));
        print.clone_from(&finding.fingerprint);
    });
    let said = between(&before, &after, None);
    let changed = said.controls.iter().find(|control| control.id == id).expect("it is there");
    let finding = changed.findings.iter().find(|finding| finding.fingerprint == print).expect("it is there");
    assert_eq!((finding.status, finding.cause), (DiffStatus::Changed, Some(DiffCause::People)));
    assert!(finding.values.iter().all(|value| value.what == "waiver") && finding.values.len() == 1, "{:?}", finding.values);
    assert_eq!(changed.causes, [DiffCause::People]);
    assert!(said.controls.iter().filter(|control| control.id != id).all(|control| control.causes.is_empty()));
}

/// Decisions and questions have their own list; a side without a workspace is told, and nothing is made of its silence.
#[test]
fn decisions_and_questions_are_compared_where_both_sides_have_a_workspace() {
    let mut before = assessed(&clinic(), &ScopeDeclaration::Default);
    let asked = |state| AskedQuestion {
        id: "manual/audit-log-review".to_owned(),
        question: "Who reads the <log>?".to_owned(),
        state,
        ..AskedQuestion::default()
    };
    let mut after = before.clone();
    let decision = Disposition {
        file: "dispositions/one.yaml".to_owned(),
        decision: Decision::Alternative,
        rationale: "the array encrypts".to_owned(),
        assessment: None,
        alternative: None,
        documents: Vec::new(),
        decided_by: "security official".to_owned(),
        decided_on: "2026-11-02".to_owned(),
        review_by: None,
        state: DispositionState::InForce,
    };
    after.paragraphs.last_mut().expect("paragraphs").disposition = Some(decision);
    after.people = Some(People { asked: vec![asked(QuestionState::Answered)], ..People::default() });
    let one_side = between(&before, &after, None);
    assert!(
        one_side.said.is_empty() && one_side.warnings.iter().any(|warning| warning.contains("old side was assessed without a workspace"))
    );

    before.people = Some(People { asked: vec![asked(QuestionState::Expired)], ..People::default() });
    let both = between(&before, &after, None);
    let said: Vec<_> = both.said.iter().map(|one| (one.kind, one.old.as_deref(), one.new.as_deref())).collect();
    let decided = "equivalent alternative (documented) by security official on 2026-11-02";
    assert_eq!(said, [(SaidKind::Question, Some("expired"), Some("answered")), (SaidKind::Decision, None, Some(decided))]);
    assert!(both.warnings.iter().all(|warning| !warning.contains("workspace")));
    let table = document::terminal(&both, Look { width: 100, color: false });
    assert!(table.contains("What people say otherwise (2)") && !table.contains("Nothing changed"), "{table}");
    let html = String::from_utf8(document::html(&both).expect("written")).expect("UTF-8");
    assert!(html.contains("Who reads the &lt;log&gt;?") && html.contains("not decided"), "{html}");
}

/// A paragraph that only one catalog has is told, from either side.
#[test]
fn a_paragraph_on_one_side_only_is_told() {
    let before = assessed(&clinic(), &ScopeDeclaration::Default);
    let mut after = before.clone();
    let only = after.paragraphs.remove(0);
    let said = between(&before, &after, None);
    let told: Vec<_> = said.paragraphs.iter().map(|one| (one.id.clone(), one.old, one.new)).collect();
    assert_eq!(told, [(only.id.clone(), Some(only.counts), None)]);
    let back = between(&after, &before, None);
    assert_eq!(back.paragraphs.iter().map(|one| (one.old, one.new)).collect::<Vec<_>>(), [(None, Some(only.counts))]);
}

#[test]
fn what_is_not_seen_any_more_is_never_gone() {
    let snapshot = clinic();
    let before = assessed(&snapshot, &ScopeDeclaration::Default);
    let mut unseen = 0;
    for (number, source) in [
        "pods",
        "deployments.apps",
        "rolebindings.rbac.authorization.k8s.io",
        "clusterroles.rbac.authorization.k8s.io",
        "services",
        "namespaces",
        "networkpolicies.networking.k8s.io",
        "replicasets.apps",
        "daemonsets.apps",
        "nodes",
        "ingresses.networking.k8s.io",
        "/flagz",
    ]
    .into_iter()
    .enumerate()
    {
        let id: SourceId = source.parse().expect("a source");
        let why = "as a test has it".to_owned();
        let states =
            [SourceState::Forbidden { why: why.clone() }, SourceState::Partial { read: 1, why: why.clone() }, SourceState::Failed { why }];
        let after = assessed(&snapshot.with_state(&id, states[number % 3].clone()), &ScopeDeclaration::Default);
        // In neither direction: what is seen again may have been called otherwise before.
        for (old, new) in [(&before, &after), (&after, &before)] {
            let found = between(old, new, None);
            let untrue = found
                .controls
                .iter()
                .flat_map(|control| &control.findings)
                .find(|finding| finding.status == DiffStatus::Gone || finding.cause == Some(DiffCause::Cluster));
            assert!(untrue.is_none(), "{source}: {untrue:?}");
        }
        let found = between(&before, &after, None);
        assert_eq!(found.method, DiffMethod::SameRules);
        for (_, finding) in found.findings(DiffStatus::NoLongerSeen) {
            assert_eq!(finding.cause, Some(DiffCause::Coverage), "{source}: {finding:?}");
            unseen += 1;
        }
        for control in found.moved() {
            assert!(control.causes.contains(&DiffCause::Coverage), "{source}: {control:?}");
            let is = control.new.as_ref().expect("the same catalog").outcome;
            assert!(!matches!(is, OutcomeWord::Pass | OutcomeWord::NotApplicable), "{source}: {} came out as {}", control.id, is.label());
        }
        assert!(found.warnings.iter().any(|warning| warning.contains("Less was seen than before")), "{source}: {:?}", found.warnings);
    }
    assert!(unseen > 20, "only {unseen} findings were lost from sight");
}

/// Every uid, resourceVersion and name that a controller makes is another: as after a rollout of everything.
fn rolled_out(snapshot: &Snapshot) -> (Snapshot, usize) {
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    let mut objects: BTreeMap<SourceId, Vec<String>> = BTreeMap::new();
    for record in &snapshot.index().sources {
        let lines: Vec<String> = snapshot.objects(&record.source).expect("readable").map(|stored| stored.expect("whole").json).collect();
        for line in &lines {
            let object: Value = serde_json::from_str(line).expect("JSON");
            let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
            let uid = text("/metadata/uid");
            if uid.len() == 36 {
                names.insert(uid.clone(), format!("0{}", &uid[1..]).replace('a', "b"));
            }
            let owned = object.pointer("/metadata/ownerReferences/0/controller") == Some(&Value::Bool(true));
            let node = text("/metadata/ownerReferences/0/kind") == "Node";
            if owned && !node && ["pods", "replicasets.apps", "jobs.batch"].contains(&record.source.to_string().as_str()) {
                let name = text("/metadata/name");
                // The last part is made anew; ordinals of StatefulSets stay.
                if let Some((stem, end)) = name.rsplit_once('-')
                    && end.parse::<u32>().is_err()
                {
                    names.insert(name.clone(), format!("{stem}-z9z{}", end.len()));
                }
            }
        }
        if !lines.is_empty() {
            objects.insert(record.source.clone(), lines);
        }
    }
    let renamed =
        |line: &String| names.iter().fold(line.clone(), |line, (old, new)| line.replace(&format!("\"{old}\""), &format!("\"{new}\"")));
    let objects = objects.iter().map(|(source, lines)| (source.clone(), lines.iter().map(renamed).collect())).collect();
    (Snapshot::in_memory(snapshot.index().clone(), objects), names.len())
}

#[test]
fn a_rollout_of_everything_changes_nothing() {
    let snapshot = clinic();
    let (other, renamed) = rolled_out(&snapshot);
    assert!(renamed > 100, "only {renamed} names and uids are others");
    let (old, new) = (assessed(&snapshot, &ScopeDeclaration::Default), assessed(&other, &ScopeDeclaration::Default));
    let found = between(&old, &new, None);
    let all = found.totals.findings;
    assert_eq!(
        (all.new, all.gone, all.changed, all.no_longer_seen),
        (0, 0, 0, 0),
        "{:?}",
        found.controls.iter().flat_map(|c| &c.findings).find(|f| f.status != DiffStatus::Same)
    );
    assert!(all.same > 50);
}

/// The one finding that is not as it was, or the only control.
fn causes(found: &Diff) -> Vec<(DiffStatus, DiffCause, bool)> {
    let moved = found.controls.iter().flat_map(|control| &control.findings).filter(|finding| finding.status != DiffStatus::Same);
    let mut all: Vec<_> = moved.map(|finding| (finding.status, finding.cause.expect("a cause"), finding.proven)).collect();
    all.sort();
    all.dedup();
    all
}

/// The clinic with one label taken off a namespace: the declaration is the same, and takes it no more.
#[test]
fn a_namespace_that_the_scope_takes_no_more_is_not_mended() {
    let snapshot = clinic();
    let by_label = |snapshot: &Snapshot| {
        let selector = "clinic.example/ephi=true".parse().expect("a selector");
        let scope = ScopeDeclaration::Declared {
            source: ScopeSource::Flags,
            namespaces: Vec::new(),
            selectors: vec![selector],
            sha256: None,
            declared: Declared::default(),
        };
        assessed(snapshot, &scope)
    };
    let without = |line: &str| {
        let mut namespace: Value = serde_json::from_str(line).expect("JSON");
        namespace["metadata"]["labels"].as_object_mut().expect("labels").remove("clinic.example/ephi");
        namespace.to_string()
    };
    let all = snapshot.objects(&sources::NAMESPACES).expect("readable").map(|stored| stored.expect("whole").json);
    let imaging = all.into_iter().find(|line| line.contains("\"name\":\"imaging\"")).expect("the clinic has it");
    let laid = BTreeMap::from([(sources::NAMESPACES, BTreeMap::from([((None, "imaging".to_owned()), Some(without(&imaging)))]))]);
    let unlabelled = snapshot.with_laid(laid, &BTreeMap::new());
    let (before, after) = (by_label(&snapshot), by_label(&unlabelled));
    assert_eq!(before.scope.sha256, after.scope.sha256);
    assert!(before.scope.ephi_namespaces.contains(&"imaging".to_owned()) && after.scope.other_namespaces.contains(&"imaging".to_owned()));
    let found = between(&before, &after, None);
    let gone: Vec<_> =
        found.findings(DiffStatus::Gone).iter().map(|(control, finding)| format!("{} {}", control.id, finding.statement)).collect();
    assert!(gone.is_empty(), "{gone:#?}");
    assert!(!found.findings(DiffStatus::NoLongerSeen).is_empty() && found.method == DiffMethod::Concluded);
    let names = before.scope.ephi_namespaces.iter().filter(|name| *name != "imaging").cloned().collect::<Vec<_>>();
    let again = assessed(&snapshot, &declared(&names.iter().map(String::as_str).collect::<Vec<_>>()));
    let proven = between(&before, &after, Some(Again { rules: &before, scope: &again }));
    assert!(proven.findings(DiffStatus::Gone).is_empty());
    let causes: std::collections::BTreeSet<_> =
        proven.findings(DiffStatus::NoLongerSeen).iter().filter_map(|(_, finding)| finding.cause).collect();
    assert_eq!(causes.into_iter().collect::<Vec<_>>(), [DiffCause::Scope]);
}

/// Another scope, with the old snapshot at hand and without: what comes and goes is no change of the cluster.
#[test]
fn another_scope_is_the_cause_of_what_it_brings() {
    let snapshot = clinic();
    let all = ScopeDeclaration::Default;
    let names: Vec<String> = assessed(&snapshot, &all).scope.ephi_namespaces;
    let few = declared(&[names[0].as_str()]);
    let (wide, narrow) = (assessed(&snapshot, &all), assessed(&snapshot, &few));
    let by_scope = |found: &Diff, appears: DiffStatus, proven: bool| {
        for (status, cause, sure) in causes(found) {
            assert!(status == appears || status == DiffStatus::Changed, "{status:?}");
            assert_eq!((cause, sure), (DiffCause::Scope, proven), "{status:?}");
        }
        assert!(!found.findings(appears).is_empty());
    };
    let lost = between(&wide, &narrow, None);
    by_scope(&lost, DiffStatus::NoLongerSeen, false);
    assert_eq!(lost.method, DiffMethod::Concluded);
    let proven = between(&wide, &narrow, Some(Again { rules: &wide, scope: &narrow }));
    by_scope(&proven, DiffStatus::NoLongerSeen, true);
    assert_eq!(proven.method, DiffMethod::AssessedAgain);
    let brought = between(&narrow, &wide, Some(Again { rules: &narrow, scope: &wide }));
    by_scope(&brought, DiffStatus::New, true);
    assert_eq!(brought.totals.findings.new, lost.totals.findings.no_longer_seen);
}

/// The first control of the sample that fails and was wholly seen, without its first finding.
fn without_one(assessment: &Assessment) -> (Assessment, usize, String) {
    let mut value = serde_json::to_value(assessment).expect("JSON");
    let controls = value["controls"].as_array_mut().expect("controls");
    let at = controls
        .iter()
        .position(|control| {
            control["outcome"] == "fail"
                && control["unseen"].as_array().is_some_and(Vec::is_empty)
                && control["unknown"] == 0
                && control["findings"].as_array().is_some_and(|findings| findings.len() > 1)
        })
        .expect("one that fails twice");
    let findings = controls[at]["findings"].as_array_mut().expect("findings");
    let gone = findings.remove(0)["fingerprint"].as_str().expect("text").to_owned();
    (serde_json::from_value(value).expect("an assessment"), at, gone)
}

fn status(found: &Diff, fingerprint: &str) -> (DiffStatus, Option<DiffCause>, bool) {
    let all = found.controls.iter().flat_map(|control| &control.findings);
    all.filter(|finding| finding.fingerprint == fingerprint)
        .map(|finding| (finding.status, finding.cause, finding.proven))
        .next()
        .expect("it is there")
}

#[test]
fn causes_are_concluded_from_what_each_side_says() {
    let old = sample();
    let (mended, at, gone) = without_one(&old);
    let cluster = between(&old, &mended, None);
    assert_eq!(status(&cluster, &gone), (DiffStatus::Gone, Some(DiffCause::Cluster), true));
    assert_eq!(status(&between(&mended, &old, None), &gone), (DiffStatus::New, Some(DiffCause::Cluster), true));
    assert_eq!((cluster.totals.findings.gone, cluster.totals.controls.changed), (1, 1));

    // Another version of the control.
    let mut raised = mended.clone();
    raised.controls[at].version += 1;
    raised.catalog.sha256 = "0".repeat(64);
    let found = between(&old, &raised, None);
    assert_eq!(status(&found, &gone), (DiffStatus::Gone, Some(DiffCause::Catalog), false));
    assert_eq!(found.versions.len(), 1);
    assert_eq!(found.method, DiffMethod::Concluded);

    // Assessing the old snapshot by the new rules shows that it is not they.
    let mut again = old.clone();
    again.controls[at].version += 1;
    again.catalog.sha256 = "0".repeat(64);
    let found = between(&old, &raised, Some(Again { rules: &again, scope: &again }));
    assert_eq!(status(&found, &gone), (DiffStatus::Gone, Some(DiffCause::Cluster), true));
    // Or that it is.
    let found = between(&old, &raised, Some(Again { rules: &raised, scope: &raised }));
    assert_eq!(status(&found, &gone), (DiffStatus::Gone, Some(DiffCause::Catalog), true));

    // A control that the new catalog does not have looked at nothing.
    let mut without = old.clone();
    without.controls.remove(at);
    assert_eq!(status(&between(&old, &without, None), &gone), (DiffStatus::NoLongerSeen, Some(DiffCause::Catalog), true));
    assert_eq!(status(&between(&without, &old, None), &gone), (DiffStatus::New, Some(DiffCause::Catalog), true));
}

#[test]
fn two_clusters_and_the_wrong_order_are_told() {
    let old = sample();
    let mut other = old.clone();
    other.cluster.uid = Some("another".to_owned());
    assert!(between(&old, &other, None).warnings.iter().any(|warning| warning.contains("two clusters")));
    let mut later = old.clone();
    later.collected.finished = "2999-01-01T00:00:00Z".to_owned();
    assert!(between(&later, &old, None).warnings.iter().any(|warning| warning.contains("collected after")));
    assert_eq!(between(&old, &old, None).warnings, Vec::<String>::new());
}

/// Hostile names in every document, and the same bytes again.
#[test]
fn documents_are_inert_and_the_same_again() {
    // What stands in the same places in both samples is another thing in this one.
    let text = serde_json::to_string(&hostile()).expect("JSON").replace("\"fingerprint\":\"", "\"fingerprint\":\"h");
    let (old, new): (Assessment, Assessment) = (sample(), serde_json::from_str(&text).expect("an assessment"));
    let found = between(&old, &new, None);
    assert!(found.totals.findings.new > 5 && found.totals.findings.no_longer_seen + found.totals.findings.gone > 5);
    let html = String::from_utf8(document::html(&found).expect("renders")).expect("UTF-8");
    let page = scraper::Html::parse_document(&html);
    for forbidden in ["script", "img", "iframe", "link", "object", "form"] {
        let selector = scraper::Selector::parse(forbidden).expect("a selector");
        assert_eq!(page.select(&selector).count(), 0, "{forbidden}");
    }
    for element in page.tree.values().filter_map(scraper::Node::as_element) {
        assert!(element.attrs().all(|(name, value)| !name.starts_with("on") && !value.contains("javascript:")), "{element:?}");
    }
    let markdown = String::from_utf8(document::markdown(&found).expect("renders")).expect("UTF-8");
    for event in pulldown_cmark::Parser::new_ext(&markdown, pulldown_cmark::Options::ENABLE_TABLES) {
        if let pulldown_cmark::Event::Html(text) | pulldown_cmark::Event::InlineHtml(text) = &event {
            assert!(text.trim().starts_with("<details>") || text.trim().starts_with("</details>"), "{text}");
        }
        assert!(
            !matches!(event, pulldown_cmark::Event::Start(pulldown_cmark::Tag::Link { .. } | pulldown_cmark::Tag::Image { .. })),
            "{event:?}"
        );
    }
    for width in [80, 120] {
        let text = document::terminal(&found, Look { width, color: false });
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()));
        let widest = text.lines().map(|line| line.chars().count()).max().unwrap_or(0);
        assert!(widest <= usize::from(width), "{widest} of {width}");
        assert!(text.contains("New (") && text.contains("· "), "{text}");
    }
    let json: Value = serde_json::from_slice(&document::json(&found)).expect("JSON");
    let schema = document::json_schema();
    let problems: Vec<String> =
        jsonschema::validator_for(&schema).expect("a schema").iter_errors(&json).map(|error| error.to_string()).collect();
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(document::html(&found).expect("renders"), document::html(&between(&old, &new, None)).expect("renders"));
}

/// Every kind of side, the gate, and the file.
#[test]
fn the_command_takes_all_four_kinds() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let demo = run_in(here, &["demo", "-q", "-o", "evidence"]);
    assert_eq!(code(&demo), 0, "{}", stderr(&demo));
    let bundle = run_in(here, &["bundle", "evidence", "-o", "bundle.zip"]);
    assert_eq!(code(&bundle), 0, "{}", stderr(&bundle));
    let other = run_in(here, &["assess", "evidence", "-q", "--ephi-namespace", "patient-records", "-o", "other"]);
    assert_eq!(code(&other), 0, "{}", stderr(&other));
    for side in ["evidence/assessment.json", "bundle.zip"] {
        let same = run_in(here, &["diff", "evidence", side]);
        assert_eq!(code(&same), 0, "{}", stderr(&same));
        assert!(stdout(&same).contains("Nothing changed."), "{}", stdout(&same));
    }
    // A snapshot is assessed with what the flags say.
    let same =
        run_in(here, &["diff", "evidence/snapshot", "bundle.zip", "--ephi-selector", "clinic.example/ephi=true", "--fail-on-new", "low"]);
    assert_eq!(code(&same), 0, "{}", stderr(&same));
    // The old side holds its snapshot, so that the cause is shown.
    let scope = run_in(here, &["diff", "bundle.zip", "other", "--format", "json"]);
    let found: Diff = serde_json::from_slice(&scope.stdout).unwrap();
    assert_eq!((found.method, found.old.kind), (DiffMethod::AssessedAgain, DiffKind::Bundle));
    assert!(
        causes(&found).iter().all(|(status, cause, sure)| *status != DiffStatus::Gone && *cause == DiffCause::Scope && *sure),
        "{:?}",
        causes(&found)
    );
    // What comes back is new, for the gate, too.
    let gate = |severity: &str| code(&run_in(here, &["diff", "other", "evidence", "--fail-on-new", severity]));
    assert_eq!((gate("low"), gate("medium")), (1, 1));
    // Into a file, by its ending; never over what is not ours.
    for (file, mark) in
        [("d.md", "# What changed"), ("d.html", "<!DOCTYPE html>"), ("d.json", "kube-hipaa/diff/v1"), ("d.txt", "Findings: ")]
    {
        let output = run_in(here, &["diff", "evidence", "other", "-o", file]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        assert!(std::fs::read_to_string(here.join(file)).unwrap().contains(mark), "{file}");
        assert_eq!(code(&run_in(here, &["diff", "evidence", "other", "-o", file])), 2, "{file}");
        let output = run_in(here, &["diff", "evidence", "other", "-o", file, "--force"]);
        assert_eq!(code(&output), 0, "{file}: {}", stderr(&output));
    }
    std::fs::write(here.join("mine.md"), "mine").unwrap();
    let refused = run_in(here, &["diff", "evidence", "other", "-o", "mine.md", "--force"]);
    assert_eq!((code(&refused), std::fs::read_to_string(here.join("mine.md")).unwrap().as_str()), (2, "mine"));
    // A bundle that was changed is no side.
    let mut bytes = std::fs::read(here.join("bundle.zip")).unwrap();
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    std::fs::write(here.join("changed.zip"), bytes).unwrap();
    let refused = run_in(here, &["diff", "evidence", "changed.zip"]);
    assert_eq!(code(&refused), 2);
    assert!(stderr(&refused).contains("is not what was sealed") && stderr(&refused).contains("kube-hipaa verify"), "{}", stderr(&refused));
}
