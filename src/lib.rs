//! kube-hipaa
