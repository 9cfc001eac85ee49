//! The `.zip` form: what is inside, and packing a finished folder.

#![expect(clippy::disallowed_methods, reason = "the archive is files")]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::Path;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

use super::{INDEX_FILE, SnapshotError};

/// How an entry's bytes are packed. Ours are stored (they are gzip already); a desktop that packs a folder again deflates.
#[derive(Clone, Copy, Debug)]
pub(super) enum Packing {
    Stored,
    Deflated,
}

/// Where one file lies inside the archive.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) start: u64,
    pub(super) packed_size: u64,
    pub(super) packing: Packing,
}

/// The files beside `index.json`, which stands at the top or in the only folder at the top.
pub(super) fn entries(place: &str, mut from: impl Read + Seek) -> Result<BTreeMap<String, Entry>, SnapshotError> {
    let not_ours = |why: String| SnapshotError::NotASnapshot { place: place.to_owned(), why };
    // The table of contents is looked for from the end: in a large file that is none, for hours.
    let mut first = [0; 2];
    let begins = from.read_exact(&mut first).and_then(|()| from.rewind());
    if begins.is_err() || first != *b"PK" {
        return Err(not_ours("it is no zip file".to_owned()));
    }
    let mut archive = ZipArchive::new(from).map_err(|error| not_ours(format!("it cannot be read as a zip file ({error})")))?;
    let mut found: BTreeMap<String, Entry> = BTreeMap::new();
    for i in 0..archive.len() {
        let file = archive.by_index_raw(i).map_err(|error| not_ours(format!("its table of contents cannot be read ({error})")))?;
        if file.is_dir() {
            continue;
        }
        let packing = match file.compression() {
            CompressionMethod::Stored => Packing::Stored,
            // Deflate by number: the constant exists only when the zip crate itself unpacks, which here flate2 does.
            #[expect(deprecated, reason = "the only way to name a method that the zip crate was built without")]
            method if method.to_u16() == 8 => Packing::Deflated,
            method => return Err(not_ours(format!("its file {} is packed with {method:?}", file.name()))),
        };
        let Some(start) = file.data_start() else {
            return Err(not_ours(format!("its file {} has no place in the archive", file.name())));
        };
        if file.encrypted() {
            return Err(not_ours(format!("its file {} is encrypted", file.name())));
        }
        found.insert(file.name().to_owned(), Entry { start, packed_size: file.compressed_size(), packing });
    }
    let prefix = match found.keys().filter_map(|name| name.strip_suffix(INDEX_FILE)).min_by_key(|prefix| prefix.len()) {
        Some(prefix) if prefix.is_empty() || prefix.ends_with('/') => prefix.to_owned(),
        _ => return Err(not_ours(format!("it holds no {INDEX_FILE}"))),
    };
    Ok(found.into_iter().filter_map(|(name, entry)| Some((name.strip_prefix(&prefix)?.to_owned(), entry))).collect())
}

/// Packs the files `names` of `folder` into `to`: stored, sorted, with one fixed time, so that the same files give the same archive.
pub(super) fn pack(folder: &Path, names: &[String], to: File, target: &Path) -> Result<File, SnapshotError> {
    let failed = |source| SnapshotError::Pack { path: target.to_owned(), source };
    let mut archive = ZipWriter::new(to);
    for name in names {
        let path = folder.join(name);
        let io = |source| SnapshotError::Io { what: "read", path: path.clone(), source };
        let mut file = File::open(&path).map_err(io)?;
        let size = file.metadata().map_err(io)?.len();
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(DateTime::default())
            .unix_permissions(0o600)
            .large_file(size >= u64::from(u32::MAX));
        archive.start_file(name.as_str(), options).map_err(failed)?;
        std::io::copy(&mut file, &mut archive).map_err(|source| failed(source.into()))?;
    }
    let mut file = archive.finish().map_err(failed)?;
    file.flush().map_err(|source| failed(source.into()))?;
    Ok(file)
}
