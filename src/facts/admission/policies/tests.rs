use std::sync::Arc;

use super::*;
use crate::facts::TableRow;
use crate::model::{FactValue, Grade, Reading, SourceId};
use serde_json::{Value, json};

fn evidence(source: &SourceId, name: &str) -> Evidence {
    let reading = Reading {
        source: source.clone(),
        object: Some(subject("", &ObjectMeta { name: Some(name.to_owned()), ..Default::default() }).into()),
        resource_version: None,
        sha256: String::new(),
        collected_at: "".into(),
        request: Some(1),
    };
    Evidence { grade: Grade::EffectiveConfiguration, reading: Arc::new(reading), pointer: "".into() }
}

fn unread() -> Known<()> {
    Known::Unknown(unknown_operator("not read"))
}

fn read(policies: &[(&str, Value)], bindings: &[(&str, Value)]) -> Read {
    let object = |(name, spec): &(&str, Value)| json!({"metadata": {"name": name}, "spec": spec});
    let policy =
        |one: &(&str, Value)| (one.0.to_owned(), (serde_json::from_value(object(one)).unwrap(), evidence(&VALIDATING_POLICIES, one.0)));
    let binding = |one: &(&str, Value)| (serde_json::from_value(object(one)).unwrap(), evidence(&VALIDATING_POLICY_BINDINGS, one.0));
    let policies: BTreeMap<String, (Policy, Evidence)> = policies.iter().map(policy).collect();
    Read {
        kind: &KINDS[0],
        namespaces: Known::Known(BTreeSet::from(["records".to_owned()])),
        bindings: bound(&policies, bindings.iter().map(binding).collect(), |_, _| Parameters::Decide),
        policies,
        all_policies: Known::Known(()),
        all_bindings: Known::Known(()),
        plugin: Known::Known(true),
    }
}

fn cell(row: &Row, column: &str) -> Option<FactValue> {
    let (index, _) = PolicyRow::schema().column(column).unwrap();
    row.cells[index].known().cloned()
}

fn places(row: &Row) -> Vec<String> {
    let one = |evidence: &Arc<Evidence>| format!("{}{}", evidence.object().unwrap().name, evidence.pointer);
    row.cell_evidence["denies"].iter().map(one).collect()
}

fn in_records(read: &Read, binding: usize) -> Row {
    let (name, labels) = ("records".to_owned(), Labels::new());
    let asked = read.asked(&read.bindings[binding], Some([(&name, &labels)].into_iter()), true);
    read.bound(&read.bindings[binding], Some((&name, &labels)), Known::Known(String::new()), asked)
}

#[test]
fn evidence_of_a_refusal_names_the_binding_that_refuses() {
    let warns = ("a", json!({"policyName": "p", "validationActions": ["Warn"]}));
    let refuses = ("b", json!({"policyName": "p", "validationActions": ["Deny"]}));
    let row = in_records(&read(&[("p", json!({}))], &[warns, refuses]), 0);
    assert_eq!(cell(&row, "denies"), Some(FactValue::Bool(true)));
    assert_eq!(places(&row), ["a/spec/validationActions", "b/spec/validationActions"]);
}

#[test]
fn evidence_of_a_policy_that_is_not_there_is_its_name() {
    let row = in_records(&read(&[], &[("a", json!({"policyName": "p", "validationActions": ["Deny"]}))]), 0);
    assert_eq!(cell(&row, "denies"), Some(FactValue::Bool(false)));
    assert_eq!(cell(&row, "failure_policy"), Some(FactValue::Text(String::new())));
    assert_eq!(places(&row), ["a/spec/policyName"]);
}

#[test]
fn of_a_policy_that_was_not_read_nothing_is_said() {
    let mut read = read(&[], &[("a", json!({"policyName": "p", "validationActions": ["Deny"]}))]);
    read.all_policies = unread();
    for column in ["denies", "applies", "failure_policy", "conditional"] {
        assert_eq!(cell(&in_records(&read, 0), column), None, "{column}");
    }
}

#[test]
fn without_all_bindings_nobody_knows_what_binds_a_policy() {
    let mut read = read(&[("p", json!({})), ("q", json!({}))], &[("a", json!({"policyName": "q", "validationActions": ["Warn"]}))]);
    assert_eq!(cell(&read.unbound()[0], "denies"), Some(FactValue::Bool(false)));
    read.all_bindings = unread();
    for column in ["denies", "applies", "actions"] {
        assert_eq!(cell(&read.unbound()[0], column), None, "{column}");
    }
    assert_eq!(cell(&in_records(&read, 0), "denies"), None, "another binding may refuse");
}
