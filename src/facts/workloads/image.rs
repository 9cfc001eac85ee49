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
}

impl ImageReference {
    /// Splits a reference. Text that is no valid reference still splits into something; a malformed digest never counts as one.
    pub fn parse(image: &str) -> Self {
        let (rest, digest) = match image.split_once('@') {
            Some((rest, digest)) if is_digest(digest) => (rest, digest.to_owned()),
            Some((rest, _)) => (rest, String::new()),
            None => (image, String::new()),
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
        Self { registry: registry.to_owned(), repository: path, tag, digest }
    }

    /// Whether the content is fixed by a digest.
    pub fn is_pinned(&self) -> bool {
        !self.digest.is_empty()
    }

    /// Whether the runtime would pull the moving tag `latest`: written out, or because neither tag nor digest is written.
    pub fn is_latest(&self) -> bool {
        !self.is_pinned() && (self.tag == "latest" || self.tag.is_empty())
    }
}

/// OCI image specification, descriptor digests: `algorithm:encoded`; for the registered algorithms the exact number of hex digits.
fn is_digest(text: &str) -> bool {
    let Some((algorithm, encoded)) = text.split_once(':') else { return false };
    let hex = |n: usize| encoded.len() == n && encoded.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    match algorithm {
        "sha256" => hex(64),
        "sha512" => hex(128),
        _ => false,
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
        assert!(ImageReference::parse(&format!("a@{DIGEST}")).is_pinned());
        assert!(ImageReference::parse("a").is_latest());
        assert!(!ImageReference::parse(&format!("a:latest@{DIGEST}")).is_latest());
    }
}
