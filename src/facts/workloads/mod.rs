//! Pods, the controllers behind them, their containers and the accounts that they run as.

pub(in crate::facts) mod attachments;
pub(in crate::facts) mod containers;
mod credentials;
mod effective;
pub(in crate::facts) mod image;
pub(in crate::facts) mod owners;
pub(in crate::facts) mod pass;
pub(in crate::facts) mod past;
mod pod_text;
pub(in crate::facts) mod pods;
mod restricted;
pub(in crate::facts) mod secret_uses;
pub(in crate::facts) mod service_accounts;
pub(in crate::facts) mod shapes;
mod templates;
pub(in crate::facts) mod token;
pub(in crate::facts) mod unread;
pub(in crate::facts) mod volume_uses;
mod written;
