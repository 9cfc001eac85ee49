//! One line of an object file: framing and digest.

use std::io::{BufRead, Read};

use super::measure::{self, Excess};
use crate::digest::sha256_hex;

/// No object of etcd comes near this (its limit is 1.5 MiB a request by default): a longer line is a hostile archive.
pub(super) const MAX_LINE: u64 = 64 * 1024 * 1024;

const HEAD: &[u8] = b"{\"sha256\":\"";
const MIDDLE: &[u8] = b"\",\"object\":";
const DIGEST: usize = 64;

/// Appends the line of one object to `out`.
pub(super) fn write(object: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(HEAD);
    out.extend_from_slice(sha256_hex(object.as_bytes()).as_bytes());
    out.extend_from_slice(MIDDLE);
    out.extend_from_slice(object.as_bytes());
    out.extend_from_slice(b"}\n");
}

/// What is wrong with a line.
#[derive(Debug)]
pub(super) enum BadLine {
    Io(std::io::Error),
    Form(&'static str),
}

/// The next line's object and its digest, verified; `None` at the end of the file.
pub(super) fn read(from: &mut impl BufRead, buffer: &mut Vec<u8>) -> Result<Option<(String, String)>, BadLine> {
    buffer.clear();
    from.by_ref().take(MAX_LINE + 1).read_until(b'\n', buffer).map_err(BadLine::Io)?;
    if buffer.is_empty() {
        return Ok(None);
    }
    if buffer.len() as u64 > MAX_LINE {
        return Err(BadLine::Form("a line is longer than 64 MiB"));
    }
    let Some(line) = buffer.strip_suffix(b"\n") else {
        return Err(BadLine::Form("the last line is cut off"));
    };
    let not_ours = || BadLine::Form("a line does not have the form {\"sha256\":...,\"object\":...}");
    let rest = line.strip_prefix(HEAD).ok_or_else(not_ours)?;
    let (digest, rest) = rest.split_at_checked(DIGEST).ok_or_else(not_ours)?;
    let object = rest.strip_prefix(MIDDLE).and_then(|rest| rest.strip_suffix(b"}")).ok_or_else(not_ours)?;
    let actual = sha256_hex(object);
    if actual.as_bytes() != digest {
        return Err(BadLine::Form("an object does not match its digest"));
    }
    // No object that was stored asks for so much memory; its length has a limit of its own.
    match measure::excess(object) {
        Some(Excess::Levels) => return Err(BadLine::Form("an object is nested deeper than any that is stored")),
        Some(Excess::Values) => return Err(BadLine::Form("an object has more values than any that is stored")),
        Some(Excess::Bytes) | None => {}
    }
    let object = String::from_utf8(object.to_vec()).map_err(|_| BadLine::Form("an object is not UTF-8"))?;
    Ok(Some((object, actual)))
}
