//! Digests and signatures that timestamps use.

use der::asn1::ObjectIdentifier;
use p256::ecdsa::signature::hazmat::PrehashVerifier;
use pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id};
use ring::digest;
use webpki::ring as known;

pub(super) const fn oid(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(text)
}

/// A digest by which something is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Digest {
    /// Only to name a certificate that is checked in other ways, as older authorities do.
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Digest {
    pub(super) fn of_oid(id: ObjectIdentifier) -> Option<Self> {
        const KNOWN: [(ObjectIdentifier, Digest); 4] = [
            (oid("1.3.14.3.2.26"), Digest::Sha1),
            (oid("2.16.840.1.101.3.4.2.1"), Digest::Sha256),
            (oid("2.16.840.1.101.3.4.2.2"), Digest::Sha384),
            (oid("2.16.840.1.101.3.4.2.3"), Digest::Sha512),
        ];
        KNOWN.iter().find(|(known, _)| *known == id).map(|(_, digest)| *digest)
    }

    pub(super) fn of(self, bytes: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        };
        digest::digest(algorithm, bytes).as_ref().to_vec()
    }
}

type Algorithm = &'static dyn SignatureVerificationAlgorithm;

/// By which a certificate may have been signed.
pub(super) fn of_certificates() -> Vec<Algorithm> {
    [webpki::ALL_VERIFICATION_ALGS, OWN].concat()
}

/// Whether a message was signed with PKCS #1, RSA and SHA-1, which nothing that is to be believed may rest on.
pub(super) fn is_by_sha1(algorithm: &[u8], key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    /// `sha1WithRSAEncryption`, without parameters.
    const NAME: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x05, 0x05, 0x00];
    let by = &ring::signature::RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY;
    algorithm == NAME && ring::signature::UnparsedPublicKey::new(by, key).verify(message, signature).is_ok()
}

/// By which a token with this digest may have been signed: the key of its certificate decides. The name that stands beside a signature is not
/// signed itself, and says nothing that these two do not.
pub(super) fn of_token(digest: Digest) -> Vec<Algorithm> {
    match digest {
        Digest::Sha1 => Vec::new(),
        Digest::Sha256 => vec![
            known::RSA_PKCS1_2048_8192_SHA256,
            known::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
            known::ECDSA_P256_SHA256,
            known::ECDSA_P384_SHA256,
            &P521_SHA256,
        ],
        Digest::Sha384 => vec![
            known::RSA_PKCS1_2048_8192_SHA384,
            known::RSA_PSS_2048_8192_SHA384_LEGACY_KEY,
            known::ECDSA_P256_SHA384,
            known::ECDSA_P384_SHA384,
            &P521_SHA384,
        ],
        Digest::Sha512 => vec![
            known::RSA_PKCS1_2048_8192_SHA512,
            known::RSA_PSS_2048_8192_SHA512_LEGACY_KEY,
            &P256_SHA512,
            &P384_SHA512,
            &P521_SHA512,
            known::ED25519,
        ],
    }
}

/// ECDSA on a curve with a digest for which `ring` has no verification; authorities use them.
#[derive(Debug)]
struct Ecdsa {
    curve: AlgorithmIdentifier,
    name: AlgorithmIdentifier,
    digest: Digest,
    verify: fn(key: &[u8], digest: &[u8], signature: &[u8]) -> Option<()>,
}

impl SignatureVerificationAlgorithm for Ecdsa {
    fn verify_signature(&self, public_key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        (self.verify)(public_key, &self.digest.of(message), signature).ok_or(InvalidSignature)
    }
    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.curve
    }
    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.name
    }
}

fn on_p256(key: &[u8], digest: &[u8], signature: &[u8]) -> Option<()> {
    let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(key).ok()?;
    let signature = p256::ecdsa::Signature::from_der(signature).ok()?;
    key.verify_prehash(digest, &signature).ok()
}

fn on_p384(key: &[u8], digest: &[u8], signature: &[u8]) -> Option<()> {
    let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(key).ok()?;
    let signature = p384::ecdsa::Signature::from_der(signature).ok()?;
    key.verify_prehash(digest, &signature).ok()
}

fn on_p521(key: &[u8], digest: &[u8], signature: &[u8]) -> Option<()> {
    let key = p521::ecdsa::VerifyingKey::from_sec1_bytes(key).ok()?;
    let signature = p521::ecdsa::Signature::from_der(signature).ok()?;
    key.verify_prehash(digest, &signature).ok()
}

static P256_SHA512: Ecdsa = Ecdsa { curve: alg_id::ECDSA_P256, name: alg_id::ECDSA_SHA512, digest: Digest::Sha512, verify: on_p256 };
static P384_SHA512: Ecdsa = Ecdsa { curve: alg_id::ECDSA_P384, name: alg_id::ECDSA_SHA512, digest: Digest::Sha512, verify: on_p384 };
static P521_SHA256: Ecdsa = Ecdsa { curve: alg_id::ECDSA_P521, name: alg_id::ECDSA_SHA256, digest: Digest::Sha256, verify: on_p521 };
static P521_SHA384: Ecdsa = Ecdsa { curve: alg_id::ECDSA_P521, name: alg_id::ECDSA_SHA384, digest: Digest::Sha384, verify: on_p521 };
static P521_SHA512: Ecdsa = Ecdsa { curve: alg_id::ECDSA_P521, name: alg_id::ECDSA_SHA512, digest: Digest::Sha512, verify: on_p521 };
static OWN: &[Algorithm] = &[&P256_SHA512, &P384_SHA512, &P521_SHA256, &P521_SHA384, &P521_SHA512];
