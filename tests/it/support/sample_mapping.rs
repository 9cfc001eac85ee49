//! What a sample says of its mapping and of a risk analysis.

use std::collections::BTreeMap;

use kube_hipaa::model::*;

use super::Builder;

pub(crate) fn mapping(make: &mut Builder) -> MappingIdentity {
    let mut quoted =
        |id: &str, title: &str, text: &str| Quoted { id: id.into(), title: make.text(title), text: make.text(text), note: None };
    let definitions = vec![quoted("164.304", "User", "a person or entity with authorized access.")];
    let context = vec![quoted("164.306(e)", "Maintenance", "The text of this paragraph stands here, shortened in this sample.")];
    MappingIdentity {
        id: "hipaa".into(),
        title: make.text("HIPAA Security Rule"),
        version: "2.0.0".into(),
        as_of: "2026-11-20".into(),
        sha256: make.digest(),
        proposed: None,
        criteria: vec![Criterion { id: "object".into(), rule: make.text("The object is ePHI.") }],
        authorities: vec![Authority { id: "ours".into(), kind: AuthorityKind::Ours, title: make.text("Nobody else"), dated: None }],
        definitions,
        context,
    }
}

/// What an auditor asks for under one paragraph.
pub(crate) fn asks(id: &str) -> Vec<Ask> {
    if id != "164.312(b)" {
        return vec![];
    }

    vec![
        Ask {
            id: "ocr/164.312-b/1".into(),
            ask: "Proof that activity is recorded".into(),
            origin: None,
            answered_by: vec!["exhibit/coverage".into(), "exhibit/requests".into(), "manual/audit-log-review".into()],
            nobody: None,
        },
        Ask {
            id: "ocr/164.312-b/2".into(),
            ask: "Records of databases".into(),
            origin: Some(AskOrigin::Ours),
            answered_by: vec![],
            nobody: Some("Nothing of them is in a cluster's API.".into()),
        },
    ]
}

/// What a risk analysis can take.
pub(crate) fn risk_input(controls: &[ControlResult], make: &mut Builder) -> RiskInput {
    RiskInput {
        weaknesses: controls
            .iter()
            .map(|control| WeaknessOf {
                control: control.id.clone(),
                noun: format!("a weakness of {}", control.id),
                concerns: vec![Concern::Confidentiality, Concern::Availability],
                sp_800_190: Some("4.4.3".into()),
            })
            .collect(),
        events: vec![EventServed {
            id: "stolen-credential".into(),
            title: make.word("Somebody uses a stolen credential"),
            kind: "adversarial".into(),
            concerns: vec![Concern::Integrity],
            served_by: controls.iter().map(|control| control.id.clone()).collect(),
        }],
    }
}

/// A rule that is not in force.
pub(crate) fn proposed(make: &mut Builder) -> ProposedSection {
    let rule = Proposed {
        citation: "90 FR 898".into(),
        rin: "0945-AA22".into(),
        docket: "HHS-OCR-2024-0020".into(),
        published: "2025-01-06".into(),
        status: make.text("Still proposed."),
        checked_on: "2026-10-07".into(),
    };
    let mapping = MappingIdentity { id: "nprm-2025".into(), proposed: Some(rule), ..mapping(make) };
    let mut paragraph = super::paragraphs().swap_remove(0);
    paragraph.text = make.text("Would require a written inventory.");
    ProposedSection { mapping, paragraphs: vec![paragraph], asked_again: Vec::new() }
}

/// The first paragraph has another number for a control than the report.
pub(crate) fn asked_with_its_own_numbers(proposed: &mut ProposedSection, controls: &[ControlResult]) {
    let control = controls.iter().find(|control| !control.parameters.is_empty()).expect("one with parameters");
    let mut parameters = control.parameters.clone();
    parameters[0].value = 90;
    let again = AskedAgain {
        control: control.id.clone(),
        parameters: parameters.clone(),
        outcome: OutcomeWord::Fail,
        examined: 3,
        failed: 2,
        unknown: 1,
    };
    let paragraph = proposed.paragraphs.first_mut().expect("one");
    paragraph.controls = vec![Support {
        control: control.id.clone(),
        extent: Extent::Partial,
        supports: Supports::ExampleOf,
        because: "It looks at what is proposed.".into(),
        authority: "ours".into(),
        at: None,
        parameters: BTreeMap::from([(parameters[0].name.clone(), 90)]),
    }];
    paragraph.counts = OutcomeCounts::default();
    paragraph.counts.add(again.outcome);
    proposed.asked_again = vec![again];
}
