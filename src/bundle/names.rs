//! The names that files of a bundle may have.

/// The longest name, with its folders, in bytes.
const LONGEST: usize = 512;
/// The longest part of a name: no usual file system takes more.
const LONGEST_PART: usize = 255;

/// Why no file of a bundle is called so; `None` for a good name.
///
/// Letters, digits, `.`, `_` and `-` of ASCII: two names that look the same are the same, on every file system, in every locale.
pub fn odd(name: &str) -> Option<&'static str> {
    let good = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    if name.is_empty() {
        Some("its name is empty")
    } else if name.len() > LONGEST || name.split('/').any(|part| part.len() > LONGEST_PART) {
        Some("its name is longer than any in a bundle")
    } else if name.starts_with('/') {
        Some("its name is absolute")
    } else if name.split('/').any(|part| matches!(part, "." | "..")) {
        Some("its name leads out of its folder")
    } else if !name.chars().all(good) {
        Some("its name has characters that no name in a bundle has")
    } else if name.split('/').any(str::is_empty) {
        Some("a part of its name is empty")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_are_good() {
        for good in ["data/report.html", "data/snapshot/url.version.jsonl.gz", "data/catalog/overlay-1/team/a_b.yaml", ".DS_Store"] {
            assert_eq!(odd(good), None, "{good}");
        }
        let long = format!("data/{}", "x".repeat(256));
        let deep = "d/".repeat(256) + "x";
        for bad in
            ["", "/etc/passwd", "../x", "data/../x", "data/./x", "data//x", "data/", "C:\\x", "data\\x", "data/x y", "data/é", &long, &deep]
        {
            assert!(odd(bad).is_some(), "{bad}");
        }
    }
}
