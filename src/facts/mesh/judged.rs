//! What is known of the connections that one pod takes, whatever mesh it is in.

use crate::facts::Known;
use crate::model::{Evidence, Unseen};

/// Something that goes past the rule that holds otherwise: a port with a mode of its own, a port that does not go through the proxy.
#[derive(Clone, Debug)]
pub(super) struct Exception {
    /// `port 9090: not led through the proxy (…)`.
    pub(super) text: String,
    /// Where that stands.
    pub(super) at: Evidence,
}

/// What a policy of a mesh makes of a pod.
#[derive(Clone, Debug)]
pub(super) struct Judged {
    /// What holds on ports for which nothing else is said, in the words of the mesh.
    pub(super) mode: Known<String>,
    /// Whether that is mutual TLS and nothing else.
    pub(super) strict: Known<bool>,
    /// Which object decided that; or that none does.
    pub(super) by: String,
    /// Where it stands.
    pub(super) at: Vec<Evidence>,
    /// Ports for which something else is said that lets in more.
    pub(super) exceptions: Known<Vec<Exception>>,
}

impl Judged {
    /// Nothing is known.
    pub(super) fn unknown(unseen: &Unseen) -> Self {
        Self {
            mode: Known::Unknown(unseen.clone()),
            strict: Known::Unknown(unseen.clone()),
            by: "something that was not seen".to_owned(),
            at: Vec::new(),
            exceptions: Known::Unknown(unseen.clone()),
        }
    }
}

/// Both lists, where both are known. One thing that is let in is enough for a finding, so that what is known of either is not lost.
pub(super) fn joined(one: Known<Vec<Exception>>, other: Known<Vec<Exception>>) -> (Vec<Exception>, Option<Unseen>) {
    let mut all = Vec::new();
    let mut gap = None;
    for list in [one, other] {
        match list {
            Known::Known(list) => all.extend(list),
            Known::Unknown(unseen) => gap = gap.or(Some(unseen)),
        }
    }
    (all, gap)
}
