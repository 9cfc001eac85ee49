//! The record over time: bundles of many nights, kept where nobody rewrites them, and what they say when they are compared.
//!
//! It sees bundles and assessments, never facts or snapshots, so that a record can be read years after the program that made it.

pub mod diff;
pub mod links;
pub mod since;
pub mod store;
pub mod timeline;
