//! The integration tests: one binary, a module a behaviour.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::print_stderr,
    clippy::unwrap_used,
    missing_docs,
    reason = "tests: they read and write files, look at clocks, print numbers for people, and may fail loudly"
)]

mod access;
mod architecture;
mod audit_policy_oracle;
mod bench;
mod bundle;
mod bundle_hostile;
mod bundle_mutations;
mod bundle_roots;
mod bundle_signed;
mod bundle_stamped;
mod bundle_tampered;
mod chart;
mod cli;
mod config;
mod contributing;
mod controls;
mod credentials;
mod demo;
mod diffing;
mod docs;
mod fake_server;
mod flags;
mod golden;
mod history;
mod image;
mod imports;
mod judging;
mod live_bootstrap_policy;
mod live_clinic;
mod live_crds;
mod live_effects;
mod live_empty_cluster;
mod live_faults;
mod live_fixes;
mod live_fixture;
mod live_interrupted;
mod live_kubeconfig;
mod live_neighbours;
mod live_people;
mod live_permissions;
mod live_pod_security;
mod live_rbac;
mod live_schedule;
mod live_store;
mod live_takeover;
mod lying_server;
mod mapping;
mod memory;
mod merged;
mod mesh_oracle;
mod network_oracle;
mod older;
mod one_namespace;
mod packages;
mod parameters;
mod people;
mod planted;
mod pod_security_fixtures;
mod pod_security_oracle;
mod prometheus;
mod redaction;
mod report;
mod risk_input;
mod scope_roles;
mod storage;
mod store;
mod store_laid_in;
pub mod support;
mod unseen;
mod unseen_settings;
mod what_if;
mod words;
