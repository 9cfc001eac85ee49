//! The text after `--store`.

use std::path::PathBuf;

use super::error::StoreError;

/// Where a store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Address {
    Folder(PathBuf),
    Bucket { kind: Kind, bucket: String, prefix: String },
}

/// Whose protocol a bucket speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    S3,
    Gcs,
    Azure,
}

impl Address {
    /// A path, or a URL.
    pub(super) fn parse(text: &str) -> Result<Self, StoreError> {
        let refuse = |why: &str| Err(StoreError::Address { text: without_secrets(text), why: why.to_owned() });
        if text.chars().any(char::is_control) {
            return refuse("it holds characters that cannot be seen");
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return if text.is_empty() { refuse("it is empty") } else { Ok(Self::Folder(PathBuf::from(text))) };
        };
        let kind = match scheme {
            "file" if rest.starts_with('/') => return Ok(Self::Folder(PathBuf::from(rest))),
            "file" => return refuse("after file:// the path begins with /, such as file:///var/lib/record"),
            "s3" => Kind::S3,
            "gs" => Kind::Gcs,
            "az" => Kind::Azure,
            _ => return refuse("there is no store of this kind"),
        };
        if rest.contains(['?', '#', '@', ':']) {
            return refuse("credentials and settings do not belong into it: they are taken from the environment");
        }
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        let plain = |part: &str| part.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)) && !matches!(part, "" | "." | "..");
        if !plain(bucket) {
            return refuse("it names no bucket");
        }
        if !prefix.is_empty() && !prefix.split('/').all(plain) {
            return refuse("behind the bucket stand letters, digits, `.`, `_`, `-` and single `/`");
        }
        Ok(Self::Bucket { kind, bucket: bucket.to_owned(), prefix: prefix.to_owned() })
    }
}

/// Whether a text can only be meant as a store: it has the form of a URL.
pub(super) fn is_url(text: &str) -> bool {
    ["file://", "s3://", "gs://", "az://"].iter().any(|scheme| text.starts_with(scheme))
}

/// What stands before an `@` or behind a `?` could be a password.
fn without_secrets(text: &str) -> String {
    let text = text.split(['?', '#']).next().unwrap_or(text);
    match (text.split_once("://"), text.rfind('@')) {
        (Some((scheme, _)), Some(at)) => format!("{scheme}://…{}", text.get(at..).unwrap_or_default()),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_and_buckets_are_named() {
        let bucket = |kind, bucket: &str, prefix: &str| Address::Bucket { kind, bucket: bucket.to_owned(), prefix: prefix.to_owned() };
        for (text, address) in [
            ("record", Address::Folder("record".into())),
            ("/var/lib/record", Address::Folder("/var/lib/record".into())),
            ("file:///var/lib/record", Address::Folder("/var/lib/record".into())),
            ("s3://audit", bucket(Kind::S3, "audit", "")),
            ("s3://audit/", bucket(Kind::S3, "audit", "")),
            ("gs://audit/prod/eu-1", bucket(Kind::Gcs, "audit", "prod/eu-1")),
            ("az://audit/prod/", bucket(Kind::Azure, "audit", "prod")),
        ] {
            assert_eq!(Address::parse(text).ok(), Some(address), "{text}");
        }
    }

    #[test]
    fn what_names_no_store_is_refused_without_saying_a_password() {
        for bad in [
            "",
            "s3://",
            "s3:///prefix",
            "s3://b/../c",
            "s3://b//c",
            "s3://b/c d",
            "file://relative",
            "https://host/bucket",
            "s3://AKIA:topsecret@host/bucket",
            "az://c?sig=topsecret",
            "az://c/x?sig=topsecret#y",
            "s3://b/\u{7}",
        ] {
            let error = Address::parse(bad).expect_err(bad);
            assert!(!error.to_string().contains("topsecret") && !error.to_string().contains("AKIA"), "{error}");
        }
    }
}
