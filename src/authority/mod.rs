//! Who is asked for a signature or a timestamp: a key agent on this machine, and the one address that was named. Nobody else.

mod agent;
mod http;

pub use agent::{ReachError, sign_by_agent};
pub use http::{StampError, nonce, timestamp};
