//! Names of the sheets and of their columns, and what stands in the first sheet.

/// Name of the sheet, name of its list, heads of its columns; the last ones of some are for people.
pub(super) type Head = (&'static str, &'static str, &'static [&'static str]);

pub(super) const SYSTEMS: Head = (
    "Systems with ePHI",
    "risk-systems.csv",
    &[
        "namespace",
        "role",
        "declared",
        "what speaks for ePHI",
        "volumes",
        "identities with dangerous reach",
        "findings",
        "application",
        "person accountable",
        "criticality",
    ],
);
pub(super) const AT_REST: Head = (
    "Data at rest",
    "risk-data-at-rest.csv",
    &[
        "namespace",
        "volume",
        "storage",
        "encrypted",
        "key of the customer",
        "what this says",
        "mounted by",
        "other layer that encrypts",
        "decision",
    ],
);
pub(super) const FLOWS: Head = (
    "Flows",
    "risk-flows.csv",
    &["from", "to", "network policies", "carries ePHI", "encrypted", "checks of the way with exceptions", "decision"],
);
pub(super) const IDENTITIES: Head = (
    "Identities",
    "risk-identities.csv",
    &["identity", "kind", "access", "where", "reach", "person or job behind it", "workforce or vendor", "still needed"],
);
pub(super) const VULNERABILITIES: Head = (
    "Vulnerabilities observed",
    "risk-vulnerabilities.csv",
    &[
        "weakness",
        "control",
        "objects",
        "examples",
        "concerns",
        "widest exposure",
        "grades of evidence",
        "NIST SP 800-190",
        "paragraphs",
        "likelihood",
        "impact",
        "level of risk",
        "decision",
        "measure",
        "owner",
        "date",
        "accepted by",
    ],
);
pub(super) const UNKNOWN: Head = (
    "What is unknown",
    "risk-unknown.csv",
    &[
        "what was not seen",
        "why",
        "how to see it",
        "weakness that it may hide",
        "controls",
        "concerns",
        "likelihood",
        "impact",
        "level of risk",
        "decision",
        "owner",
        "date",
    ],
);
pub(super) const MEASURES: Head =
    ("Measures in place", "risk-measures.csv", &["measure", "control", "examined", "paragraphs", "what it does not show", "relied on by"]);
pub(super) const EVENTS: Head = (
    "Threat events to consider",
    "risk-threat-events.csv",
    &["event", "kind", "concerns", "weaknesses observed that would serve it", "likelihood", "impact", "level of risk"],
);

pub(super) const SHEETS: [Head; 8] = [SYSTEMS, AT_REST, FLOWS, IDENTITIES, VULNERABILITIES, UNKNOWN, MEASURES, EVENTS];

/// Rows that look at us in the first sheet, so that nobody takes it for what it is not.
pub(super) const ABOUT: [(&str, &str); 6] = [
    (
        "What this is",
        "Input for a risk analysis under 45 CFR 164.308(a)(1)(ii)(A). It is not a risk analysis: it knows one cluster, as far as its API shows it.",
    ),
    (
        "What people add",
        "Likelihood, impact and level of risk, the decision, the measure, its owner and its date. Severity of a finding is none of them and is not in these sheets.",
    ),
    (
        "What is not in it",
        "Applications and databases, people, places, other systems with ePHI, and what nobody declared. An analysis of this cluster alone is not that of the organization.",
    ),
    ("What is unknown", "Each thing that was not seen is a row of its own: what is not known is to be analyzed too."),
    ("Threat events", "A list to begin with, not a complete one; kinds after NIST SP 800-30 Rev. 1."),
    (
        "Volumes",
        "“Not encrypted” and “unknown” concern the layer that a cluster shows. What each state means when an incident is examined stands in the report, in the chapter on method.",
    ),
];
