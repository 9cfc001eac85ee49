//! kube-hipaa
pub mod facts;
