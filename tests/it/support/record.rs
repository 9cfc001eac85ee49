//! Records of small bundles, made as the program makes them.

use std::path::Path;

use kube_hipaa::bundle::{About, AssessmentHead, Digested, Previous, Summary, tag_files};
use kube_hipaa::digest::sha256_hex;
use kube_hipaa::history::store::{Added, Store, StoreError};

use super::bundles::{Files, night, zipped};

/// A bundle that was sealed and not stored.
pub struct Night {
    pub files: Files,
    pub zip: Vec<u8>,
    pub id: String,
    pub time: String,
    pub previous: Option<Previous>,
}

/// Of a cluster at a time such as `2026-11-28T16:03:00Z`.
pub fn sealed(uid: &str, finished: &str, previous: Option<Previous>) -> Night {
    let files = night(uid, finished, previous.clone());
    let (zip, id) = (zipped(&files), sha256_hex(&files["tagmanifest-sha256.txt"]));
    Night { zip, id, time: finished.replace([':', '-'], ""), files, previous }
}

/// The name of its file.
pub fn name(night: &Night) -> String {
    format!("{}-{}.zip", night.time, &night.id[..12])
}

/// As the bundle before the next one.
pub fn before(night: &Night) -> Previous {
    Previous::new(&name(night), &night.id)
}

/// Adds a bundle with these bytes.
pub fn put(store: &Store, uid: &str, night: &Night) -> Result<Added, StoreError> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bundle.zip");
    std::fs::write(&file, &night.zip).unwrap();
    store.add(uid, &night.time, &night.id, night.previous.as_ref(), &file)
}

/// Seals what follows, and adds it.
pub fn add(store: &Store, uid: &str, finished: &str) -> Night {
    let following = store.following(uid, &finished.replace([':', '-'], "")).unwrap();
    let night = sealed(uid, finished, following.previous);
    put(store, uid, &night).unwrap();
    night
}

/// So many nights from 1 January 2026 on, written without being read back: what they would look like.
pub fn nights(place: &Path, uid: &str, number: u32) -> Vec<Night> {
    let folder = place.join(uid);
    std::fs::create_dir_all(&folder).unwrap();
    let mut all: Vec<Night> = Vec::new();
    let first = chrono::NaiveDate::from_ymd_opt(2026, 1, 1).unwrap();
    for day in 0..number {
        let date = first + chrono::TimeDelta::days(i64::from(day));
        let night = sealed(uid, &format!("{date}T03:00:00Z"), all.last().map(before));
        std::fs::write(folder.join(name(&night)), &night.zip).unwrap();
        all.push(night);
    }
    all
}

/// A real bundle as it would be of another night, cluster and chain.
pub fn real(base: &Files, uid: &str, finished: &str, previous: Option<Previous>) -> Night {
    let head = AssessmentHead::read(base["data/assessment.json"].as_slice()).unwrap();
    let replaced = |bytes: &[u8], pairs: &[(&str, &str)]| {
        let mut text = String::from_utf8(bytes.to_vec()).unwrap();
        for (from, to) in pairs {
            assert!(text.contains(from), "{from}");
            text = text.replace(from, to);
        }
        text.into_bytes()
    };
    let mut data: Files =
        base.iter().filter(|(name, _)| name.starts_with("data/")).map(|(name, bytes)| (name.clone(), bytes.clone())).collect();
    let (old_uid, old_time) = (head.cluster.uid.unwrap(), head.collected.finished);
    let index = replaced(&base["data/snapshot/index.json"], &[(&old_time, finished), (&old_uid, uid)]);
    let digest = sha256_hex(&index);
    let assessment = replaced(&base["data/assessment.json"], &[(&old_time, finished), (&old_uid, uid), (&head.snapshot_sha256, &digest)]);
    let head = AssessmentHead::read(assessment.as_slice()).unwrap();
    let previous_json = [serde_json::to_vec_pretty(&previous).unwrap().as_slice(), b"\n"].concat();
    let summary = serde_json::to_vec_pretty(&Summary::of(&head)).unwrap();
    for (name, bytes) in
        [("snapshot/index.json", index), ("assessment.json", assessment), ("previous.json", previous_json), ("summary.json", summary)]
    {
        data.insert(format!("data/{name}"), bytes);
    }
    let digests = data.iter().map(|(name, bytes)| (name.clone(), Digested::of(bytes.as_slice()).unwrap())).collect();
    let about = About {
        version: head.tool.version,
        cluster: head.cluster.name,
        uid: head.cluster.uid,
        started: head.collected.started,
        finished: head.collected.finished,
    };
    let sealed = tag_files(&digests, &about);
    data.extend(sealed.files);
    Night { zip: zipped(&data), id: sealed.id, time: finished.replace([':', '-'], ""), previous, files: data }
}
