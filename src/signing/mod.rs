//! Signatures (SSHSIG) and timestamps (RFC 3161) over a list of digests: their forms, and whether they are good. No clock, no network: the
//! same bytes give the same answer years later. Who is asked for one stands in `authority`.

mod agent;
mod algorithms;
mod chain;
mod elements;
mod form;
mod key;
mod request;
mod root;
mod signers;
mod sshsig;
mod time;
mod token;

pub use agent::{AgentError, answer_of_agent, question_for_agent};
pub use chain::{Authorities, AuthoritiesError};
pub use key::{Key, KeyError, PublicKey};
pub use request::{Request, RequestError};
pub use signers::{AllowedSigners, SignersProblem};
pub use sshsig::Signature;
pub use time::at_second;
pub use token::{Stamp, Timestamp};

/// The namespace of every signature: one that was made for another purpose is none here.
pub const NAMESPACE: &str = "kube-hipaa";
