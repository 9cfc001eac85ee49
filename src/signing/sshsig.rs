//! A signature in the form of `ssh-keygen -Y sign` (PROTOCOL.sshsig of OpenSSH).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ssh_key::encoding::{Decode, Encode};
use ssh_key::public::KeyData;
use ssh_key::{Algorithm, HashAlg, LineEnding, SshSig};

use super::NAMESPACE;

const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----";
const END: &str = "-----END SSH SIGNATURE-----";
/// Characters of a line between these; OpenSSH writes 70.
const WIDEST: usize = 76;
/// Bits of an RSA key. OpenSSH takes 1024 when it verifies, which is within reach of those who forge.
const LEAST_RSA: u32 = 2048;

/// A signature that was read; whether it is good is another question.
#[derive(Debug)]
pub struct Signature(SshSig);

impl Signature {
    /// Reads the text of a file. There is one way to write it, but for the width of its lines.
    ///
    /// # Errors
    /// Why it is none, in words.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let blob = unarmoured(bytes).ok_or("it has not the form of an SSH signature")?;
        let mut rest = blob.as_slice();
        let signature = SshSig::decode(&mut rest).map_err(|error| format!("it cannot be read as an SSH signature: {error}"))?;
        // What is left over, or was written in another way, would be a second signature over the same.
        let again = signature.encode_vec().ok();
        if !rest.is_empty() || again.as_deref() != Some(blob.as_slice()) || !signature.reserved().is_empty() {
            return Err("it holds more than an SSH signature does".to_owned());
        }
        Ok(Self(signature))
    }

    /// The text of the file.
    pub(super) fn written(signature: &SshSig) -> Result<String, ssh_key::Error> {
        signature.to_pem(LineEnding::LF)
    }

    /// The key's fingerprint as `ssh-keygen -l` prints it: `SHA256:…`.
    pub fn fingerprint(&self) -> String {
        self.0.public_key().fingerprint(HashAlg::Sha256).to_string()
    }

    /// The name of the algorithm, such as `ssh-ed25519`.
    pub fn algorithm(&self) -> String {
        self.0.algorithm().as_str().to_owned()
    }

    /// What an agent would have answered.
    #[cfg(test)]
    pub(super) fn bare(&self) -> Vec<u8> {
        self.0.signature().encode_vec().unwrap()
    }

    pub(super) fn key(&self) -> &KeyData {
        self.0.public_key()
    }

    /// Whether it was made over this message, for our purpose, with the key that it names.
    ///
    /// # Errors
    /// Why not, in words.
    pub fn check(&self, message: &[u8]) -> Result<(), String> {
        let (signature, key) = (&self.0, self.0.public_key());
        if signature.namespace() != NAMESPACE {
            return Err(format!("it was made for another purpose: its namespace is not {NAMESPACE}"));
        }
        match key {
            KeyData::Rsa(rsa) if rsa.key_size() < LEAST_RSA => {
                return Err(format!("its RSA key has {} bits, and fewer than {LEAST_RSA} can be forged", rsa.key_size()));
            }
            KeyData::Certificate(_) => return Err("it was made with an SSH certificate, which this version does not check".to_owned()),
            KeyData::Dsa(_) | KeyData::Other(_) => return Err(format!("keys of the kind {} are not known here", key.algorithm().as_str())),
            _ => {}
        }
        if matches!(signature.algorithm(), Algorithm::Rsa { hash: None }) {
            return Err("it was made with SHA-1, which can be forged".to_owned());
        }
        let public = ssh_key::PublicKey::new(key.clone(), "");
        public.verify(NAMESPACE, message, signature).map_err(|_| "it was not made over this bundle, or it was changed".to_owned())
    }
}

/// The bytes in the armour.
fn unarmoured(bytes: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(bytes).ok()?.strip_suffix('\n')?;
    let mut lines = text.split('\n');
    if lines.next() != Some(BEGIN) || lines.next_back() != Some(END) {
        return None;
    }
    let lines: Vec<&str> = lines.collect();
    if lines.iter().any(|line| line.is_empty() || line.len() > WIDEST) {
        return None;
    }
    // Strict: no other characters, no bits to spare, padded.
    STANDARD.decode(lines.concat()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signing::Key;

    fn signed(message: &[u8]) -> String {
        Key::for_tests(42).sign(message).unwrap()
    }

    #[test]
    fn what_is_signed_is_checked() {
        let text = signed(b"list");
        assert_eq!(text, signed(b"list"), "no chance in it");
        let signature = Signature::read(text.as_bytes()).unwrap();
        assert_eq!(signature.check(b"list"), Ok(()));
        assert!(signature.check(b"lisp").unwrap_err().contains("not made over this bundle"));
        assert_eq!(signature.algorithm(), "ssh-ed25519");
        assert!(signature.fingerprint().starts_with("SHA256:"));
    }

    #[test]
    fn there_is_one_way_to_write_it() {
        let text = signed(b"list");
        for bad in [
            String::new(),
            text.trim_end().to_owned(),
            format!("{text}\n"),
            format!(" {text}"),
            text.replace('\n', "\r\n"),
            text.replacen('\n', "\n\n", 1),
            text.replace("SSH SIGNATURE", "SIGNATURE"),
            text.replacen("U1NI", "U1NJ", 1),
            text.lines().filter(|line| !line.starts_with("U1NI")).map(|line| format!("{line}\n")).collect(),
        ] {
            assert!(Signature::read(bad.as_bytes()).is_err(), "{bad}");
        }
        // Every bit of it.
        for at in 0..text.len() {
            for bit in 0..8 {
                let mut changed = text.clone().into_bytes();
                changed[at] ^= 1 << bit;
                // The version 0 for 1: no signature covers it, and ssh-keygen takes every version up to its own (sshsig.c).
                if (at, bit) == (BEGIN.len() + 14, 4) {
                    continue;
                }
                let passes = Signature::read(&changed).is_ok_and(|signature| signature.check(b"list").is_ok());
                assert!(!passes, "bit {bit} of byte {at}");
            }
        }
    }
}
