//! A key agent, asked through its socket.

use std::path::{Path, PathBuf};

use crate::signing::{AgentError, PublicKey};

/// Why an agent did not sign.
#[derive(Debug, thiserror::Error)]
pub enum ReachError {
    /// Nobody said where it is.
    #[error("there is no key agent: SSH_AUTH_SOCK is not set")]
    NoAgent,
    /// It cannot be spoken to.
    #[error("cannot ask the key agent at {}", .socket.display())]
    Socket {
        /// Where.
        socket: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// It did not sign.
    #[error(transparent)]
    Agent(#[from] AgentError),
    /// This system has none that could be asked.
    #[error("key agents are not asked on this system")]
    System,
}

impl ReachError {
    /// What the user can do about it.
    pub fn advice(&self) -> String {
        match self {
            Self::NoAgent | Self::Socket { .. } => "Start one (`eval $(ssh-agent)`), and add the key with `ssh-add FILE`.".to_owned(),
            Self::Agent(_) => "See that `ssh-add -L` prints the key, and confirm where the agent asks.".to_owned(),
            Self::System => "Sign with --sign-key FILE.".to_owned(),
        }
    }
}

/// Has the agent at a socket sign a message; the text of the signature's file. It waits as long as the agent asks its keeper.
///
/// # Errors
/// Where there is no agent, or it does not sign.
#[cfg(unix)]
pub fn sign_by_agent(socket: &Path, key: &PublicKey, message: &[u8]) -> Result<String, ReachError> {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    use crate::signing::{answer_of_agent, question_for_agent};

    /// No answer to a question for a signature is longer.
    const MOST: u32 = 64 * 1024;
    let question = question_for_agent(key, message)?;
    let ask = || {
        let mut stream = UnixStream::connect(socket)?;
        let length = u32::try_from(question.len()).map_err(std::io::Error::other)?;
        stream.write_all(&[length.to_be_bytes().as_slice(), &question].concat())?;
        let mut length = [0; 4];
        stream.read_exact(&mut length)?;
        let length = u32::from_be_bytes(length);
        if length > MOST {
            return Err(std::io::Error::other("its answer is longer than any signature"));
        }
        let mut answer = Vec::new();
        stream.take(u64::from(length)).read_to_end(&mut answer)?;
        Ok(answer)
    };
    let answer = ask().map_err(|source| ReachError::Socket { socket: socket.to_owned(), source })?;
    Ok(answer_of_agent(&answer, key, message)?)
}

/// No agent is asked on this system.
#[cfg(not(unix))]
pub fn sign_by_agent(_socket: &Path, _key: &PublicKey, _message: &[u8]) -> Result<String, ReachError> {
    Err(ReachError::System)
}
