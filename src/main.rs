//! kube-hipaa
fn main() {}
