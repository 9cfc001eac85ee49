//! Writing the `.zip` form: sorted by the caller, one fixed time, nothing that depends on the machine.

use std::io::{self, Read, Seek, SeekFrom, Write};

use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};

use super::seal::{Counting, Digested};

/// Larger archives would need a form of zip that not every program reads. A larger bundle is a folder.
pub const MOST_PACKED: u64 = u32::MAX as u64;

/// An archive that is being written.
#[derive(Debug)]
pub struct Packer<W> {
    to: W,
    at: u64,
    contents: Vec<u8>,
    entries: u16,
}

/// 2.0: the first version that knows folders and deflate.
const NEEDS: u16 = 20;
/// Unix, so that the modes below are read.
const MADE_BY: u16 = 3 << 8 | NEEDS;
/// A regular file that its owner may read and write.
const MODE: u32 = 0o100_600 << 16;
/// Midnight of 1 January 1980, the first time of the format.
const TIME: [u8; 4] = [0, 0, 0x21, 0];

fn too_large() -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, "a zip archive of this form holds less than 4 GiB and 65,535 files")
}

impl<W: Write + Seek> Packer<W> {
    /// Writes from the beginning of `to`.
    pub fn new(to: W) -> Self {
        Self { to, at: 0, contents: Vec::new(), entries: 0 }
    }

    /// Adds a file, and says what it held.
    pub fn add(&mut self, name: &str, mut from: impl Read) -> io::Result<Digested> {
        // What is packed already is stored.
        let deflate = !name.ends_with(".gz");
        let start = self.at;
        self.head(name, deflate, (0, 0, 0))?;
        let data = self.at;
        let (digested, crc) = if deflate {
            let mut encoder = DeflateEncoder::new(&mut self.to, Compression::new(6));
            let result = copied(&mut from, &mut encoder)?;
            encoder.finish()?;
            result
        } else {
            copied(&mut from, &mut self.to)?
        };
        self.at = self.to.stream_position()?;
        let small = |size: u64| u32::try_from(size).map_err(|_| too_large());
        let sizes = (crc, small(self.at - data)?, small(digested.size)?);
        let end = self.at;
        // Now that it is known.
        self.to.seek(SeekFrom::Start(start))?;
        self.head(name, deflate, sizes)?;
        self.to.seek(SeekFrom::Start(end))?;
        self.at = end;
        self.list(name, deflate, sizes, small(start)?)?;
        Ok(digested)
    }

    fn head(&mut self, name: &str, deflate: bool, sizes: (u32, u32, u32)) -> io::Result<()> {
        let mut head = b"PK\x03\x04".to_vec();
        common(&mut head, name, deflate, sizes)?;
        head.extend_from_slice(name.as_bytes());
        self.to.write_all(&head)?;
        self.at += head.len() as u64;
        Ok(())
    }

    fn list(&mut self, name: &str, deflate: bool, sizes: (u32, u32, u32), start: u32) -> io::Result<()> {
        self.entries = self.entries.checked_add(1).filter(|all| *all < u16::MAX).ok_or_else(too_large)?;
        self.contents.extend_from_slice(b"PK\x01\x02");
        self.contents.extend_from_slice(&MADE_BY.to_le_bytes());
        common(&mut self.contents, name, deflate, sizes)?;
        // No comment, the first disk, no kind of content.
        self.contents.extend_from_slice(&[0; 6]);
        self.contents.extend_from_slice(&MODE.to_le_bytes());
        self.contents.extend_from_slice(&start.to_le_bytes());
        self.contents.extend_from_slice(name.as_bytes());
        Ok(())
    }

    /// Writes the table of contents and gives `to` back.
    pub fn finish(mut self) -> io::Result<W> {
        let size = u32::try_from(self.contents.len()).map_err(|_| too_large())?;
        let start = u32::try_from(self.at).map_err(|_| too_large())?;
        self.to.write_all(&self.contents)?;
        let mut end = b"PK\x05\x06\0\0\0\0".to_vec();
        end.extend_from_slice(&self.entries.to_le_bytes());
        end.extend_from_slice(&self.entries.to_le_bytes());
        end.extend_from_slice(&size.to_le_bytes());
        end.extend_from_slice(&start.to_le_bytes());
        end.extend_from_slice(&[0; 2]);
        self.to.write_all(&end)?;
        self.to.flush()?;
        Ok(self.to)
    }
}

/// What both headers say in the same words.
fn common(into: &mut Vec<u8>, name: &str, deflate: bool, (crc, packed, size): (u32, u32, u32)) -> io::Result<()> {
    let length = u16::try_from(name.len()).map_err(|_| too_large())?;
    into.extend_from_slice(&NEEDS.to_le_bytes());
    into.extend_from_slice(&[0, 0]);
    into.extend_from_slice(&if deflate { 8_u16 } else { 0 }.to_le_bytes());
    into.extend_from_slice(&TIME);
    for number in [crc, packed, size] {
        into.extend_from_slice(&number.to_le_bytes());
    }
    into.extend_from_slice(&length.to_le_bytes());
    into.extend_from_slice(&[0, 0]);
    Ok(())
}

fn copied(from: &mut impl Read, to: &mut impl Write) -> io::Result<(Digested, u32)> {
    let (mut counting, mut crc) = (Counting::new(to), Crc::new());
    let mut buffer = vec![0; 128 * 1024];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok((counting.finish(), crc.sum())),
            Ok(n) => {
                let read = buffer.get(..n).unwrap_or(&buffer);
                crc.update(read);
                counting.write_all(read)?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
