//! Facts: plain functions from Kubernetes objects to statements about them.
pub mod pod_security;
