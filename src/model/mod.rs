//! Plain data that the other modules hand to each other and that is saved: no clock, no disk, no network.
//!
//! [`Assessment`] is the contract of `assessment.json` (schema `kube-hipaa/assessment/v1`).

pub mod annotations;
mod assessment;
mod benchmark;
mod credential;
mod evidence;
mod exhibits;
mod index;
mod judged;
mod nonempty;
mod object;
mod outcome;
mod paragraph;
mod risk;
mod rule;
mod served;
mod small_map;
mod source;
pub mod sources;
mod unseen;

pub use assessment::*;
pub use benchmark::*;
pub use credential::LooksLikeCredential;
pub use evidence::*;
pub use exhibits::*;
pub use index::*;
pub use judged::Judged;
pub use nonempty::NonEmpty;
pub use object::*;
pub use outcome::*;
pub use paragraph::*;
pub use risk::*;
pub use rule::*;
pub use served::*;
pub use small_map::SmallMap;
pub use source::*;
pub use unseen::*;
