//! What people handed in, for the sample: everything in every state.

use std::sync::Arc;

use kube_hipaa::model::*;

use super::Builder;

fn file(make: &mut Builder, broken: bool) -> NamedFile {
    NamedFile {
        file: make.word("evidence/review.pdf"),
        sha256: Some(make.digest()),
        title: Some(make.word("The signed review")),
        broken: broken.then(|| make.word("it was changed")),
    }
}

fn answer(make: &mut Builder, question: &str, state: AnswerState) -> Answer {
    Answer {
        file: format!("answers/{}.yaml", make.next()),
        question: question.to_owned(),
        asked: Some(make.word("Is it so?")),
        statement: make.word("It is reviewed every week"),
        answered_by: Person { name: make.word("A. Reviewer"), role: make.word("Security operations") },
        answered_on: "2026-11-01".into(),
        valid_until: "2027-11-01".into(),
        state,
        evidence: vec![file(make, state == AnswerState::Unsupported)],
        reference: Some(make.word("TICKET-1")),
    }
}

fn waiver(make: &mut Builder, state: WaiverState) -> SharedWaiver {
    Arc::new(Waiver {
        file: format!("waivers/{}.yaml", make.next()),
        reason: make.word("The scanner needs it"),
        compensating: Some(make.word("It stands in a network of its own")),
        owner: make.word("Imaging"),
        approved_by: make.word("Security official"),
        from: Some("2026-11-01".into()),
        until: "2027-02-01".into(),
        state,
    })
}

/// Lays something beside everything that has a place for it.
pub(crate) fn lay(make: &mut Builder, assessment: &mut Assessment) {
    let states = [AnswerState::InForce, AnswerState::Expired, AnswerState::Unsupported];
    let mut number = 0;
    for control in &mut assessment.controls {
        if control.question().is_some() || !control.unseen().is_empty() {
            control.answers = vec![answer(make, &control.id, states[number % 3])];
            number += 1;
        }
        let waivers =
            [WaiverState::InForce, WaiverState::NotYet, WaiverState::Expired, WaiverState::NotEffective].map(|state| waiver(make, state));
        let mut place = 0;
        control.outcome.lay_waivers(|_| {
            place += 1;
            (place % 2 == 0).then(|| Arc::clone(&waivers[place / 2 % 4]))
        });
    }
    let decisions = Decision::ALL;
    for (number, paragraph) in
        assessment.paragraphs.iter_mut().filter(|one| one.required == Implementation::Addressable).take(3).enumerate()
    {
        paragraph.disposition = Some(Disposition {
            file: format!("dispositions/{number}.yaml"),
            decision: decisions[number],
            rationale: make.word("The vendor does it"),
            assessment: (number > 0).then(|| make.word("Cost against probability")),
            alternative: (number == 1).then(|| make.word("Another measure")),
            documents: vec![file(make, number == 1)],
            decided_by: make.word("Security official"),
            decided_on: "2026-10-01".into(),
            review_by: Some("2027-10-01".into()),
            state: [DispositionState::InForce, DispositionState::Unsupported, DispositionState::ReviewDue][number],
        });
    }
    let mut asked = questions(assessment);
    let mut counts = QuestionCounts::default();
    for (number, question) in asked.iter_mut().enumerate() {
        question.state = [QuestionState::Open, QuestionState::Answered, QuestionState::Expired][number % 3];
        question.file = Some(format!("answers/{number}.yaml"));
        question.question = make.word(&question.question);
        counts.add(question.state);
    }
    let still = |make: &mut Builder| ReviewedStill {
        identity: make.word("User jane"),
        access: make.word("RoleBinding imaging/readers → ClusterRole view"),
        by: make.word("A. Owner"),
        on: "2026-11-01".into(),
        note: Some(make.word("left in October")),
    };
    let problem = |make: &mut Builder, kind| PeopleProblem {
        kind,
        file: make.word("waivers/1.yaml"),
        what: make.word("it is about nothing that is there"),
    };
    use PeopleProblemKind as K;
    let kinds = [
        K::Expired,
        K::Unused,
        K::TooWide,
        K::SelfApproved,
        K::Evidence,
        K::ReviewDue,
        K::Undocumented,
        K::StillThere,
        K::NotReviewed,
        K::Grown,
        K::Outgrown,
        K::DeclaredByNobody,
        K::Declaration,
        K::NotYet,
        K::Contradiction,
        K::OtherCluster,
        K::Replaces,
        K::NotRead,
    ];
    assessment.people = Some(People {
        questions: counts,
        waivers: WaiverCounts { in_force: 2, expired: 1, unused: 1, not_yet: 1, not_effective: 1 },
        dispositions: DispositionCounts { decided: 1, due: 2, open: 19 },
        problems: kinds.into_iter().map(|kind| problem(make, kind)).collect(),
        asked,
        access_review: Some(AccessReview {
            file: "answers/review.yaml".into(),
            by: make.word("A. Owner"),
            on: "2026-11-01".into(),
            reviewed: 9,
            keep: 5,
            change: 1,
            remove: 3,
            removed: 2,
            still_there: vec![still(make)],
            unchanged: vec![still(make)],
            grown: vec![make.word("User jane by RoleBinding a/b → Role c reaches what was not reviewed: exec")],
            not_reviewed: vec![make.word("User new by RoleBinding a/b → Role c")],
            not_seen: vec![make.word("roles: forbidden")],
        }),
    });
    assessment.workspace = Some(WorkspaceUsed {
        sha256: make.digest(),
        files: [("answers/review.yaml".to_owned(), make.digest()), ("scope.yaml".to_owned(), make.digest())].into(),
    });
    assessment.declarations = Some(Declarations {
        organisation: Some(make.word("An example clinic")),
        purpose: Some(make.word("The yearly risk analysis")),
        operator: Some(make.word("The platform team")),
        environments: [(make.word("production"), vec![make.word("records")])].into(),
        allowed_registries: vec![make.word("registry.example")],
        break_glass: vec![make.word("User/emergency")],
        duties: vec![Duty { name: make.word("deploy and approve"), apart: vec!["read-secrets".into(), "run-commands".into()] }],
        retention_years: Some(6),
        entity: Some(Entity {
            kind: Some(EntityKind::CoveredEntity),
            clearinghouse: Some(false),
            group_health_plan: None,
            hybrid: Some(true),
        }),
        excluded: vec![Exclusion {
            namespace: make.word("sandbox"),
            reason: ExclusionReason::Synthetic,
            because: make.word("made by a generator"),
            by: make.word("owner of the data"),
            on: "2026-11-01".into(),
        }],
        components: [(make.word("hospital"), vec![make.word("records")])].into(),
        vendors: vec![make.word("User/remote-support")],
        observed: [Some(true), Some(false), None]
            .into_iter()
            .map(|agrees| Observed {
                declaration: "duties".into(),
                agrees,
                statement: make.word("Nobody holds both."),
                items: vec![make.word("User jane in records")],
                more: 3,
            })
            .collect(),
    });
}
