//! Pods, the controllers behind them, their containers and the accounts that they run as.

pub(in crate::facts) mod containers;
pub(in crate::facts) mod image;
pub(in crate::facts) mod pass;
mod pod_text;
pub(in crate::facts) mod pods;
pub(in crate::facts) mod service_accounts;
pub(in crate::facts) mod shapes;
pub(in crate::facts) mod volume_uses;
