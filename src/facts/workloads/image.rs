//! Image references, after the grammar of `distribution/reference` (the library that container runtimes use).

/// The parts of an image reference as written; nothing is looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageReference {
    /// The registry host, `docker.io` where none is written.
    pub registry: String,
    /// The repository path; `library/` is added for one-word names on docker.io, as the runtimes do.
    pub repository: String,
    /// The tag, empty when none is written.
    pub tag: String,
    /// The digest with its algorithm, empty when none is written or when it is not a well-formed digest.
    pub digest: String,
    /// What stands behind `@` and is no digest that fixes anything.
    pub not_a_digest: Option<NotADigest>,
}

/// Text in the place of a digest. The kubelet refuses the reference of the first, and a runtime without that algorithm that of the
/// second: neither is pulled by its tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotADigest {
    /// It does not have the form `algorithm:encoded`, or its length is not that of the algorithm.
    Malformed,
    /// It has that form, and the algorithm is none that the grammar's library knows.
    UnknownAlgorithm,
}

impl ImageReference {
    /// Splits a reference. Text that is no valid reference still splits into something; a malformed digest never counts as one.
    pub fn parse(image: &str) -> Self {
        let (rest, digest, not_a_digest) = match image.split_once('@') {
            Some((rest, text)) => match digest(text) {
                Ok(()) => (rest, text.to_owned(), None),
                Err(why) => (rest, String::new(), Some(why)),
            },
            None => (image, String::new(), None),
        };
        let (name, tag) = match rest.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, tag.to_owned()),
            _ => (rest, String::new()),
        };
        let (registry, path) = match name.split_once('/') {
            Some((host, path)) if host.contains('.') || host.contains(':') || host == "localhost" => (host, path.to_owned()),
            Some(_) => ("docker.io", name.to_owned()),
            None => ("docker.io", format!("library/{name}")),
        };
        Self { registry: registry.to_owned(), repository: path, tag, digest, not_a_digest }
    }

    /// Whether the content is fixed by a digest.
    pub fn is_pinned(&self) -> bool {
        !self.digest.is_empty()
    }

    /// Whether the runtime would pull the moving tag `latest`: written out, or because neither tag nor digest is written.
    pub fn is_latest(&self) -> bool {
        self.digest.is_empty() && self.not_a_digest.is_none() && (self.tag == "latest" || self.tag.is_empty())
    }

    /// What fixes the version, in words.
    pub fn fixed_by(&self) -> &'static str {
        match self.not_a_digest {
            Some(NotADigest::Malformed) => "malformed digest",
            Some(NotADigest::UnknownAlgorithm) => "digest of an unknown algorithm",
            None if self.is_pinned() => "digest",
            None if self.tag.is_empty() => "nothing",
            None => "tag",
        }
    }
}

/// OCI image specification, descriptor digests: `algorithm:encoded`; for the algorithms of `opencontainers/go-digest` the exact number
/// of hex digits.
fn digest(text: &str) -> Result<(), NotADigest> {
    let (algorithm, encoded) = text.split_once(':').ok_or(NotADigest::Malformed)?;
    let is_algorithm = algorithm.split(['+', '.', '_', '-']).all(|part| {
        part.starts_with(|c: char| c.is_ascii_lowercase()) && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    });
    let is_encoded = encoded.len() >= 32 && encoded.bytes().all(|b| b.is_ascii_alphanumeric() || b"=_-".contains(&b));
    let hex = |n: usize| encoded.len() == n && encoded.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    match algorithm {
        "sha256" if hex(64) => Ok(()),
        "sha384" if hex(96) => Ok(()),
        "sha512" if hex(128) => Ok(()),
        "sha256" | "sha384" | "sha512" => Err(NotADigest::Malformed),
        _ if is_algorithm && is_encoded => Err(NotADigest::UnknownAlgorithm),
        _ => Err(NotADigest::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn splits_references_as_runtimes_do() {
        let cases = [
            ("nginx", ("docker.io", "library/nginx", "", "")),
            ("nginx:1.27", ("docker.io", "library/nginx", "1.27", "")),
            ("team/app", ("docker.io", "team/app", "", "")),
            ("registry.clinic.example/a/b:v1", ("registry.clinic.example", "a/b", "v1", "")),
            ("registry:5000/a", ("registry:5000", "a", "", "")),
            ("localhost/a:x", ("localhost", "a", "x", "")),
        ];
        for (image, (registry, repository, tag, digest)) in cases {
            let parsed = ImageReference::parse(image);
            assert_eq!(
                (parsed.registry.as_str(), parsed.repository.as_str(), parsed.tag.as_str(), parsed.digest.as_str()),
                (registry, repository, tag, digest),
                "{image}"
            );
        }
        let pinned = ImageReference::parse(&format!("registry.clinic.example/a:v1@{DIGEST}"));
        assert_eq!((pinned.tag.as_str(), pinned.digest.as_str()), ("v1", DIGEST));
    }

    #[test]
    fn a_malformed_digest_pins_nothing() {
        for image in ["a@sha256:abc", "a@", "a@md5:0123", "a@sha256:XYZ"] {
            assert!(!ImageReference::parse(image).is_pinned(), "{image}");
        }
        let fixed_by = |image: &str| ImageReference::parse(image).fixed_by();
        assert_eq!(fixed_by("a:latest@sha256:abc"), "malformed digest");
        assert_eq!(fixed_by(&format!("a@blake3:{}", &DIGEST[7..])), "digest of an unknown algorithm");
        assert!(!ImageReference::parse("a:latest@sha256:abc").is_latest(), "no runtime pulls it");
        assert!(ImageReference::parse(&format!("a@{DIGEST}")).is_pinned());
        assert!(ImageReference::parse("a").is_latest());
        assert!(!ImageReference::parse(&format!("a:latest@{DIGEST}")).is_latest());
    }
}
