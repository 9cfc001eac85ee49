//! The passphrase of a key, asked for on the terminal without showing it.

use std::path::Path;

use super::error::CliError;
use super::marks::MarkError;
use crate::snapshot::Finishing;

/// Asks until a line was entered. Standard input and output stay free for other things.
#[cfg(unix)]
pub(super) fn ask(key: &Path, finishing: &Finishing) -> Result<Vec<u8>, CliError> {
    use std::io::{Read, Write};

    let none = || MarkError::NoPassphrase { path: key.to_owned() };
    let mut terminal = std::fs::OpenOptions::new().read(true).write(true).open("/dev/tty").map_err(|_| none())?;
    let silent = Silent::begin(terminal.try_clone().map_err(|_| none())?).map_err(|_| none())?;
    let prompt = format!("Passphrase of {}: ", crate::report::escape::terminal(&key.display().to_string()));
    terminal.write_all(prompt.as_bytes()).map_err(|_| none())?;
    let (mut line, mut byte) = (Vec::new(), [0]);
    loop {
        // A moment without a key pressed is no end.
        let read = match terminal.read(&mut byte) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => 0,
            read => read.map_err(|_| none())?,
        };
        let [pressed] = byte;
        match (read, pressed) {
            _ if finishing.is_interrupted() => return Err(CliError::Interrupted),
            (0, _) => {}
            (_, b'\r' | b'\n' | 0x04) => break,
            // Ctrl-C: here it is a key like the others, so that the terminal is never left silent.
            (_, 0x03) => return Err(CliError::Interrupted),
            (_, 0x08 | 0x7f) => drop(line.pop()),
            (_, 0x15) => line.clear(),
            (_, other) => line.push(other),
        }
    }
    drop(silent);
    terminal.write_all(b"\n").map_err(|_| none())?;
    Ok(line)
}

/// There is no terminal to ask on.
#[cfg(not(unix))]
pub(super) fn ask(key: &Path, _finishing: &Finishing) -> Result<Vec<u8>, CliError> {
    Err(MarkError::NoPassphrase { path: key.to_owned() }.into())
}

/// A terminal that does not show what is entered, as long as this lives.
#[cfg(unix)]
struct Silent {
    terminal: std::fs::File,
    before: rustix::termios::Termios,
}

#[cfg(unix)]
impl Silent {
    fn begin(terminal: std::fs::File) -> rustix::io::Result<Self> {
        use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, tcgetattr, tcsetattr};

        let before = tcgetattr(&terminal)?;
        let mut modes = before.clone();
        modes.local_modes -= LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG;
        // A read ends after two tenths of a second, so that a signal is noticed.
        modes.special_codes[SpecialCodeIndex::VMIN] = 0;
        modes.special_codes[SpecialCodeIndex::VTIME] = 2;
        tcsetattr(&terminal, OptionalActions::Now, &modes)?;
        Ok(Self { terminal, before })
    }
}

#[cfg(unix)]
impl Drop for Silent {
    fn drop(&mut self) {
        // There is nobody to tell.
        let _restored = rustix::termios::tcsetattr(&self.terminal, rustix::termios::OptionalActions::Now, &self.before);
    }
}
