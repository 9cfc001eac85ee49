//! An assessment built in code, for tests of documents: 22 controls of all five outcomes, about 40 findings, every paragraph, every
//! state of a source and every kind of "not seen". [`hostile`] is the same with strings that an attacker would choose.

use std::collections::BTreeMap;

use kube_hipaa::model::*;

#[path = "sample_controls.rs"]
pub(crate) mod controls;
#[path = "sample_exhibits.rs"]
pub(crate) mod exhibits;
#[path = "sample_mapping.rs"]
pub(crate) mod mapping;
#[path = "paragraphs.rs"]
pub(crate) mod paragraphs;
#[path = "sample_people.rs"]
pub(crate) mod people;

/// Builds one sample; `word` decides what a free string of an object is called.
pub(crate) struct Builder {
    /// Given the ordinary string, says what stands in its place.
    pub(crate) word: Box<dyn FnMut(&str) -> String>,
    /// Numbers for uids, versions and digests.
    pub(crate) serial: u64,
}

impl Builder {
    fn text(&mut self, ordinary: &str) -> String {
        (self.word)(ordinary)
    }
    /// A free string.
    pub(crate) fn word(&mut self, ordinary: &str) -> String {
        self.text(ordinary)
    }
    /// A number that is never given twice.
    pub(crate) fn next(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }
    /// 64 hex digits that differ for each call.
    pub(crate) fn digest(&mut self) -> String {
        let mut state = self.next().wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (0..4)
            .map(|_| {
                state = state.rotate_left(23).wrapping_mul(0xbf58_476d_1ce4_e5b9) ^ 0x94d0_49bb_1331_11eb;
                format!("{state:016x}")
            })
            .collect()
    }
    /// An object; `path` is `Kind.group namespace/name` or `Kind name`.
    pub(crate) fn object(&mut self, path: &str) -> ObjectRef {
        let (kind, place) = path.split_once(' ').unwrap_or((path, ""));
        let (kind, group) = kind.split_once('.').unwrap_or((kind, ""));
        let (namespace, name) = match place.split_once('/') {
            Some((namespace, name)) => (Some(namespace), name),
            None => (None, place),
        };
        let serial = self.next();
        ObjectRef {
            kind: self.text(kind),
            group: group.to_owned(),
            namespace: namespace.map(|text| self.text(text)),
            name: self.text(name),
            uid: Some(self.text(&format!("7f3c9a1e-{:04x}-4c1d-9b02-{:012x}", serial & 0xffff, serial * 7919))),
        }
    }
    /// Evidence that stands in `object`.
    pub(crate) fn evidence(&mut self, grade: Grade, source: &SourceId, object: Option<ObjectRef>, pointer: &str) -> Evidence {
        let serial = self.next();
        let reading = Reading {
            source: source.clone(),
            resource_version: object.as_ref().map(|_| self.text(&(48_000 + serial).to_string())),
            object: object.map(Into::into),
            sha256: self.digest(),
            collected_at: format!("2026-11-20T22:41:{:02}Z", serial % 60).into(),
            request: Some(serial % 37 + 1),
        };
        Evidence { grade, reading: reading.into(), pointer: self.text(pointer).into() }
    }
    /// Columns.
    pub(crate) fn facts(&mut self, facts: &[(&str, FactValue)]) -> Facts {
        facts
            .iter()
            .map(|(name, value)| {
                let value = match value {
                    FactValue::Text(text) => FactValue::Text(self.text(text)),
                    FactValue::List(list) => FactValue::List(list.iter().map(|text| self.text(text)).collect()),
                    other => other.clone(),
                };
                ((*name).to_owned().into(), value)
            })
            .collect()
    }
    /// A finding whose evidence stands in the subject, or in `cause` where one is given.
    pub(crate) fn finding(
        &mut self,
        severity: Severity,
        source: &SourceId,
        path: &str,
        said: &str,
        facts: &[(&str, FactValue)],
        pointer: &str,
        cause: Option<&ObjectRef>,
    ) -> Finding {
        let subject = self.object(path);
        let facts = self.facts(facts);
        let at = cause.cloned().unwrap_or_else(|| subject.clone());
        let evidence = vec![self.evidence(Grade::EffectiveConfiguration, source, Some(at), pointer)];
        let fingerprint = format!("{:016x}", self.next().wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let statement = self.text(said);
        // As an assessment does it: what stands in no namespace is wider, and every third can be reached from outside.
        let wide = if subject.namespace.is_none() { Exposure::Cluster } else { Exposure::Namespace };
        let exposure = if self.serial.is_multiple_of(3) { Exposure::Open } else { wide };
        let scope = if subject.namespace.is_none() { EphiScope::ClusterWide } else { EphiScope::Ephi };
        Finding {
            fingerprint,
            severity,
            risk: risk(severity, exposure, scope),
            exposure,
            statement,
            subject: subject.into(),
            namespace: None,
            namespaces: Vec::new(),
            related: cause.cloned().map(Into::into).into_iter().collect(),
            facts,
            evidence,
            waiver: None,
        }
    }
}

/// `text` as a value of a column.
pub(crate) fn text(value: &str) -> FactValue {
    FactValue::Text(value.to_owned())
}

/// The ordinary sample: a clinic's cluster with real gaps.
pub(crate) fn sample() -> Assessment {
    build(Builder { word: Box::new(str::to_owned), serial: 0 })
}

/// The same with hostile strings wherever a cluster decides the string.
pub(crate) fn hostile() -> Assessment {
    worded(hostile_strings())
}

/// The same with as many harmless words in the same places: what of the hostile sample is markup has to be there too.
pub(crate) fn harmless() -> Assessment {
    worded((0..hostile_strings().len()).map(|i| format!("word{i}")).collect())
}

fn worded(strings: Vec<String>) -> Assessment {
    let mut next = 0_usize;
    build(Builder {
        word: Box::new(move |_| {
            next += 1;
            strings.get(next % strings.len()).cloned().unwrap_or_default()
        }),
        serial: 0,
    })
}

/// A cluster in which nothing was found and everything was seen.
pub(crate) fn quiet() -> Assessment {
    let mut quiet = sample();
    quiet.controls.retain(|control| control.word() == OutcomeWord::Pass);
    quiet.coverage.retain(|source| source.state.is_complete());
    quiet.scope.source = ScopeSource::File;
    quiet.scope.unmatched.clear();
    (quiet.scope.declared_by, quiet.scope.declared_on) = (Some("security official".into()), Some("2026-11-01".into()));
    (quiet.people, quiet.workspace, quiet.declarations) = (None, None, None);
    finish(&mut quiet);
    quiet
}

/// What the Kubernetes API accepts in names, labels and image fields, and what a document must survive.
pub(crate) fn hostile_strings() -> Vec<String> {
    let mut strings: Vec<String> = [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "' onmouseover='alert(1)",
        "javascript:alert(1)",
        "[click](javascript:alert(1))",
        "[a](http://evil.example)",
        "![i](http://evil.example/x.png)",
        "<http://evil.example>",
        "http://evil.example/a?b=c&d=e",
        "www.evil.example",
        "a@evil.example",
        "@everyone #1 GH-1",
        "a|b|c",
        "\\|\\\\|",
        "`code` ``two`` ```three",
        "line one\nline two\n\n# heading\n",
        "cr\rlf\r\n> quote",
        "\u{1b}[31mred\u{1b}[0m\u{1b}]8;;http://evil.example\u{7}link\u{1b}]8;;\u{7}",
        "\u{9b}31m C1 \u{85} next line",
        "\u{202e}gnp.exe\u{202c}",
        "\u{2066}isolated\u{2069}\u{200f}",
        "NUL\u{0}inside",
        "=cmd|' /C calc'!A0",
        "--> <!-- comment",
        "]]> <![CDATA[ x",
        "</style><style>*{display:none}</style>",
        "</title></head></details></table>",
        "{{ 7*7 }} {% raw %} {# c #}",
        "${7*7} $x^2$ #{7*7}",
        "   leading and trailing   ",
        "# heading",
        "---",
        "===",
        "- [ ] task\n1. one",
        "&lt;b&gt; &amp; &#60; &copy",
        "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467} family",
        "*bold* _it_ **b** ~~s~~ ^sup^",
        "\t\ttabs\u{b}\u{c}",
        "\u{feff}bom\u{2028}ls\u{2029}ps\u{fffe}",
    ]
    .iter()
    .map(|text| (*text).to_owned())
    .collect();
    strings.push("long<".repeat(600));
    strings
}

fn rule(group: &str, resource: &str) -> AccessRule {
    AccessRule {
        verbs: vec!["get".into(), "list".into()],
        api_groups: vec![group.into()],
        resources: vec![resource.into()],
        resource_names: vec![],
        non_resource_urls: vec![],
        namespace: None,
    }
}

/// Coverage: every state once or more.
fn coverage() -> Vec<SourceCoverage> {
    let read = |count: u64, version: &str| SourceState::Read { count, resource_version: (!version.is_empty()).then(|| version.to_owned()) };
    let flagz = SourceId::url("/flagz");
    let metrics = SourceId::url("/metrics");
    let url_rule = |path: &str| AccessRule {
        verbs: vec!["get".into()],
        non_resource_urls: vec![path.into()],
        api_groups: vec![],
        resources: vec![],
        resource_names: vec![],
        namespace: None,
    };
    let kubeadm = AccessRule {
        resource_names: vec!["kubeadm-config".into()],
        namespace: Some("kube-system".into()),
        verbs: vec!["get".into()],
        ..rule("", "configmaps")
    };
    let rows: Vec<(SourceId, SourceState, Option<AccessRule>)> = vec![
        (SourceId::url("/version"), read(1, ""), None),
        (flagz, read(1, ""), None),
        (metrics, SourceState::Forbidden { why: "nonresource URL \"/metrics\": user \"auditor@clinic.example\" cannot get path \"/metrics\"".into() }, Some(url_rule("/metrics"))),
        (SourceId::core("configmaps"), SourceState::NotRequested { why: "only named ConfigMaps are read".into() }, None),
        (SourceId::config_map("kube-system", "kubeadm-config"), SourceState::Forbidden { why: "configmaps \"kubeadm-config\" is forbidden: User \"auditor@clinic.example\" cannot get resource \"configmaps\" in API group \"\" in the namespace \"kube-system\"".into() }, Some(kubeadm)),
        (SourceId::core("namespaces"), read(14, "48211"), None),
        (SourceId::core("nodes"), read(5, "48214"), None),
        (SourceId::core("persistentvolumes"), read(22, "48216"), None),
        (SourceId::core("pods"), read(128, "48219"), None),
        (SourceId::core("serviceaccounts"), read(61, "48222"), None),
        (SourceId::core("services"), read(47, "48224"), None),
        (SourceId::group("apps", "daemonsets"), read(6, "48227"), None),
        (SourceId::group("apps", "deployments"), read(41, "48229"), None),
        (SourceId::group("apps", "statefulsets"), read(9, "48231"), None),
        (SourceId::group("batch", "cronjobs"), SourceState::Partial { read: 500, why: "the list expired twice (410) after 500 of about 1,200 objects".into() }, None),
        (SourceId::group("external-secrets.io", "externalsecrets"), SourceState::Stale { why: "the server says that its copy of this API group is stale".into() }, None),
        (SourceId::group("gateway.networking.k8s.io", "gateways"), SourceState::NotServed, None),
        (SourceId::group("metrics.k8s.io", "nodes"), SourceState::Failed { why: "no answer within 30 s (tried 3 times)".into() }, None),
        (SourceId::group("networking.k8s.io", "networkpolicies"), SourceState::Forbidden { why: "networkpolicies.networking.k8s.io is forbidden: User \"auditor@clinic.example\" cannot list resource \"networkpolicies\" in API group \"networking.k8s.io\" at the cluster scope".into() }, Some(rule("networking.k8s.io", "networkpolicies"))),
        (SourceId::group("rbac.authorization.k8s.io", "clusterrolebindings"), read(74, "48240"), None),
        (SourceId::group("rbac.authorization.k8s.io", "clusterroles"), read(96, "48241"), None),
        (SourceId::group("rbac.authorization.k8s.io", "rolebindings"), read(52, "48243"), None),
        (SourceId::group("rbac.authorization.k8s.io", "roles"), read(38, "48244"), None),
        (SourceId::group("storage.k8s.io", "storageclasses"), read(3, "48247"), None),
    ];
    rows.into_iter()
        .map(|(source, state, missing_rule)| SourceCoverage {
            resource: source.resource().to_owned(),
            group: source.api_group().to_owned(),
            needed_by: vec![],
            left_out: vec![],
            source,
            state,
            missing_rule,
        })
        .collect()
}

fn build(mut make: Builder) -> Assessment {
    let controls = controls::all(&mut make);
    let namespaces = |names: &[&str], make: &mut Builder| -> Vec<String> { names.iter().map(|name| make.text(name)).collect() };
    let ephi_namespaces = namespaces(&["billing", "identity", "imaging", "integration", "records"], &mut make);
    let other_namespaces = namespaces(
        &["default", "ingress", "kube-node-lease", "kube-public", "kube-system", "monitoring", "scheduling", "sandbox", "website"],
        &mut make,
    );
    let mut assessment = Assessment {
        schema: ASSESSMENT_SCHEMA.into(),
        tool: ToolIdentity { name: "kube-hipaa".into(), version: "0.1.0".into(), commit: "4e428af0c1d2".into() },
        catalog: CatalogIdentity {
            version: "2026.11".into(),
            sha256: make.digest(),
            overlays: vec![Overlay {
                name: "clinic-controls".into(),
                sha256: make.digest(),
                adds: vec!["clinic/owner-label".into()],
                replaces: vec!["pod/host-network".into()],
            }],
        },
        mapping: Some(mapping::mapping(&mut make)),
        proposed: Some(mapping::proposed(&mut make)),
        risk_input: Some(mapping::risk_input(&controls, &mut make)),
        snapshot_sha256: make.digest(),
        hypothetical: None,
        cluster: ClusterIdentity {
            name: make.text("clinic-prod"),
            uid: Some(make.text("0b6cf8a2-5d1e-4f7e-9a57-0d1c6b2c9f31")),
            server: make.text("https://10.20.0.10:6443"),
            ca_sha256: Some(make.digest()),
            tls_unverified: false,
            version: Some(make.text("v1.36.3")),
            distribution: Some(make.text("kubeadm")),
            nodes: Some(5),
        },
        collected: Collected {
            started: "2026-11-20T22:41:03Z".into(),
            finished: "2026-11-20T22:41:19Z".into(),
            identity: Identity {
                user: Some(make.text("auditor@clinic.example")),
                groups: namespaces(&["kube-hipaa:readers", "system:authenticated"], &mut make),
            },
            requests: 37,
            excess_rights: vec![make.text("create pods: it can change something")],
            server_clock_ahead_seconds: Some(2),
        },
        scope: Scope {
            source: ScopeSource::Flags,
            declared_by: None,
            declared_on: None,
            roles: ephi_namespaces.get(3).map(|name| (name.clone(), ScopeRole::Transmits)).into_iter().collect(),
            undeclared: vec![Undeclared {
                namespace: other_namespaces.get(6).cloned().unwrap_or_default(),
                speaks_for: vec![make.text("its name speaks of health data")],
            }],
            ephi_namespaces,
            other_namespaces,
            unmatched: vec![make.text("telehealth")],
            complete: true,
            parameters: BTreeMap::from([("api-server/audit-retention".to_owned(), BTreeMap::from([("min_days".to_owned(), 7)]))]),
            sha256: make.digest(),
        },
        workspace: None,
        totals: Totals {
            controls: OutcomeCounts::default(),
            findings: SeverityCounts::default(),
            sources: BTreeMap::new(),
            requests: BTreeMap::new(),
        },
        coverage: coverage(),
        controls,
        paragraphs: vec![],
        benchmark: Some(Benchmark {
            framework: "cis-kubernetes".into(),
            title: "CIS Kubernetes Benchmark".into(),
            version: "2.1.0".into(),
            why: "CIS Kubernetes Benchmark 2.1.0 is the version for Kubernetes 1.36. The numbers shown are those of version 2.0.1.".into(),
        }),
        exhibits: Exhibits::default(),
        declarations: None,
        people: None,
    };
    assessment.paragraphs = paragraphs();
    assessment.exhibits = exhibits::exhibits(&mut make, &assessment.scope);
    finish(&mut assessment);
    people::lay(&mut make, &mut assessment);
    finish(&mut assessment);
    assessment
}

fn paragraphs() -> Vec<Paragraph> {
    paragraphs::PARAGRAPHS
        .iter()
        .map(|(id, title, standard, required, text)| {
            let section = paragraphs::SECTIONS.iter().find(|(prefix, _)| id.starts_with(prefix)).map_or("", |(_, heading)| heading);
            let shown = controls::SHOWS.iter().find(|(paragraph, ..)| paragraph == id);
            Paragraph {
                id: (*id).into(),
                title: (*title).into(),
                section: section.into(),
                standard: (*standard).into(),
                kind: if id == standard { ParagraphKind::Standard } else { ParagraphKind::ImplementationSpecification },
                required: match *required {
                    "required" => Implementation::Required,
                    "addressable" => Implementation::Addressable,
                    _ => Implementation::BySpecification,
                },
                text: if text.is_empty() {
                    format!("The regulation's text of {title} stands here, shortened in this sample.")
                } else {
                    (*text).into()
                },
                continues: None,
                part_of: None,
                condition: (*id == "164.308(a)(4)(ii)(A)").then_some(Condition::Clearinghouse),
                applies: Applies::Yes,
                note: (*id == "164.312(b)").then(|| "A note that a careful reader needs.".to_owned()),
                controls: vec![],
                counts: OutcomeCounts::default(),
                cluster_shows: shown.map(|(_, shows, _, _)| (*shows).to_owned()).unwrap_or_default(),
                cluster_cannot_show: shown
                    .map_or(
                        "This is a duty of the organization. Nothing in a cluster's configuration is evidence for it.",
                        |(_, _, cannot, _)| cannot,
                    )
                    .to_owned(),
                ask_for: shown.map_or_else(
                    || vec!["The policy that covers it, with its owner and the date of its last review".to_owned()],
                    |(.., ask)| ask.iter().map(|text| (*text).to_owned()).collect(),
                ),
                asks: mapping::asks(id),
                disposition: None,
            }
        })
        .collect()
}

/// Derives everything that is a count or an index from the controls and the coverage.
fn finish(assessment: &mut Assessment) {
    let mut totals = Totals {
        controls: OutcomeCounts::default(),
        findings: SeverityCounts::default(),
        sources: BTreeMap::new(),
        requests: BTreeMap::new(),
    };
    for control in &assessment.controls {
        totals.controls.add(control.word());
        for finding in control.findings() {
            match finding.severity {
                Severity::Critical => totals.findings.critical += 1,
                Severity::High => totals.findings.high += 1,
                Severity::Medium => totals.findings.medium += 1,
                Severity::Low => totals.findings.low += 1,
            }
        }
    }
    let entity = assessment.declarations.as_ref().and_then(|declared| declared.entity).unwrap_or_default();
    for paragraph in &mut assessment.paragraphs {
        paragraph.applies = Applies::of(paragraph.condition, entity);
        paragraph.counts = OutcomeCounts::default();
        paragraph.controls.clear();
        for control in assessment.controls.iter().filter(|control| control.paragraphs.contains(&paragraph.id)) {
            if paragraph.applies.is_yes() {
                paragraph.counts.add(control.word());
            }
            let extent = if control.paragraphs.first() == Some(&paragraph.id) { Extent::Substantial } else { Extent::Supporting };
            paragraph.controls.push(Support {
                control: control.id.clone(),
                extent,
                supports: Supports::ExampleOf,
                because: format!("It looks at what {} is about.", paragraph.id),
                authority: "ours".into(),
                at: None,
                parameters: BTreeMap::new(),
            });
        }
    }
    for source in &mut assessment.coverage {
        *totals.sources.entry(source.state.word().to_owned()).or_default() += 1;
        source.needed_by = controls::needs(&assessment.controls, &source.source);
    }
    assessment.totals = totals;
    let digest = |paragraphs: &[Paragraph]| mapping_sha256(paragraphs.iter().map(Claimed::from));
    if let Some(mapping) = &mut assessment.mapping {
        mapping.sha256 = digest(&assessment.paragraphs);
    }
    if let Some(proposed) = &mut assessment.proposed {
        mapping::asked_with_its_own_numbers(proposed, &assessment.controls);
        proposed.mapping.sha256 = digest(&proposed.paragraphs);
    }
}
