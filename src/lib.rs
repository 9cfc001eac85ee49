//! kube-hipaa looks at a live Kubernetes cluster through its API, never changes it, and writes down what an auditor of the HIPAA
//! Security Rule (45 CFR Part 164 Subpart C) would ask a cluster.
//!
//! ```text
//! cluster ─collect─▶ snapshot ─facts─▶ tables ─assess─▶ assessment ─report─▶ documents
//! ```
//!
//! Every arrow is a value that can be saved. `CONTRIBUTING.md` says where a new control, column, source or format goes;
//! `tests/it/architecture.rs` holds the modules apart.

pub mod assess;
pub mod bundle;
pub mod catalog;
pub mod cli;
pub mod collect;
pub mod digest;
pub mod facts;
pub mod model;
mod parallel;
pub mod report;
pub mod snapshot;
