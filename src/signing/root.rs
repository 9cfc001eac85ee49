//! Roots: the certificates that are trusted because they were named. What RFC 5280 asks of every certificate that issues others is asked of
//! them, too; a path is verified from them on, without them.

use chrono::{DateTime, Utc};
use der::asn1::ObjectIdentifier;

use super::algorithms::{is_by_sha1, of_certificates, oid};
use super::chain::Fields;
use super::elements::{BITS, BOOLEAN, Element, INTEGER, SEQUENCE, TIME, UTC_TIME, Why, only, small};
use super::time::{generalized, utc};

/// `basicConstraints`.
const CONSTRAINTS: ObjectIdentifier = oid("2.5.29.19");
/// `keyUsage`.
const USAGE: ObjectIdentifier = oid("2.5.29.15");
/// What a root may say critically, because it is looked at: use of the key, other names, constraints, constraints of names, policies
/// (none is asked for), purposes.
const UNDERSTOOD: [ObjectIdentifier; 6] = [USAGE, oid("2.5.29.17"), CONSTRAINTS, oid("2.5.29.30"), oid("2.5.29.32"), oid("2.5.29.37")];

/// Whether a certificate was signed with its own key. One that is only called like its issuer is none of its own, and no root.
///
/// # Errors
/// Where it cannot be read.
pub(super) fn is_own(certificate: &[u8]) -> Result<bool, Why> {
    let mut outer = only(certificate, SEQUENCE)?.inside();
    let (signed, algorithm, signature) = (outer.next(SEQUENCE)?, outer.next(SEQUENCE)?, bits(outer.next(BITS)?)?);
    let fields = Fields::of(certificate)?;
    if fields.issuer.raw != fields.subject.raw {
        return Ok(false);
    }
    let mut key = fields.key.inside();
    let (kind, key) = (key.next(SEQUENCE)?, bits(key.next(BITS)?)?);
    let by = |with: &dyn pki_types::SignatureVerificationAlgorithm| {
        with.public_key_alg_id().as_ref() == kind.value
            && with.signature_alg_id().as_ref() == algorithm.value
            && with.verify_signature(key, signed.raw, signature).is_ok()
    };
    // Many roots are older than SHA-256. That nobody forges one is not what their own signature shows: they were named.
    Ok(of_certificates().into_iter().any(by) || is_by_sha1(algorithm.value, key, signed.raw, signature))
}

/// The bytes of a string of bits that ends with a whole byte.
fn bits(element: Element<'_>) -> Result<&[u8], Why> {
    element.value.strip_prefix(&[0]).ok_or("a string of bits in it is not of the form")
}

/// What a root allows at a time (seconds since 1970): how many others may stand between; `None` where it does not say.
///
/// # Errors
/// Why it may issue nothing then, in words.
pub(super) fn may_issue(root: &[u8], second: i64) -> Result<Option<u32>, Why> {
    let fields = Fields::of(root)?;
    let mut times = fields.validity.inside();
    let (from, until) = (time(times.any()?)?, time(times.any()?)?);
    if second < from.timestamp() {
        return Err("the root was not valid yet at that time");
    }
    if second > until.timestamp() {
        return Err("the root had expired at that time");
    }
    if fields.criticals()?.into_iter().any(|name| !UNDERSTOOD.contains(&name)) {
        return Err("the root says something critical that is not understood here");
    }
    let Some((_, constraints)) = fields.extension(CONSTRAINTS)? else { return Err("the root does not say that it issues certificates") };
    let mut constraints = only(constraints, SEQUENCE)?.inside();
    if constraints.next_if(BOOLEAN)?.is_none_or(|issues| issues.value != [0xff]) {
        return Err("the root says that it issues no certificates");
    }
    let between = constraints.next_if(INTEGER)?.map(small).transpose()?;
    if !signs_certificates(&fields)? {
        return Err("the root's key is not for signing certificates");
    }
    Ok(between)
}

/// Whether the key of a certificate may sign others: `keyCertSign`, where its use is said (RFC 5280, section 4.2.1.3).
pub(super) fn signs_certificates(fields: &Fields<'_>) -> Result<bool, Why> {
    let Some((_, usage)) = fields.extension(USAGE)? else { return Ok(true) };
    Ok(only(usage, BITS)?.value.get(1).is_some_and(|first| first & 0x04 != 0))
}

fn time(element: Element<'_>) -> Result<DateTime<Utc>, Why> {
    let read = match element.tag {
        UTC_TIME => utc(element.value),
        TIME => generalized(element.value),
        _ => None,
    };
    read.ok_or("a time in it is not of the form")
}
