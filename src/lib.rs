//! kube-hipaa looks at a live Kubernetes cluster through its API, never changes it, and writes down evidence of the kind
//! that OCR's audit protocol for the HIPAA Security Rule (45 CFR Part 164 Subpart C) asks regulated entities for.
//!
//! ```text
//! cluster ─collect─▶ snapshot ─facts─▶ tables ─assess─▶ assessment ─report─▶ documents
//! ```
//!
//! Every arrow is a value that can be saved. `CONTRIBUTING.md` says where a new control, column, source or format goes;
//! `tests/it/architecture.rs` holds the modules apart.

pub mod assess;
pub mod authority;
pub mod bundle;
pub mod catalog;
pub mod cli;
pub mod collect;
pub mod digest;
pub mod facts;
pub mod history;
pub mod imports;
pub mod model;
mod parallel;
pub mod report;
pub mod signing;
pub mod snapshot;
