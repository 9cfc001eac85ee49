//! What bundles and clusters are called in a store: `<uid of kube-system>/<UTC time>-<begin of the id>.zip`.

use chrono::{NaiveDateTime, Timelike};
use serde::Serialize;

/// Hex digits of the id in a name.
const SHORT: usize = 12;
/// `20261128T160300Z`.
const TIME: &str = "%Y%m%dT%H%M%SZ";
/// The end of every name.
const END: &str = ".zip";

/// A bundle of a store, as far as its name says. Ordered by time within a cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Entry {
    /// The uid of the namespace `kube-system`: the folder.
    pub cluster: String,
    /// End of the collection, UTC, as `20261128T160300Z`; sorts by time.
    pub time: String,
    /// The first 12 hex digits of the bundle's id.
    pub short_id: String,
    /// The name of the file in the cluster's folder.
    pub name: String,
    /// Size of the archive in bytes.
    pub bytes: u64,
}

impl Entry {
    /// The entry that a file of this name is; `None` when no bundle is called so.
    pub fn parse(cluster: &str, name: &str, bytes: u64) -> Option<Self> {
        let (time, short_id) = name.strip_suffix(END)?.split_once('-')?;
        let is_id = short_id.len() == SHORT && short_id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        // Written again, so that no other spelling of the same time passes.
        let parsed = NaiveDateTime::parse_from_str(time, TIME).ok()?;
        // A second 60 is read as a leap second, which no collector writes.
        if !is_id || parsed.nanosecond() != 0 || parsed.format(TIME).to_string() != time || !is_cluster(cluster) {
            return None;
        }
        let (cluster, name) = (cluster.to_owned(), name.to_owned());
        Some(Self { cluster, time: time.to_owned(), short_id: short_id.to_owned(), name, bytes })
    }

    /// The entry of a bundle that was collected until `finished` (RFC 3339, UTC) and has this id.
    pub fn of(cluster: &str, finished: &str, id: &str, bytes: u64) -> Option<Self> {
        Self::parse(cluster, &format!("{}-{}{END}", compact(finished)?, id.get(..SHORT)?), bytes)
    }

    /// The time in RFC 3339.
    pub fn rfc3339(&self) -> String {
        let parsed = NaiveDateTime::parse_from_str(&self.time, TIME);
        parsed.map_or_else(|_| self.time.clone(), |time| time.format("%Y-%m-%dT%H:%M:%SZ").to_string())
    }

    /// Its place in the store.
    pub fn path(&self) -> String {
        format!("{}/{}", self.cluster, self.name)
    }
}

/// A time in RFC 3339 and UTC as names have it: without fractions of a second. `None` when it is no such time.
pub fn compact(time: &str) -> Option<String> {
    let parsed = chrono::DateTime::parse_from_rfc3339(time).ok()?;
    Some(parsed.to_utc().format(TIME).to_string())
}

/// Whether a folder of a store can have this name. A uid comes from the cluster, which must not choose where its bundle is written.
pub fn is_cluster(name: &str) -> bool {
    let inside = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (8..=64).contains(&name.len()) && name.bytes().all(inside) && !name.starts_with('-') && !name.ends_with('-')
}

/// Whether a name has the form of the uid of an object of Kubernetes (RFC 9562, in lower case): nothing else that lies beside bundles does.
pub(super) fn is_uid(name: &str) -> bool {
    const FORM: &[u8; 36] = b"00000000-0000-0000-0000-000000000000";
    let fits = |(byte, form): (u8, &u8)| if *form == b'-' { byte == b'-' } else { matches!(byte, b'0'..=b'9' | b'a'..=b'f') };
    name.len() == FORM.len() && name.bytes().zip(FORM).all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    const UID: &str = "8a0b6c55-9f43-4d57-8c2e-0d1f0a1b2c3d";

    #[test]
    fn names_are_read_as_they_are_written() {
        let id = format!("ba7816bf8f01{}", "0".repeat(52));
        let entry = Entry::of(UID, "2026-11-28T17:03:00.993+01:00", &id, 7).expect("an entry");
        assert_eq!(entry.name, "20261128T160300Z-ba7816bf8f01.zip");
        assert_eq!((entry.rfc3339().as_str(), entry.path()), ("2026-11-28T16:03:00Z", format!("{UID}/{}", entry.name)));
        assert_eq!(Entry::parse(UID, &entry.name, 7), Some(entry));
    }

    #[test]
    fn what_is_called_otherwise_is_no_bundle() {
        for bad in [
            "",
            ".zip",
            "20261128T160300Z-ba7816bf8f01",
            "20261128T160300Z-ba7816bf8f01.ZIP",
            "20261128T160300Z-ba7816bf8f0.zip",
            "20261128T160300Z-BA7816BF8F01.zip",
            "20261328T160300Z-ba7816bf8f01.zip",
            "20261128T160360Z-ba7816bf8f01.zip",
            "20261128T160300-ba7816bf8f01.zip",
            "+0261128T160300Z-ba7816bf8f01.zip",
            "20261128T160300Z-ba7816bf8f01.zip.zip",
            " 20261128T160300Z-ba7816bf8f01.zip",
            "2026-11-28-ba7816bf8f01.zip",
            "20261128T160300Z-ba7816bf8f01.zip\n",
        ] {
            assert_eq!(Entry::parse(UID, bad, 0), None, "{bad:?}");
        }
        for bad in ["", ".", "..", "../../etc", "a/b", "-8a0b6c55", "8A0B6C55-9F43", &"a".repeat(65)] {
            assert!(!is_cluster(bad), "{bad:?}");
        }
        assert!(is_cluster(UID) && is_uid(UID) && !is_uid("snapshot") && !is_uid(&UID.to_uppercase()));
    }
}
