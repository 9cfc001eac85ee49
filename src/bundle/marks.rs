//! Whether the signature and the timestamp beside the list of digests are good.

use serde::Serialize;

use super::content::{MOST_SMALL, Summary};
use super::verify::{Check, Expected, ProblemKind};
use super::{SIGNATURE, TAG_MANIFEST, TIMESTAMP};
use crate::signing::{Signature, Timestamp, at_second};

/// How long before the end of the collection a timestamp may be, in seconds: clocks differ.
const CLOCKS: i64 = 60;

/// How far a signature or a timestamp was checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MarkState {
    /// There is none.
    #[default]
    None,
    /// There is one that is not good; a problem says why.
    Bad,
    /// It is over this bundle. Who made it was not compared with anything: no list was named.
    Valid,
    /// It is over this bundle, and was made by one who was named.
    Trusted,
}

/// What came out about `tagmanifest-sha256.txt.sig`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SignatureVerdict {
    /// How far it was checked.
    pub state: MarkState,
    /// Fingerprint of the key that it names, as `ssh-keygen -l` prints it.
    pub key: Option<String>,
    /// The algorithm, such as `ssh-ed25519`.
    pub algorithm: Option<String>,
    /// Who the list of allowed signers says that this is.
    pub signers: Vec<String>,
}

/// What came out about `tagmanifest-sha256.txt.tsr`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TimestampVerdict {
    /// How far it was checked.
    pub state: MarkState,
    /// When it was made, RFC 3339 UTC.
    pub time: Option<String>,
    /// The subject of the certificate that signed it.
    pub authority: Option<String>,
    /// The policy of the authority, as an object identifier.
    pub policy: Option<String>,
    /// Its number, in hex.
    pub serial: Option<String>,
}

impl Check<'_> {
    /// Both marks; the signature is judged as of the time of a trusted timestamp, else as of the end of the collection.
    pub(super) fn marks(&mut self, expected: Expected<'_>, summary: Option<&Summary>) -> (SignatureVerdict, TimestampVerdict) {
        let collected = summary.and_then(|summary| at_second(&summary.collected.finished));
        let (timestamp, stamped) = self.timestamp(expected, collected);
        let signature = self.signature(expected, stamped.or(collected));
        (signature, timestamp)
    }

    /// The mark's bytes and those of the list that it is over, where both are there.
    fn marked(&mut self, mark: &str) -> Option<(Vec<u8>, Vec<u8>)> {
        let mark = self.bytes(mark, MOST_SMALL)?;
        // Of a list that is missing, that is said elsewhere.
        Some((mark, self.bytes(TAG_MANIFEST, MOST_SMALL).unwrap_or_default()))
    }

    fn signature(&mut self, expected: Expected<'_>, at: Option<i64>) -> SignatureVerdict {
        let mut verdict = SignatureVerdict::default();
        if !self.has(SIGNATURE) {
            if expected.signature_required {
                self.problem(SIGNATURE, ProblemKind::Signature, "it is not there, and a signature is required");
            }
            return verdict;
        }
        verdict.state = MarkState::Bad;
        let Some((mark, list)) = self.marked(SIGNATURE) else { return verdict };
        let signature = match Signature::read(&mark) {
            Ok(signature) => signature,
            Err(why) => {
                self.problem(SIGNATURE, ProblemKind::Signature, why);
                return verdict;
            }
        };
        verdict.key = Some(signature.fingerprint());
        verdict.algorithm = Some(signature.algorithm());
        let who = signature.check(&list).and_then(|()| match (expected.signers, at) {
            (None, _) => Ok(None),
            (Some(signers), Some(at)) => signers.who(&signature, at).map(Some),
            (Some(_), None) => Err("the bundle does not say when it was collected, so that nobody can say who might sign then".to_owned()),
        });
        match who {
            Ok(None) => verdict.state = MarkState::Valid,
            Ok(Some(signers)) => (verdict.state, verdict.signers) = (MarkState::Trusted, signers),
            Err(why) => self.problem(SIGNATURE, ProblemKind::Signature, why),
        }
        verdict
    }

    /// The second of a trusted timestamp, too.
    fn timestamp(&mut self, expected: Expected<'_>, collected: Option<i64>) -> (TimestampVerdict, Option<i64>) {
        let mut verdict = TimestampVerdict::default();
        if !self.has(TIMESTAMP) {
            if expected.timestamp_required {
                self.problem(TIMESTAMP, ProblemKind::Timestamp, "it is not there, and a timestamp is required");
            }
            return (verdict, None);
        }
        verdict.state = MarkState::Bad;
        let Some((mark, list)) = self.marked(TIMESTAMP) else { return (verdict, None) };
        let stamp = match Timestamp::read(&mark).and_then(|timestamp| timestamp.check(&list, expected.authorities)) {
            Ok(stamp) => stamp,
            Err(why) => {
                self.problem(TIMESTAMP, ProblemKind::Timestamp, why);
                return (verdict, None);
            }
        };
        let second = stamp.second;
        verdict.time = Some(stamp.time);
        verdict.authority = Some(stamp.authority);
        verdict.policy = Some(stamp.policy);
        verdict.serial = Some(stamp.serial);
        if collected.is_some_and(|collected| is_before(second, collected)) {
            let what = "it is from before the end of the collection: the clock of the authority, or of who collected, is wrong";
            self.problem(TIMESTAMP, ProblemKind::Timestamp, what);
            return (verdict, None);
        }
        verdict.state = if stamp.trusted { MarkState::Trusted } else { MarkState::Valid };
        (verdict, stamp.trusted.then_some(second))
    }
}

/// Whether a timestamp (seconds since 1970) is from before the end of a collection, by more than clocks differ.
pub fn is_before(stamp: i64, collected: i64) -> bool {
    stamp.saturating_add(CLOCKS) < collected
}
