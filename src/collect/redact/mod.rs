//! Redaction: an allow-list that runs before anything is stored or logged.
//!
//! What is not named never enters a snapshot. A [`Keep`] is a small tree of field names (see `keep.rs`) that `prune.rs` walks while it
//! copies one object, so that no tree of the object is ever built. A few fields hold free text next to configuration that matters
//! (arguments, environment, annotations, parameters): those have a [`Special`] treatment, token by token.
//!
//! What changes although nothing was changed (heartbeats, renew times, managed fields, counters) is not named either: an unchanged
//! cluster gives the same bytes twice.

mod annotations;
mod arguments;
mod captures;
mod config_map;
mod credentials;
mod environments;
mod flags;
mod head;
mod keep;
mod preconditions;
mod prune;
mod secret;
mod special;
#[cfg(test)]
mod tests;
mod twice;
mod volume_policies;

pub use arguments::REDACTED;
pub use environments::Environments;
pub use flags::{is_known_env, is_known_flag};
pub use head::{Head, HeadMetadata};
pub use keep::{Keep, KeepError, Null, Special};
pub use prune::{Broken, prune};

pub(super) use config_map::prune as prune_config_map;
pub(super) use prune::{json_error, push_text};
