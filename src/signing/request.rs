//! What a timestamp authority is asked (RFC 3161, section 2.4.1).

use super::elements::{self, BOOLEAN, INTEGER, OCTETS, SEQUENCE, Why, element};
use crate::digest::sha256;

/// `sha256` with no parameters, as every authority knows it: an `AlgorithmIdentifier` of DER.
const SHA256: &[u8] = &[0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00];

/// A request for a timestamp over a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    bytes: Vec<u8>,
    nonce: Vec<u8>,
    imprint: Vec<u8>,
}

/// Why a file is no request of ours.
#[derive(Debug, thiserror::Error)]
#[error("it is no request for a timestamp that kube-hipaa wrote: {0}")]
pub struct RequestError(Why);

impl Request {
    /// Asks for a timestamp over the SHA-256 of `message`, with the authority's certificate in it; the nonce should not be guessed.
    pub fn new(message: &[u8], nonce: [u8; 8]) -> Self {
        let mut nonce = nonce.to_vec();
        // A positive number of eight bytes, in the one form that it has.
        if let Some(first) = nonce.first_mut() {
            *first = *first & 0x3f | 0x40;
        }
        let imprint = sha256(message).to_vec();
        let parts = [
            element(INTEGER, &[&[1]]),
            element(SEQUENCE, &[SHA256, &element(OCTETS, &[&imprint])]),
            element(INTEGER, &[&nonce]),
            element(BOOLEAN, &[&[0xff]]),
        ];
        Self { bytes: element(SEQUENCE, &[&parts.concat()]), nonce, imprint }
    }

    /// Reads one that was written.
    ///
    /// # Errors
    /// Where it is none, or one of another program that asks for something else.
    pub fn read(bytes: &[u8]) -> Result<Self, RequestError> {
        let parts = || -> Result<Self, Why> {
            let mut parts = elements::only(bytes, SEQUENCE)?.inside();
            parts.next(INTEGER)?;
            let mut imprint = parts.next(SEQUENCE)?.inside();
            imprint.next(SEQUENCE)?;
            let imprint = imprint.next(OCTETS)?.value.to_vec();
            let nonce = parts.next(INTEGER)?.value.to_vec();
            Ok(Self { bytes: bytes.to_vec(), nonce, imprint })
        };
        parts().map_err(RequestError)
    }

    /// The bytes that are sent, as `application/timestamp-query`.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn nonce(&self) -> &[u8] {
        &self.nonce
    }

    /// Whether it was made for this message.
    pub fn is_for(&self, message: &[u8]) -> bool {
        self.imprint == sha256(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_rfc_3161_says() {
        let request = Request::new(b"list", [0xff; 8]);
        let hex: String = request.bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        let imprint = crate::digest::sha256_hex(b"list");
        assert_eq!(hex, format!("30430201013031300d060960864801650304020105000420{imprint}02087fffffffffffffff0101ff"));
        assert_eq!(Request::read(request.bytes()).unwrap(), request);
        assert!(request.is_for(b"list") && !request.is_for(b"lisp"));
        assert!(Request::read(b"").is_err() && Request::read(&request.bytes()[1..]).is_err());
    }
}
