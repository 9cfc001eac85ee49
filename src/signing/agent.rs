//! What is said to a key agent and what it answers: the two messages of draft-ietf-sshm-ssh-agent that a signature needs.

use ssh_key::encoding::{Decode, Encode};
use ssh_key::public::KeyData;
use ssh_key::{HashAlg, SshSig};

use super::{NAMESPACE, PublicKey, Signature};

/// `SSH_AGENTC_SIGN_REQUEST`.
const SIGN: u8 = 13;
/// `SSH_AGENT_SIGN_RESPONSE`.
const SIGNED: u8 = 14;
/// `SSH_AGENT_RSA_SHA2_512`: RSA keys would sign with SHA-1 otherwise.
const RSA_SHA2_512: u32 = 4;

/// Why there is no signature of an agent.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// It cannot be put into a message.
    #[error("the key {0} cannot be asked for")]
    Question(String),
    /// It does not hold the key, or its keeper said no.
    #[error("the agent did not sign with the key {0}")]
    Refused(String),
    /// Something else came back.
    #[error("the agent's answer is no signature by the key {0}")]
    Answer(String),
}

/// The message that asks for a signature: what follows its length.
///
/// # Errors
/// Where the key cannot be named.
pub fn question_for_agent(key: &PublicKey, message: &[u8]) -> Result<Vec<u8>, AgentError> {
    let fail = || AgentError::Question(key.fingerprint());
    let signed = SshSig::signed_data(NAMESPACE, HashAlg::Sha512, message).map_err(|_| fail())?;
    let flags = if matches!(key.0, KeyData::Rsa(_)) { RSA_SHA2_512 } else { 0 };
    let mut question = vec![SIGN];
    let parts = key.0.encode_vec().ok().map(|blob| [blob, signed]).ok_or_else(fail)?;
    for part in parts {
        part.encode(&mut question).map_err(|_| fail())?;
    }
    question.extend_from_slice(&flags.to_be_bytes());
    Ok(question)
}

/// The text of the signature's file out of an answer (without its length).
///
/// # Errors
/// Where the agent refused, or answered something else than a good signature.
pub fn answer_of_agent(answer: &[u8], key: &PublicKey, message: &[u8]) -> Result<String, AgentError> {
    let fail = || AgentError::Answer(key.fingerprint());
    let Some((&SIGNED, mut rest)) = answer.split_first() else { return Err(AgentError::Refused(key.fingerprint())) };
    let blob = Vec::<u8>::decode(&mut rest).map_err(|_| fail())?;
    let signature = ssh_key::Signature::try_from(blob.as_slice()).map_err(|_| fail())?;
    let signature = SshSig::new(key.0.clone(), NAMESPACE, HashAlg::Sha512, signature).map_err(|_| fail())?;
    let text = Signature::written(&signature).map_err(|_| fail())?;
    let good = Signature::read(text.as_bytes()).and_then(|signature| signature.check(message));
    good.map(|()| text).map_err(|_| fail())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signing::Key;

    #[test]
    fn only_a_good_signature_is_taken_from_an_agent() {
        let key = PublicKey::read(Key::for_tests(1).public().as_bytes()).unwrap();
        let question = question_for_agent(&key, b"list").unwrap();
        assert_eq!((question[0], &question[question.len() - 4..]), (SIGN, &[0; 4][..]));
        assert!(matches!(answer_of_agent(&[5], &key, b"list"), Err(AgentError::Refused(_))));
        assert!(matches!(answer_of_agent(&[], &key, b"list"), Err(AgentError::Refused(_))));
        assert!(matches!(answer_of_agent(&[SIGNED, 0, 0, 0, 9, 1], &key, b"list"), Err(AgentError::Answer(_))));
        // Of another key.
        let mut answer = vec![SIGNED];
        let other = Signature::read(Key::for_tests(2).sign(b"list").unwrap().as_bytes()).unwrap();
        other.bare().encode(&mut answer).unwrap();
        assert!(matches!(answer_of_agent(&answer, &key, b"list"), Err(AgentError::Answer(_))));
        let mut answer = vec![SIGNED];
        let own = Signature::read(Key::for_tests(1).sign(b"list").unwrap().as_bytes()).unwrap();
        own.bare().encode(&mut answer).unwrap();
        assert_eq!(answer_of_agent(&answer, &key, b"list").unwrap(), Key::for_tests(1).sign(b"list").unwrap());
    }
}
