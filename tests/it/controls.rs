//! Every control of the built-in catalog: its cases, its documentation, and that nothing unseen ever becomes a pass.

use std::collections::{BTreeMap, BTreeSet};

use kube_hipaa::assess::{ResolvedScope, ScopeDeclaration, evaluate};
use kube_hipaa::catalog::{Case, Catalog, ControlKind, OverlayFile, OverlayFolder, Reach};
use kube_hipaa::cli::cases;
use kube_hipaa::facts::Tables;
use kube_hipaa::model::sources::{DECIDE_ONLY_THEIR_NAMESPACE, FOREIGN_POLICIES, GATEWAYS, NETWORK_POLICIES};
use kube_hipaa::model::{LeftOut, OutcomeWord, SourceId, SourceState, UnseenKind};
use kube_hipaa::snapshot::testing::Changed;
use serde_json::Value;

fn catalog() -> Catalog {
    Catalog::built_in().unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn every_case_comes_out_as_written() {
    let catalog = catalog();
    let mut wrong = Vec::new();
    for case in catalog.cases() {
        let result = cases::run(&catalog, case).expect("a case is a readable snapshot");
        if let Some(difference) = result.difference {
            wrong.push(format!("{}: {}: {difference}", result.control, result.name));
        }
    }
    assert!(wrong.is_empty(), "{} cases differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_check_has_cases_for_fail_pass_and_out_of_scope() {
    let catalog = catalog();
    let mut seen: BTreeMap<&str, BTreeSet<OutcomeWord>> = BTreeMap::new();
    for case in catalog.cases() {
        seen.entry(case.control_id()).or_default().insert(case.expect);
    }
    for control in catalog.controls() {
        let has = seen.get(control.id.as_str()).cloned().unwrap_or_default();
        match &control.kind {
            ControlKind::Manual(_) => assert!(has.is_empty(), "{}: a question has no cases", control.id),
            ControlKind::Check(check) => {
                let third = if check.table.always { OutcomeWord::NotAssessed } else { OutcomeWord::NotApplicable };
                for word in [OutcomeWord::Fail, OutcomeWord::Pass, third] {
                    assert!(has.contains(&word), "{}: no case expects {}", control.id, word.label());
                }
            }
        }
    }
    for id in seen.keys() {
        assert!(catalog.control(id).is_some(), "cases for a control that does not exist: {id}");
    }
}

/// Cases that are decided without what their table consults, whatever it says.
struct Decided {
    controls: &'static [&'static str],
    case: &'static str,
    without: &'static [&'static str],
    /// Why; nobody reads it but people.
    _why: &'static str,
}

/// Each has to be met.
const DECIDED: &[Decided] = &[
    Decided {
        controls: &["admission/policy-denies", "admission/policy-reach", "admission/webhook-escapable", "admission/webhook-fails-open"],
        case: "a name in front takes the namespace out",
        without: &["/flagz", "leases.coordination.k8s.io"],
        _why: "what is not asked there is not asked whichever plugins are on",
    },
    Decided {
        controls: &["admission/webhook-escapable", "admission/webhook-fails-open"],
        case: "the beginning of a name takes the namespace out",
        without: &["/flagz", "leases.coordination.k8s.io"],
        _why: "the same",
    },
    Decided {
        controls: &[
            "admission/mutation-left-out",
            "admission/policy-denies",
            "admission/policy-escapable",
            "admission/policy-fails-open",
            "admission/policy-reach",
            "admission/webhook-escapable",
            "admission/webhook-fails-open",
        ],
        case: "the plugin is switched off",
        without: &["leases.coordination.k8s.io"],
        _why: "one server that has it off is enough",
    },
    Decided {
        controls: &["network/node-traffic-encrypted"],
        case: "WireGuard for both families",
        without: &["pods"],
        _why: "what is on for both families is on for whichever the pods use",
    },
    Decided {
        controls: &["network/policies-enforced"],
        case: "settings of Cilium that were made beside its agents, a moment after them",
        without: &["pods"],
        _why: "no agent starts before the settings are there that it asks for",
    },
    Decided {
        controls: &["storage/backup-current"],
        case: "a resource policy that is not understood, and a backup of the schedule that shows the copy",
        without: &["configmaps"],
        _why: "the copy is seen, whatever the policy says",
    },
];

/// Take every case that passes or is out of scope, remove each source that its control needs, in each way in which a source can be
/// missing: the outcome must be neither pass nor not applicable.
#[test]
fn could_not_see_is_never_a_pass() {
    let catalog = catalog();
    let gone = "removed by the test".to_owned();
    let states = [
        SourceState::Forbidden { why: gone.clone() },
        SourceState::Partial { read: 0, why: gone.clone() },
        SourceState::Stale { why: gone.clone() },
        SourceState::Failed { why: gone.clone() },
        SourceState::NotRequested { why: gone },
    ];
    let mut tried = 0;
    let (mut wrong, mut met) = (Vec::new(), BTreeSet::new());
    for case in catalog.cases().iter().filter(|case| matches!(case.expect, OutcomeWord::Pass | OutcomeWord::NotApplicable)) {
        let control = catalog.control(case.control_id()).expect("cases belong to controls");
        let whole = cases::snapshot(case);
        let check = control.check().expect("cases belong to checks");
        // What is only consulted decides where it holds something.
        let held = |source: &&SourceId| whole.index().record(source).is_some_and(|record| record.state.count() > 0);
        let consulted = check.consulted().filter(held).cloned();
        let of_case = |decided: &&Decided| decided.controls.contains(&case.control_id()) && decided.case == case.name;
        let decided =
            |source: &SourceId| DECIDED.iter().filter(of_case).any(|decided| decided.without.contains(&source.to_string().as_str()));
        for source in check.sources().into_iter().chain(consulted) {
            if decided(&source) && !check.sources().contains(&source) {
                met.insert(format!("{}: {} without {source}", control.id, case.name));
                continue;
            }
            for state in &states {
                tried += 1;
                let without = whole.with_state(&source, state.clone());
                let (outcome, reasons) = cases::unseen_on(&catalog, case, &without).expect("readable").expect("exists");
                let at = || format!("{}: {} without {source} ({})", control.id, case.name, state.word());
                match outcome {
                    // Whoever runs it is told by exit code 4 that granting or repeating a read would help.
                    OutcomeWord::NotAssessed if !reasons.iter().any(|unseen| unseen.kind == UnseenKind::ReadFailed) => {
                        wrong.push(format!("{}: no failed read among the reasons: {reasons:?}", at()));
                    }
                    OutcomeWord::NotAssessed | OutcomeWord::Fail => {}
                    _ => wrong.push(format!("{}: {}", at(), outcome.label())),
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let exceptions = DECIDED.iter().flat_map(|decided| {
        let of = move |control| decided.without.iter().map(move |source| format!("{control}: {} without {source}", decided.case));
        decided.controls.iter().flat_map(of)
    });
    assert_eq!(met, exceptions.collect(), "every exception is met by a case");
    assert!(tried > 500, "only {tried} combinations were tried");
}

/// Groups whose network policies one engine acts on.
const OF_ONE_ENGINE: [&str; 6] =
    ["cilium.io", "crd.antrea.io", "crd.projectcalico.org", "k8s.ovn.org", "networking.k8s.aws", "projectcalico.org"];

/// An object that cannot be decoded, although its name is known.
fn odd(namespace: &str) -> String {
    format!(r#"{{"metadata":{{"name":"odd","namespace":"{namespace}","labels":[]}},"spec":7}}"#)
}

/// The first namespace that an object of a case is in, and that is not the system's.
fn namespace_of(case: &Case) -> &str {
    let mut all = case.objects.iter().filter_map(|object| object.pointer("/metadata/namespace")?.as_str());
    all.find(|name| !name.starts_with("kube-")).unwrap_or("odd")
}

/// What becomes of a case when an object of the source could not be stored.
fn outcome_without(catalog: &Catalog, case: &Case, source: &SourceId, namespace: &str) -> OutcomeWord {
    let object = LeftOut { namespace: Some(namespace.to_owned()), name: "odd".to_owned(), why: "its spec is none".to_owned() };
    // Every source of a case has a record once an object of it was there.
    let snapshot = cases::snapshot(case).with_left_out(source, object);
    cases::outcome_on(catalog, case, &snapshot).expect("readable").expect("exists")
}

/// Whoever may write a policy into one namespace must not be able to blind the view on another one; and where the engine does not run
/// that would act on it, a policy says nothing at all.
#[test]
fn an_odd_policy_reaches_as_far_as_it_could_have_decided() {
    let catalog = catalog();
    let calico = SourceId::group("crd.projectcalico.org", "networkpolicies");
    let cilium = SourceId::group("cilium.io", "ciliumclusterwidenetworkpolicies");
    let policies = SourceId::group("networking.k8s.io", "networkpolicies");
    let mut tried = 0;
    for case in catalog.cases().iter().filter(|case| case.expect == OutcomeWord::Pass) {
        if !["network/ingress-isolated", "network/egress-isolated", "network/default-deny-ingress"].contains(&case.control_id()) {
            continue;
        }
        if !case.objects.iter().any(|object| object.pointer("/metadata/name").and_then(Value::as_str) == Some("calico-node")) {
            continue;
        }
        let outcome = |source: &SourceId, object: &str| {
            cases::outcome_on(&catalog, case, &cases::snapshot_with(case, source, object)).expect("readable").expect("exists")
        };
        let here = namespace_of(case);
        assert_eq!(outcome(&calico, &odd(here)), OutcomeWord::NotAssessed, "{}: {}", case.control_id(), case.name);
        assert_eq!(outcome(&calico, r#"{"metadata":{"name":7}}"#), OutcomeWord::NotAssessed, "{}: {}", case.control_id(), case.name);
        for (source, namespace) in [(&calico, "elsewhere"), (&policies, "elsewhere"), (&cilium, here)] {
            assert_eq!(outcome(source, &odd(namespace)), OutcomeWord::Pass, "{}: {} {source}", case.control_id(), case.name);
        }
        // One that could not even be stored reaches as far; without a scope, every namespace counts as holding ePHI, and what was left out
        // of it is missing there.
        let scoped = Case { ephi: Some(vec![here.to_owned()]), ..case.clone() };
        let without = |source: &SourceId, namespace: &str| outcome_without(&catalog, &scoped, source, namespace);
        assert_eq!(without(&calico, here), OutcomeWord::NotAssessed, "{}: {}", case.control_id(), case.name);
        for (source, namespace) in [(&calico, "elsewhere"), (&policies, "elsewhere"), (&cilium, here)] {
            assert_eq!(without(source, namespace), OutcomeWord::Pass, "{}: {} {source}", case.control_id(), case.name);
        }
        tried += 1;
    }
    assert!(tried > 5, "only {tried} cases were tried");
}

/// What names a Service of another namespace may have been left out anywhere.
#[test]
fn what_was_left_out_may_have_led_elsewhere() {
    let catalog = catalog();
    let mut tried = 0;
    for case in catalog.cases().iter().filter(|case| case.expect == OutcomeWord::Pass) {
        let control = catalog.control(case.control_id()).expect("cases belong to controls");
        let check = control.check().expect("cases belong to checks");
        for source in check.table.left_out_anywhere().iter().filter(|source| check.sources().contains(source)) {
            let outcome = outcome_without(&catalog, case, source, "elsewhere");
            assert_eq!(outcome, OutcomeWord::NotAssessed, "{}: {} {source}", control.id, case.name);
            tried += 1;
        }
    }
    assert!(tried > 20, "only {tried} combinations were tried");
}

/// Tables in which what stands in one namespace decides about others on purpose, and why.
const REACH_ACROSS: &[(&str, &str)] = &[
    ("takeovers", "an identity of one namespace comes to others"),
    ("reach", "the same"),
    ("account_reach", "the same"),
    ("entrances", "routes and gateways of one namespace include those of others"),
    ("gateways", "the same"),
    ("ingresses", "controllers merge Ingresses of several namespaces"),
    ("published_workloads", "the same"),
    ("network_isolation", "peers are pods of other namespaces"),
    ("namespace_isolation", "the same"),
    ("webhooks", "the engine that answers is a workload of another namespace"),
    ("policy_engines", "the same"),
    ("volumes", "a volume without a namespace is claimed from any"),
];

/// Whoever may write an odd object into one namespace must not be able to blind the view on another one.
#[test]
fn an_odd_object_of_one_namespace_leaves_others_alone() {
    let catalog = catalog();
    let (mut tried, mut wrong) = (0, BTreeSet::new());
    let (mut tables, mut sources) = (BTreeSet::new(), BTreeSet::new());
    for case in catalog.cases().iter().filter(|case| case.expect == OutcomeWord::Pass) {
        let control = catalog.control(case.control_id()).expect("cases belong to controls");
        let check = control.check().expect("cases belong to checks");
        if check.reach != Reach::Ephi || REACH_ACROSS.iter().any(|(table, _)| *table == check.table.name) {
            continue;
        }
        // The case as one about one namespace.
        let here = case.ephi.as_ref().and_then(|all| all.first()).map_or_else(|| namespace_of(case), String::as_str).to_owned();
        let mut case = Case { ephi: Some(vec![here.clone()]), ..case.clone() };
        case.objects.push(
            serde_json::json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "elsewhere"}, "status": {"phase": "Active"}}),
        );
        let outcome = |snapshot: &kube_hipaa::snapshot::Snapshot| cases::outcome_on(&catalog, &case, snapshot).expect("readable");
        if outcome(&cases::snapshot(&case)) != Some(OutcomeWord::Pass) {
            continue;
        }
        let only_theirs = |source: &SourceId| DECIDE_ONLY_THEIR_NAMESPACE.contains(source);
        for source in check.sources().into_iter().filter(only_theirs) {
            let result = outcome(&cases::snapshot_with(&case, &source, &odd("elsewhere")));
            if result != Some(OutcomeWord::Pass) {
                wrong.insert(format!("{} ({}): an odd object of {source} elsewhere", control.id, check.table.name));
            }
            tried += 1;
            tables.insert(check.table.name);
            sources.insert(source.to_string());
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.into_iter().collect::<Vec<_>>().join("\n"));
    assert!(tried > 300 && tables.len() > 5 && sources.len() > 8, "only {tried} combinations of {tables:?} and {sources:?} were tried");
}

/// An object that cannot be decoded may be the one that violates the check.
#[test]
fn an_object_that_cannot_be_decoded_is_never_a_pass() {
    let catalog = catalog();
    let (mut tried, mut wrong) = (0, Vec::new());
    for case in catalog.cases().iter().filter(|case| case.expect == OutcomeWord::Pass) {
        let control = catalog.control(case.control_id()).expect("cases belong to controls");
        for source in control.check().expect("cases belong to checks").sources() {
            // Of policies of an engine that does not run, nobody makes anything: another test is about these.
            if source.is_url() || source.object().is_some() || OF_ONE_ENGINE.contains(&source.api_group()) {
                continue;
            }
            let place = case.ephi.as_ref().and_then(|namespaces| namespaces.first()).map_or_else(|| namespace_of(case), String::as_str);
            let outcome_with = |object: &str| {
                let broken = cases::snapshot_with(case, &source, object);
                cases::outcome_on(&catalog, case, &broken).expect("readable").expect("exists")
            };
            // A Gateway leads nowhere but where a route names it, and routes are sources of their own.
            let routed =
                |object: &Value| object["apiVersion"].as_str().is_some_and(|version| version.starts_with("gateway.networking.k8s.io/"));
            if control.id == "transmission/workload-in-the-clear" && source == GATEWAYS && !case.objects.iter().any(routed) {
                continue;
            }
            // Which networks a pod has beside the cluster's own, no policy decides.
            if control.id == "network/second-network" && (source == NETWORK_POLICIES || FOREIGN_POLICIES.contains(&source)) {
                continue;
            }
            for (how, outcome) in
                [("a broken object", outcome_with(&odd(place))), ("an object left out", outcome_without(&catalog, case, &source, place))]
            {
                if outcome != OutcomeWord::NotAssessed {
                    wrong.push(format!("{}: {} with {how} in {source}: {}", control.id, case.name, outcome.label()));
                }
            }
            tried += 1;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(tried > 50, "only {tried} combinations were tried");
}

/// Where nothing enforces policies, no rule is to blame.
#[test]
fn a_finding_says_that_nothing_enforces_policies() {
    let catalog = catalog();
    let mut tried = 0;
    for case in catalog.cases().iter().filter(|case| case.name == "nothing enforces the policies") {
        let tables = Tables::compute(&cases::snapshot(case)).expect("readable");
        let scope = ResolvedScope::new(&ScopeDeclaration::Default, tables.namespaces());
        let result = evaluate(&catalog, &tables, &scope).into_iter().find(|result| result.control.id == case.control_id());
        let findings = result.expect("it is there").conclusion.into_outcome().findings().to_vec();
        let why = "address: nothing enforces NetworkPolicies (Flannel: it connects pods and enforces no policies)";
        assert!(!findings.is_empty() && findings.iter().all(|finding| finding.statement.ends_with(why)), "{findings:?}");
        tried += 1;
    }
    assert_eq!(tried, 2, "cases of that name");
}

/// Whoever misspells a namespace has declared nothing: what holds ePHI was not looked at.
#[test]
fn a_misspelt_scope_is_never_a_pass() {
    let catalog = catalog();
    let mut tried = 0;
    for case in catalog.cases() {
        let control = catalog.control(case.control_id()).expect("cases belong to controls");
        if control.check().expect("cases belong to checks").reach != Reach::Ephi {
            continue;
        }
        let cluster = cases::snapshot(case);
        let misspelt = Case { ephi: Some(vec!["recrods".to_owned()]), ..case.clone() };
        let outcome = cases::outcome_on(&catalog, &misspelt, &cluster).expect("readable").expect("exists");
        let clean = matches!(outcome, OutcomeWord::Pass | OutcomeWord::NotApplicable);
        assert!(!clean, "{}: {} with a misspelt scope: {}", control.id, case.name, outcome.label());
        // A name that is right beside it does not help, and does not hide a finding.
        let records = Case { ephi: Some(vec!["records".to_owned()]), ..case.clone() };
        let expected = cases::outcome_on(&catalog, &records, &cases::snapshot(&records)).expect("readable").expect("exists");
        let both = Case { ephi: Some(vec!["records".to_owned(), "recrods".to_owned()]), ..case.clone() };
        let outcome = cases::outcome_on(&catalog, &both, &cases::snapshot(&records)).expect("readable").expect("exists");
        assert_eq!(outcome, if expected == OutcomeWord::Fail { OutcomeWord::Fail } else { OutcomeWord::NotAssessed }, "{}", case.name);
        tried += 1;
    }
    assert!(tried > 30, "only {tried} cases were tried");
}

/// Every control checks what some benchmark item asks, or says why none; and whatever the cluster, an item has a number and its version.
#[test]
fn every_control_has_items_of_a_benchmark_or_a_reason() {
    let catalog = catalog();
    let benchmarks = catalog.benchmarks().expect("built in");
    let mut shown = 0;
    for control in catalog.controls() {
        let mapped = !benchmarks.everything_of(&control.id).is_empty();
        assert_ne!(mapped, benchmarks.unmapped(&control.id).is_some(), "{}", control.id);
        let servers = (20..45).map(|minor| (Some(format!("v1.{minor}.0")), None));
        let managed = ["EKS", "GKE", "AKS", "OpenShift"].map(|name| (None, Some(name)));
        for (server, distribution) in servers.chain([(None, None)]).chain(managed) {
            let fitting = benchmarks.fitting(server.as_deref(), distribution).expect("there is always one");
            for item in fitting.items_of(&control.id) {
                shown += 1;
                assert!(mapped && item.framework == fitting.described.framework, "{}: {item:?}", control.id);
                assert!(item.id.contains('.') && !item.version.is_empty() && !item.about.is_empty(), "{}: {item:?}", control.id);
                assert_eq!(item.level.is_some(), distribution.is_none(), "{}: {item:?}", control.id);
                let named = item.version == fitting.described.version || fitting.described.why.contains(&item.version);
                assert!(named, "{}: {item:?} without a word on its version: {}", control.id, fitting.described.why);
            }
        }
    }
    assert!(shown > 500, "only {shown} numbers");
}

/// What nobody can see through the API does not make a run incomplete, however often it occurs.
#[test]
fn reasons_that_are_only_counted_keep_their_kind() {
    let text = "id: team/level\nversion: 1\nlifecycle: {status: stable, since: 0.1.0}\ntitle: T\nseverity: low\nseverity_because: S\n\
                over: namespaces\nscope: ephi\nrequire: \"row.enforce_effective == 'restricted'\"\nbecause: B\nfails: being open\n\
                finding: \"F {row.name}\"\nshow: [name]\nfix: X\nlimits: L\n";
    let file = OverlayFile { path: "team/level.yaml".to_owned(), text: text.to_owned() };
    let overlay = OverlayFolder { name: "own".to_owned(), shown: "own".to_owned(), files: vec![file] };
    let catalog = Catalog::load(&[overlay]).unwrap_or_else(|error| panic!("{error}"));
    let case = catalog.cases().first().expect("there are cases");
    let namespaces = (0..30).map(|i| format!("unlabelled-{i}")).collect();
    let snapshot = cases::snapshot(&Case { ephi: Some(namespaces), objects: Vec::new(), ..case.clone() });
    let tables = Tables::compute(&snapshot).expect("readable");
    let scope = ResolvedScope::new(&ScopeDeclaration::Default, tables.namespaces());
    let result = evaluate(&catalog, &tables, &scope).into_iter().find(|result| result.control.id == "team/level").expect("it is there");
    let outcome = result.conclusion.into_outcome();
    let unseen = outcome.unseen();
    assert!(unseen.iter().any(|unseen| unseen.what.starts_with("10 more rows")), "{unseen:?}");
    assert!(unseen.iter().all(|unseen| unseen.kind == UnseenKind::NotVisible), "{unseen:?}");
}
