//! A timestamp (RFC 3161): what an authority answered, and whether it is good. The form is that of CMS (RFC 5652).

use chrono::{DateTime, Utc};
use der::asn1::ObjectIdentifier;

use super::algorithms::{Digest, of_token, oid};
use super::chain::{Authorities, Fields, Named, is_signed};
use super::elements::{
    self, BOOLEAN, Element, Elements, INTEGER, NULL, OBJECT, OCTETS, SEQUENCE, SET, TIME, Why, holding, only, plain, small,
};
use super::form;
use super::request::Request;
use super::time::{generalized, written};

/// Certificates in an answer.
const MOST_CERTIFICATES: usize = 32;

/// An answer with a timestamp that was read; whether it is good is another question.
#[derive(Clone, Debug)]
pub struct Timestamp {
    time: DateTime<Utc>,
    policy: String,
    serial: String,
    imprint: (Digest, Vec<u8>),
    nonce: Option<Vec<u8>>,
    /// What was digested: the time and the rest, as it stands.
    content: Vec<u8>,
    certificates: Vec<Vec<u8>>,
    signer: Signer,
}

/// Who signed it, and over what.
#[derive(Clone, Debug)]
struct Signer {
    id: SignerId,
    digest: Digest,
    /// A set of attributes, one of which is the digest of the content.
    attributes: Vec<u8>,
    signature: Vec<u8>,
}

#[derive(Clone, Debug)]
enum SignerId {
    /// Issuer and serial number.
    Certificate(Vec<u8>, Vec<u8>),
    /// The key identifier of its certificate.
    Key(Vec<u8>),
}

/// A timestamp that is good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// When it was made, RFC 3339 UTC.
    pub time: String,
    /// The same in whole seconds since 1970.
    pub second: i64,
    /// The subject of the certificate that signed it.
    pub authority: String,
    /// The policy of the authority, as an object identifier.
    pub policy: String,
    /// Its number, in hex.
    pub serial: String,
    /// Whether a named authority stands behind it; else anybody can have made it.
    pub trusted: bool,
}

/// A timestamp over something: its content type.
const CONTENT: ObjectIdentifier = oid("1.2.840.113549.1.9.16.1.4");

impl Timestamp {
    /// Reads the answer of an authority (`TimeStampResp`).
    ///
    /// # Errors
    /// Why it is none, in words; what the authority said where it refused.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let why = |why: Why| format!("it cannot be read as the answer of a timestamp authority: {why}");
        let mut answer = only(bytes, SEQUENCE).map_err(why)?.inside();
        let mut status = answer.next(SEQUENCE).map_err(why)?.inside();
        let code = status.next(INTEGER).and_then(small).map_err(why)?;
        // 0: granted; 1: granted, with changes.
        if code > 1 {
            return Err(format!("the authority refused: status {code}{}", said(status)));
        }
        let token = answer.next(SEQUENCE).map_err(why)?;
        answer.end().map_err(why)?;
        Self::token(token).map_err(why)
    }

    fn token(token: Element<'_>) -> Result<Self, Why> {
        let mut outer = token.inside();
        if outer.next(OBJECT)?.value != oid("1.2.840.113549.1.7.2").as_bytes() {
            return Err("it is not signed");
        }
        let signed = only(outer.next(holding(0))?.value, SEQUENCE)?;
        outer.end()?;
        let mut signed = signed.inside();
        signed.next(INTEGER)?;
        let mut digests = Vec::new();
        let mut announced = signed.next(SET)?.inside();
        while !announced.is_empty() {
            digests.push(digest(announced.next(SEQUENCE)?)?);
        }
        let mut content = signed.next(SEQUENCE)?.inside();
        if content.next(OBJECT)?.value != CONTENT.as_bytes() {
            return Err("what is signed is no timestamp");
        }
        let content = only(content.next(holding(0))?.value, OCTETS)?.value;
        let mut certificates = Vec::new();
        if let Some(set) = signed.next_if(holding(0))? {
            let mut set = set.inside();
            while !set.is_empty() {
                let certificate = set.any()?;
                // Also where it is not needed: a program that reads all of them would refuse it. Other kinds (`CertificateChoices`) are
                // taken by none that judges timestamps.
                form::certificate(certificate.raw)?;
                certificates.push(certificate.raw.to_vec());
            }
        }
        if certificates.len() > MOST_CERTIFICATES {
            return Err("it holds more certificates than any chain has");
        }
        signed.next_if(holding(1))?;
        let mut signers = signed.next(SET)?.inside();
        signed.end()?;
        let signer = Signer::read(signers.next(SEQUENCE)?)?;
        signers.end()?;
        if !digests.contains(&signer.digest) {
            return Err("it is signed over a digest that it does not announce");
        }
        Self::info(content, certificates, signer)
    }

    /// `TSTInfo`.
    fn info(content: &[u8], certificates: Vec<Vec<u8>>, signer: Signer) -> Result<Self, Why> {
        let mut info = only(content, SEQUENCE)?.inside();
        if small(info.next(INTEGER)?)? != 1 {
            return Err("it is of another version");
        }
        let policy = name(info.next(OBJECT)?)?.to_string();
        let mut imprint = info.next(SEQUENCE)?.inside();
        let digest = digest(imprint.next(SEQUENCE)?)?;
        let imprint = (digest, imprint.next(OCTETS)?.value.to_vec());
        let serial = info.next(INTEGER)?.value.iter().map(|byte| format!("{byte:02x}")).collect();
        let time = generalized(info.next(TIME)?.value).ok_or("its time is not of the form")?;
        // How exact the time is, and whether timestamps are in order.
        info.next_if(SEQUENCE)?;
        info.next_if(BOOLEAN)?;
        let nonce = info.next_if(INTEGER)?.map(|nonce| nonce.value.to_vec());
        info.next_if(holding(0))?;
        info.next_if(holding(1))?;
        info.end()?;
        Ok(Self { time, policy, serial, imprint, nonce, content: content.to_vec(), certificates, signer })
    }

    /// Whether it answers this request: the nonce is the same.
    ///
    /// # Errors
    /// Why not, in words.
    pub fn answers(&self, request: &Request) -> Result<(), String> {
        if self.nonce.as_deref() == Some(request.nonce()) {
            Ok(())
        } else {
            Err("it answers another request: its nonce is not the one that was sent".to_owned())
        }
    }

    /// Whether it was made over this message, by the one whose certificate is in it; and, where authorities are named, whether one of them
    /// stands behind it at the time that it names.
    ///
    /// # Errors
    /// Why not, in words.
    pub fn check(&self, message: &[u8], authorities: Option<&Authorities>) -> Result<Stamp, String> {
        let (digest, imprint) = &self.imprint;
        if *digest == Digest::Sha1 {
            return Err("it was made over a SHA-1, which can be forged".to_owned());
        }
        if *imprint != digest.of(message) {
            return Err("it was not made over this bundle".to_owned());
        }
        let certificate = self.certificate(authorities)?;
        let fields = Fields::of(certificate)?;
        let named = self.signer.signed(&self.content, certificate)?;
        fields.is_for_timestamps()?;
        if let Some(authorities) = authorities {
            authorities.stand_behind(certificate, &self.certificates, &named, self.time.timestamp())?;
        }
        Ok(Stamp {
            time: written(self.time),
            second: self.time.timestamp(),
            authority: fields.name(),
            policy: self.policy.clone(),
            serial: self.serial.clone(),
            trusted: authorities.is_some(),
        })
    }

    /// The certificate of who signed.
    fn certificate<'a>(&'a self, authorities: Option<&'a Authorities>) -> Result<&'a [u8], String> {
        let is_it = |certificate: &&[u8]| {
            Fields::of(certificate).is_ok_and(|fields| match &self.signer.id {
                // As openssl compares names. Which certificate it is, its digest says among the attributes.
                SignerId::Certificate(issuer, serial) => form::same_name(fields.issuer.raw, issuer) && fields.serial.raw == serial,
                SignerId::Key(id) => fields.key_identifier().is_ok_and(|known| known == Some(id.as_slice())),
            })
        };
        let own = self.certificates.iter().map(Vec::as_slice);
        let mut all = own.chain(authorities.into_iter().flat_map(Authorities::all));
        all.find(is_it).ok_or_else(|| "the certificate of who signed it is not in it".to_owned())
    }
}

impl Signer {
    fn read(signer: Element<'_>) -> Result<Self, Why> {
        let mut parts = signer.inside();
        parts.next(INTEGER)?;
        let id = match parts.next_if(plain(0))? {
            Some(key) => SignerId::Key(key.value.to_vec()),
            None => {
                let mut certificate = parts.next(SEQUENCE)?.inside();
                let (issuer, serial) = (certificate.next(SEQUENCE)?, certificate.next(INTEGER)?);
                SignerId::Certificate(issuer.raw.to_vec(), serial.raw.to_vec())
            }
        };
        let digest = digest(parts.next(SEQUENCE)?)?;
        let attributes = parts.next(holding(0))?;
        name(parts.next(SEQUENCE)?.inside().next(OBJECT)?)?;
        let signature = parts.next(OCTETS)?.value.to_vec();
        parts.next_if(holding(1))?;
        parts.end()?;
        // It stands there as `[0]`, and is signed as the set that it is.
        let attributes = elements::element(SET, &[attributes.value]);
        Ok(Self { id, digest, attributes, signature })
    }

    /// Whether it signed this content with the key of this certificate; the certificates that it names beside.
    fn signed(&self, content: &[u8], certificate: &[u8]) -> Result<Vec<Named>, Why> {
        let one = |id: &str| self.attribute(oid(id))?.ok_or("an attribute of its signature is missing");
        if only(one("1.2.840.113549.1.9.3")?, OBJECT)?.value != CONTENT.as_bytes() {
            return Err("its signature is over another kind of content");
        }
        if only(one("1.2.840.113549.1.9.4")?, OCTETS)?.value != self.digest.of(content) {
            return Err("it was changed: its signature is over another content");
        }
        // The certificate, too, so that nobody puts another with the same key in its place: it is the first; others stand on its way to a
        // root. Where both attributes are there, both must name it.
        let mut all = Vec::new();
        for (id, by) in [("1.2.840.113549.1.9.16.2.12", Digest::Sha1), ("1.2.840.113549.1.9.16.2.47", Digest::Sha256)] {
            let Some(value) = self.attribute(oid(id))? else { continue };
            let named = named(value, by)?;
            if !named.first().is_some_and(|first| first.is(certificate)) {
                return Err("its signature names another certificate");
            }
            all.extend(named);
        }
        if all.is_empty() {
            return Err("its signature does not name the certificate");
        }
        if is_signed(certificate, &of_token(self.digest), &self.attributes, &self.signature) {
            Ok(all)
        } else {
            Err("its signature is not good, or of a kind that is not known here")
        }
    }

    /// The only value of an attribute that stands once, where it stands.
    fn attribute(&self, id: ObjectIdentifier) -> Result<Option<&[u8]>, Why> {
        let mut attributes = only(&self.attributes, SET)?.inside();
        let mut found = None;
        while !attributes.is_empty() {
            let mut attribute = attributes.next(SEQUENCE)?.inside();
            if attribute.next(OBJECT)?.value == id.as_bytes() {
                let mut values = attribute.next(SET)?.inside();
                let value = values.any()?;
                values.end()?;
                if found.replace(value.raw).is_some() {
                    return Err("an attribute of its signature stands twice");
                }
            }
        }
        Ok(found)
    }
}

/// The certificates that `SigningCertificate` or `SigningCertificateV2` names (RFC 5035).
fn named(value: &[u8], default: Digest) -> Result<Vec<Named>, Why> {
    /// `directoryName` of `GeneralName`.
    const DIRECTORY: u8 = holding(4);
    let mut certificates = only(value, SEQUENCE)?.inside().next(SEQUENCE)?.inside();
    let mut all = Vec::new();
    while !certificates.is_empty() {
        let mut one = certificates.next(SEQUENCE)?.inside();
        // The older attribute names no digest: its certificate begins with one.
        let by = one.next_if(SEQUENCE)?.map_or(Ok(default), digest)?;
        let digest = one.next(OCTETS)?.value.to_vec();
        let mut issued = None;
        if let Some(element) = one.next_if(SEQUENCE)? {
            let mut parts = element.inside();
            let mut names = parts.next(SEQUENCE)?.inside();
            let issuer = only(names.next(DIRECTORY)?.value, SEQUENCE)?.raw.to_vec();
            names.end()?;
            issued = Some((issuer, parts.next(INTEGER)?.raw.to_vec()));
            parts.end()?;
        }
        one.end()?;
        all.push(Named { by, digest, issued });
    }
    Ok(all)
}

fn name(element: Element<'_>) -> Result<ObjectIdentifier, Why> {
    ObjectIdentifier::from_bytes(element.value).map_err(|_| "a name in it is not of the form")
}

fn digest(algorithm: Element<'_>) -> Result<Digest, Why> {
    let mut parts = algorithm.inside();
    let name = name(parts.next(OBJECT)?)?;
    // No parameters, or none in words.
    if parts.next_if(NULL)?.is_some_and(|nothing| !nothing.value.is_empty()) {
        return Err("a digest in it has parameters");
    }
    parts.end()?;
    Digest::of_oid(name).ok_or("a digest in it is not known here")
}

/// What an authority said in words when it refused.
fn said(mut status: Elements<'_>) -> String {
    let mut texts = Vec::new();
    if let Ok(Some(all)) = status.next_if(SEQUENCE) {
        let mut all = all.inside();
        while let Ok(text) = all.any() {
            texts.push(String::from_utf8_lossy(text.value).chars().filter(|c| !c.is_control()).take(200).collect::<String>());
        }
    }
    if texts.is_empty() { String::new() } else { format!(", {}", texts.join("; ")) }
}
