use super::*;

/// Whether it refuses, where that stands, and its actions.
fn verdict(spec: &str) -> Option<(Option<bool>, Vec<String>, Option<Vec<String>>)> {
    let policy: Kyverno = serde_json::from_str(&format!(r#"{{"metadata":{{"name":"p"}},"spec":{spec}}}"#)).unwrap();
    policy.verdict(None).map(|one| (one.denies.known().copied(), one.denies_at, one.actions.known().cloned()))
}

fn texts(all: &[&str]) -> Vec<String> {
    all.iter().map(|one| (*one).to_owned()).collect()
}

#[test]
fn evidence_stands_where_the_rule_that_audits_says_so() {
    let spec = r#"{"validationFailureAction":"Enforce","rules":[{"validate":{}},{"validate":{"failureAction":"Audit"}}]}"#;
    let expected = (Some(false), texts(&["/spec/rules/1/validate/failureAction"]), Some(texts(&["Audit", "Enforce"])));
    assert_eq!(verdict(spec), Some(expected));
}

#[test]
fn a_policy_for_background_scans_refuses_nothing() {
    let spec = r#"{"admission":false,"validationFailureAction":"Enforce","rules":[{"validate":{}}]}"#;
    assert_eq!(verdict(spec), Some((Some(false), texts(&["/spec/admission"]), Some(texts(&["Enforce"])))));
}

#[test]
fn signatures_of_images_are_judged_too() {
    let spec = r#"{"validationFailureAction":"Enforce","rules":[{"verifyImages":[{},{"failureAction":"Audit"}]}]}"#;
    let expected = (Some(false), texts(&["/spec/rules/0/verifyImages/1/failureAction"]), Some(texts(&["Audit"])));
    assert_eq!(verdict(spec), Some(expected));
    let spec = r#"{"rules":[{"verifyImages":[{"failureAction":"Audit"},{"failureAction":"Enforce"}],"validate":{},"mutate":{}}]}"#;
    let expected = (Some(true), texts(&["/spec/rules/0/verifyImages/1/failureAction"]), Some(texts(&["Enforce"])));
    assert_eq!(verdict(spec), Some(expected));
}

#[test]
fn an_empty_validation_beside_a_mutation_tells_nothing() {
    assert_eq!(verdict(r#"{"rules":[{"mutate":{}}]}"#), None);
    assert_eq!(verdict(r#"{"rules":[{"validate":{},"mutate":{},"generate":{}}]}"#), Some((None, Vec::new(), None)));
    let with = |action: &str, rule: &str| {
        let spec = format!(r#"{{"validationFailureAction":"{action}","rules":[{{"validate":{{}},"mutate":{{}}}},{rule}]}}"#);
        verdict(&spec).and_then(|(denies, ..)| denies)
    };
    assert_eq!(with("Enforce", r#"{"validate":{}}"#), Some(true));
    assert_eq!(with("Audit", r#"{"validate":{}}"#), Some(false));
    assert_eq!(with("Audit", r#"{"validate":{"failureAction":"Enforce"}}"#), None);
}

fn in_records(spec: &str) -> (Option<bool>, Option<bool>, Option<String>) {
    let policy: Kyverno = serde_json::from_str(&format!(r#"{{"metadata":{{"name":"p"}},"spec":{spec}}}"#)).unwrap();
    let labels = Labels::from([("tier".to_owned(), "a".to_owned())]);
    let within = policy.within("records", &labels);
    (within.applies.known().copied(), within.verdict.denies.known().copied(), within.taken_out_at)
}

#[test]
fn overrides_decide_in_the_namespaces_that_they_name() {
    let rule =
        |overrides: &str| format!(r#"{{"rules":[{{"validate":{{"failureAction":"Enforce","failureActionOverrides":{overrides}}}}}]}}"#);
    let denies = |overrides: &str| in_records(&rule(overrides)).1;
    assert_eq!(denies(r#"[{"action":"Audit","namespaces":["rec*"]}]"#), Some(false));
    assert_eq!(denies(r#"[{"action":"Audit","namespaces":["shop"]}]"#), Some(true));
    assert_eq!(denies(r#"[{"action":"Audit","namespaceSelector":{"matchLabels":{"tier":"a"}}}]"#), Some(false));
    assert_eq!(denies(r#"[{"action":"Audit","namespaces":["records"],"namespaceSelector":{"matchLabels":{"tier":"b"}}}]"#), Some(true));
    assert_eq!(denies(r#"[{"action":"Audit"}]"#), Some(false), "for all namespaces");
    assert_eq!(denies(r#"[{"action":"Audit","namespaces":[]}]"#), Some(true), "for none");
    assert_eq!(denies(r#"[{"action":"Enforce","namespaces":["records"]},{"action":"Audit"}]"#), Some(true), "the first decides");
    assert_eq!(denies(r#"[{"action":"Audit","namespaceSelector":{"matchExpressions":[{"key":"a","operator":"Gt"}]}}]"#), None);
    let of_policy = r#"{"validationFailureAction":"Audit","validationFailureActionOverrides":[{"action":"enforce","namespaces":["records"]}],"rules":[{"validate":{}}]}"#;
    assert_eq!(in_records(of_policy).1, Some(true));
    assert_eq!(verdict(of_policy).and_then(|(denies, ..)| denies), None, "on the whole it depends on the namespace");
    assert_eq!(verdict(&rule(r#"[{"action":"Audit","namespaces":["shop"]}]"#)).and_then(|(denies, ..)| denies), None);
}

#[test]
fn only_rules_that_take_a_namespace_count_there() {
    let spec = |exclude: &str| {
        format!(
            r#"{{"rules":[{{"match":{{"any":[{{"resources":{{"kinds":["Pod"]}}}}]}},"exclude":{exclude},"validate":{{"failureAction":"Enforce"}}}},
            {{"match":{{"any":[{{"resources":{{"kinds":["Pod"],"namespaces":["shop"]}}}}]}},"validate":{{"failureAction":"Audit"}}}}]}}"#
        )
    };
    assert_eq!(in_records(&spec("{}")), (Some(true), Some(true), None));
    let out = in_records(&spec(r#"{"any":[{"resources":{"namespaces":["records"]}}]}"#));
    assert_eq!(out, (Some(false), Some(false), Some("/spec/rules/0/exclude".to_owned())));
    assert_eq!(in_records(r#"{"rules":[{"match":{"any":[{"resources":{"kinds":["ClusterRole"]}}]},"validate":{}}]}"#).0, Some(true));
}

#[test]
fn conditions_of_its_own_webhook_take_a_namespace_out() {
    let with = |expression: &str| {
        in_records(&format!(
            r#"{{"webhookConfiguration":{{"matchConditions":[{{"name":"n","expression":"{expression}"}}]}},"rules":[{{"validate":{{"failureAction":"Enforce"}}}}]}}"#
        ))
    };
    let (applies, _, at) = with("request.namespace != 'records'");
    assert_eq!((applies, at.as_deref()), (Some(false), Some("/spec/webhookConfiguration/matchConditions")));
    assert_eq!(with("request.namespace != 'shop'").0, Some(true));
    assert_eq!(with("request.namespace.matches('r')").0, None);
}

#[test]
fn preconditions_take_a_namespace_out_or_leave_it_open() {
    let with = |fields: &str| in_records(&format!(r#"{{"rules":[{{{fields},"validate":{{"failureAction":"Enforce"}}}}]}}"#));
    let of_namespace = |operator: &str, value: &str| {
        with(&format!(r#""preconditions":{{"all":[{{"key":"request.namespace","operator":"{operator}","value":"{value}"}}]}}"#))
    };
    assert_eq!(of_namespace("NotEquals", "records"), (Some(false), Some(false), Some("/spec/rules/0/preconditions".to_owned())));
    assert_eq!(of_namespace("NotEquals", "shop"), (Some(true), Some(true), None));
    assert_eq!(
        with(r#""preconditions":{"all":[{"key":"[redacted]","operator":"Equals","value":"[redacted]"}]}"#),
        (Some(true), None, None)
    );
    assert_eq!(with(r#""preconditions":{}"#), (Some(true), None, None));
    let cel = |expression: &str| with(&format!(r#""celPreconditions":[{{"name":"n","expression":"{expression}"}}]"#));
    assert_eq!(cel("request.namespace != 'records'").2.as_deref(), Some("/spec/rules/0/celPreconditions"));
    assert_eq!(cel("has(object.metadata.labels)"), (Some(true), None, None));
}

#[test]
fn a_policy_that_is_not_ready_is_not_believed() {
    let denies = |status: &str| {
        let policy: Kyverno = serde_json::from_str(&format!(
            r#"{{"metadata":{{"name":"p","generation":2}},"spec":{{"rules":[{{"validate":{{"failureAction":"Enforce"}}}}]}},"status":{status}}}"#
        ))
        .unwrap();
        policy.verdict(None).and_then(|one| one.denies.known().copied())
    };
    assert_eq!(denies(r#"{"conditions":[{"type":"Ready","status":"False"}]}"#), None);
    assert_eq!(denies(r#"{"conditions":[{"type":"Ready","status":"True"}]}"#), Some(true));
    assert_eq!(denies("{}"), Some(true));
}

#[test]
fn whom_a_rule_leaves_out_decides_whether_it_refuses_everybody() {
    let with = |fields: &str| {
        in_records(&format!(
            r#"{{"rules":[{{"match":{{"any":[{{"resources":{{"kinds":["Pod"]}}}}]}},{fields},"validate":{{"failureAction":"Enforce"}}}}]}}"#
        ))
    };
    let out = |filter: &str| with(&format!(r#""exclude":{{"any":[{filter}]}}"#));
    let subject = |kind: &str, name: &str| out(&format!(r#"{{"subjects":[{{"kind":"{kind}","name":"{name}","namespace":"ops"}}]}}"#));
    let everybody = (Some(false), Some(false), Some("/spec/rules/0/exclude".to_owned()));
    assert_eq!(subject("Group", "system:authenticated"), everybody);
    assert_eq!(subject("Group", "system:*"), everybody);
    assert_eq!(subject("User", "*"), everybody);
    for (kind, name, certain) in [
        ("User", "jane", true),
        ("ServiceAccount", "deployer", true),
        ("Group", "system:nodes", true),
        ("Group", "system:masters", true),
        ("Group", "developers", false),
        ("Group", "[redacted]", false),
        ("Group", "system:serviceaccounts", false),
        ("Group", "dev*", false),
        ("User", "dev-*", false),
        ("ServiceAccount", "*", false),
        // They make pods for others.
        ("Group", "system:serviceaccounts:kube-system", false),
    ] {
        assert_eq!(subject(kind, name), (Some(true), certain.then_some(true), None), "{kind} {name}");
    }
    assert_eq!(out(r#"{"clusterRoles":["cluster-admin"]}"#).1, None);
    assert_eq!(out(r#"{"roles":["ops:deployer"],"resources":{"namespaces":["shop"]}}"#).1, Some(true), "elsewhere");
    assert_eq!(out(r#"{"subjects":[{"kind":"Group","name":"developers"}],"resources":{"kinds":["Job"]}}"#).1, Some(true), "another kind");
    let matched = |filter: &str| in_records(&format!(r#"{{"rules":[{{"match":{filter},"validate":{{"failureAction":"Enforce"}}}}]}}"#)).1;
    let subjects = |name: &str| {
        matched(&format!(r#"{{"all":[{{"resources":{{"kinds":["Pod"]}}}},{{"subjects":[{{"kind":"Group","name":"{name}"}}]}}]}}"#))
    };
    assert_eq!(subjects("system:authenticated"), Some(true));
    assert_eq!(subjects("developers"), None);
    assert_eq!(matched(r#"{"resources":{"kinds":["Pod"]},"subjects":[{"kind":"User","name":"jane"}]}"#), None);
}

#[test]
fn what_an_object_says_of_itself_decides_whether_a_rule_refuses_it() {
    let with = |filters: &str, exclude: &str| {
        in_records(&format!(
            r#"{{"rules":[{{"match":{{"any":[{filters}]}},"exclude":{{"any":[{exclude}]}},"validate":{{"failureAction":"Enforce"}}}}]}}"#
        ))
        .1
    };
    let pods = r#"{"resources":{"kinds":["Pod"]}}"#;
    assert_eq!(with(pods, r#"{"resources":{"selector":{"matchLabels":{"skip":"yes"}}}}"#), None);
    assert_eq!(with(pods, r#"{"resources":{"annotations":{"skip":"yes"}}}"#), None);
    assert_eq!(with(pods, r#"{"resources":{"names":["debug-*"]}}"#), None);
    assert_eq!(with(pods, r#"{"resources":{"namespaces":["shop"],"names":["debug-*"]}}"#), Some(true));
    assert_eq!(with(pods, r#"{"resources":{"operations":["CREATE"]}}"#), None);
    assert_eq!(with(pods, r#"{"resources":{"operations":["DELETE"]}}"#), Some(true));
    assert_eq!(with(r#"{"resources":{"kinds":["Pod"],"selector":{"matchLabels":{"tier":"a"}}}}"#, ""), None);
    assert_eq!(with(r#"{"resources":{"kinds":["Pod"],"names":["web-*"]}}"#, ""), None);
    assert_eq!(with(r#"{"resources":{"kinds":["Pod"],"names":["*"]}}"#, ""), Some(true));
    assert_eq!(with(r#"{"resources":{"kinds":["ConfigMap"],"names":["web"],"operations":["UPDATE","DELETE"]}}"#, ""), Some(true));
    // What another filter takes whole is taken.
    let both = format!(r#"{pods},{{"resources":{{"kinds":["Pod"],"selector":{{"matchLabels":{{"tier":"a"}}}}}}}}"#);
    assert_eq!(with(&both, ""), Some(true));
    assert_eq!(with(&format!(r#"{pods},{{"resources":{{"kinds":["Deployment"]}}}}"#), ""), Some(true));
}

#[test]
fn a_rule_about_what_no_server_serves_refuses_nothing() {
    let of = |kinds: &str| {
        in_records(&format!(
            r#"{{"rules":[{{"match":{{"any":[{{"resources":{{"kinds":[{kinds}]}}}}]}},"validate":{{"failureAction":"Enforce"}}}}]}}"#
        ))
        .1
    };
    assert_eq!(of(r#""v1beta1/Pod""#), Some(false));
    assert_eq!(of(r#""apps/v1beta1/Deployment""#), Some(false));
    assert_eq!(of(r#""apps/v1beta1/Deployment","apps/v1/Deployment""#), Some(true));
    assert_eq!(of(r#""*/Pod","example.org/v1beta1/Widget""#), Some(true));
}
