//! Keys that sign, and the public ones by which an agent finds its own.

use ssh_key::public::KeyData;
use ssh_key::{HashAlg, PrivateKey};

use super::{NAMESPACE, Signature};

/// Why a key cannot be used; the file is named by who read it.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// It is no private key of OpenSSH.
    #[error("it is no private key in the form of OpenSSH")]
    NotAKey(#[source] Option<ssh_key::Error>),
    /// It is in the form of another program.
    #[error("it is a private key in another form than that of OpenSSH")]
    OtherForm,
    /// It is the other half.
    #[error("it is a public key")]
    Public,
    /// It is no public key.
    #[error("it is no public key in the form of OpenSSH")]
    NotPublic(#[source] ssh_key::Error),
    /// A kind of key that does not sign here.
    #[error("keys of the kind {0} do not sign here")]
    Kind(String),
    /// The passphrase is wrong, or the file is damaged.
    #[error("the passphrase does not open it")]
    Passphrase(#[source] ssh_key::Error),
    /// The signature could not be made.
    #[error("it cannot sign")]
    Sign(#[source] Option<ssh_key::Error>),
}

impl KeyError {
    /// What the user can do about it.
    pub fn advice(&self) -> String {
        match self {
            Self::NotAKey(_) => "Name a key that `ssh-keygen -t ed25519` makes.".to_owned(),
            Self::OtherForm => "Write it in the form of OpenSSH: ssh-keygen -p -f FILE does it in place; keep a copy.".to_owned(),
            Self::Public => "Name the private key; or, where an agent holds it, use --sign-agent with this file.".to_owned(),
            Self::NotPublic(_) => "Name the .pub file of the key that the agent holds; `ssh-add -L` prints it.".to_owned(),
            Self::Kind(_) => {
                "Use a key of the kind ed25519, ECDSA or RSA; one on a token signs through the agent, with --sign-agent.".to_owned()
            }
            Self::Passphrase(_) => "Check the passphrase with `ssh-keygen -y -f FILE`.".to_owned(),
            Self::Sign(_) => {
                "Check the key: `ssh-keygen -Y sign -n kube-hipaa -f FILE` must be able to sign with it; RSA needs 2048 bits.".to_owned()
            }
        }
    }
}

/// A private key.
#[derive(Debug)]
pub struct Key(PrivateKey);

impl Key {
    /// Reads the text of a file. It may be encrypted.
    ///
    /// # Errors
    /// Where it is no private key in the form of OpenSSH, or of a kind that does not sign.
    pub fn read(bytes: &[u8]) -> Result<Self, KeyError> {
        let text = std::str::from_utf8(bytes).map_err(|_| KeyError::NotAKey(None))?;
        if ssh_key::PublicKey::from_openssh(text.trim()).is_ok() {
            return Err(KeyError::Public);
        }
        if text.contains("PRIVATE KEY-----") && !text.contains("-----BEGIN OPENSSH PRIVATE KEY-----") {
            return Err(KeyError::OtherForm);
        }
        // Without a line feed at its end it is the same key.
        let key = PrivateKey::from_openssh(format!("{}\n", text.trim_end())).map_err(|error| KeyError::NotAKey(Some(error)))?;
        match key.public_key().key_data() {
            KeyData::Ed25519(_) | KeyData::Ecdsa(_) | KeyData::Rsa(_) => Ok(Self(key)),
            other => Err(KeyError::Kind(other.algorithm().as_str().to_owned())),
        }
    }

    /// Whether a passphrase is needed.
    pub fn is_encrypted(&self) -> bool {
        self.0.is_encrypted()
    }

    /// The key without its encryption.
    ///
    /// # Errors
    /// Where the passphrase is wrong.
    pub fn open(&self, passphrase: &[u8]) -> Result<Self, KeyError> {
        self.0.decrypt(passphrase).map(Self).map_err(KeyError::Passphrase)
    }

    /// Signs a message; the text of the signature's file.
    ///
    /// # Errors
    /// Where it is still encrypted, or broken.
    pub fn sign(&self, message: &[u8]) -> Result<String, KeyError> {
        let signature = self.0.sign(NAMESPACE, HashAlg::Sha512, message).map_err(|error| KeyError::Sign(Some(error)))?;
        let text = Signature::written(&signature).map_err(|error| KeyError::Sign(Some(error)))?;
        // A key whose halves do not fit makes signatures that nobody accepts.
        let good = Signature::read(text.as_bytes()).and_then(|signature| signature.check(message));
        good.map(|()| text).map_err(|_| KeyError::Sign(None))
    }

    /// The fingerprint as `ssh-keygen -l` prints it.
    pub fn fingerprint(&self) -> String {
        self.0.fingerprint(HashAlg::Sha256).to_string()
    }

    #[cfg(test)]
    pub(super) fn for_tests(seed: u8) -> Self {
        Self(PrivateKey::from(ssh_key::private::Ed25519Keypair::from_seed(&[seed; 32])))
    }

    #[cfg(test)]
    pub(super) fn public(&self) -> String {
        self.0.public_key().to_openssh().unwrap()
    }
}

/// A public key.
#[derive(Debug)]
pub struct PublicKey(pub(super) KeyData);

impl PublicKey {
    /// Reads the text of a `.pub` file.
    ///
    /// # Errors
    /// Where it is none.
    pub fn read(bytes: &[u8]) -> Result<Self, KeyError> {
        let text = String::from_utf8_lossy(bytes);
        let key = ssh_key::PublicKey::from_openssh(text.trim()).map_err(KeyError::NotPublic)?;
        Ok(Self(key.key_data().clone()))
    }

    /// The fingerprint as `ssh-keygen -l` prints it.
    pub fn fingerprint(&self) -> String {
        self.0.fingerprint(HashAlg::Sha256).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_key_is_said_to_be_none() {
        let says = |text: &str| Key::read(text.as_bytes()).unwrap_err();
        assert!(matches!(says(""), KeyError::NotAKey(_)));
        assert!(matches!(says("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n"), KeyError::NotAKey(_)));
        assert!(matches!(says("-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n"), KeyError::OtherForm));
        let public = Key::for_tests(1).public();
        assert!(matches!(says(&public), KeyError::Public));
        assert!(PublicKey::read(public.as_bytes()).unwrap().fingerprint().starts_with("SHA256:"));
        assert!(matches!(PublicKey::read(b"ssh-rsa"), Err(KeyError::NotPublic(_))));
    }
}
