//! What is handed in is worth what it says about what is there now, and no more.

use kube_hipaa::model::{AnswerState, DispositionState, People, PeopleProblemKind, QuestionState, WaiverState};

use super::properties::{workspace, workspace_of};
use super::*;

fn answer(question: &str, on: &str, until: &str, more: &str) -> String {
    format!("question: {question}\nstatement: s {on}\nanswered_by: {{name: a, role: r}}\nanswered_on: {on}\nvalid_until: {until}\n{more}")
}

/// The clinic with a workspace laid beside.
fn laid(workspace: &Workspace) -> Assessment {
    let mut assessment = clinic().clone();
    lay_beside(workspace, &mut assessment);
    assessment
}

fn people(assessment: &Assessment) -> &People {
    assessment.people.as_ref().expect("laid beside")
}

/// What is wrong of one kind, as file and sentence.
fn wrong(assessment: &Assessment, kind: PeopleProblemKind) -> Vec<(String, String)> {
    people(assessment).problems.iter().filter(|one| one.kind == kind).map(|one| (one.file.clone(), one.what.clone())).collect()
}

#[test]
fn an_answer_about_a_control_counts_for_that_control_only() {
    let shared = questions(clinic()).into_iter().find(|one| one.id.starts_with("unseen/") && one.controls.len() > 1);
    let shared = shared.expect("several controls lack one thing");
    let (past, before, day, until) = (in_years(-1), in_years(-2), day(), in_years(1));
    let state = |texts: Vec<(PeopleKind, String)>| {
        let assessment = laid(&workspace(texts));
        let question = people(&assessment).asked.iter().find(|one| one.id == shared.id).cloned().expect("asked");
        (question.state, question.file, wrong(&assessment, PeopleProblemKind::Expired).len())
    };
    let each = |first: &str| {
        let ended = (PeopleKind::Answer, answer(&shared.controls[0], &before, first, ""));
        let good = shared.controls[1..].iter().map(|control| (PeopleKind::Answer, answer(control, &day, &until, "")));
        [ended].into_iter().chain(good).collect::<Vec<_>>()
    };
    assert_eq!(state(each(&past)), (QuestionState::Expired, Some("answers/0.yaml".to_owned()), 1), "the worst one decides");
    assert_eq!(state(each(&until)).0, QuestionState::Answered);
    assert_eq!(state(each(&until)[1..].to_vec()).0, QuestionState::Open, "one control is left without an answer");
    let direct = (PeopleKind::Answer, answer(&shared.id, &day, &until, ""));
    assert_eq!(state([each(&past), vec![direct]].concat()).0, QuestionState::Answered, "the thing itself was answered for");
}

#[test]
fn a_waiver_does_not_follow_a_finding_that_becomes_another() {
    let finding = first_finding(PRIVILEGED);
    let (day, until) = (day(), in_years(1));
    let waiver = |about: &str, statement: &str| {
        let statement = serde_json::Value::from(statement);
        let text = format!("{about}statement: {statement}\nreason: r\nowner: a\napproved_by: b\nfrom: {day}\nuntil: {until}\n");
        (PeopleKind::Waiver, text)
    };
    let by_object = format!("control: {PRIVILEGED}\nobjects: [{}]\n", object(finding));
    for about in [format!("fingerprint: \"{}\"\n", finding.fingerprint), by_object] {
        let holds = laid(&workspace(vec![waiver(&about, &finding.statement)]));
        assert_eq!((people(&holds).waivers.in_force, wrong(&holds, PeopleProblemKind::Outgrown)), (1, Vec::new()), "{about}");
        let grown = laid(&workspace(vec![waiver(&about, "something smaller")]));
        assert_eq!((people(&grown).waivers.in_force, people(&grown).waivers.not_effective), (0, 1), "{about}");
        let said = wrong(&grown, PeopleProblemKind::Outgrown);
        assert!(said[0].1.contains("something smaller") && said[0].1.contains(&finding.statement), "{said:?}");
        let findings = grown.controls.iter().flat_map(|control| control.findings());
        let states: Vec<WaiverState> = findings.filter_map(|one| one.waiver.as_ref()).map(|waiver| waiver.state).collect();
        assert!(!states.is_empty() && states.iter().all(|state| *state == WaiverState::NotEffective), "{states:?}");
    }
    // The command writes what is accepted, and a list where one object has several findings.
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    std::fs::create_dir(here.join("hipaa")).expect("made");
    let snapshot = snapshot_path().display().to_string();
    let said = ["--reason", "r", "--owner", "O. Ne", "--approved-by", "o ne", "--starting", &day, "--until", &until];
    let output = run_in(here, &[&["waive", &finding.fingerprint, "-w", "hipaa", "--from", &snapshot][..], &said].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(stderr(&output).contains("note: its owner approved it"), "{}", stderr(&output));
    let written = files(&here.join("hipaa/waivers")).into_values().next().expect("written");
    assert!(String::from_utf8_lossy(&written).contains("\nstatement: \""), "{}", String::from_utf8_lossy(&written));
}

/// The review of everything that the clinic holds, with one decision.
fn review(decision: &str, with: &str, on: &str) -> String {
    let list = clinic().exhibits.accesses.as_ref().expect("computed");
    let mut text = format!("{with}review:\n");
    for one in &list.accesses {
        let json = |items: &[String]| serde_json::to_string(items).expect("JSON");
        let places = if one.everywhere { vec!["*".to_owned()] } else { one.ephi_namespaces.clone() };
        text.push_str(&format!(
            "- {{identity: {:?}, access: {:?}, reach: {}, namespaces: {}, decision: {decision}, by: b, on: {on}}}\n",
            one.identity,
            one.access,
            json(&one.reach),
            json(&places)
        ));
    }
    text
}

fn of_this_cluster() -> String {
    format!("cluster_uid: {:?}\n", clinic().cluster.uid.as_ref().expect("read"))
}

#[test]
fn an_access_that_grew_is_not_what_was_reviewed() {
    let (day, until) = (day(), in_years(1));
    let with = |decision: &str, now: &mut dyn FnMut(&mut kube_hipaa::model::Access)| {
        let text = answer("manual/access-review", &day, &until, &review(decision, &of_this_cluster(), &day));
        let mut assessment = clinic().clone();
        let list = assessment.exhibits.accesses.as_mut().expect("computed");
        list.unseen.clear();
        let place = list.accesses.iter().position(|one| !one.everywhere && !one.reach.is_empty()).expect("one in a namespace");
        now(&mut list.accesses[place]);
        lay_beside(&workspace(vec![(PeopleKind::Answer, text)]), &mut assessment);
        assessment
    };
    let counts = |assessment: &Assessment| {
        let review = people(assessment).access_review.as_ref().expect("a review");
        (review.grown.len(), review.unchanged.len(), wrong(assessment, PeopleProblemKind::Grown).len())
    };
    let all = clinic().exhibits.accesses.as_ref().expect("computed").accesses.len();
    assert_eq!(counts(&with("keep", &mut |_| {})), (0, 0, 0));
    assert_eq!(counts(&with("change", &mut |_| {})), (0, all, 0));
    for decision in ["keep", "change"] {
        let unchanged = if decision == "change" { all } else { 0 };
        assert_eq!(counts(&with(decision, &mut |one| one.reach.push("everything".to_owned()))), (1, unchanged, 1), "{decision}: reach");
        assert_eq!(counts(&with(decision, &mut |one| one.ephi_namespaces.push("zz".to_owned()))), (1, unchanged, 1), "{decision}: a place");
        let everywhere = with(decision, &mut |one| one.everywhere = true);
        assert_eq!(counts(&everywhere), (1, unchanged, 1), "{decision}: everywhere");
        assert!(wrong(&everywhere, PeopleProblemKind::Grown)[0].1.contains("in the whole cluster"));
    }
    // One part less and another more is no change for the less.
    let other = with("change", &mut |one| one.reach = vec!["something-else".to_owned()]);
    assert_eq!(counts(&other), (1, all, 1));
    let less = with("change", &mut |one| one.reach.clear());
    assert_eq!(counts(&less), (0, all - 1, 0), "less than what was reviewed is what was asked for");
}

#[test]
fn what_a_role_grants_is_part_of_what_was_reviewed() {
    let (day, until) = (day(), in_years(1));
    let list = clinic().exhibits.accesses.as_ref().expect("computed");
    let one = list.accesses.iter().find(|one| !one.rules.is_empty()).expect("a role with rules");
    let reviewed = |digest: &str| {
        let text = format!(
            "{}review:\n- {{identity: {:?}, access: {:?}, reach: {}, rules_sha256: {digest:?}, decision: keep, by: b, on: {day}}}\n",
            of_this_cluster(),
            one.identity,
            one.access,
            serde_json::to_string(&one.reach).expect("JSON")
        );
        let assessment = laid(&workspace(vec![(PeopleKind::Answer, answer("manual/access-review", &day, &until, &text))]));
        wrong(&assessment, PeopleProblemKind::Grown)
    };
    assert_eq!(reviewed(&kube_hipaa::digest::sha256_hex(one.rules.join("\n").as_bytes())), []);
    assert!(reviewed(&"0".repeat(64))[0].1.contains("other rules than were reviewed"));
}

#[test]
fn a_review_counts_when_it_is_in_force_and_of_this_cluster() {
    let (past, before, day, until) = (in_years(-1), in_years(-2), day(), in_years(1));
    let with = |on: &str, until: &str, cluster: &str, more: &str| {
        let text = answer("manual/access-review", on, until, &format!("{}{more}", review("remove", cluster, on)));
        let mut assessment = clinic().clone();
        // Everything that was to go is gone, as in a cluster that never had it.
        let list = assessment.exhibits.accesses.as_mut().expect("computed");
        list.unseen.clear();
        list.accesses.clear();
        lay_beside(&workspace(vec![(PeopleKind::Answer, text)]), &mut assessment);
        assessment
    };
    let question = |assessment: &Assessment| {
        people(assessment).asked.iter().find(|one| one.id == "manual/access-review").map(|one| one.state).expect("asked")
    };
    let good = with(&day, &until, &of_this_cluster(), "");
    let all = people(&good).access_review.as_ref().expect("a review").removed;
    assert!(all > 10 && wrong(&good, PeopleProblemKind::OtherCluster).is_empty(), "{all}");
    let other = with(&day, &until, "cluster_uid: 00000000-0000-4000-8000-000000000000\n", "");
    assert_eq!((people(&other).access_review.as_ref(), question(&other)), (None, QuestionState::Open), "it is no review of this cluster");
    assert!(wrong(&other, PeopleProblemKind::OtherCluster)[0].1.contains("which is not this one"));
    let unknown = with(&day, &until, "", "");
    let review = people(&unknown).access_review.as_ref().expect("a review");
    assert_eq!((review.removed, review.not_seen.len(), question(&unknown)), (0, 1, QuestionState::Answered), "nothing is said to be gone");
    assert_eq!(wrong(&unknown, PeopleProblemKind::OtherCluster).len(), 1);
    assert_eq!(people(&with(&before, &past, &of_this_cluster(), "")).access_review, None, "it has expired");
    let unsupported = with(&day, &until, &of_this_cluster(), "evidence: [{file: evidence/none.xlsx}]\n");
    assert_eq!(people(&unsupported).access_review, None, "its evidence is missing");
}

#[test]
fn of_one_day_the_file_that_was_written_last_counts() {
    let (day, until) = (day(), in_years(1));
    let names = ["x.yaml".to_owned(), format!("x-{day}.yaml"), format!("x-{day}-2.yaml"), format!("x-{day}-10.yaml")];
    for many in 2..=names.len() {
        let mut texts = Vec::new();
        for (number, name) in names[..many].iter().enumerate() {
            let said = answer("manual/audit-log-review", &day, &until, &format!("reference: r{number}\n"));
            texts.push((PeopleKind::Answer, name.clone(), said));
            let decision =
                format!("paragraph: 164.312(a)(2)(iv)\ndecision: implemented\nrationale: r{number}\ndecided_by: b\ndecided_on: {day}\n");
            texts.push((PeopleKind::Disposition, name.clone(), decision));
        }
        let last = format!("answers/{}", names[many - 1]);
        let assessment = laid(&workspace_of(texts));
        let asked = people(&assessment).asked.iter().find(|one| one.id == "manual/audit-log-review").expect("asked");
        assert_eq!(asked.file.as_ref(), Some(&last));
        let control = assessment.controls.iter().find(|one| one.id == "manual/audit-log-review").expect("there");
        assert_eq!(control.answers[0].file, last);
        let decided = assessment.paragraphs.iter().find_map(|one| one.disposition.as_ref()).expect("decided");
        assert_eq!(decided.rationale, format!("r{}", many - 1));
        let twice = wrong(&assessment, PeopleProblemKind::Contradiction);
        assert_eq!(twice.len(), 2 * (many - 1), "{twice:?}");
    }
    let reviewed = |name: &str, decision: &str| {
        let text = answer("manual/access-review", &day, &until, &review(decision, &of_this_cluster(), &day));
        (PeopleKind::Answer, name.to_owned(), text)
    };
    let assessment = laid(&workspace_of(vec![reviewed(&format!("x-{day}.yaml"), "remove"), reviewed("x.yaml", "keep")]));
    let review = people(&assessment).access_review.as_ref().expect("a review");
    assert_eq!((review.keep, review.file.as_str()), (0, format!("answers/x-{day}.yaml").as_str()));
    let same = |name: &str| (PeopleKind::Answer, name.to_owned(), answer("manual/audit-log-review", &day, &until, ""));
    let assessment = laid(&workspace_of(vec![same("x.yaml"), same("x-2.yaml")]));
    assert_eq!(wrong(&assessment, PeopleProblemKind::Contradiction), [], "who says the same twice says it in one way");
}

#[test]
fn what_is_later_than_the_snapshot_does_not_count_yet() {
    let (day, later, until) = (day(), in_years(1), in_years(2));
    let decision =
        |on: &str| format!("paragraph: 164.312(a)(2)(iv)\ndecision: implemented\nrationale: {on}\ndecided_by: b\ndecided_on: {on}\n");
    let assessment = laid(&workspace(vec![
        (PeopleKind::Answer, answer("manual/audit-log-review", &later, &until, "")),
        (PeopleKind::Disposition, decision(&later)),
    ]));
    let said = people(&assessment);
    assert_eq!((said.questions.answered, said.dispositions.decided, said.dispositions.due), (0, 0, 0));
    assert_eq!(wrong(&assessment, PeopleProblemKind::NotYet).len(), 2);
    let control = assessment.controls.iter().find(|one| one.id == "manual/audit-log-review").expect("there");
    assert_eq!(control.answers[0].state, AnswerState::NotYet);
    let decided = |assessment: &Assessment| assessment.paragraphs.iter().find_map(|one| one.disposition.clone()).expect("decided");
    assert_eq!(decided(&assessment).state, DispositionState::NotYet);
    // What held before holds until then.
    let both = laid(&workspace(vec![(PeopleKind::Disposition, decision(&later)), (PeopleKind::Disposition, decision(&day))]));
    assert_eq!((decided(&both).decided_on, decided(&both).state), (day.clone(), DispositionState::InForce));
    let mut declared = clinic().clone();
    declared.scope.source = kube_hipaa::model::ScopeSource::File;
    (declared.scope.declared_by, declared.scope.declared_on) = (Some("o".to_owned()), Some(later));
    lay_beside(&Workspace::default(), &mut declared);
    assert_eq!(wrong(&declared, PeopleProblemKind::NotYet).len(), 1);
}

#[test]
fn no_kind_of_problem_is_left_off_the_first_page() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("hipaa");
    let until = in_years(1);
    write(&root, "scope.yaml", "ephi: {namespaces: [nowhere], selectors: ['clinic.example/ephi=true']}\nretention: {years: 1}\n");
    for number in 0..12 {
        let unused =
            format!("control: {PRIVILEGED}\nobjects: [Pod/nowhere/n{number}]\nreason: r\nowner: a\napproved_by: b\nuntil: {until}\n");
        write(&root, &format!("waivers/{number}.yaml"), &unused);
    }
    let own = std::fs::read_to_string("controls/pod/privileged-container.yaml").expect("there");
    write(&root, "controls/pod/privileged-container.yaml", &own.replace("lifecycle:", "replaces: true\nlifecycle:"));
    let assessment = assessed(folder.path(), &["--allow-incomplete"]);
    let kinds = kinds(&assessment);
    assert_eq!((kinds["replaces"], kinds["unused"], kinds["declared_by_nobody"]), (1, 12, 1), "{kinds:?}");
    assert_eq!(kinds["declaration"], 2, "a name that matches nothing, and one year");
    let snapshot = snapshot_path().display().to_string();
    let text = stdout(&run_in(folder.path(), &["assess", &snapshot, "-w", "hipaa", "--format", "markdown", "--allow-incomplete"]));
    let page = text.split("## 2 ").next().expect("a first page");
    assert!(page.contains("replaces the built-in control pod/privileged-container"), "{page}");
    assert!(page.contains("nowhere matches no namespace that was read"), "{page}");
    assert!(text.contains("Evidence is to be kept for 1 year;"), "one is no several");
    assert!(text.contains("rest on rules that people of their own wrote; 1 of these takes the place of a built-in one"));
}

#[test]
fn a_waiver_that_is_still_to_come_is_not_called_in_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("hipaa");
    let (from, until) = (in_years(1), in_years(2));
    write(&root, "scope.yaml", "ephi: {selectors: ['clinic.example/ephi=true']}\ndeclared_by: o\ndeclared_on: 2026-01-01\n");
    let snapshot = snapshot_path().display().to_string();
    let page = || stdout(&run_in(folder.path(), &["assess", &snapshot, "-w", "hipaa", "--format", "markdown"]));
    assert!(page().contains("Nothing that was handed in is out of date or out of place."));
    let object = object(first_finding(PRIVILEGED));
    let text = format!("control: {PRIVILEGED}\nobjects: [{object}]\nreason: r\nowner: a\napproved_by: b\nfrom: {from}\nuntil: {until}\n");
    write(&root, "waivers/a.yaml", &text);
    let text = page();
    assert!(text.contains("1 not yet in force") && !text.contains("out of date or out of place"), "{text}");
}
