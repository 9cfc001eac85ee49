//! What NetworkPolicies allow, and whether something enforces them.

mod block;
mod policy;
mod ports;
mod selector;
pub mod simulate;

pub use ports::Protocol;
