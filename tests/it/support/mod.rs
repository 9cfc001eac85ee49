//! What the integration tests share. Not part of the product.

pub mod architecture_rules;
pub mod bundles;
pub mod chance;
pub mod clinic;
pub mod control_plane;
pub mod fake_server;
pub mod faults;
pub mod kubeconfigs;
pub mod listener;
pub mod oracle;
pub mod pods;
pub mod program;
pub mod reference;
pub mod repairs;
pub mod reply;
pub mod rust_source;
pub mod sample_assessment;
pub mod small_clusters;
pub mod wild_pods;
pub mod worlds;
