//! A throw-away certificate authority.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, PublicKeyData, SigningKey,
};

/// PEM of a certificate and of its private key.
pub(super) struct Identity {
    pub(super) certificate: String,
    pub(super) key: String,
}

pub(super) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub(super) fn new() -> Result<Self, String> {
        let mut params = CertificateParams::default();
        params.distinguished_name = common_name("kube-hipaa test authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate().map_err(failed)?;
        let issuer = CertifiedIssuer::self_signed(params, key).map_err(failed)?;
        Ok(Self { issuer })
    }

    pub(super) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A certificate for the servers of the plane, which all listen on loopback.
    pub(super) fn server(&self) -> Result<Identity, String> {
        let names = ["127.0.0.1", "localhost", "kubernetes", "kubernetes.default.svc", "10.96.0.1"];
        let mut params = CertificateParams::new(names.map(String::from)).map_err(failed)?;
        params.distinguished_name = common_name("kube-hipaa test servers");
        // etcd also calls itself with this certificate.
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(failed)?;
        Ok(Identity { certificate: certificate.pem(), key: key.serialize_pem() })
    }

    /// A certificate which Kubernetes reads as this user (the common name) in these groups (one organization each).
    ///
    /// rcgen keeps one value per attribute of a subject, so more than one group is beyond it. It writes the rest of
    /// the certificate; the subject is then replaced and the certificate signed again.
    pub(super) fn client(&self, user: &str, groups: &[&str]) -> Result<Identity, String> {
        let mut params = CertificateParams::default();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(failed)?;
        let der = self.with_subject(certificate.der(), &subject(user, groups))?;
        Ok(Identity { certificate: pem::encode(&pem::Pem::new("CERTIFICATE", der)), key: key.serialize_pem() })
    }

    fn with_subject(&self, certificate: &[u8], subject: &[u8]) -> Result<Vec<u8>, String> {
        // RFC 5280, 4.1: Certificate is a sequence of the part to be signed, the algorithm and the signature.
        let outer = elements(content(certificate));
        // The signed part: version, serial number, algorithm, issuer, validity, subject and more.
        let mut inner = elements(content(outer[0]));
        inner[5] = subject;
        let signed = encode(SEQUENCE, &inner.concat());
        let mut signature = vec![0]; // a bit string begins with its number of unused bits
        signature.extend(self.issuer.key().sign(&signed).map_err(failed)?);
        Ok(encode(SEQUENCE, &[&signed, outer[1], &encode(BIT_STRING, &signature)].concat()))
    }
}

/// Private and public PEM of the key which signs service account tokens.
pub(super) fn token_key() -> Result<(String, String), String> {
    let key = KeyPair::generate().map_err(failed)?;
    let public = pem::encode(&pem::Pem::new("PUBLIC KEY", key.subject_public_key_info()));
    Ok((key.serialize_pem(), public))
}

fn common_name(name: &str) -> DistinguishedName {
    let mut names = DistinguishedName::new();
    names.push(DnType::CommonName, name);
    names
}

fn failed(error: rcgen::Error) -> String {
    format!("a certificate for the test cluster could not be made: {error}")
}

// DER, just enough to replace a subject.
const BIT_STRING: u8 = 0x03;
const OBJECT_IDENTIFIER: u8 = 0x06;
const UTF8_STRING: u8 = 0x0c;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const COMMON_NAME: [u8; 3] = [0x55, 0x04, 0x03];
const ORGANIZATION: [u8; 3] = [0x55, 0x04, 0x0a];

fn subject(user: &str, groups: &[&str]) -> Vec<u8> {
    let attribute = |kind: &[u8], value: &str| {
        let pair = [encode(OBJECT_IDENTIFIER, kind), encode(UTF8_STRING, value.as_bytes())].concat();
        encode(SET, &encode(SEQUENCE, &pair))
    };
    let mut names: Vec<u8> = groups.iter().flat_map(|group| attribute(&ORGANIZATION, group)).collect();
    names.extend(attribute(&COMMON_NAME, user));
    encode(SEQUENCE, &names)
}

fn encode(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let significant = &length[length.iter().take_while(|byte| **byte == 0).count()..];
    let mut element = vec![tag];
    match significant {
        [] => element.push(0),
        [short @ 0..=0x7f] => element.push(*short),
        long => {
            element.push(0x80 + u8::try_from(long.len()).unwrap_or(u8::MAX));
            element.extend_from_slice(long);
        }
    }
    element.extend_from_slice(content);
    element
}

/// Header length and content length of the element which `der` begins with, in bytes.
fn measure(der: &[u8]) -> (usize, usize) {
    match usize::from(der[1]) {
        short @ 0..=0x7f => (2, short),
        long => {
            let header = 2 + (long - 0x80);
            (header, der[2..header].iter().fold(0, |length, byte| length << 8 | usize::from(*byte)))
        }
    }
}

fn content(der: &[u8]) -> &[u8] {
    let (header, length) = measure(der);
    &der[header..header + length]
}

fn elements(mut der: &[u8]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    while !der.is_empty() {
        let (header, length) = measure(der);
        let (element, rest) = der.split_at(header + length);
        found.push(element);
        der = rest;
    }
    found
}
