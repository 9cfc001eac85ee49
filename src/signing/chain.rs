//! Certificates: who signed a timestamp, and whether a named authority stands behind it.

use std::cell::Cell;
use std::time::Duration;

use der::asn1::ObjectIdentifier;
use pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};
use webpki::{EndEntityCert, Error, ExtendedKeyUsageValidator, KeyPurposeId, KeyPurposeIdIter, VerifiedPath, anchor_from_trusted_cert};

use super::algorithms::{Digest, of_certificates, oid};
use super::elements::{BITS, BOOLEAN, Element, Elements, INTEGER, OBJECT, OCTETS, SEQUENCE, SET, Why, holding, only};
use super::form;
use super::root;

/// The authorities that are trusted for timestamps.
#[derive(Clone, Debug, Default)]
pub struct Authorities {
    roots: Vec<Vec<u8>>,
    others: Vec<Vec<u8>>,
}

/// Why a file names no authority.
#[derive(Debug, thiserror::Error)]
pub enum AuthoritiesError {
    /// It is not PEM, or holds something else.
    #[error("it holds something else than certificates in PEM")]
    NotPem,
    /// One of them cannot be read.
    #[error("its certificate number {0} cannot be read: {1}")]
    Certificate(usize, Why),
    /// There is no root.
    #[error("it holds no root: none of its certificates was issued by itself")]
    NoRoot,
}

impl Authorities {
    /// Reads certificates in PEM. Those that were issued by themselves are trusted; others complete the chain to them.
    ///
    /// # Errors
    /// Where there is something else in the text, or no root.
    pub fn read(text: &[u8]) -> Result<Self, AuthoritiesError> {
        let all = pem::parse_many(text).map_err(|_| AuthoritiesError::NotPem)?;
        if all.iter().any(|one| one.tag() != "CERTIFICATE") {
            return Err(AuthoritiesError::NotPem);
        }
        let mut authorities = Self::default();
        for (number, one) in (1..).zip(all) {
            let certificate = one.into_contents();
            if root::is_own(&certificate).map_err(|why| AuthoritiesError::Certificate(number, why))? {
                authorities.roots.push(certificate)
            } else {
                authorities.others.push(certificate)
            }
        }
        if authorities.roots.is_empty() { Err(AuthoritiesError::NoRoot) } else { Ok(authorities) }
    }

    /// Every certificate: a token may come without its own.
    pub(super) fn all(&self) -> impl Iterator<Item = &[u8]> {
        self.others.iter().chain(&self.roots).map(Vec::as_slice)
    }

    /// Whether one of the roots stands behind a certificate at a time (seconds since 1970), with all of the certificates that are `named`
    /// on the way. Revocation is not looked at: that would need the network, and what an authority says about it years later.
    pub(super) fn stand_behind(&self, certificate: &[u8], with: &[Vec<u8>], named: &[Named], second: i64) -> Result<(), String> {
        let nobody = |why: &str| format!("no certificate of the file stands behind it: {why}");
        let mut why_not = None;
        let (mut roots, mut allowed) = (Vec::new(), Vec::new());
        for one in &self.roots {
            match root::may_issue(one, second) {
                Ok(between) => {
                    roots.push(CertificateDer::from(one.as_slice()));
                    allowed.push(between);
                }
                Err(why) => why_not = why_not.or(Some(why)),
            }
        }
        let anchors: Result<Vec<_>, Error> = roots.iter().map(anchor_from_trusted_cert).collect();
        let anchors = anchors.map_err(|error| format!("a root cannot be used: {}", words(&error)))?;
        if let (true, Some(why)) = (anchors.is_empty(), why_not) {
            return Err(nobody(why));
        }
        let between: Vec<CertificateDer<'_>> = with.iter().chain(&self.others).map(|one| CertificateDer::from(one.as_slice())).collect();
        let end = CertificateDer::from(certificate);
        let end = EndEntityCert::try_from(&end).map_err(|error| format!("its certificate cannot be read: {}", words(&error)))?;
        let time = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(second).map_err(|_| "its time is before 1970")?));
        // What is wrong with a way that its certificates alone do not show.
        let wrong = Cell::new(None);
        let way = |path: &VerifiedPath<'_>| {
            let Some(at) = anchors.iter().position(|anchor| std::ptr::eq(anchor, path.anchor())) else {
                wrong.set(Some("the way to it ends at no root of the file"));
                return Err(Error::UnknownIssuer);
            };
            let between: Vec<CertificateDer<'_>> = path.intermediate_certificates().map(|one| one.der()).collect();
            let root = roots.get(at).map(AsRef::as_ref);
            let why = goes(certificate, &between, root, named, allowed.get(at).copied().flatten());
            wrong.set(why);
            why.map_or(Ok(()), |_| Err(Error::UnknownIssuer))
        };
        let verified = end.verify_for_usage(&of_certificates(), &anchors, &between, time, ForTimestamps, None, Some(&way));
        verified.map(drop).map_err(|error| wrong.get().map_or_else(|| nobody(&words(&error)), nobody))
    }
}

/// Why a way from a certificate to a root is none.
fn goes(end: &[u8], between: &[CertificateDer<'_>], root: Option<&[u8]>, named: &[Named], allowed: Option<u32>) -> Option<Why> {
    let mut long = 0;
    for one in between {
        let Ok(fields) = Fields::of(one) else { return Some("one between cannot be read") };
        if !root::signs_certificates(&fields).unwrap_or(false) {
            return Some("the key of one between is not for signing certificates");
        }
        // RFC 5280, section 4.2.1.9: those that were issued by themselves are not counted.
        long += u32::from(fields.issuer.raw != fields.subject.raw);
    }
    if allowed.is_some_and(|allowed| long > allowed) {
        return Some("there are more between than the root allows");
    }
    let is_on_it =
        |named: &Named| [Some(end), root].into_iter().flatten().chain(between.iter().map(AsRef::as_ref)).any(|one| named.is(one));
    (!named.iter().all(is_on_it)).then_some("its signature names a certificate that is not on the way to a root")
}

/// A certificate as a signature names it (`ESSCertID` and `ESSCertIDv2` of RFC 5035).
#[derive(Clone, Debug)]
pub(super) struct Named {
    pub(super) by: Digest,
    pub(super) digest: Vec<u8>,
    /// Issuer and serial number, where they stand there, too.
    pub(super) issued: Option<(Vec<u8>, Vec<u8>)>,
}

impl Named {
    /// Whether it is this one.
    pub(super) fn is(&self, certificate: &[u8]) -> bool {
        let issued = |(issuer, serial): &(Vec<u8>, Vec<u8>)| {
            Fields::of(certificate).is_ok_and(|fields| form::same_name(fields.issuer.raw, issuer) && fields.serial.raw == serial)
        };
        self.by.of(certificate) == self.digest && self.issued.as_ref().is_none_or(issued)
    }
}

fn words(error: &Error) -> String {
    let text = match error {
        Error::CertExpired { .. } => "one had expired at that time",
        Error::CertNotValidYet { .. } => "one was not valid yet at that time",
        Error::UnknownIssuer => "its issuer is not among them",
        Error::InvalidSignatureForPublicKey => "one that is called like its issuer did not sign it",
        Error::UnsupportedSignatureAlgorithmContext(_) | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => {
            "one was signed in a way that is not taken here, such as with SHA-1 or a short key"
        }
        // What is said of one that is for something else: see below.
        Error::EmptyEkuExtension => "one on the way is for something else than timestamps",
        Error::CaUsedAsEndEntity => "the certificate of who signed it is one that issues others",
        Error::EndEntityUsedAsCa => "one that issues no certificates issued one of them",
        Error::PathLenConstraintViolated => "there are more between than one of them allows",
        Error::UnsupportedCriticalExtension => "one says something critical that is not understood here",
        Error::NameConstraintViolation => "one may not issue for this name",
        _ => "one is not of the form that certificates have",
    };
    text.to_owned()
}

/// Issuers may be for everything; one that says what it is for must say timestamps.
struct ForTimestamps;

impl ExtendedKeyUsageValidator for ForTimestamps {
    fn validate(&self, purposes: KeyPurposeIdIter<'_, '_>) -> Result<(), Error> {
        let good = [KeyPurposeId::new(TIMESTAMPS.as_bytes()), KeyPurposeId::new(ANYTHING.as_bytes())];
        let (mut some, mut found) = (false, false);
        for purpose in purposes {
            let purpose = purpose?;
            some = true;
            found |= good.contains(&purpose);
        }
        if found || !some { Ok(()) } else { Err(Error::EmptyEkuExtension) }
    }
}

/// `id-kp-timeStamping`.
static TIMESTAMPS: ObjectIdentifier = oid("1.3.6.1.5.5.7.3.8");
/// `anyExtendedKeyUsage`.
static ANYTHING: ObjectIdentifier = oid("2.5.29.37.0");

/// Whether a signature was made with the key of a certificate, by one of these algorithms.
pub(super) fn is_signed(certificate: &[u8], algorithms: &[&dyn SignatureVerificationAlgorithm], message: &[u8], signature: &[u8]) -> bool {
    let certificate = CertificateDer::from(certificate);
    EndEntityCert::try_from(&certificate)
        .is_ok_and(|end| algorithms.iter().any(|algorithm| end.verify_signature(*algorithm, message, signature).is_ok()))
}

/// The fields of a certificate, as they stand.
pub(super) struct Fields<'a> {
    pub(super) serial: Element<'a>,
    pub(super) issuer: Element<'a>,
    pub(super) validity: Element<'a>,
    pub(super) subject: Element<'a>,
    pub(super) key: Element<'a>,
    extensions: Option<Element<'a>>,
}

impl<'a> Fields<'a> {
    pub(super) fn of(certificate: &'a [u8]) -> Result<Self, Why> {
        let mut fields = only(certificate, SEQUENCE)?.inside().next(SEQUENCE)?.inside();
        fields.next_if(holding(0))?;
        let serial = fields.next(INTEGER)?;
        fields.next(SEQUENCE)?;
        let issuer = fields.next(SEQUENCE)?;
        let validity = fields.next(SEQUENCE)?;
        let subject = fields.next(SEQUENCE)?;
        let key = fields.next(SEQUENCE)?;
        let mut extensions = None;
        while !fields.is_empty() {
            let field = fields.any()?;
            if field.tag == holding(3) {
                extensions = Some(only(field.value, SEQUENCE)?);
            }
        }
        Ok(Self { serial, issuer, validity, subject, key, extensions })
    }

    /// The names of the extensions that are critical.
    pub(super) fn criticals(&self) -> Result<Vec<ObjectIdentifier>, Why> {
        let mut extensions = self.extensions.map_or(Elements::of(&[]), |extensions| extensions.inside());
        let mut criticals = Vec::new();
        while !extensions.is_empty() {
            let mut extension = extensions.next(SEQUENCE)?.inside();
            let name = extension.next(OBJECT)?;
            if extension.next_if(BOOLEAN)?.is_some_and(|critical| critical.value != [0]) {
                criticals.push(ObjectIdentifier::from_bytes(name.value).map_err(|_| "a name in it is not of the form")?);
            }
        }
        Ok(criticals)
    }

    /// Whether an extension is critical, and what it holds.
    pub(super) fn extension(&self, id: ObjectIdentifier) -> Result<Option<(bool, &'a [u8])>, Why> {
        let mut extensions = self.extensions.map_or(Elements::of(&[]), |extensions| extensions.inside());
        while !extensions.is_empty() {
            let mut extension = extensions.next(SEQUENCE)?.inside();
            let name = extension.next(OBJECT)?;
            let critical = extension.next_if(BOOLEAN)?.is_some_and(|critical| critical.value == [0xff]);
            let value = extension.next(OCTETS)?;
            if name.value == id.as_bytes() {
                return Ok(Some((critical, value.value)));
            }
        }
        Ok(None)
    }

    /// The key identifier.
    pub(super) fn key_identifier(&self) -> Result<Option<&'a [u8]>, Why> {
        let extension = self.extension(oid("2.5.29.14"))?;
        extension.map(|(_, value)| only(value, OCTETS).map(|octets| octets.value)).transpose()
    }

    /// Whether it may sign timestamps, and nothing else (RFC 3161, section 2.3).
    pub(super) fn is_for_timestamps(&self) -> Result<(), Why> {
        let Some((true, value)) = self.extension(oid("2.5.29.37"))? else {
            return Err("its certificate does not say, as a critical extension, that it is for timestamps");
        };
        let mut purposes = only(value, SEQUENCE)?.inside();
        if purposes.next(OBJECT)?.value != TIMESTAMPS.as_bytes() || !purposes.is_empty() {
            return Err("its certificate is for something else than timestamps");
        }
        if let Some((_, value)) = self.extension(oid("2.5.29.15"))? {
            // Bits of digitalSignature and nonRepudiation, after the number of bits that are not used.
            let bits = only(value, BITS)?.value.get(1..).unwrap_or_default();
            if bits.first().is_none_or(|first| first & 0xc0 == 0 || first & 0x3f != 0) || bits.iter().skip(1).any(|more| *more != 0) {
                return Err("its certificate's key is for something else than signatures");
            }
        }
        Ok(())
    }

    /// The subject for people: `CN=…, O=…`.
    pub(super) fn name(&self) -> String {
        const KNOWN: [(ObjectIdentifier, &str); 6] = [
            (oid("2.5.4.3"), "CN"),
            (oid("2.5.4.11"), "OU"),
            (oid("2.5.4.10"), "O"),
            (oid("2.5.4.7"), "L"),
            (oid("2.5.4.8"), "ST"),
            (oid("2.5.4.6"), "C"),
        ];
        let mut parts = Vec::new();
        let mut read = || -> Result<(), Why> {
            let mut sets = self.subject.inside();
            while !sets.is_empty() {
                let mut pairs = sets.next(SET)?.inside();
                while !pairs.is_empty() {
                    let mut pair = pairs.next(SEQUENCE)?.inside();
                    let (id, value) = (pair.next(OBJECT)?, pair.any()?);
                    if let Some((_, short)) = KNOWN.iter().find(|(known, _)| known.as_bytes() == id.value) {
                        parts.push(format!("{short}={}", String::from_utf8_lossy(value.value)));
                    }
                }
            }
            Ok(())
        };
        let whole = read();
        match whole {
            Ok(()) if !parts.is_empty() => parts.join(", "),
            _ => "a name that cannot be read".to_owned(),
        }
    }
}
