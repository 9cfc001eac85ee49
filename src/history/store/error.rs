use std::io;

/// What can go wrong with a store. Nothing of it says a credential.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The text is no place of a store.
    #[error("`{text}` names no store: {why}")]
    Address {
        /// What was given, without what could be a credential.
        text: String,
        /// Why not.
        why: String,
    },
    /// The folder is not there.
    #[error("there is no folder {place} to keep a record in")]
    Missing {
        /// Which.
        place: String,
    },
    /// The settings of the environment do not lead to this store.
    #[error("cannot use the store {place}: {why}")]
    Settings {
        /// Which.
        place: String,
        /// What is missing or contradicts.
        why: String,
        /// What to do.
        advice: String,
    },
    /// It did not answer, or with an error.
    #[error("cannot {what} in the store {place}")]
    Failed {
        /// What was tried.
        what: String,
        /// Where.
        place: String,
        /// What kind of failure.
        kind: Failure,
        /// Why.
        source: io::Error,
    },
    /// A bundle cannot be read as one.
    #[error("{name} in the store {place} is damaged: {why}")]
    Damaged {
        /// The path of the bundle in the store.
        name: String,
        /// The store.
        place: String,
        /// What is wrong.
        why: String,
    },
    /// A bundle is there under the name of another.
    #[error("will not write {name} into the store {place}: something else is there under this name")]
    Other {
        /// The name.
        name: String,
        /// The store.
        place: String,
    },
    /// What was read back is not what was written.
    #[error("{name} does not come back from the store {place} as it was written: {why}")]
    NotKept {
        /// The name.
        name: String,
        /// The store.
        place: String,
        /// The difference.
        why: String,
    },
    /// There is a bundle of the cluster that was collected later.
    #[error("will not add a bundle of {time} to the store {place}: it holds {newest}, which was collected later")]
    Later {
        /// When ours was collected.
        time: String,
        /// The store.
        place: String,
        /// The name of the newest there.
        newest: String,
    },
    /// The bundle that ours follows cannot be followed.
    #[error("cannot name {name} in the store {place} as the bundle before: {why}")]
    Before {
        /// The name.
        name: String,
        /// The store.
        place: String,
        /// Why not.
        why: String,
    },
    /// A bundle without the identity of a cluster has no folder.
    #[error("cannot keep this evidence in the store {place}: it does not say which cluster it is of ({why})")]
    NoCluster {
        /// The store.
        place: String,
        /// What it says.
        why: String,
    },
}

/// What kind of failure, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The credentials are not good, or do not allow it.
    Refused,
    /// It is not there.
    Missing,
    /// It is there already.
    Exists,
    /// No answer, or one that says: later.
    Unavailable,
    /// There is no room for it.
    Full,
    /// Something else.
    Other,
}

impl StoreError {
    /// What the user can do about it.
    pub fn advice(&self) -> String {
        match self {
            Self::Address { .. } => {
                "Name a folder, or a bucket as s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or az://CONTAINER/PREFIX.".to_owned()
            }
            Self::Missing { place } => format!(
                "If the record begins here, make the folder first: mkdir -p {place}. If not, see whether what holds it is mounted."
            ),
            Self::Settings { advice, .. } => advice.clone(),
            Self::Failed { kind: Failure::Refused, .. } => {
                "Check the credentials, and that they allow to list, read and create (not to delete or replace).".to_owned()
            }
            Self::Failed { kind: Failure::Missing, .. } => "Check the name of the bucket and the path.".to_owned(),
            Self::Failed { kind: Failure::Unavailable, .. } => "Check the network and the endpoint; then run it again.".to_owned(),
            Self::Failed { kind: Failure::Full, .. } => "Make room where the store lies; then run it again.".to_owned(),
            Self::Failed { .. } => "Check the store and its permissions; then run it again.".to_owned(),
            Self::Damaged { .. } => "`kube-hipaa verify STORE` names everything that is wrong.".to_owned(),
            Self::Other { .. } => "Nothing was replaced. `kube-hipaa verify STORE` says what is there.".to_owned(),
            Self::NotKept { .. } => {
                "Check the store: what it holds under this name is not the evidence. Nothing else was changed; the evidence can be stored elsewhere."
                    .to_owned()
            }
            Self::Later { .. } => {
                "A record goes forward in time only: check the clock of the machine that collects. Evidence of the past can be sealed without a store: kube-hipaa bundle EVIDENCE -o BUNDLE."
                    .to_owned()
            }
            Self::Before { .. } => {
                "`kube-hipaa verify STORE` says more. A damaged record is kept as it is: begin a new one in another place.".to_owned()
            }
            Self::NoCluster { .. } => {
                "Give the identity that collects the right to get the namespace kube-system: `kube-hipaa permissions` prints it.".to_owned()
            }
        }
    }
}
