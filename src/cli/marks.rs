//! What is put beside the list of digests: a signature and a timestamp.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::args::MarkArgs;
use super::error::CliError;
use super::inputs::read_file;
use super::live::on_runtime;
use super::output::Staged;
use super::passphrase;
use crate::authority::{ReachError, StampError, nonce, sign_by_agent, timestamp};
use crate::bundle::{SIGNATURE, TIMESTAMP, is_before};
use crate::history::store::StoredMarks;
use crate::signing::{
    AllowedSigners, Authorities, AuthoritiesError, Key, KeyError, PublicKey, Request, RequestError, Signature, Stamp, Timestamp, at_second,
};
use crate::snapshot::Finishing;

/// No key, no answer of an authority, no list of signers comes near this.
const MOST: u64 = 1024 * 1024;
/// Where the passphrase of the key is, and where the file with it is named.
const PASSPHRASE: &str = "KUBE_HIPAA_SIGN_KEY_PASSPHRASE";
const PASSPHRASE_FILE: &str = "KUBE_HIPAA_SIGN_KEY_PASSPHRASE_FILE";

/// Why a bundle is not signed or stamped, or cannot be checked.
#[derive(Debug, thiserror::Error)]
pub enum MarkError {
    /// A key cannot be used.
    #[error("cannot sign with {}: {source}", .path.display())]
    Key {
        /// Its file.
        path: PathBuf,
        /// Why not.
        source: KeyError,
    },
    /// A key is encrypted, and nobody says how.
    #[error("cannot sign with {}: it is encrypted, and there is neither its passphrase nor a terminal to ask for it", .path.display())]
    NoPassphrase {
        /// Its file.
        path: PathBuf,
    },
    /// The agent did not sign.
    #[error(transparent)]
    Agent(#[from] ReachError),
    /// There is no timestamp.
    #[error(transparent)]
    Stamp(#[from] StampError),
    /// An answer that was fetched elsewhere is no timestamp over this.
    #[error("cannot take {} as the timestamp: {why}", .path.display())]
    Reply {
        /// Its file.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// A request is none.
    #[error("cannot read {}: {source}", .path.display())]
    Request {
        /// Its file.
        path: PathBuf,
        /// Why.
        source: RequestError,
    },
    /// A timestamp is from before what it stamps.
    #[error("will not stamp: the timestamp is of {stamped}, before the end of the collection at {collected}")]
    Early {
        /// What the authority says.
        stamped: String,
        /// What the evidence says.
        collected: String,
    },
    /// A bundle that is in a store already has not the marks that were asked for.
    #[error("will not {what} {place}: it is in the store already, and nothing in a store is replaced")]
    Stored {
        /// The bundle.
        place: String,
        /// `sign` or `stamp`.
        what: &'static str,
    },
    /// A file of authorities is none.
    #[error("cannot take {} as the authorities for timestamps: {source}", .path.display())]
    Authorities {
        /// Its file.
        path: PathBuf,
        /// Why not.
        source: AuthoritiesError,
    },
}

impl MarkError {
    /// What the user can do about it.
    pub fn advice(&self) -> String {
        match self {
            Self::Key { source, .. } => source.advice(),
            Self::NoPassphrase { .. } => {
                format!(
                    "Name a file that holds it with --sign-key-passphrase or {PASSPHRASE_FILE}, or set {PASSPHRASE}; or use --sign-agent."
                )
            }
            Self::Agent(error) => error.advice(),
            Self::Stamp(error) => error.advice(),
            Self::Reply { .. } => {
                "Fetch it again with the request that --timestamp-request writes for this bundle: the same evidence, the same id."
                    .to_owned()
            }
            Self::Request { .. } => "Name the file that --timestamp-request wrote.".to_owned(),
            Self::Early { .. } => "The clock of one of the two is wrong: correct it, and collect again where it was ours.".to_owned(),
            Self::Stored { place, .. } => {
                format!(
                    "Sign and stamp in the run that adds. Of this one a marked copy can be made: kube-hipaa bundle {place} -o COPY with the same options."
                )
            }
            Self::Authorities { .. } => {
                "Name a file with the root certificate of the authority in PEM, and those between where there are some.".to_owned()
            }
        }
    }
}

/// How a bundle will be marked: what can be wrong about it was found before anything else is done.
#[derive(Default)]
pub(super) struct Marks {
    signer: Option<Signer>,
    stamper: Option<Stamper>,
    request: Option<Staged>,
}

enum Signer {
    Key(PathBuf, Key),
    Agent(PathBuf, PublicKey),
}

enum Stamper {
    Authority(String),
    Reply { path: PathBuf, bytes: Vec<u8>, request: Option<Request> },
}

/// The files of the marks, by name.
#[derive(Default)]
pub(super) struct Marked {
    pub(super) files: BTreeMap<String, Vec<u8>>,
    /// Fingerprint of the key.
    pub(super) key: Option<String>,
    pub(super) stamp: Option<Stamp>,
}

/// The name of the file in the folder that is moved to its place.
const REQUEST: &str = "request.tsq";

impl Marks {
    /// Reads keys and answers, and asks for a passphrase.
    pub(super) fn prepare(args: &MarkArgs, force: bool, finishing: &Finishing) -> Result<Self, CliError> {
        let signer = match (&args.sign_key, &args.sign_agent) {
            (Some(path), _) => Some(Signer::Key(path.clone(), key(path, args.sign_key_passphrase.as_deref(), finishing)?)),
            (None, Some(path)) => {
                let key = PublicKey::read(&read_file(path, MOST)?);
                let key = key.map_err(|source| MarkError::Key { path: path.clone(), source })?;
                let socket = std::env::var_os("SSH_AUTH_SOCK").filter(|path| !path.is_empty()).map(PathBuf::from);
                Some(Signer::Agent(socket.ok_or(ReachError::NoAgent).map_err(MarkError::Agent)?, key))
            }
            (None, None) => None,
        };
        let mut written = args.timestamp_request.as_ref();
        let stamper = match (&args.timestamp_url, &args.timestamp_reply) {
            (Some(url), _) => Some(Stamper::Authority(url.clone())),
            (None, Some(path)) => {
                let read = |path: &PathBuf| -> Result<Request, CliError> {
                    Request::read(&read_file(path, MOST)?).map_err(|source| MarkError::Request { path: path.clone(), source }.into())
                };
                let request = written.take().map(read).transpose()?;
                Some(Stamper::Reply { path: path.clone(), bytes: read_file(path, MOST)?, request })
            }
            (None, None) => None,
        };
        let request = written.map(|path| {
            let name = path.file_name().ok_or_else(|| CliError::NoName(path.clone()))?.to_string_lossy().into_owned();
            Staged::beside(path, &name, force, finishing, replaceable)
        });
        Ok(Self { signer, stamper, request: request.transpose()? })
    }

    /// Whether there is anything to do.
    pub(super) fn is_none(&self) -> bool {
        self.signer.is_none() && self.stamper.is_none() && self.request.is_none()
    }

    /// The marks over a list of digests, of what was collected until `collected` (RFC 3339).
    pub(super) fn make(&self, list: &[u8], collected: &str, finishing: &Finishing) -> Result<Marked, CliError> {
        let mut marked = Marked::default();
        let signature = match &self.signer {
            None => None,
            Some(Signer::Key(path, key)) => Some(key.sign(list).map_err(|source| MarkError::Key { path: path.clone(), source })?),
            Some(Signer::Agent(socket, key)) => Some(sign_by_agent(socket, key, list).map_err(MarkError::Agent)?),
        };
        if let Some(text) = signature {
            marked.key = Signature::read(text.as_bytes()).ok().map(|signature| signature.fingerprint());
            marked.files.insert(SIGNATURE.to_owned(), text.into_bytes());
        }
        let answer = match &self.stamper {
            None => None,
            Some(Stamper::Authority(url)) => {
                Some(on_runtime(finishing, async { Ok(timestamp(url, list).await.map_err(MarkError::Stamp)?) })?)
            }
            Some(Stamper::Reply { bytes, .. }) => Some(bytes.clone()),
        };
        if let Some(bytes) = answer {
            let stamp = Timestamp::read(&bytes).and_then(|timestamp| {
                if let Some(Stamper::Reply { request: Some(request), .. }) = &self.stamper {
                    timestamp.answers(request)?;
                }
                timestamp.check(list, None)
            });
            let path = || if let Some(Stamper::Reply { path, .. }) = &self.stamper { path.clone() } else { PathBuf::from(TIMESTAMP) };
            let stamp = stamp.map_err(|why| MarkError::Reply { path: path(), why })?;
            if at_second(collected).is_some_and(|collected| is_before(stamp.second, collected)) {
                return Err(MarkError::Early { stamped: stamp.time, collected: collected.to_owned() }.into());
            }
            marked.stamp = Some(stamp);
            marked.files.insert(TIMESTAMP.to_owned(), bytes);
        }
        if let Some(request) = &self.request {
            request.write(REQUEST, Request::new(list, nonce().map_err(MarkError::Stamp)?).bytes())?;
        }
        Ok(marked)
    }

    /// Key and timestamp of a bundle that is in a store already, where these marks are on it; nothing can be added to it.
    pub(super) fn are_on(&self, stored: &StoredMarks, place: &str) -> Result<(Option<String>, Option<Stamp>), CliError> {
        let lacks = |what| MarkError::Stored { place: place.to_owned(), what };
        let signed =
            stored.signature.as_deref().and_then(|bytes| Signature::read(bytes).ok()).filter(|one| one.check(&stored.list).is_ok());
        let key = self.signer.as_ref().map(|signer| match signer {
            Signer::Key(_, key) => key.fingerprint(),
            Signer::Agent(_, key) => key.fingerprint(),
        });
        if key.is_some() && key != signed.map(|signature| signature.fingerprint()) {
            return Err(lacks("sign").into());
        }
        let stamped =
            stored.timestamp.as_deref().and_then(|bytes| Timestamp::read(bytes).and_then(|one| one.check(&stored.list, None)).ok());
        match (&self.stamper, stamped) {
            (None, _) => Ok((key, None)),
            (Some(_), Some(stamp)) => Ok((key, Some(stamp))),
            (Some(_), None) => Err(lacks("stamp").into()),
        }
    }

    /// Gives the request its place.
    pub(super) fn commit(self) -> Result<Option<PathBuf>, CliError> {
        self.request.map(|request| request.commit_only(Some(REQUEST))).transpose()
    }
}

/// Only a request is replaced.
fn replaceable(target: &Path) -> Result<(), CliError> {
    let Ok(metadata) = target.symlink_metadata() else { return Ok(()) };
    let is_one = metadata.is_file() && (metadata.len() == 0 || Request::read(&read_file(target, MOST)?).is_ok());
    let why = "it is no request for a timestamp".to_owned();
    if is_one { Ok(()) } else { Err(CliError::NotOurs { path: target.to_owned(), why }) }
}

/// The key, without its encryption.
fn key(path: &Path, passphrase: Option<&Path>, finishing: &Finishing) -> Result<Key, CliError> {
    let fail = |source| MarkError::Key { path: path.to_owned(), source };
    let key = Key::read(&read_file(path, MOST)?).map_err(fail)?;
    if !key.is_encrypted() {
        return Ok(key);
    }
    let file =
        passphrase.map(Path::to_owned).or_else(|| std::env::var_os(PASSPHRASE_FILE).filter(|path| !path.is_empty()).map(PathBuf::from));
    let passphrase = match (file, std::env::var_os(PASSPHRASE)) {
        (Some(file), _) => {
            let mut text = read_file(&file, MOST)?;
            // An editor ends the line.
            while text.last().is_some_and(|last| matches!(last, b'\n' | b'\r')) {
                text.pop();
            }
            text
        }
        (None, Some(text)) => text.into_encoded_bytes(),
        (None, None) => passphrase::ask(path, finishing)?,
    };
    Ok(key.open(&passphrase).map_err(fail)?)
}

/// The list of allowed signers.
pub(super) fn signers(path: &Path) -> Result<AllowedSigners, CliError> {
    let text = String::from_utf8_lossy(&read_file(path, MOST)?).into_owned();
    AllowedSigners::read(&text).map_err(|problems| CliError::Problems {
        path: path.to_owned(),
        problems: problems
            .into_iter()
            .map(|problem| crate::catalog::Problem {
                file: path.display().to_string(),
                line: problem.line,
                column: None,
                message: problem.what,
            })
            .collect(),
    })
}

/// The authorities for timestamps.
pub(super) fn authorities(path: &Path) -> Result<Authorities, CliError> {
    Ok(Authorities::read(&read_file(path, MOST)?).map_err(|source| MarkError::Authorities { path: path.to_owned(), source })?)
}
