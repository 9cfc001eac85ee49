//! What a sample says of its mapping and of a risk analysis.

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
