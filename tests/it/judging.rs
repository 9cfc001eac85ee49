//! Columns and controls fit each other: a fact that a verdict could rest on is read by a control or has a reason, and a control that points
//! to another one points to one that exists.

use std::collections::{BTreeMap, BTreeSet};

use kube_hipaa::catalog::{Catalog, Control};
use kube_hipaa::facts::{ColumnType, schemas};

/// Columns that are true or false and that no control reads, with the reason.
const NOT_JUDGED: &[(&str, &[&str], &str)] = &[
    ("nodes", &["control_plane", "ready", "unschedulable"], "what a node is or does just now, not how it is set up"),
    ("namespaces", &["system", "finalizing"], "which namespace it is; it narrows lists"),
    ("namespace_isolation", &["system"], "which namespace it is; it narrows lists"),
    ("pods", &["share_process_namespace", "host_users"], "no benchmark item and no paragraph asks for it; shown where pods are compared"),
    ("pods", &["run_as_non_root"], "the containers table joins it with the container's own, and that is judged"),
    ("pods", &["node_name_set", "host_aliases", "tolerates_everything"], "how it is placed, which needs nobody's answer"),
    ("service_accounts", &["is_default", "automounts"], "what a pod makes of it is judged in the pods table"),
    ("containers", &["run_as_non_root", "run_as_root"], "run_as_non_root_effective and its kin join them"),
    ("containers", &["drops_all_capabilities"], "part of the level restricted, which is judged as a whole"),
    ("containers", &["liveness_probe", "readiness_probe"], "availability of one program; no paragraph asks for it"),
    ("containers", &["mirror"], "who made the pod; it narrows what is said"),
    ("network_policies", &["every_pod"], "that some policy selects every pod is judged by namespace"),
    ("engine_policies", &["denies", "conditional"], "parts of what the policy makes of ePHI, which is judged"),
    ("containers", &["interactive"], "shows who can attach; the right to attach is judged"),
    ("network_isolation", &["selected", "allows_all"], "parts of `isolated` and `open`, which are judged"),
    ("api_server_settings", &["set"], "where a value comes from; the value is judged"),
    ("component_settings", &["set"], "where a value comes from; the value is judged"),
    ("volumes", &["customer_key"], "whose key it is; that there is one is judged"),
    ("storage_classes", &["default", "customer_key"], "whose key it is; that there is one is judged"),
    ("grants", &["aggregated", "account_exists"], "how the right came about; the right is judged"),
    ("grants", &["impersonates", "approves_certificates"], "kept for older overlays; the exact kinds beside them are judged"),
    ("grants", &["dangling"], "one of the two causes of `gives_nothing`, which is judged"),
    ("grants", &["impersonates_named"], "judged by subject, all of its bindings together (subjects.impersonates_named)"),
    ("subjects", &["exists", "spelt_as_user"], "dangling bindings are judged by binding"),
    (
        "reach",
        &[
            "everything",
            "impersonates",
            "escalates",
            "proxies_nodes",
            "approves_certificates",
            "creates_volumes",
            "changes_policies",
            "changes_system_config",
            "reads_secrets",
            "becomes_service_accounts",
            "execs",
            "adds_containers",
            "writes_workloads",
            "changes_network_policies",
            "deletes_evidence",
            "changes_apis",
            "changes_nodes",
            "impersonates_named",
            "changes_secrets",
            "redirects_traffic",
            "deletes_data",
            "reads_logs",
            "deploys_by_tools",
            "deletes_backups",
        ],
        "cells of the matrix of access; the same rights are judged by grant",
    ),
    ("roles", &["aggregated"], "how the rules came about; the rules are judged"),
    ("admission_policies", &["conditional"], "narrows what is said; whether it denies is judged"),
    ("webhooks", &["conditional", "has_authority"], "narrows what is said; what it lets past is judged"),
    ("services", &["headless", "allocates_node_ports"], "what kind of Service it is; what it opens is judged"),
    ("backup_locations", &["default"], "where backups go that name no location; each location is judged"),
    ("secret_stores", &["ready"], "what objects bring from the store is judged by each of them"),
    ("certificates", &["is_ca"], "what the certificate is for"),
    ("ingress_classes", &["exists", "default", "has_parameters"], "which controller answers; what it opens is judged"),
];

fn read_by_controls(catalog: &Catalog) -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    let mut read: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for check in catalog.controls().iter().filter_map(Control::check) {
        let of_table = read.entry(check.table.name).or_default();
        of_table.extend(check.require.columns().iter().copied());
        for more in [&check.when, &check.exposed].into_iter().flatten() {
            of_table.extend(more.columns().iter().copied());
        }
    }
    read
}

#[test]
fn every_judging_column_is_read_by_a_control_or_has_a_reason() {
    let catalog = Catalog::built_in().expect("no problems");
    let read = read_by_controls(&catalog);
    let mut wrong = Vec::new();
    for schema in schemas() {
        for column in schema.columns.iter().filter(|column| column.ty == ColumnType::Bool) {
            let is_read = read.get(schema.name).is_some_and(|columns| columns.contains(column.name));
            let reason =
                NOT_JUDGED.iter().any(|(table, columns, why)| *table == schema.name && columns.contains(&column.name) && !why.is_empty());
            if !is_read && !reason {
                wrong.push(format!("{}.{} is read by no control: write one, or a reason in {}", schema.name, column.name, file!()));
            }
        }
    }
    for (table, columns, _) in NOT_JUDGED {
        for column in *columns {
            let there = schemas().iter().any(|schema| schema.name == *table && schema.column(column).is_some());
            if !there {
                wrong.push(format!("{table}.{column} does not exist any more: take its reason out of {}", file!()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Words such as `network/policies-enforced` in a text.
fn ids<'t>(text: &'t str, areas: &BTreeSet<&str>) -> Vec<&'t str> {
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '/';
    text.split(|c| !word(c))
        .filter(|part| part.split_once('/').is_some_and(|(area, name)| areas.contains(area) && !name.is_empty() && !name.contains('/')))
        .collect()
}

#[test]
fn controls_that_are_pointed_to_exist() {
    let catalog = Catalog::built_in().expect("no problems");
    let areas: BTreeSet<&str> = catalog.controls().iter().map(Control::area).collect();
    let mut wrong = Vec::new();
    for control in catalog.controls() {
        for text in [&control.limits, &control.because, &control.fix, &control.severity_because] {
            for id in ids(text, &areas) {
                // `pod/exec` and its kin are resources of Kubernetes written as RBAC writes them.
                let resource =
                    ["exec", "attach", "proxy", "log", "status", "token", "finalize"].iter().any(|name| id.ends_with(&format!("/{name}")));
                if catalog.control(id).is_none() && !resource {
                    wrong.push(format!("{} points to {id}, which does not exist", control.id));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
